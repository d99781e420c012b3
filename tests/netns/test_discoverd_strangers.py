#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""discoverd on a street of devices that it does not know: cameras of many makers as they are on the
wire, things that look like cameras and are none, and hosts that misbehave (stranger_devices.py). One
scan serves all cases of the street: each is one device, or one rule for all of them. The first argument
is the program of discoverd, the second that of gatewayctl."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest

import devices
import namespaces
import stranger_devices as people
import tap
from busenv import DEADLINE, BusError, PrivateBus
from lab import neighbours  # tap has set the path
from strangers import NVT, WSD_GROUP, Stranger, Street, gratuitous_arp, hello, onvif, rtsp, scopes, web, wsd

DISCOVERD, GATEWAYCTL = (os.path.abspath(path) for path in sys.argv[1:3])
NAME, ROOT = "io.evercam.Discovery1", "/io/evercam/Discovery1"
DEVICE = NAME + ".Device"
CAMERA_FROM = 0.8
MOST_CONNECTIONS, MOST_AT_ONCE = 12, 4
TEXT_MAX = 256


class StreetCase(unittest.TestCase):
    """A street, a gateway on it, and the first scan, which has ended when the first case begins."""

    @classmethod
    def setUpClass(cls):
        cls.bus = PrivateBus()
        try:
            cls.street = Street()
            cls.move_in()
            cls.street.open()
            cls.proxy = cls.bus.proxy(NAME, ROOT)
            cls.avahi = devices.packages() is not None
            if cls.avahi:
                devices.start_avahi(cls.bus, cls.street.gateway, cls.bus.directory)
                cls.bus.wait_for_name("org.freedesktop.Avahi")
            cls.start()
            cls.wait_for_quiet()
            cls.called = cls.street.wire.calls()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.bus.close()
        finally:
            if hasattr(cls, "street"):
                cls.street.close()

    @classmethod
    def start(cls):
        path = os.path.join(cls.bus.directory, "discoverd.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"state_directory = {cls.bus.directory}\n")
        cls.bus.start(cls.street.gateway.command(DISCOVERD, "--debug", "--config", path))
        cls.bus.wait_for_name(NAME)

    @classmethod
    def wait(cls, what, condition):
        return cls.bus.wait(what, condition, DEADLINE)

    @classmethod
    def wait_for_quiet(cls):
        cls.wait("the end of the scan", lambda: not cls.proxy.get(NAME, "Scanning"))

    @classmethod
    def devices(cls):
        """Properties by the last element of the path."""
        return {path.rsplit("/", 1)[1]: interfaces[DEVICE]
                for path, interfaces in cls.proxy.managed_objects().items()}  # fmt: skip

    def at(self, address):
        return {name: device for name, device in self.devices().items()
                if address in (device.get("Address"), *device.get("Ipv6Addresses", []))}  # fmt: skip

    def ctl(self, *arguments):
        return subprocess.run(["timeout", str(DEADLINE), GATEWAYCTL, *arguments], capture_output=True,
                              env=self.bus.environment(), text=True, check=False)  # fmt: skip

    def explain(self, stranger):
        try:
            return self.proxy.call(NAME, "Explain", "(s)", stranger.mac)
        except BusError as error:
            return str(error)

    @staticmethod
    def fault(device, expected):
        """What is not as expected, in words; None: nothing."""
        if not device:
            return "it is not found"
        if device["Confidence"] < expected.get("Confidence", CAMERA_FROM):
            return f"its confidence is {device['Confidence']}"
        missing = set(expected.get("Ports", ())) - {tuple(port) for port in device["Ports"]}
        if missing:
            return f"no {missing} among its ports {device['Ports']}"
        for key in expected.keys() - {"Ports", "Confidence", "needs"}:
            if device.get(key) != expected[key]:
                return f"{key} is {device.get(key)!r}, not {expected[key]!r}"
        return None

    def assert_found(self, stranger, **expected):
        if expected.get("needs") == "avahi" and not self.avahi:
            self.skipTest("no avahi-daemon here")
        try:
            self.wait(stranger.name, lambda: not self.fault(self.devices().get(stranger.id), expected))
        except AssertionError as error:
            device = self.devices().get(stranger.id)
            raise AssertionError(
                f"{stranger.name}: {self.fault(device, expected)}\n{device}\n{self.explain(stranger)}"
                f"\nit was called at {stranger.connections}\n{error}") from None  # fmt: skip
        return self.devices()[stranger.id]


class TestStreet(StreetCase):
    """Many at once, as they are."""

    @classmethod
    def move_in(cls):
        cls.cameras = dict(people.cameras(cls.bus.directory))
        cls.faulty = dict(people.faulty_cameras(cls.bus.directory))
        cls.bystanders = list(people.bystanders(cls.bus.directory))
        cls.everyone = [*cls.cameras, *cls.faulty, *cls.bystanders]
        cls.street.plug_in(*cls.everyone)
        cls.street.gateway.ip("route add default via 192.168.7.1")

    def by_name(self, name):
        return self.street.strangers[name]

    def test_no_bystander_is_a_camera(self):
        """whoever is none is not called a camera"""
        found = self.devices()
        for one in self.bystanders:
            self.assertLess(found.get(one.id, {"Confidence": 0})["Confidence"], CAMERA_FROM,
                            f"{one.name}: {self.explain(one)}")  # fmt: skip
        strange = found.keys() - {one.id for one in self.everyone}
        self.assertFalse(strange)

    def test_nothing_goes_to_third_parties(self):
        """no packet goes to a host that others point to"""
        self.assertEqual(self.street.wire.packets[people.CANARY], 0)

    def test_ports_of_machines_are_left_alone(self):
        """no port of a printer or an industrial controller is called, and no known printer at all"""
        self.assertFalse({call for call in self.called if call[1] in people.MACHINE_PORTS})
        for name in ("printer", "upnp-printer"):
            self.assertFalse({call for call in self.called if call[0] == self.by_name(name).ip}, name)

    def test_no_credential_is_sent(self):
        """nobody is sent a user name or a password"""
        for one in self.everyone:
            sent = b"\n".join(one.heard).lower()
            for word in (b"authorization", b"usernametoken", b"password", b"wsse", b"cookie"):
                self.assertNotIn(word, sent, one.name)

    def test_connections_are_few(self):
        """at most 12 connections to each in the scan, refused ones included, and 4 at a time"""
        for one in self.everyone:
            ports = [port for ip, port in self.called if ip in one.ips]
            self.assertLessEqual(len(ports), MOST_CONNECTIONS, f"{one.name}: {ports}")
            self.assertLessEqual(one.most_at_once, MOST_AT_ONCE, one.name)

    def test_clones_are_two(self):
        """two cameras with one endpoint reference are two, two addresses of one camera are one"""
        for name in ("clone-1", "clone-2", "two-faces"):
            self.assert_found(self.by_name(name))
        both = {**self.at("192.168.7.109"), **self.at("192.168.7.110")}
        self.assertEqual(len(both), 1, both)

    def test_texts_are_bounded_and_printable(self):
        """every text is one printable line of at most 256 bytes"""
        self.assert_found(self.by_name("escapes"))
        device = self.assert_found(self.by_name("wordy"))
        self.assertEqual(device["Serial"], TEXT_MAX * "S")
        for device in self.devices().values():
            for text in [value for value in device.values() if isinstance(value, str)] + [
                    fact[3] for fact in device["Facts"]]:  # fmt: skip
                self.assertLessEqual(len(text.encode()), TEXT_MAX)
                self.assertFalse(re.search(r"[\x00-\x1f\x7f-\x9f]", text), repr(text))

    def test_no_password_is_shown(self):
        """a password that a device writes into its addresses is not shown"""
        self.assert_found(self.by_name("recorder"))
        self.assertNotIn("secret12345", str(self.proxy.managed_objects()))

    def assert_printable(self, done):
        self.assertFalse(re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout + done.stderr), done)

    def test_gatewayctl_devices(self):
        """gatewayctl shows all of them, and nothing that a terminal obeys"""
        done = self.ctl("devices")
        self.assertEqual(done.returncode, 0, done)
        self.assert_printable(done)
        for one in self.cameras:
            if self.devices().get(one.id):
                self.assertIn(one.mac, done.stdout)
        told = json.loads(self.ctl("--json", "devices").stdout)
        self.assertEqual(len(told["devices"]), told["device_count"])

    def test_gatewayctl_why(self):
        """gatewayctl says of each why it is a camera, or is not, by whatever name it is asked for"""
        for one in (self.by_name(name) for name in ("escapes", "wordy", "printer", "vlc", "hikvision")):
            for name in (one.mac, one.mac.upper().replace(":", "-"), one.id, one.ip):
                done = self.ctl("devices", "--why", name)
                self.assertEqual(done.returncode, 0, done)
                self.assert_printable(done)
                self.assertIn(one.ip, done.stdout)
        camera = json.loads(self.ctl("--json", "devices", "--why", "44:19:b6:49:68:e1").stdout)
        self.assertEqual(camera["verdict"], "camera")
        self.assertAlmostEqual(sum(fact["weight"] for fact in camera["facts"]), camera["sum"])
        self.assertEqual(self.ctl("devices", "--why", "192.168.7.254").returncode, 1)

    def test_addresses_that_cannot_be_added(self):
        """only the address of another host can be added, and forgotten only what was added"""
        for address in ("", "1.2.3", "192.168.7.64/24", "192.168.7.64:80", " 192.168.7.64", "camera.example",
                        "192.168.007.064", "192.168.7.10", "192.168.7.255", "192.168.7.0", "127.0.0.1",
                        "224.0.0.1", "0.0.0.0", "255.255.255.255", "169.254.1.1", "fe80::1", "::", "ff02::1",
                        "::ffff:192.168.7.10", "9" * 5000):  # fmt: skip
            with self.assertRaises(BusError) as refused:
                self.proxy.call(NAME, "AddAddress", "(s)", address)
            self.assertEqual(refused.exception.name, "org.freedesktop.DBus.Error.InvalidArgs", address)
        with self.assertRaises(BusError) as refused:
            self.proxy.call(NAME, "RemoveAddress", "(s)", "192.168.7.64")
        self.assertEqual(refused.exception.name, "io.evercam.Error.NotFound")
        self.assertEqual(self.proxy.get(NAME, "AddedAddresses"), [])


def add_case_for_each(kind, make):
    """One case per device, so that each has its own verdict."""

    def case(name):
        def test(self):
            stranger = self.by_name(name)
            self.assert_found(stranger, **getattr(self, kind)[stranger])

        test.__name__ = f"test_{kind}_{name.replace('-', '_')}"
        return test

    with tempfile.TemporaryDirectory() as directory:
        for stranger, _expected in make(directory):
            made = case(stranger.name)
            setattr(TestStreet, made.__name__, made)


class TestChanges(StreetCase):
    """What happens to devices while the gateway looks."""

    @classmethod
    def move_in(cls):
        def camera(name, mac, *addresses, model="T-2000"):
            one = Stranger(name, mac, *addresses).listen(80, web({people.ONVIF: onvif()}))
            return one.answer(WSD_GROUP, wsd(scope=scopes(f"hardware/{model}", f"name/{name}")))

        def in_both(stranger, packet):
            local = f"http://[{stranger.local}]/onvif/device_service"
            return wsd(scope=scopes("hardware/V6-1", f"name/{stranger.name}"), xaddrs=local)(stranger, packet)

        cls.old = camera("old", "44:19:b6:00:02:01", "192.168.7.50", model="OLD-1")
        cls.new = camera("new", "3c:ef:8c:00:02:02", "192.168.7.50", model="NEW-1")
        cls.mover = camera("mover", "44:19:b6:00:02:03", "192.168.7.51")
        cls.reboots = camera("reboots", "44:19:b6:00:02:05", "192.168.7.54").listen(554, rtsp(realm="IP Camera(1)"))
        cls.local = Stranger("local", "44:19:b6:00:02:06").answer(("ff02::c", 3702), in_both)
        cls.local.listen(80, web({people.ONVIF: onvif()}))
        cls.both = camera("both", "44:19:b6:00:02:07", "192.168.7.55", model="V6-1").answer(("ff02::c", 3702), in_both)
        cls.street.plug_in(cls.old, cls.new, cls.mover, cls.reboots, cls.local, cls.both)
        cls.new.switch_off()
        # A second card of the gateway, on the same wire: whoever is there is seen twice. The kernel would
        # answer for the addresses of the one on the other, too (arp_ignore), and get answers there.
        cls.street.gateway.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1")
        cls.street.gateway.plug_in("eth1")
        cls.street.gateway.ip("address add 192.168.8.10/24 dev eth1")

    def test_gatewayctl_scan(self):
        """gatewayctl scan shows all that are known, those found, and ends"""
        done = self.ctl("--json", "scan")
        self.assertEqual(done.returncode, 0, done)
        told = {device["address"] for device in json.loads(done.stdout)["devices"]}
        self.assertLessEqual({self.both.ip, self.local.local}, told)

    def test_two_interfaces_show_one_camera(self):
        """a camera on the wire of two network cards is one, with each address once"""
        device = self.assert_found(self.both, Address="192.168.7.55")
        self.wait("its address of IPv6", lambda: self.at(self.both.local))
        self.assertEqual(list(self.at(self.both.local)), [self.both.id])
        self.assertEqual(len([d for d in self.devices().values() if d.get("Name") == "both"]), 1)
        device = self.devices()[self.both.id]
        self.assertEqual(len(device["Ipv6Addresses"]), len(set(device["Ipv6Addresses"])))

    def test_link_local_only(self):
        """a camera without any IPv4 address is found at its link-local one"""
        device = self.assert_found(self.local, Model="V6-1", Address=self.local.local, Ports=[(80, "http")])
        self.assertEqual(device["OnvifUrl"], f"http://[{self.local.local}]:80/onvif/device_service")

    def test_replaced(self):
        """another camera at the address of one that is gone: nothing of the one becomes the other's"""
        self.assert_found(self.old, Model="OLD-1")
        self.street.shut(self.old)
        self.old.switch_off()
        self.new.switch_on()

        def is_there():  # its first Hello may come before the switch's port is up
            self.street.say(self.new, hello(self.new, scopes("hardware/NEW-1", "name/new")), WSD_GROUP)
            return self.new.id in self.devices()

        self.wait("the new camera", is_there)
        new = self.assert_found(self.new, Model="NEW-1", Name="new", Vendor="Dahua", Address="192.168.7.50")
        self.assertNotIn("OLD-1", str(new))
        self.assertNotIn("NEW-1", str(self.devices().get(self.old.id)))

    def test_moves(self):
        """a camera with another lease is the same object, at another address"""
        self.assert_found(self.mover, Address="192.168.7.51")
        self.street.shut(self.mover)
        self.mover.move("192.168.7.251")
        self.street.open(self.mover)
        gratuitous_arp(self.mover)
        self.wait("the new address", lambda: self.devices()[self.mover.id].get("Address") == "192.168.7.251")
        self.assert_found(self.mover, Model="T-2000", Ports=[(80, "http")])

    def test_reboots(self):
        """a camera whose servers are gone during a scan has them again when it says hello"""
        services = [(80, "http"), (554, "rtsp")]
        self.assert_found(self.reboots, Ports=services)
        self.street.shut(self.reboots)
        self.proxy.call(NAME, "Scan", "(a{sv})", {})
        self.wait_for_quiet()
        self.street.open(self.reboots)
        self.street.say(self.reboots, hello(self.reboots, scopes("hardware/T-2000", "name/reboots")), WSD_GROUP)
        self.assert_found(self.reboots, Ports=services)


if __name__ == "__main__":
    devices.clean_up()
    add_case_for_each("cameras", people.cameras)
    add_case_for_each("faulty", people.faulty_cameras)
    with neighbours.room():
        tap.main(TestStreet, TestChanges)
