#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""discoverd among all personalities of tests/cameras: each is found as its [expected] table says.

A file there is a case here. They are stood up a street at a time, cameras and others mixed, so that
what is found is found in company, and what is no camera is none beside cameras.
"""

import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import devices  # noqa: E402
import namespaces  # noqa: E402
import tap  # noqa: E402
from cameras import personality, programs  # noqa: E402
from discoverd_site import NAME, Site  # noqa: E402

DEADLINE = 120  # with as many scans as fit: a device may lose a third of all packets
CAMERA_FROM = 0.8
STREETS = 3
MOST_CONNECTIONS = 12  # in one scan
# In [expected], these are the test's words; the others are properties as they are on the bus.
WORDS = ("camera", "shown", "confidence", "connections", "never_shown", "needs")


def is_possible(one):
    """Whether this machine has the programs that it is made of, or found by."""
    needed = [one.expected.get("needs"), one.settings.get("program", {}).get("run")]
    return programs.are_there(*filter(None, needed)) if any(needed) else True


def link_local(host):
    """RFC 4291, appendix A; as in a URL."""
    digits = bytearray.fromhex(host.mac_address.replace(":", ""))
    digits[0] ^= 2
    packed = b"\xfe\x80" + bytes(6) + digits[:3] + b"\xff\xfe" + digits[3:]
    return f"[{socket.inet_ntop(socket.AF_INET6, packed)}]"


class Street(unittest.TestCase):
    """One LAN with every third personality, and discoverd, which has looked at it."""

    @classmethod
    def setUpClass(cls):
        cls.site, cls.scans = Site(), 1
        cls.addClassCleanup(cls.site.close)
        cls.hosts = {}
        number = 100
        for one in cls.residents:
            if is_possible(one):
                count = one.settings.get("count", 1)
                cls.hosts[one.name] = [cls.site.lan.add(one.name, number + i) for i in range(count)]
                number += count
        for hosts in cls.hosts.values():
            for host in hosts:
                host.wait_until_ready()
        if programs.are_there("avahi"):
            devices.start_avahi(cls.site.bus, cls.site.gateway, cls.site.bus.directory)
            cls.site.bus.wait_for_name("org.freedesktop.Avahi")
        cls.site.start()
        cls.site.wait_for_quiet()

    def expectation(self, host, one):
        """The properties that the device is to have, and what is wanted of its confidence."""
        tables = personality.fill_in(one.expected, host.mac_address)
        wanted = {key: value for key, value in tables.items() if key not in WORDS}
        for key, value in wanted.items():
            if isinstance(value, str):
                wanted[key] = value.replace("{address}", host.address or link_local(host))
        if "Ports" in wanted:
            wanted["Ports"] = sorted((port, service) for port, service in wanted["Ports"])
        return wanted

    def shown(self, host):
        device = self.site.device(host.mac_address.replace(":", ""))
        return {**device, "Ports": sorted(device["Ports"])} if device else {}

    def difference(self, host, one):
        """What is otherwise than expected, in words; empty when all is as it should be."""
        device, wanted = self.shown(host), self.expectation(host, one)
        if not device:
            return ["it is not shown"] if one.is_camera or one.expected.get("shown") else []
        found = [f"{key} is {device.get(key)!r} instead of {value!r}"
                 for key, value in wanted.items() if device.get(key) != value]  # fmt: skip
        least = one.expected.get("confidence", CAMERA_FROM)
        if one.is_camera and device["Confidence"] < least:
            found.append(f"Confidence is {device['Confidence']} instead of {least} or more")
        return found

    def scan_again(self):
        if not self.site.proxy.get(NAME, "Scanning"):
            self.site.proxy.call(NAME, "Scan", "(a{sv})", {})
            type(self).scans += 1

    def check(self, one):
        if not is_possible(one):
            self.skipTest("a program is not unpacked (tools/install-dependencies)")
        for host in self.hosts[one.name]:
            def is_so(host=host):
                if not self.difference(host, one):
                    return True
                self.scan_again()
                return False

            try:
                self.site.wait(f"{host.name} to be as its [expected] says", is_so, DEADLINE)
            except AssertionError as late:
                why = "\n".join(self.difference(host, one))
                raise AssertionError(f"{why}\n{self.shown(host)}\n{host.output()}\n{late}") from None
            self.check_peace(host, one)

    def check_peace(self, host, one):
        """Nobody was bothered, nothing was told that is a secret; and what is no camera is none."""
        self.site.wait_for_quiet()
        most = one.expected.get("connections", MOST_CONNECTIONS) * self.scans
        talk = host.output()
        self.assertTrue(all(process.poll() is None for process in host.processes), "it has ended")
        self.assertLessEqual(host.connections(), most, talk)
        self.assertNotIn("credential", talk)
        self.assertNotIn("forbidden", talk)
        device = self.shown(host)
        for secret in one.expected.get("never_shown", ()):
            self.assertNotIn(secret, repr(device))
            self.assertNotIn(secret, self.site.bus.log())
        if not one.is_camera:
            self.assertLess(device.get("Confidence", 0), CAMERA_FROM, device)
            self.assertEqual(bool(device), one.expected.get("shown", False), device)

    def test_nobody_else(self):
        """nothing is shown but those that are to be"""
        self.site.wait_for_quiet()
        known = {host.mac_address.replace(":", "") for one in self.residents if is_possible(one)
                 for host in self.hosts[one.name] if one.is_camera or one.expected.get("shown")}
        self.assertLessEqual(set(self.site.devices()), known)


def make_street(number, residents):
    def make_case(one):
        def test(self):
            self.check(one)

        test.__doc__ = f"{one.name}: {one.about}"
        return test

    cases = {f"test_{one.name.replace('-', '_')}": make_case(one) for one in residents}
    return type(f"Street{number}", (Street,), {"residents": residents, **cases})


if __name__ == "__main__":
    namespaces.isolate()
    everybody = personality.load_all()
    tap.main(*(make_street(i + 1, everybody[i::STREETS]) for i in range(STREETS)))
