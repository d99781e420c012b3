#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""discoverd and cameras beyond a router: networks of the configuration, and added addresses."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import devices  # noqa: E402
import namespaces  # noqa: E402
import tap  # noqa: E402
from busenv import BusError  # noqa: E402
from discoverd_site import DISCOVERD, NAME, ScanningTest  # noqa: E402
from personalities import HANWHA, HIKVISION, wsd  # noqa: E402

DEADLINE = 60
FAR = "10.9.0.16/28"  # small: all namespaces of a kernel share the limit of its neighbour table
HIKVISION_URL = "http://10.9.0.20:80/onvif/device_service"


class TestBeyondARouter(ScanningTest):
    """A second LAN behind a router, with a camera at 10.9.0.20."""

    def setUp(self):
        super().setUp()
        lan, self.gateway = self.site.lan, self.site.gateway
        lan.add_switch("far")
        self.router = lan.add_host("router", None, "192.168.7.1/24")
        self.router.plug_in("eth1", None, "far")
        self.router.ip("address add 10.9.0.1/24 dev eth1")
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.gateway.ip("route add default via 192.168.7.1")
        self.state = "state_directory = " + os.path.join(self.site.bus.directory, "discoverd")

    def add_far(self, name, mac_address, address, settings):
        host = self.site.lan.add_device(name, mac_address, address + "/24", settings, "far")
        host.ip("route add default via 10.9.0.1")
        return host

    def wait_for_address(self, address, ports, **properties):
        def find():
            for name, device in self.site.devices().items():
                if (device.get("Address") == address
                        and sorted(device["Ports"]) == sorted(ports)
                        and all(device.get(key) == value for key, value in properties.items())):
                    return name, device  # fmt: skip
            self.scan_again()
            return None

        return self.site.wait(f"{address} with {ports} and {properties}", find, DEADLINE)

    def wait_for_nobody(self):
        self.site.wait("an empty table", lambda: not self.site.devices(), DEADLINE)

    def call(self, method, address):
        self.site.proxy.call(NAME, method, "(s)", address)

    def test_networks(self):
        """cameras in a configured network are found, with what they tell and without a MAC address"""
        site = self.site
        camera = self.add_far("hik", "44:19:b6:10:00:01", "10.9.0.20", HIKVISION)
        modern = {**HANWHA, "wsd": {**HANWHA["wsd"], "types": "tds:Device", "scopes": [
            *HANWHA["wsd"]["scopes"], "onvif://www.onvif.org/MacAddress/E43022500005"]}}  # fmt: skip
        self.add_far("hanwha", "e4:30:22:50:00:05", "10.9.0.21", modern)
        computer = self.add_far("pc", "52:54:00:00:aa:01", "10.9.0.22", {
            "wsd": {"endpoint": "urn:uuid:4f6d2a3e-0c11-5d0a-8c55-52540000aa01", "scopes": [],
                    "types": "wsdp:Device pub:Computer", "xaddrs": "http://{address}:5357/x"},
            "http": {80: {}}, "rtsp": {554: {}}})  # fmt: skip
        site.start(self.state, "networks = 10.77.0.0/30 " + FAR)
        _, device = self.wait_for_address(
            "10.9.0.20", [(80, "http"), (554, "rtsp")], Vendor="Hikvision", Model="DS-2CD2142FWD-I",
            Online=True, OnvifUrl="http://10.9.0.20:80/onvif/device_service")  # fmt: skip
        self.assertNotIn("Interface", device)
        # A MAC address that it tells is what it is known by.
        name, _ = self.wait_for_address("10.9.0.21", [(8081, "http"), (10554, "rtsp")],
                                        MacAddress="e4:30:22:50:00:05")  # fmt: skip
        self.assertEqual(name, "e43022500005")
        site.wait_for_quiet()
        self.assertEqual(len(site.devices()), 2)
        self.assertEqual(devices.output(computer).count("connection"), 0)
        self.assertLessEqual(devices.output(camera).count("connection"), 12 * self.scans)
        self.assertNotIn("credential", devices.output(camera))

    def test_wrong_networks(self):
        """a network that cannot be asked is a wrong configuration, and named with its line"""
        path = os.path.join(self.site.bus.directory, "wrong.conf")
        for network, words in (("10.1.0.0", "not a network"), ("10.0.0.0/8", "smaller networks")):
            with open(path, "w", encoding="ascii") as file:
                file.write(f"# far\nnetworks = 10.2.0.0/24 {network}\n")
            done = subprocess.run([DISCOVERD, "--config", path], capture_output=True, text=True,
                                  timeout=DEADLINE, check=False)  # fmt: skip
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, f"wrong.conf:2: networks: .*{words}")

    def test_strangers(self):
        """who was not asked for beyond the router is not asked, by nobody"""
        site = self.site
        camera = self.add_far("hik", "44:19:b6:10:00:01", "10.9.0.20", HIKVISION)
        site.start(self.state, "networks = 10.9.0.128/25")
        site.wait_for_quiet()
        self.assertEqual(site.devices(), {})
        self.assertEqual(devices.output(camera).count("connection"), 0)

    def test_add_address(self):
        """an added address is looked at now and after a restart, and forgotten on request"""
        site = self.site
        self.add_far("hik", "44:19:b6:10:00:01", "10.9.0.20", HIKVISION)
        site.start(self.state)
        site.wait_for_quiet()
        self.assertEqual(site.devices(), {})
        self.call("AddAddress", "10.9.0.20")
        self.call("AddAddress", "10.9.0.20")
        ports = [(80, "http"), (554, "rtsp")]
        self.wait_for_address("10.9.0.20", ports, Vendor="Hikvision", OnvifUrl=HIKVISION_URL)
        site.wait("its evidence", lambda: any("operator" in device["Evidence"]
                                              for device in site.devices().values()))  # fmt: skip
        self.assertEqual(len(site.devices()), 1)
        self.assertEqual(site.proxy.get(NAME, "AddedAddresses"), ["10.9.0.20"])
        site.bus.stop(site.process)
        site.start(self.state)
        self.assertEqual(site.proxy.get(NAME, "AddedAddresses"), ["10.9.0.20"])
        self.wait_for_address("10.9.0.20", ports, Vendor="Hikvision", OnvifUrl=HIKVISION_URL)
        self.call("RemoveAddress", "10.9.0.20")
        self.wait_for_nobody()
        self.assertEqual(site.proxy.get(NAME, "AddedAddresses"), [])
        for method, address, error in (
            ("RemoveAddress", "10.9.0.20", "io.evercam.Error.NotFound"),
            ("AddAddress", "10.9.0", "org.freedesktop.DBus.Error.InvalidArgs"),
            ("AddAddress", "127.0.0.1", "org.freedesktop.DBus.Error.InvalidArgs"),
            ("AddAddress", "fe80::1", "org.freedesktop.DBus.Error.InvalidArgs"),
            ("AddAddress", "192.168.7.10", "org.freedesktop.DBus.Error.InvalidArgs"),
        ):
            with self.assertRaises(BusError) as caught:
                self.call(method, address)
            self.assertEqual(caught.exception.name, error, f"{method} {address}")

    def test_unsaved_address(self):
        """an address that cannot be saved is not added"""
        site = self.site
        site.start("state_directory = /proc/discoverd")
        with self.assertRaises(BusError) as caught:
            self.call("AddAddress", "10.9.0.20")
        self.assertIn("cannot be saved", caught.exception.text)
        self.assertEqual(site.proxy.get(NAME, "AddedAddresses"), [])

    def test_add_address_without_wsd(self):
        """an added camera that speaks RTSP only is known by its address; a web server is no camera"""
        site = self.site
        self.add_far("old", "00:40:8c:30:00:03", "10.9.0.30", {"rtsp": {554: {"server": "H264DVR 1.0"}}})
        self.add_far("web", "52:54:00:00:aa:07", "10.9.0.31", {"http": {80: {}}})
        self.add_far("hik", "44:19:b6:10:00:01", "10.9.0.20", HIKVISION)
        site.start(self.state, "networks = 10.9.0.16/28")
        self.call("AddAddress", "10.9.0.30")
        self.call("AddAddress", "10.9.0.31")
        name, device = self.wait_for_address("10.9.0.30", [(554, "rtsp")], Vendor="Xiongmai")
        self.assertTrue(name.startswith("a"), name)
        self.assertGreaterEqual(device["Confidence"], 0.8)
        self.wait_for_address("10.9.0.20", [(80, "http"), (554, "rtsp")])
        site.wait_for_quiet()
        self.assertEqual(len(site.devices()), 2)

    def test_ipv6(self):
        """a camera beyond a router that has IPv6 only is found when its address is added"""
        site = self.site
        self.gateway.ip("address add fd00:7::10/64 dev eth0 nodad",
                        "route add default via fd00:7::1")  # fmt: skip
        self.router.ip("address add fd00:7::1/64 dev eth0 nodad",
                       "address add fd00:9::1/64 dev eth1 nodad")  # fmt: skip
        self.router.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        settings = {**HANWHA, "network": "ipv6"}
        camera = site.lan.add_device("six", "e4:30:22:50:00:06", None, settings, "far")
        camera.ip("address add fd00:9::20/64 dev eth0 nodad", "route add default via fd00:9::1")
        site.start(self.state, "networks = fd00:9::10/124")
        self.call("AddAddress", "fd00:9::20")
        self.wait_for_address("fd00:9::20", [(8081, "http"), (10554, "rtsp")], Vendor="Hanwha",
                              OnvifUrl="http://[fd00:9::20]:8081/onvif/device_service",
                              Ipv6Addresses=["fd00:9::20"])  # fmt: skip
        self.assertEqual(len(site.devices()), 1)

    def test_gone(self):
        """a camera beyond a router that does not answer any more is offline; the others stay"""
        site = self.site
        self.add_far("old", "00:40:8c:30:00:03", "10.9.0.30", {"rtsp": {554: {"server": "H264DVR 1.0"}}})
        self.add_far("hik", "44:19:b6:10:00:01", "10.9.0.20", HIKVISION)
        gone = self.add_far("gone", "44:19:b6:10:00:02", "10.9.0.21", {"wsd": wsd(
            "urn:uuid:a7fc57d6-2f4a-4c41-9f64-4419b6100002", "two", "DS-2",
            "http://{address}/onvif/device_service")})  # fmt: skip
        site.start(self.state, "networks = 10.9.0.16/28")
        self.call("AddAddress", "10.9.0.30")
        self.wait_for_address("10.9.0.30", [(554, "rtsp")])
        self.wait_for_address("10.9.0.20", [(80, "http"), (554, "rtsp")])
        name, _ = self.wait_for_address("10.9.0.21", [])
        gone.ip("link set eth0 down")
        site.wait("the camera to be offline", lambda: not site.device(name)["Online"], 240)
        for address in ("10.9.0.20", "10.9.0.30"):
            self.assertTrue(next(d for d in site.devices().values()
                                 if d.get("Address") == address)["Online"], address)  # fmt: skip


if __name__ == "__main__":
    namespaces.isolate()
    tap.main(TestBeyondARouter)
