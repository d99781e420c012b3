#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""discoverd and WS-Discovery: hosts beyond a router, hosts that multicast does not reach, quirks."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import devices  # noqa: E402
import namespaces  # noqa: E402
import tap  # noqa: E402
from busenv import BusError  # noqa: E402
from discoverd_site import DISCOVERD, NAME, SiteTest  # noqa: E402
from personalities import (  # noqa: E402
    BRIDGE,
    COMPUTER,
    HANWHA,
    HIKVISION,
    LOSS,
    MEDIA_SERVER,
    SPEAKER,
    UPNP_CAMERA,
    wsd,
)

DEADLINE = 60
FAR = "10.9.0.16/28"  # small: all namespaces of a kernel share the limit of its neighbour table
HIKVISION_URL = "http://10.9.0.20:80/onvif/device_service"


def camera(number, xaddrs, **quirks):
    """Of no maker in particular."""
    return wsd(f"urn:uuid:a7fc57d6-2f4a-4c41-9f64-00000000{number:04d}", f"Camera%20{number}", "IPC-1",
               xaddrs, **quirks)  # fmt: skip


class TestBeyondARouter(SiteTest):
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
        self.assertLessEqual(devices.output(camera).count("connection"), 12)
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


class TestQuirks(SiteTest):
    def test_deaf_to_multicast(self):
        """a camera that multicast does not reach is asked by itself, as soon as it is alive"""
        site = self.site
        deaf = {**HIKVISION, "wsd": {**HIKVISION["wsd"], "deaf": True}}
        camera = site.add("deaf", "44:19:b6:10:00:01", "192.168.7.101", deaf)
        site.start()
        site.wait("its burst", lambda: "looking for devices on eth0" in site.bus.log())
        camera.run("ping", "-c1", "192.168.7.10")
        site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")], Vendor="Hikvision")

    def test_without_addresses(self):
        """a camera that does not say where its service is is asked by Resolve"""
        site = self.site
        settings = {**HIKVISION, "wsd": {**HIKVISION["wsd"], "resolve": True}}
        site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", settings)
        site.start()
        site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")],
                      OnvifUrl="http://192.168.7.101:80/onvif/device_service")  # fmt: skip


    def test_upnp_by_ipv6(self):
        """a camera that speaks nothing but UPnP over IPv6 is found"""
        site = self.site
        settings = {**UPNP_CAMERA, "ssdp6": UPNP_CAMERA["ssdp"]}
        del settings["ssdp"]
        camera = site.lan.add_device("six", "00:40:8c:30:00:09", None, settings)
        site.wait("duplicate address detection", lambda: "tentative" not in camera.ip("address"))
        site.start()
        site.wait_for("00408c300009", [(8080, "http"), (554, "rtsp")], Vendor="Axis",
                      Model="M1065-L", Address="fe80::240:8cff:fe30:9")  # fmt: skip


    def test_lost_description(self):
        """a UPnP description that does not come is asked for once more, and not for ever"""
        site = self.site
        camera = site.add("once", "00:40:8c:30:00:09", "192.168.7.101",
                          {**UPNP_CAMERA, "http": {8080: {"losses": 1}}})  # fmt: skip
        dead = {**UPNP_CAMERA, "ssdp": {**UPNP_CAMERA["ssdp"], "udn": "uuid:9"},
                "http": {8080: {"losses": 100}}}  # fmt: skip
        other = site.add("never", "52:54:00:00:aa:09", "192.168.7.102", dead)
        site.start()
        site.wait_for("00408c300009", [(8080, "http"), (554, "rtsp")], Vendor="Axis")
        site.wait("a second try", lambda: devices.output(other).count("connection") >= 2)
        site.wait_for_quiet()
        self.assertLessEqual(devices.output(camera).count("connection"), 12)
        self.assertEqual(devices.output(other).count("connection"), 2)
        self.assertEqual(list(site.devices()), ["00408c300009"])


class TestCrowd(SiteTest):
    """Cameras with the quirks of real ones, among devices that are none."""

    WEB = {"http": {80: {}}}
    CAMERAS = {
        "zero": {"wsd": camera(1, "http://0.0.0.0:8080/onvif/devices"), "http": {8080: {}}},
        "loopback": {"wsd": camera(2, "http://127.0.0.1/onvif/device_service"), **WEB},
        "auto-address": {"wsd": camera(3, "http://169.254.1.1/x http://{address}/onvif"), **WEB},
        "ipv6-first": {"wsd": camera(4, "http://[fe80::1]/onvif http://{address}/onvif"), **WEB},
        "other-port": {"wsd": camera(5, "http://{address}:2020/onvif/service"), **WEB},
        "untyped": {"wsd": camera(6, "http://{address}/onvif", types=""), **WEB},
        "modern": {"wsd": camera(7, "http://{address}/onvif", types="tds:Device"), **WEB},
        "literal": {"wsd": camera(8, "http://{address}/onvif", needs_prefix="dn", one_line=True), **WEB},
        "newlines": {"wsd": camera(9, "\n  http://{address}/onvif\n  ",
                                   types="\n dn:NetworkVideoTransmitter\n tds:Device\n"), **WEB},
        "nowhere": {"wsd": camera(10, "http://{address}/onvif", resolve=True), **WEB},
        "nameless": {"wsd": {**camera(11, "http://{address}/onvif"), "endpoint": ""}, **WEB},
        "clone-1": {"wsd": camera(99, "http://{address}/onvif"), **WEB},
        "clone-2": {"wsd": camera(99, "http://{address}/onvif"), **WEB},
        "chatty": {"wsd": camera(14, "http://{address}/onvif", answers=3), **WEB},
    }  # fmt: skip
    OTHERS = {
        "windows": COMPUTER,
        "media": MEDIA_SERVER,
        "speaker": SPEAKER,
        "lamps": BRIDGE,
        "printer": {"wsd": {"endpoint": "urn:uuid:5", "types": "wsdp:Device wprt:PrintDeviceType",
                            "scopes": [], "xaddrs": "http://{address}:80/"}, **WEB},
        "nas": {"wsd": {**COMPUTER["wsd"], "endpoint": "urn:uuid:6"}, "ssdp": MEDIA_SERVER["ssdp"],
                "http": {80: {}, 8200: {}}},
        "web": WEB,
    }  # fmt: skip

    def test_recall_and_precision(self):
        """all of them are found, and nothing else; also when three packets of ten are lost"""
        site, cameras, others, hosts = self.site, set(), [], [self.site.gateway]
        for number, (name, settings) in enumerate(self.CAMERAS.items(), 1):
            mac = f"44:19:b6:10:01:{number:02x}"
            hosts.append(site.add(name, mac, f"192.168.7.{100 + number}", settings))
            cameras.add(mac.replace(":", ""))
        only_ipv6 = {"wsd6": camera(30, "http://[fe80::2]/onvif"), **self.WEB}
        hosts.append(site.lan.add_device("six", "44:19:b6:10:01:30", None, only_ipv6))
        cameras.add("4419b6100130")
        for number, (name, settings) in enumerate(self.OTHERS.items(), 1):
            others.append(site.add(name, f"52:54:00:00:02:{number:02x}", f"192.168.7.{200 + number}",
                                   settings))  # fmt: skip
        site.start()
        site.wait(f"{cameras}", lambda: set(site.devices()) >= cameras, DEADLINE)
        site.wait_for_quiet()
        self.assertEqual(set(site.devices()), cameras)
        for name, device in site.devices().items():
            self.assertGreaterEqual(device["Confidence"], 0.8, name)
            self.assertIn("http", dict(device["Ports"]).values(), device)
        for host in others:
            self.assertLessEqual(devices.output(host).count("connection"), 2, host.name)
        site.bus.stop(site.process)
        site.bus.wait_for_name(NAME, present=False)
        for host in hosts:
            host.run("nft", LOSS)
        site.start()

        def are_found():
            if not site.proxy.get(NAME, "Scanning"):
                site.proxy.call(NAME, "Scan", "(a{sv})", {})
            return set(site.devices()) >= cameras

        site.wait(f"{cameras}, with losses", are_found, 3 * DEADLINE)
        self.assertEqual(set(site.devices()), cameras)


if __name__ == "__main__":
    namespaces.isolate()
    tap.main(TestBeyondARouter, TestQuirks, TestCrowd)
