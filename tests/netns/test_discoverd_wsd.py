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
from personalities import HIKVISION, LOSS, UPNP_CAMERA, wsd  # noqa: E402

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
        settings = {**HIKVISION, "wsd": {**HIKVISION["wsd"], "dialect": "2009", "resolve": True}}
        site.add("hik", "44:19:b6:10:00:01", "192.168.7.101", settings)
        deaf = {**HIKVISION, "wsd": {**HIKVISION["wsd"], "dialect": "2009", "deaf": True,
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
        host.start_devices(("eth0", {
            "wsd": camera(1, "http://192.168.7.101/onvif http://192.168.7.103/onvif"),
            "http": {80: {}}}))  # fmt: skip
        host.wait_until_ready()
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
        settings = {**UPNP_CAMERA, "network": "ipv6"}
        camera = site.lan.add_device("six", "00:40:8c:30:00:09", None, settings)
        site.wait("duplicate address detection", lambda: "tentative" not in camera.ip("address"))
        site.start()
        site.wait_for("00408c300009", [(8080, "http"), (554, "rtsp")], Vendor="Axis",
                      Model="M1065-L", Address="fe80::240:8cff:fe30:9")  # fmt: skip


    def test_lost_description(self):
        """a UPnP description that does not come is asked for once more, and not for ever"""
        site = self.site
        camera = site.add("once", "00:40:8c:30:00:09", "192.168.7.101",
                          {**UPNP_CAMERA, "http": {8080: {"unanswered": 1}}})  # fmt: skip
        dead = {**UPNP_CAMERA, "ssdp": {**UPNP_CAMERA["ssdp"], "udn": "uuid:9", "port": 8099},
                "http": {8099: {"unanswered": 100}}}  # fmt: skip
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

    CAMERAS = (
        "xaddr-zero", "xaddr-loopback", "xaddr-link-local", "xaddr-ipv6-first", "xaddr-wrong-port",
        "xaddr-missing", "types-none", "types-modern", "prefix-sensitive", "newlines",
        "endpoint-empty", "endpoint-cloned", "endpoint-cloned", "answers-twice", "ipv6-only",
    )  # fmt: skip
    OTHERS = ("windows", "media-server", "airplay-speaker", "lighting-bridge", "printer", "web-server")

    def test_recall_and_precision(self):
        """all of them are found, and nothing else; also when three packets of ten are lost"""
        site = self.site
        hosts = [site.lan.add(name, number) for number, name in enumerate(self.CAMERAS, 100)]
        others = [site.lan.add(name, number) for number, name in enumerate(self.OTHERS, 200)]
        for host in hosts + others:
            host.wait_until_ready()
        cameras = {host.mac_address.replace(":", "") for host in hosts}

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
            self.assertLessEqual(host.connections(), 12 * self.scans, host.name)
            self.assertNotIn("forbidden", host.output())
        site.bus.stop(site.process)
        site.bus.wait_for_name(NAME, present=False)
        for host in [*hosts, site.gateway]:
            host.run("nft", LOSS)
        site.start()
        site.wait(f"{cameras}, with losses", are_found, 3 * DEADLINE)
        self.assertEqual(set(site.devices()), cameras)


if __name__ == "__main__":
    namespaces.isolate()
    tap.main(TestQuirks, TestCrowd)
