#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""discoverd below IP: what it hears of and finds by ARP, DHCP and IPv6 neighbour discovery."""

import gzip
import os
import re
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import devices  # noqa: E402
import namespaces  # noqa: E402
import tap  # noqa: E402
from busenv import BusError  # noqa: E402
from discoverd_site import DISCOVERD, NAME, ScanningTest, SiteTest  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
# Speaks no discovery protocol at all, as a camera does whose owner has switched them off.
MUTE = {
    "http": {80: {"server": "App-webs/", "realm": "IP Camera(C2875)"}},
    "rtsp": {554: {"realm": "IP Camera(C2875)"}},
}  # fmt: skip
PORTS = [(80, "http"), (554, "rtsp")]
WSD = {"endpoint": "urn:uuid:1", "types": "dn:NetworkVideoTransmitter",
       "scopes": ["onvif://www.onvif.org/hardware/C1"],
       "xaddrs": "http://{address}/onvif/device_service"}  # fmt: skip
UPNP = {"type": "urn:schemas-upnp-org:device:DigitalSecurityCamera:1", "udn": "uuid:1", "port": 80,
        "path": "/desc.xml", "server": "Linux UPnP/1.0",
        "elements": {"manufacturer": "AXIS", "modelName": "M1065-L"}}  # fmt: skip


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ethernet(source, protocol, payload, vlan=None):
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    return b"\xff" * 6 + mac(source) + tag + struct.pack("!H", protocol) + payload


def announcement(source, address, vlan=None):
    """Gratuitous ARP."""
    address = socket.inet_aton(address)
    return ethernet(source, 0x806, struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac(source) + address
                    + bytes(6) + address, vlan)  # fmt: skip


def dhcp(source, kind, *options):
    body = struct.pack("!BBBBIHH", 1, 1, 6, 0, 7, 0, 0) + bytes(16) + mac(source) + bytes(202)
    body += b"\x63\x82\x53\x63\x35\x01" + bytes([kind])
    for number, value in options:
        body += bytes([number, len(value)]) + value
    udp = struct.pack("!HHHH", 68, 67, 9 + len(body), 0) + body + b"\xff"
    words = (0x4500, 20 + len(udp), 0, 0, 64 << 8 | 17, 0, 0, 0xFFFF, 0xFFFF)
    total = sum(words)  # RFC 791: a bridge may drop what has no right checksum
    words = words[:5] + (~(total + (total >> 16)) & 0xFFFF,) + words[5:]
    return ethernet(source, 0x800, struct.pack("!10H", *words) + udp)


def neighbour_discovery(source, sender, kind, target=None, option=None):
    """ICMPv6 of that kind, with the MAC of the sender as an option. The checksum is left out: the
    kernels drop it, discoverd reads it."""
    body = bytes([kind, 0, 0, 0, 0, 0, 0, 0])
    body += socket.inet_pton(socket.AF_INET6, target) if target else b""
    body += bytes([option, 1]) + mac(source) if option else b""
    addresses = [socket.inet_pton(socket.AF_INET6, address) for address in (sender, "ff02::2")]
    head = struct.pack("!IHBB", 0x60000000, len(body), 58, 255)
    frame = ethernet(source, 0x86DD, head + b"".join(addresses) + body)
    return b"\x33\x33\0\0\0\x02" + frame[6:]


def send(host, frame, interface="eth0"):
    host.run("/usr/bin/python3", f"{HERE}/send_frame.py", interface, frame.hex())


def has_vlans():
    with open("/proc/config.gz", "rb") as file:
        return b"CONFIG_VLAN_8021Q=" in gzip.decompress(file.read())


class TestListening(SiteTest):
    def add_mute(self, name, mac_address, address, switch="lan", settings=MUTE):
        """A camera that sends nothing by itself, not even what its kernel would."""
        return self.site.add(name, mac_address, address, settings, switch, ipv6=False)

    def start(self, *configuration):
        """Begun, and nothing to do any more: from here on nothing is asked."""
        self.site.start(*configuration)
        self.site.wait_for_quiet()

    def hear(self, host, frame, found):
        """Sends it until it was heard: a flood in another test takes the kernel's queues from all."""

        def try_it():
            send(host, frame)
            return found()

        return self.site.wait("what was sent to be heard", try_it)

    def test_announcement(self):
        """a camera that is plugged in and says no more than its address is found by that"""
        self.start()
        camera = self.add_mute("hik", "44:19:b6:10:00:01", "192.168.7.101")
        self.assertEqual(self.site.devices(), {})
        self.hear(camera, announcement("44:19:b6:10:00:01", "192.168.7.101"),
                  lambda: self.site.device("4419b6100001"))  # fmt: skip
        device = self.site.wait_for("4419b6100001", PORTS, Address="192.168.7.101", Online=True)
        self.assertIn("arp", device["Evidence"])
        self.assertGreaterEqual(device["Confidence"], 0.8)
        self.assertNotIn("Unreachable", device)

    def test_dhcp(self):
        """a camera is found by its DHCP requests, which also say what it is"""
        self.start()
        source = "00:40:8c:30:00:03"
        camera = self.add_mute("axis", source, "192.168.7.104",
                               settings={"http": {80: {}}, "rtsp": {554: {"realm": "Streaming"}}})  # fmt: skip
        about = [(60, b"AXIS,Network Camera,M1065-LW,8.20.1"), (12, b"axis-00408c300003")]
        device = self.hear(camera, dhcp(source, 1, *about), lambda: self.site.device("00408c300003"))
        self.assertNotIn("Address", device)
        self.hear(camera, dhcp(source, 3, *about, (50, socket.inet_aton("192.168.7.104"))),
                  lambda: self.site.device("00408c300003").get("Address"))  # fmt: skip
        device = self.site.wait_for("00408c300003", PORTS, Address="192.168.7.104")
        self.assertEqual(
            {key: device[key] for key in ("Vendor", "Model", "Firmware", "Name", "Kind")},
            {"Vendor": "Axis", "Model": "M1065-LW", "Firmware": "8.20.1",
             "Name": "axis-00408c300003", "Kind": "camera"})  # fmt: skip
        self.assertIn("dhcp", device["Evidence"])

    def test_hello(self):
        """a camera that hears no question is found by its Hello"""
        self.start()
        camera = self.add_mute("deaf", "44:19:b6:10:00:01", "192.168.7.101",
                               settings={**MUTE, "wsd": {**WSD, "deaf": True}})  # fmt: skip
        self.assertEqual(self.site.devices(), {})

        def say_hello():  # not before it is ready, and once more if that was lost
            devices.say(camera, "hello")
            return self.site.device("4419b6100001")

        self.site.wait("its Hello", say_hello)
        device = self.site.wait_for("4419b6100001", PORTS, Model="C1")
        self.assertIn("wsd", device["Evidence"])

    def test_notify(self):
        """a camera is found by its UPnP announcement"""
        self.start()
        self.add_mute("axis", "00:40:8c:30:00:03", "192.168.7.104",
                      settings={"ssdp": UPNP, "http": {80: {}}, "rtsp": {554: {}}})  # fmt: skip
        device = self.site.wait_for("00408c300003", PORTS, Model="M1065-L")
        self.assertIn("ssdp", device["Evidence"])

    def test_ipv6_newcomer(self):
        """a camera without an IPv4 address is found by what it sends when it is plugged in"""
        self.start()
        self.site.lan.add_device("six", "44:19:b6:10:00:06", None, MUTE)
        device = self.site.wait_for("4419b6100006", PORTS, Address="fe80::4619:b6ff:fe10:6")
        self.assertIn("ndp", device["Evidence"])

    def test_neighbour_discovery(self):
        """hosts are heard of by each kind of neighbour discovery that tells who they are"""
        site = self.site
        self.start()
        host = site.lan.add_host("six", "44:19:b6:10:00:06", None, ipv6=False)
        solicits_router, solicits, advertises = 133, 135, 136
        frames = [
            ("fe80::1:9", ("::", solicits, "fe80::1:9")),  # and then nobody is there
            ("fe80::1:1", ("fe80::1:1", solicits_router, None, 1)),
            ("fe80::1:2", ("fe80::1:2", solicits, "fe80::2:2", 1)),
            ("fe80::1:3", ("fe80::1:3", advertises, "fe80::1:3", 2)),
        ]
        for i, (address, packet) in enumerate(frames):
            frame = neighbour_discovery(f"44:19:b6:10:01:0{i}", *packet)
            self.hear(host, frame, lambda a=address, i=i: i == 0 or self.is_known(a, i))
        with self.assertRaises(BusError):
            site.proxy.call(NAME, "Explain", "(s)", frames[0][0])

    def is_known(self, address, number):
        try:
            return self.site.proxy.call(NAME, "Explain", "(s)", address)["Id"] == f"4419b610010{number}"
        except BusError:
            return False

    def test_address_change(self):
        """an address that ARP tells of is where the camera is from then on"""
        camera = self.add_mute("hik", "44:19:b6:10:00:01", "192.168.7.101")
        self.start()
        self.site.wait_for("4419b6100001", PORTS, Address="192.168.7.101")
        camera.ip("address flush dev eth0", "address add 192.168.7.155/24 dev eth0")
        self.hear(camera, announcement("44:19:b6:10:00:01", "192.168.7.155"),
                  lambda: self.site.device("4419b6100001").get("Address") == "192.168.7.155")  # fmt: skip
        self.site.wait_for("4419b6100001", PORTS, Address="192.168.7.155")

    def test_other_vlan(self):
        """what is of a VLAN that has no interface here is not heard"""
        site = self.site
        self.start()
        camera = self.add_mute("hik", "44:19:b6:10:00:01", "192.168.7.101")
        send(camera, announcement("44:19:b6:10:00:02", "192.168.7.102", vlan=30))
        self.hear(camera, announcement("44:19:b6:10:01:03", "192.168.7.103"),
                  lambda: self.is_known("192.168.7.103", 3))  # fmt: skip
        with self.assertRaises(BusError):
            site.proxy.call(NAME, "Explain", "(s)", "192.168.7.102")

    @unittest.skipUnless(has_vlans(), "this kernel has no VLANs")
    def test_vlan(self):
        """a VLAN's camera is found on the VLAN's interface"""
        site = self.site
        vlan = ("link add link eth0 name eth0.20 type vlan id 20", "link set eth0.20 up")
        site.gateway.ip(*vlan, "address add 10.20.0.1/24 dev eth0.20")
        camera = site.lan.add_device("hik", "44:19:b6:10:00:01", None, MUTE)
        camera.ip(*vlan, "address add 10.20.0.101/24 dev eth0.20")
        site.start()
        site.wait_for("4419b6100001", PORTS, Address="10.20.0.101", Interface="eth0.20")
        self.assertEqual(sorted(site.proxy.get(NAME, "Interfaces")), ["eth0", "eth0.20"])

    def test_stacked(self):
        """an interface on top of another is looked at by itself; kernels without VLANs have these"""
        site = self.site
        camera = site.lan.add_device("hik", "44:19:b6:10:00:01", "10.20.0.101/24", MUTE, ipv6=False)
        site.start()
        site.wait_for_quiet()
        site.gateway.ip("link add link eth0 name eth0.20 type macvlan mode bridge",
                        "link set eth0.20 up", "address add 10.20.0.1/24 dev eth0.20")  # fmt: skip
        site.wait_for("4419b6100001", PORTS, Address="10.20.0.101", Interface="eth0.20")
        self.assertEqual(sorted(site.proxy.get(NAME, "Interfaces")), ["eth0", "eth0.20"])
        site.gateway.ip("link delete eth0.20")
        site.wait("eth0 alone", lambda: site.proxy.get(NAME, "Interfaces") == ["eth0"])
        self.assertEqual(camera.lines.count("credential\n"), 0)

    def test_bridge(self):
        """a bridge is looked at as a whole, its ports are not; also one that is made later"""
        site = self.site
        self.add_mute("hik", "44:19:b6:10:00:01", "192.168.7.101")
        site.start()
        site.wait_for("4419b6100001", PORTS, Interface="eth0")
        site.gateway.ip("address flush dev eth0", "link add br0 type bridge",
                        "link set eth0 master br0", "link set br0 up",
                        "address add 192.168.7.10/24 dev br0")  # fmt: skip
        site.wait("the bridge alone", lambda: site.proxy.get(NAME, "Interfaces") == ["br0"])
        site.wait_for("4419b6100001", PORTS, Interface="br0")

    def test_without_capability(self):
        """without CAP_NET_RAW the log says so, and other ways go on: the kernel's own table"""
        site = self.site
        site.bus.start(site.gateway.command(
            "setpriv", "--bounding-set", "-net_raw", DISCOVERD, "--config", "/dev/null"))  # fmt: skip
        site.bus.wait_for_name(NAME)
        site.wait("the word", lambda: site.bus.log().count("without CAP_NET_RAW") == 2)
        self.assertEqual(site.proxy.get(NAME, "Interfaces"), ["eth0"])
        site.wait_for_quiet()
        camera = self.add_mute("hik", "44:19:b6:10:00:01", "192.168.7.101")
        self.assertEqual(site.devices(), {})
        camera.run("ping", "-c1", "-w60", "192.168.7.10")  # by which the gateway learns who it is
        site.wait_for("4419b6100001", PORTS, Address="192.168.7.101")


class TestSweep(ScanningTest):
    def test_sweep(self):
        """cameras that say nothing are found in every network of an interface"""
        site = self.site
        site.gateway.ip("address add 10.9.0.1/22 dev eth0", "address add 192.168.7.11/24 dev eth0",
                        "address add 10.0.0.1/15 dev eth0")  # fmt: skip
        site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", MUTE)
        site.lan.add_device("hik2", "44:19:b6:10:00:02", "10.9.3.250/22", MUTE)
        site.start()

        def found():
            addresses = {device.get("Address") for device in site.devices().values()}
            if addresses == {"192.168.7.101", "10.9.3.250"}:
                return True
            self.scan_again()
            return False

        site.wait("both cameras", found)
        site.wait_for("4419b6100001", PORTS, Address="192.168.7.101")
        site.wait_for("4419b6100002", PORTS, Address="10.9.3.250")
        site.wait_for_quiet()
        self.assertEqual(site.bus.log().count("10.0.0.1/15 is too large"), 1)
        # What comes later without a word is found by the next scan.
        site.add("hik3", "44:19:b6:10:00:03", "192.168.7.103", MUTE, ipv6=False)
        site.wait("the third", lambda: site.device("4419b6100003") or self.scan_again())
        site.wait_for("4419b6100003", PORTS)
        site.wait_for_quiet()
        self.assertEqual(site.bus.log().count("10.0.0.1/15 is too large"), 1)

    def test_known_to_kernel(self):
        """a camera that this machine has just talked to is found like any other"""
        site = self.site
        camera = site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", MUTE, ipv6=False)
        own = re.search(r"link/ether (\S+)", site.gateway.ip("link show dev eth0")).group(1)
        camera.ip(f"neighbour add 192.168.7.10 lladdr {own} dev eth0 nud permanent")  # it never asks
        site.gateway.run("ping", "-c1", "-w60", "192.168.7.101")
        site.start()
        site.wait_for("4419b6100001", PORTS, Address="192.168.7.101")

    def test_factory_address(self):
        """cameras with a factory address of another network are shown, with what is to be done"""
        site = self.site
        cameras = [site.add(f"dahua{i}", f"3c:ef:8c:10:00:0{i}", "192.168.1.108", MUTE) for i in (1, 2)]
        site.start()
        for i in (1, 2):
            device = site.wait_for(f"3cef8c10000{i}", [], Address="192.168.1.108", Online=True)
            self.assertIn("eth0", device["Unreachable"])
            self.assertLess(device["Confidence"], 0.8)
        site.wait_for_quiet()
        self.assertEqual(sorted(site.devices()), ["3cef8c100001", "3cef8c100002"])
        self.assertEqual([camera for camera in cameras if camera.lines], [])  # nobody called
        cameras[1].ip("address flush dev eth0")
        site.gateway.ip("address add 192.168.1.10/24 dev eth0")
        device = site.wait_for("3cef8c100001", PORTS, Address="192.168.1.108")
        self.assertNotIn("Unreachable", device)

    def test_ipv6(self):
        """a camera that has no IPv4 address, and says nothing, is found by its neighbours"""
        site = self.site
        camera = site.lan.add_device("six", "44:19:b6:10:00:06", None, MUTE)
        site.wait("duplicate address detection",
                  lambda: "scope link" in camera.ip("address show dev eth0")
                  and "tentative" not in camera.ip("address"))  # fmt: skip
        site.start()
        device = site.wait_for("4419b6100006", PORTS, Address="fe80::4619:b6ff:fe10:6")
        self.assertIn("ndp", device["Evidence"])


if __name__ == "__main__":
    namespaces.isolate()
    tap.main(TestListening, TestSweep)
