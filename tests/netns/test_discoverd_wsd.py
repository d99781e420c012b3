#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""discoverd among devices with the quirks of real ones, or that multicast does not reach."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import devices  # noqa: E402
import namespaces  # noqa: E402
import tap  # noqa: E402
from busenv import BusError  # noqa: E402
from discoverd_site import NAME, ScanningTest, SiteTest  # noqa: E402
from personalities import (  # noqa: E402
    BRIDGE,
    COMPUTER,
    HIKVISION,
    LOSS,
    MEDIA_SERVER,
    SPEAKER,
    UPNP_CAMERA,
    wsd,
)

DEADLINE = 60


def camera(number, xaddrs, **quirks):
    """Of no maker in particular."""
    return wsd(f"urn:uuid:a7fc57d6-2f4a-4c41-9f64-00000000{number:04d}", f"Camera%20{number}", "IPC-1",
               xaddrs, **quirks)  # fmt: skip


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

    def test_other_dialect(self):
        """a camera that knows only the dialect of OASIS is asked in it, also to resolve"""
        site = self.site
        settings = {**HIKVISION, "wsd": {**HIKVISION["wsd"], "oasis": True, "resolve": True}}
        site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", settings)
        deaf = {**HIKVISION, "wsd": {**HIKVISION["wsd"], "oasis": True, "deaf": True,
                                     "endpoint": "urn:uuid:2"}}  # fmt: skip
        site.add("deaf", "44:19:b6:10:00:02", "192.168.7.102", deaf)
        site.start()
        for number in (1, 2):
            site.wait_for(f"4419b610000{number}", [(80, "http"), (554, "rtsp")],
                          OnvifUrl=f"http://192.168.7.10{number}:80/onvif/device_service")  # fmt: skip

    def explain(self, id):
        try:
            return self.site.proxy.call(NAME, "Explain", "(s)", id)
        except BusError:
            return {}

    def test_other_address(self):
        """a camera that answers from where it cannot be called is called where it says to be"""
        site = self.site
        site.start()
        site.wait_for_quiet()  # from here on nobody asks for addresses that were not named
        other = site.add("other", "52:54:00:00:aa:09", "192.168.7.103", {"http": {80: {}}})
        host = site.lan.add_host("camera", "44:19:b6:10:00:01", "169.254.7.7/16")
        host.ip("address add 192.168.7.101/24 dev eth0")
        self.addCleanup(devices.end, devices.second_device(host, "eth0", {
            "wsd": camera(1, "http://192.168.7.101/onvif http://192.168.7.103/onvif"),
            "http": {80: {}}}))  # fmt: skip
        site.wait_for("4419b6100001", [(80, "http")], Address="192.168.7.101")
        # Nothing of what it said is said of the other one that it named.
        stranger = site.wait("the other one to be seen", lambda: self.explain("192.168.7.103"))
        self.assertEqual((stranger["Id"], stranger["Verdict"]), ("52540000aa09", "rejected"))
        self.assertNotIn("wsd", stranger["Evidence"])
        self.assertNotIn("onvif", devices.output(other))

    def test_upnp_deaf_to_multicast(self):
        """a camera that speaks nothing but UPnP, and hears no multicast, is asked by itself"""
        site = self.site
        settings = {**UPNP_CAMERA, "ssdp": {**UPNP_CAMERA["ssdp"], "deaf": True}}
        site.add("deaf", "00:40:8c:30:00:09", "192.168.7.101", settings)
        odd = {**UPNP_CAMERA, "ssdp": {
            **UPNP_CAMERA["ssdp"], "deaf": True, "udn": "uuid:7",
            "targets": ["urn:axis-com:service:BasicService:1"],
            "elements": {**UPNP_CAMERA["ssdp"]["elements"], "serialNumber": "00408C300007"}}}  # fmt: skip
        site.add("odd", "00:40:8c:30:00:07", "192.168.7.102", odd)
        site.start()
        for name in ("00408c300009", "00408c300007"):
            device = site.wait_for(name, [(8080, "http"), (554, "rtsp")], Model="M1065-L")
            self.assertIn("ssdp", device["Evidence"])

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
        dead = {**UPNP_CAMERA, "ssdp": {**UPNP_CAMERA["ssdp"], "udn": "uuid:9", "port": 8099},
                "http": {8099: {"losses": 100}}}  # fmt: skip
        other = site.add("never", "52:54:00:00:aa:09", "192.168.7.102", dead)
        site.start()
        site.wait_for("00408c300009", [(8080, "http"), (554, "rtsp")], Vendor="Axis")
        site.wait("a second try", lambda: devices.output(other).count("connection 8099") >= 2)
        site.wait_for_quiet()
        self.assertLessEqual(devices.output(camera).count("connection"), 12)
        self.assertEqual(devices.output(other).count("connection 8099"), 2)
        self.assertEqual(list(site.devices()), ["00408c300009"])


class TestCrowd(ScanningTest):
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

        def are_found():
            if set(site.devices()) >= cameras:
                return True
            self.scan_again()
            return False

        site.start()
        site.wait(f"{cameras}", are_found, 3 * DEADLINE)
        site.wait_for_quiet()
        self.assertEqual(set(site.devices()), cameras)
        for name, device in site.devices().items():
            self.assertGreaterEqual(device["Confidence"], 0.8, name)
            self.assertIn("http", dict(device["Ports"]).values(), device)
        for host in others:
            self.assertLessEqual(devices.output(host).count("connection"), 12 * self.scans, host.name)
        site.bus.stop(site.process)
        site.bus.wait_for_name(NAME, present=False)
        for host in hosts:
            host.run("nft", LOSS)
        site.start()
        site.wait(f"{cameras}, with losses", are_found, 3 * DEADLINE)
        self.assertEqual(set(site.devices()), cameras)


if __name__ == "__main__":
    namespaces.isolate()
    tap.main(TestQuirks, TestCrowd)
