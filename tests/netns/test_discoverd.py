#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""discoverd on a LAN of small devices, each with a MAC and an address of its own: devices.py."""

import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import devices  # noqa: E402
import namespaces  # noqa: E402
import tap  # noqa: E402
from busenv import BusError  # noqa: E402
from discoverd_site import NAME, Site, SiteTest  # noqa: E402
from personalities import (  # noqa: E402
    wsd,
    HIKVISION,
    HANWHA,
    COMPUTER,
    AXIS,
    SPEAKER,
    UPNP_CAMERA,
    MEDIA_SERVER,
    BRIDGE,
    PRINTER,
    PRINTER_WSD,
    MALFORMED,
    LOSS,
)

POLICY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../dbus/io.evercam.Discovery1.conf")


class TestDiscovery(SiteTest):
    def test_cameras_and_bystanders(self):
        """cameras are found with make, model and ports; other devices are not"""
        site = self.site
        cameras = [site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", HIKVISION),
                   site.add("hanwha", "e4:30:22:50:00:05", "192.168.7.102", HANWHA)]  # fmt: skip
        computer = site.add("pc", "52:54:00:00:aa:01", "192.168.7.111", COMPUTER)
        site.start()
        hik = site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")],
                            Name="HIKVISION DS-2CD2142FWD-I")  # fmt: skip
        self.assertEqual(
            {key: hik[key] for key in ("MacAddress", "Address", "Interface", "Vendor", "Model", "Name",
                                       "Kind", "OnvifUrl", "SnapshotPath", "StreamPath", "Online")},
            {"MacAddress": "44:19:b6:10:00:01", "Address": "192.168.7.101", "Interface": "eth0",
             "Vendor": "Hikvision", "Model": "DS-2CD2142FWD-I", "Name": "HIKVISION DS-2CD2142FWD-I",
             "Kind": "camera", "OnvifUrl": "http://192.168.7.101:80/onvif/device_service",
             "SnapshotPath": "/ISAPI/Streaming/channels/101/picture",
             "StreamPath": "/Streaming/Channels/101", "Online": True})  # fmt: skip
        self.assertGreaterEqual(hik["Confidence"], 0.8)
        # By its address as well, if the build had the registers of the IEEE; and perhaps by ARP.
        self.assertEqual([e for e in hik["Evidence"] if e not in ("oui", "arp", "ndp")],
                         ["wsd", "rtsp", "http"])  # fmt: skip
        hanwha = site.wait_for("e43022500005", [(8081, "http"), (10554, "rtsp")], Model="XNV-8080R")
        self.assertEqual(hanwha["Vendor"], "Hanwha")
        self.assertEqual(hanwha["OnvifUrl"], "http://192.168.7.102:8081/onvif/device_service")
        self.assertNotIn("SnapshotPath", hanwha)
        site.wait_for_quiet()
        self.assertEqual(len(site.devices()), 2)
        self.assertEqual(site.proxy.get(NAME, "DeviceCount"), 2)
        self.assertEqual(site.proxy.get(NAME, "Interfaces"), ["eth0"])
        for host in cameras:
            talk = devices.output(host)
            self.assertNotIn("credential", talk)
            self.assertLessEqual(talk.count("connection"), 12)
        # Not at all, unless its word is late.
        self.assertLessEqual(devices.output(computer).count("connection"), 12)
        self.explain(hik)

    def explain(self, hik):
        """Why the camera is one, by each of its names, and why the computer is not."""
        site = self.site
        why = {id: site.proxy.call(NAME, "Explain", "(s)", id) for id in
               ("4419b6100001", "44:19:B6:10:00:01", "44-19-b6-10-00-01", "192.168.7.101")}  # fmt: skip
        for id, explanation in why.items():
            self.assertEqual((explanation["Id"], explanation["Verdict"]), ("4419b6100001", "camera"), id)
        for name in ("MacAddress", "Vendor", "Ports", "Online"):
            self.assertEqual(explanation[name], hik[name])
        facts = site.device("4419b6100001")["Facts"]
        traits = {fact[3]: fact for fact in facts if fact[1] == "trait"}
        self.assertEqual(traits["onvif-transmitter"][0], "wsd")
        self.assertGreater(traits["onvif-transmitter"][6], 0.9)
        self.assertAlmostEqual(sum(fact[5] for fact in facts), explanation["Sum"])
        self.assertTrue(all(abs(fact[4] - hik["LastSeen"]) < 1000 for fact in facts), facts)
        self.assertIn(("rtsp", 554), [(fact[0], fact[2]) for fact in facts if fact[1] == "service"])
        computer = site.proxy.call(NAME, "Explain", "(s)", "192.168.7.111")
        self.assertEqual((computer["Id"], computer["Verdict"]), ("52540000aa01", "rejected"))
        self.assertEqual([fact[3] for fact in computer["Facts"] if fact[5] < 0], ["computer"])
        self.assertLess(computer["Sum"], 0)
        self.assertEqual(computer["Confidence"], 0)
        with self.assertRaises(BusError) as unknown:
            site.proxy.call(NAME, "Explain", "(s)", "192.168.7.222")
        self.assertEqual(unknown.exception.name, "io.evercam.Error.NotFound")

    def test_upnp(self):
        """a camera that speaks UPnP alone is found, by answer and by announcement; others are not"""
        site = self.site
        silent = {**UPNP_CAMERA, "ssdp": {**UPNP_CAMERA["ssdp"], "silent": True}}
        asked = site.add("asked", "00:40:8c:30:00:09", "192.168.7.101", silent)
        media = site.add("media", "52:54:00:00:aa:03", "192.168.7.112", MEDIA_SERVER)
        bridge = site.add("bridge", "52:54:00:00:aa:04", "192.168.7.113", BRIDGE)
        # It points elsewhere: nobody is called for it, neither there nor here.
        liar = {**silent, "ssdp": {**silent["ssdp"], "udn": "uuid:8",
                                   "location": "http://192.168.7.114:8099/desc.xml"}}  # fmt: skip
        site.add("liar", "52:54:00:00:aa:05", "192.168.7.115", liar)
        victim = site.add("victim", "52:54:00:00:aa:06", "192.168.7.114", {"http": {8099: {}}})
        site.start()
        camera = site.wait_for("00408c300009", [(8080, "http"), (554, "rtsp")], Model="M1065-L")
        self.assertEqual(
            {key: camera[key] for key in ("Vendor", "Model", "Serial", "Name", "Kind")},
            {"Vendor": "Axis", "Model": "M1065-L", "Serial": "00408C300009",
             "Name": "AXIS M1065-L - 00408C300009", "Kind": "camera"})  # fmt: skip
        self.assertGreaterEqual(camera["Confidence"], 0.8)
        self.assertIn("ssdp", camera["Evidence"])
        site.wait_for_quiet()
        other = {**UPNP_CAMERA["ssdp"], "udn": "uuid:7"}
        other["elements"] = {**other["elements"], "serialNumber": "1"}
        site.add("new", "00:40:8c:30:00:0a", "192.168.7.102", {**UPNP_CAMERA, "ssdp": other})
        site.wait_for("00408c30000a", [(8080, "http"), (554, "rtsp")])
        self.assertEqual(sorted(site.devices()), ["00408c300009", "00408c30000a"])
        # The description, and what any host is asked that has not yet said what it is.
        for host, most in ((asked, 12), (media, 12), (bridge, 12), (victim, 0)):
            talk = devices.output(host)
            self.assertNotIn("credential", talk)
            self.assertLessEqual(talk.count("connection"), most)

    def test_printers_and_controllers(self):
        """a printer is not called once it has said so; nobody is called on a port of printers or controllers"""
        site = self.site
        ports = {port: {} for port in (80, 502, 102, 631, 9100, 44818)}
        printers = [site.add("announced", "52:54:00:00:aa:21", "192.168.7.121",
                             {"ssdp": PRINTER, "http": ports, "rtsp": {554: {}}}),
                    site.add("asked", "52:54:00:00:aa:22", "192.168.7.122",
                             {"ssdp": {**PRINTER, "silent": True}, "http": ports, "rtsp": {554: {}}}),
                    site.add("wsd", "52:54:00:00:aa:23", "192.168.7.123",
                             {"wsd": PRINTER_WSD, "http": ports, "rtsp": {554: {}}})]  # fmt: skip
        # A camera, as it says, on the port of a controller.
        odd = {**HIKVISION, "wsd": {**HIKVISION["wsd"], "xaddrs": "http://{address}:502/onvif"}}
        odd["http"] = {502: {}, 9100: {}, **HIKVISION["http"]}
        odd["ssdp"] = {**UPNP_CAMERA["ssdp"], "port": 9100}
        camera = site.add("odd", "44:19:b6:10:00:11", "192.168.7.124", odd)
        site.start()
        site.wait_for("4419b6100011", [(80, "http"), (554, "rtsp")])
        site.add("late", "52:54:00:00:aa:24", "192.168.7.125",
                 {"ssdp": PRINTER, "http": ports, "rtsp": {554: {}}})  # fmt: skip
        for number in (121, 122, 123, 125):
            site.wait(f"what .{number} says", lambda number=number: self.says_printer(number))
        site.wait_for_quiet()
        for host in printers + [site.lan.hosts[-1]]:
            # None, unless its word is late.
            self.assertLessEqual(devices.output(host).count("connection"), 4, devices.output(host))
            for port in ports:
                if port != 80:
                    self.assertNotIn(f"connection {port}\n", devices.output(host))
        for port in (502, 9100):
            self.assertNotIn(f"connection {port}\n", devices.output(camera))
        self.assertEqual(list(site.devices()), ["4419b6100011"])

    def says_printer(self, number):
        try:
            facts = self.site.proxy.call(NAME, "Explain", "(s)", f"192.168.7.{number}")["Facts"]
        except BusError:
            return False
        return any(fact[3] == "printer" for fact in facts)

    def test_malformed_answers(self):
        """a malformed answer costs that answer only"""
        site = self.site
        site.add("noisy", "44:19:b6:10:00:02", "192.168.7.103", {**HIKVISION, "wsd": {**HIKVISION["wsd"], "noise": MALFORMED}})
        site.add("hanwha", "e4:30:22:50:00:05", "192.168.7.102", {**HANWHA, "wsd": {**HANWHA["wsd"], "noise": MALFORMED}})
        site.start()
        site.wait_for("4419b6100002", [(80, "http"), (554, "rtsp")])
        site.wait_for("e43022500005", [(8081, "http"), (10554, "rtsp")])
        self.assertIn("cannot be read", site.bus.log())

    def test_foreign_subnet(self):
        """a camera with an address of another subnet is shown, but strangers' hosts are not called"""
        site = self.site
        camera = site.add("factory", "44:19:b6:10:00:07", "192.168.1.64", HIKVISION)
        camera.ip("route add 192.168.7.0/24 dev eth0")
        # For the answer to get through; a host with a default route has it.
        site.gateway.ip("route add default dev eth0")
        site.start()
        site.wait("the camera", lambda: any(d.get("Address") == "192.168.1.64"
                                            for d in site.devices().values()))  # fmt: skip
        site.wait_for_quiet()
        self.assertEqual(devices.output(camera).count("connection"), 0)

    def test_moves(self):
        """a camera that moves to another address stays the same object"""
        site = self.site
        camera = site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", HIKVISION)
        site.start()
        site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")], Address="192.168.7.101")
        signals = site.bus.signals(sender=NAME)
        camera.ip("address flush dev eth0", "address add 192.168.7.155/24 dev eth0")
        devices.say(camera, "hello")
        site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")], Address="192.168.7.155",
                      OnvifUrl="http://192.168.7.155:80/onvif/device_service")  # fmt: skip
        self.assertEqual([s for s in signals if s[2] in ("InterfacesAdded", "InterfacesRemoved")], [])
        site.wait("the signal of the change", lambda: any(
            values[1].get("Address") == "192.168.7.155"
            for path, _, member, values in signals
            if member == "PropertiesChanged" and "4419b6100001" in path))  # fmt: skip
        self.assertIn("moved from 192.168.7.101 to 192.168.7.155 EVENT=device-moved "
                      "DEVICE=4419b6100001", site.bus.log())  # fmt: skip

    def test_swap(self):
        """two cameras that change places are not mixed up"""
        site = self.site
        first = site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", HIKVISION)
        second = site.add("hanwha", "e4:30:22:50:00:05", "192.168.7.102", HANWHA)
        site.start()
        site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")], Address="192.168.7.101")
        site.wait_for("e43022500005", [(8081, "http"), (10554, "rtsp")], Address="192.168.7.102")
        first.ip("address flush dev eth0")
        second.ip("address flush dev eth0", "address add 192.168.7.101/24 dev eth0")
        first.ip("address add 192.168.7.102/24 dev eth0")
        devices.say(first, "hello")
        devices.say(second, "hello")
        site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")], Address="192.168.7.102")
        site.wait_for("e43022500005", [(8081, "http"), (10554, "rtsp")], Address="192.168.7.101")
        self.assertEqual(len(site.devices()), 2)
        self.assertEqual(site.device("4419b6100001")["Vendor"], "Hikvision")
        self.assertEqual(site.device("e43022500005")["Vendor"], "Hanwha")

    def test_leaves_and_returns(self):
        """a good-bye is verified; a camera that is gone is offline, and online when it returns"""
        site = self.site
        # The kernel asks for a MAC again after 15 to 45 s, unless told to do so sooner.
        site.gateway.run("sysctl", "-qw", "net.ipv4.neigh.eth0.base_reachable_time_ms=2000",
                         "net.ipv4.neigh.eth0.delay_first_probe_time=1")  # fmt: skip
        camera = site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", HIKVISION)
        site.start()
        site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")], Online=True)
        site.wait_for_quiet()
        signals = site.bus.signals(sender=NAME)
        devices.say(camera, "bye")
        # It said so, and is there all the same: nothing changes. Then it really goes.
        devices.say(camera, "hello")
        devices.say(camera, "bye")
        site.wait("the second good-bye", lambda: devices.has_said(camera, "bye", 2))
        camera.ip("link set eth0 down")
        site.wait("being offline", lambda: not site.device("4419b6100001")["Online"], 90)
        self.assertIn("EVENT=device-offline DEVICE=4419b6100001", site.bus.log())
        self.assertNotIn("InterfacesRemoved", [s[2] for s in signals])
        camera.ip("link set eth0 up")
        devices.say(camera, "hello")
        site.wait("being online", lambda: site.device("4419b6100001")["Online"], 60)

    def test_later_interface(self):
        """an interface that appears later is looked at; one that is excluded is not"""
        site = self.site
        site.lan.add_switch("lan2")
        site.lan.add_switch("lan3")
        site.add("hik", "44:19:b6:10:00:01", "192.168.8.101", HIKVISION, "lan2")
        site.add("hanwha", "e4:30:22:50:00:05", "192.168.9.101", HANWHA, "lan3")
        site.start("exclude_interfaces = vpn_* docker*")
        site.wait_for_quiet()
        self.assertEqual(site.devices(), {})
        site.gateway.plug_in("docker0", switch="lan3")
        site.gateway.ip("address add 192.168.9.10/24 dev docker0")
        site.gateway.plug_in("eth1", switch="lan2")
        site.gateway.ip("address add 192.168.8.10/24 dev eth1")
        site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")], Interface="eth1")
        self.assertEqual(sorted(site.proxy.get(NAME, "Interfaces")), ["eth0", "eth1"])
        site.wait_for_quiet()
        self.assertEqual(list(site.devices()), ["4419b6100001"])
        site.gateway.ip("link delete eth1")
        site.wait("eth1 gone", lambda: site.proxy.get(NAME, "Interfaces") == ["eth0"])

    def test_loss(self):
        """of every ten packets three are lost each way, and yet all cameras are found"""
        site = self.site
        for i in range(8):
            settings = {**HIKVISION, "wsd": {**HIKVISION["wsd"], "endpoint": f"urn:uuid:{i}"}}
            host = site.add(f"c{i}", f"44:19:b6:10:01:0{i}", f"192.168.7.{120 + i}", settings)
            host.run("nft", LOSS)
        site.gateway.run("nft", LOSS)
        site.start()

        def complete():
            return [d for d in site.devices().values()
                    if sorted(d["Ports"]) == [(80, "http"), (554, "rtsp")]]  # fmt: skip

        def ask_again():
            if len(complete()) < 8 and not site.proxy.get(NAME, "Scanning"):
                site.proxy.call(NAME, "Scan", "(a{sv})", {})
            return len(complete()) == 8

        site.wait("all of them", ask_again, 120)

    def test_restart(self):
        """killed and started again, it finds the same"""
        site = self.site
        site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", HIKVISION, ipv6=False)
        site.start()
        before = site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")],
                               OnvifUrl="http://192.168.7.101:80/onvif/device_service")  # fmt: skip
        site.bus.stop(site.process, signal.SIGKILL)
        site.bus.wait_for_name(NAME, present=False)
        site.start()
        after = site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")],
                              OnvifUrl="http://192.168.7.101:80/onvif/device_service")  # fmt: skip
        for key in ("Evidence", "FirstSeen", "LastSeen", "Facts"):
            before.pop(key), after.pop(key)
        self.assertEqual(before, after)


class TestBus(unittest.TestCase):
    def test_scan_and_policy(self):
        """Scan finds what came later; unknown options are refused; the policy lets everybody look"""
        site = Site([POLICY])
        self.addCleanup(site.close)
        site.start()
        site.wait_for_quiet()
        with self.assertRaises(BusError) as refused:
            site.proxy.call(NAME, "Scan", "(a{sv})", {"fast": devices.variant("b", True)})
        self.assertEqual(refused.exception.name, "org.freedesktop.DBus.Error.InvalidArgs")
        self.assertIn("fast", refused.exception.text)
        settings = {**HIKVISION, "wsd": {**HIKVISION["wsd"], "silent": True}}
        site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", settings, ipv6=False)
        signals = site.bus.signals(sender=NAME)
        site.proxy.call(NAME, "Scan", "(a{sv})", {})
        self.assertTrue(site.proxy.get(NAME, "Scanning"))
        site.wait_for("4419b6100001", [(80, "http"), (554, "rtsp")])
        site.wait_for_quiet()
        self.assertIn("Scan", site.proxy.introspect())

        def told():
            return [values[1]["ScanProgress"] for _, _, member, values in signals
                    if member == "PropertiesChanged" and "ScanProgress" in values[1]]  # fmt: skip

        site.wait("the end of the progress", lambda: told()[-1:] == [100])
        percents = told()
        self.assertLess(percents[0], 100)
        self.assertGreater(len(percents), 2)
        for before, after in zip(percents, percents[1:]):
            self.assertTrue(after > before or (before, after) == (100, 0), percents)


@unittest.skipUnless(devices.packages(), "avahi-daemon is not unpacked (tools/install-dependencies)")
class TestMdns(SiteTest):
    def start_avahi(self):
        avahi = devices.start_avahi(self.site.bus, self.site.gateway, self.site.bus.directory)
        self.site.bus.wait_for_name("org.freedesktop.Avahi")
        return avahi

    def test_mdns(self):
        """a camera is found by mDNS alone, also when avahi comes later; a speaker is not"""
        site = self.site
        site.add("axis", "00:40:8c:30:00:03", "192.168.7.104", AXIS)
        speaker = site.add("speaker", "52:54:00:00:aa:02", "192.168.7.112", SPEAKER)
        site.start()
        site.wait_for_quiet()
        self.assertEqual(site.devices(), {})
        avahi = self.start_avahi()
        axis = site.wait_for("00408c300003", [(1554, "rtsp"), (8080, "http")], Vendor="Axis")
        self.assertEqual(axis["Model"], "P3245-V")
        self.assertEqual(axis["StreamPath"], "/axis-media/media.amp")
        self.assertEqual([e for e in axis["Evidence"] if e not in ("oui", "arp", "ndp")],
                         ["mdns", "rtsp", "http"])  # fmt: skip
        site.bus.stop(avahi)
        site.bus.wait_for_name("org.freedesktop.Avahi", present=False)
        self.start_avahi()
        other = {"mdns": [{**AXIS["mdns"][0], "instance": "AXIS M1 - 00408C300009", "txt": []}],
                 "http": {8080: {}}}  # fmt: skip
        site.add("m1", "00:40:8c:30:00:09", "192.168.7.105", other)
        site.wait_for("00408c300009", [(8080, "http")], Model="M1")
        site.wait_for_quiet()
        self.assertEqual(sorted(site.devices()), ["00408c300003", "00408c300009"])
        self.assertLessEqual(devices.output(speaker).count("connection"), 12)


if __name__ == "__main__":
    namespaces.isolate()
    if len(sys.argv) > 2:  # some cases only
        unittest.main(argv=sys.argv[1:])
    tap.main(TestDiscovery, TestBus, TestMdns)
