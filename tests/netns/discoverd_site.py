# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of discoverd share: a gateway on a LAN of small devices (devices.py), with discoverd
on a bus of its own. The program is the test's first argument."""

import os
import sys
import unittest

import devices
from busenv import DEADLINE, PrivateBus

DISCOVERD = sys.argv[1]
NAME, ROOT = "io.evercam.Discovery1", "/io/evercam/Discovery1"
DEVICE = NAME + ".Device"
PORTS = [(80, "http"), (554, "rtsp")]


def camera(endpoint, **more):
    return {
        "wsd": {"endpoint": endpoint, "types": "dn:NetworkVideoTransmitter",
                "scopes": ["onvif://www.onvif.org/hardware/C1"],
                "xaddrs": "http://{address}/onvif/device_service", **more},
        "http": {80: {}}, "rtsp": {554: {}},
    }  # fmt: skip


class Site:
    """A gateway on a LAN, with discoverd on its own bus."""

    def __init__(self, policy=()):
        self.lan = devices.Lan()
        self.bus = PrivateBus(policy)
        self.gateway = self.lan.add_host("gateway", None, "192.168.7.10/24")
        self.proxy = self.bus.proxy(NAME, ROOT)
        self.process = None

    def add(self, name, mac_address, address, settings, switch="lan", ipv6=True):
        return self.lan.add_device(name, mac_address, address + "/24", settings, switch, ipv6)

    def start(self, *configuration):
        path = os.path.join(self.bus.directory, "discoverd.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(configuration) + "\n")
        self.process = self.bus.start(
            self.gateway.command(DISCOVERD, "--debug", "--config", path))  # fmt: skip
        self.bus.wait_for_name(NAME)

    def devices(self):
        """Properties by the last element of the path."""
        return {path.rsplit("/", 1)[1]: interfaces[DEVICE]
                for path, interfaces in self.proxy.managed_objects().items()}  # fmt: skip

    def device(self, name):
        return self.devices().get(name, {})

    def wait(self, what, condition, deadline=DEADLINE):
        return self.bus.wait(what, condition, deadline)

    def wait_for(self, name, ports, **properties):
        def is_so():
            device = self.device(name)
            return (sorted(device.get("Ports", [])) == sorted(ports)
                    and all(device.get(key) == value for key, value in properties.items())
                    and device)  # fmt: skip

        return self.wait(f"{name} with {ports} and {properties}", is_so)

    def wait_for_quiet(self):
        self.wait("the end of the scan", lambda: not self.proxy.get(NAME, "Scanning"))

    def close(self):
        try:
            self.bus.close()
        finally:
            self.lan.close()


class SiteTest(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)


class ScanningTest(SiteTest):
    scans = 1  # the first one begins by itself

    def scan_again(self):
        """Once the scan before has ended: it may have lost too much."""
        if not self.site.proxy.get(NAME, "Scanning"):
            self.site.proxy.call(NAME, "Scan", "(a{sv})", {})
            self.scans += 1
