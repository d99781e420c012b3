#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What discoverd learns from ONVIF and TLS without a password, and how few connections it takes."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import devices  # noqa: E402
import tap  # noqa: E402
from discoverd_site import NAME, SiteTest  # noqa: E402

ONVIF = "onvif://www.onvif.org/"
INFORMATION = {"Manufacturer": "HIKVISION", "Model": "DS-2CD2142FWD-I",
               "FirmwareVersion": "V5.4.5 build 170124", "HardwareId": "88",
               "SerialNumber": "DS-2CD2142FWD-I20160311AAWR584762317"}  # fmt: skip
OPEN = {"information": INFORMATION, "hostname": "gate-camera", "style": "env",
        "endpoint": "urn:uuid:a7fc57d6-2f4a-4c41-9f64-4419b6100001",
        "stream": "rtsp://{host}:554/Streaming/Channels/101?transportmode=unicast&profile=Profile_1",
        "snapshot": "http://{host}/onvif-http/snapshot?Profile_1"}  # fmt: skip
HTTP_RTSP = [(80, "http"), (554, "rtsp")]


def wsd(xaddrs, **settings):
    """A camera that tells nothing but where it is."""
    return {"endpoint": "urn:uuid:a7fc57d6-2f4a-4c41-9f64-4419b6100001", "scopes": [],
            "types": "dn:NetworkVideoTransmitter tds:Device", "xaddrs": xaddrs, **settings}


def camera(http, port=80, path="/onvif/device_service", rtsp=554):
    return {"wsd": wsd(f"http://{{address}}:{port}{path}"), "http": {port: http},
            "rtsp": {rtsp: {}}}  # fmt: skip


def mdns_camera(http, **others):
    """A camera that is one for sure, and does not say where its ONVIF service is."""
    return {"mdns": [], "ssdp": AXIS_UPNP, "http": http, "rtsp": {554: {}}, **others}


AXIS_UPNP = {
    "type": "urn:axis-com:service:BasicService:1", "udn": "uuid:Upnp-BasicDevice-1_0-00408C300009",
    "port": 80, "path": "/desc.xml", "server": "Linux UPnP/1.0",
    "elements": {"manufacturer": "AXIS", "friendlyName": "AXIS M1065-L"},
}  # fmt: skip


class OnvifTest(SiteTest):
    def add(self, settings, mac="44:19:b6:10:00:01", address="192.168.7.101"):
        return self.site.add(mac.replace(":", "")[-4:], mac, address, settings)

    def calls(self, host):
        return [line.split()[1] for line in devices.output(host).split("\n")
                if line.startswith("onvif ")]  # fmt: skip

    def check_gentle(self, *hosts, most=12):
        for host in hosts:
            talk = devices.output(host)
            self.assertNotIn("credential", talk)
            self.assertLessEqual(talk.count("connection"), most, talk)


class TestOnvif(OnvifTest):
    def test_open_camera(self):
        """an open camera tells what it is and where its pictures are, over one connection"""
        site = self.site
        host = self.add(camera({"onvif": {**OPEN, "host": "192.0.0.64"}}))
        site.start()
        found = site.wait_for("4419b6100001", HTTP_RTSP, Name="gate-camera")
        self.assertEqual(
            {key: found[key] for key in ("Vendor", "Model", "Serial", "Firmware", "Kind",
                                         "OnvifUrl", "StreamPath", "SnapshotPath")},
            {"Vendor": "Hikvision", "Model": "DS-2CD2142FWD-I",
             "Serial": INFORMATION["SerialNumber"], "Firmware": INFORMATION["FirmwareVersion"],
             "Kind": "camera", "OnvifUrl": "http://192.168.7.101:80/onvif/device_service",
             "StreamPath": "/Streaming/Channels/101?transportmode=unicast&profile=Profile_1",
             "SnapshotPath": "/onvif-http/snapshot?Profile_1"})  # fmt: skip
        self.assertIn("onvif", found["Evidence"])
        site.wait_for_quiet()
        self.assertEqual(self.calls(host), [
            "GetSystemDateAndTime", "GetDeviceInformation", "GetServices", "GetProfiles",
            "GetStreamUri", "GetSnapshotUri", "GetHostname", "GetEndpointReference"])  # fmt: skip
        # One for RTSP, one for GET /, one for TLS that is not there, one for all of these.
        self.assertEqual(devices.output(host).count("connection"), 3)
        self.check_gentle(host)
        # Who wants a scan wants it all.
        site.proxy.call(NAME, "Scan", "(a{sv})", {})
        site.wait_for_quiet()
        self.assertEqual(len(self.calls(host)), 16)

    def test_closed_camera(self):
        """a refusal proves ONVIF, in SOAP as in HTTP; nothing else is asked in vain"""
        site = self.site
        only_time = {**OPEN, "allows": ["GetSystemDateAndTime"], "denial": "http"}
        timeless = {**OPEN, "allows": [], "style": "s"}
        first = self.add(camera({"onvif": only_time}))
        # Nothing but ONVIF says that this is a camera: its types do not.
        second = self.add(mdns_camera({80: {"onvif": timeless}}), "00:40:8c:30:00:09",
                          "192.168.7.102")  # fmt: skip
        site.start()
        for name in ("4419b6100001", "00408c300009"):
            found = site.wait_for(name, HTTP_RTSP)
            site.wait("ONVIF", lambda name=name: "onvif" in site.device(name)["Evidence"])
        site.wait_for_quiet()
        found = site.device("4419b6100001")
        self.assertNotIn("Serial", found)
        self.assertNotIn("Firmware", found)
        self.assertEqual(self.calls(first), [
            "GetSystemDateAndTime", "GetDeviceInformation", "GetServices", "GetCapabilities",
            "GetHostname", "GetEndpointReference"])  # fmt: skip
        self.assertEqual(self.calls(second), ["GetSystemDateAndTime"])
        self.assertEqual(site.device("00408c300009")["OnvifUrl"],
                         "http://192.168.7.102:80/onvif/device_service")  # fmt: skip
        self.check_gentle(first, second)

    def test_wrong_port(self):
        """an address with a port that is closed does not hide the service on another one"""
        site = self.site
        settings = camera({"onvif": OPEN, "onvif_path": "/onvif/service"})
        settings["wsd"]["xaddrs"] = "http://{address}:2020/onvif/service"
        host = self.add(settings)
        site.start()
        site.wait_for("4419b6100001", HTTP_RTSP, Model="DS-2CD2142FWD-I",
                      OnvifUrl="http://192.168.7.101:80/onvif/service")  # fmt: skip
        site.wait_for_quiet()
        self.check_gentle(host)

    def test_two_paths(self):
        """where several paths lead to the service, the one that the device tells is shown"""
        site = self.site
        settings = {**camera({"onvif": OPEN, "onvif_path": "any"}), "ssdp": AXIS_UPNP}
        settings["wsd"] = wsd("http://{address}/onvif/services", silent=True)
        settings["wsd"]["delay_ms"] = 400  # its web server is known by UPnP before
        self.add(settings)
        site.start()
        site.wait_for("4419b6100001", HTTP_RTSP,
                      OnvifUrl="http://192.168.7.101:80/onvif/services")  # fmt: skip


class TestTls(OnvifTest):
    def setUp(self):
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.pair = [f"{directory.name}/camera.crt", f"{directory.name}/camera.key"]
        # As old cameras have them: signed by themselves, long over, a short key.
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "1", "-sha1",
             "-keyout", self.pair[1], "-out", self.pair[0], "-subj",
             "/O=Axis Communications AB/CN=axis-00408c300009/serialNumber=00408C300009"],
            check=True, stderr=subprocess.DEVNULL)  # fmt: skip
        os.environ.pop("OPENSSL_CONF", None)

    def test_https(self):
        """a web server in TLS is confirmed, and its certificate is evidence"""
        site = self.site
        host = self.add({**camera({}), "http": {80: {}, 443: {"certificate": self.pair,
                                                              "server": "nobody"}}})  # fmt: skip
        site.start()
        found = site.wait_for("4419b6100001", [(80, "http"), (443, "https"), (554, "rtsp")],
                              Serial="00408C300009")  # fmt: skip
        self.assertIn("certificate", found["Evidence"])
        site.wait_for_quiet()
        self.check_gentle(host)

    def test_redirect(self):
        """a page that sends on to TLS, or to another page of its own, is followed once"""
        site = self.site
        first = self.add({**camera({"redirect": "https://{host}:8443/"}),
                          "rtsp": {554: {}}}, "44:19:b6:10:00:01", "192.168.7.101")  # fmt: skip
        other = camera({"redirect": "/login", "realm": "AXIS_00408C300009"})
        other["wsd"]["endpoint"] = "urn:uuid:2"
        second = self.add(other, "44:19:b6:10:00:02", "192.168.7.102")
        site.start()
        site.wait_for("4419b6100002", HTTP_RTSP, Vendor="Axis")
        site.wait_for("4419b6100001", HTTP_RTSP)
        site.wait_for_quiet()
        self.assertGreaterEqual(devices.output(second).count("connection 80"), 2)
        self.check_gentle(first, second)


class TestLimits(OnvifTest):
    def test_few_connections(self):
        """a device that takes every connection and answers none is left in peace soon"""
        site = self.site
        ports = {port: {} for port in (80, 81, 85, 88, 443, 554, 2020, 5554, 7447, 8000, 8080, 8081,
                                       8090, 8554, 8899, 10554)}  # fmt: skip
        silent = self.add({"wsd": wsd("http://{address}/onvif/device_service"), "tcp": ports,
                           "http": {}, "rtsp": {}})  # fmt: skip
        # Refuses them all: its ports are hunted for, but not for ever.
        closed = self.add({"wsd": wsd("http://{address}/onvif/device_service", endpoint="urn:uuid:2"),
                           "http": {}, "rtsp": {}}, "44:19:b6:10:00:02", "192.168.7.102")  # fmt: skip
        site.start()
        site.wait("both", lambda: len(site.devices()) == 2)
        site.wait_for_quiet()
        self.assertGreaterEqual(devices.output(silent).count("connection"), 2)
        self.check_gentle(silent, closed)

    def test_restless(self):
        """a device that moves all the time is not asked everything each time"""
        site = self.site
        host = self.add(camera({}))
        site.start()
        site.wait_for("4419b6100001", HTTP_RTSP)
        site.wait_for_quiet()
        for i in range(16):
            address = f"192.168.7.{150 + i}"
            host.ip("address flush dev eth0", f"address add {address}/24 dev eth0")
            devices.say(host, "hello")
            site.wait_for("4419b6100001", HTTP_RTSP, Address=address)
        site.wait_for_quiet()
        # All of it once, and six looks at what is known: that is for ten minutes.
        self.check_gentle(host, most=10 + 6 * 4)

    def test_printers_and_machines(self):
        """what listens for jobs and orders is not asked, though it be announced as a camera's"""
        site = self.site
        ports = (9100, 515, 631, 502, 102, 44818)
        xaddrs = " ".join(f"http://{{address}}:{port}/" for port in (*ports, 8080))
        host = self.add({"wsd": wsd(xaddrs), "tcp": {port: {} for port in ports},
                         "http": {8080: {}}, "rtsp": {554: {}}})  # fmt: skip
        site.start()
        site.wait_for("4419b6100001", [(554, "rtsp"), (8080, "http")])
        site.wait_for_quiet()
        for port in ports:
            self.assertNotIn(f"connection {port}\n", devices.output(host))


if __name__ == "__main__":
    tap.main(TestOnvif, TestTls, TestLimits)
