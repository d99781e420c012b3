#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""That discoverd's table is true: who is one and who is two, who moved, who is forged."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import devices  # noqa: E402
import tap  # noqa: E402
from busenv import BusError  # noqa: E402
from discoverd_site import NAME, PORTS, SiteTest, camera  # noqa: E402

COMPUTER = {"wsd": {"endpoint": "urn:uuid:4f6d2a3e-0c11-5d0a-8c55-52540000aa01",
                    "types": "wsdp:Device pub:Computer", "scopes": [],
                    "xaddrs": "http://{address}:5357/x"}}  # fmt: skip


class TestIdentity(SiteTest):
    def explain(self, id):
        return self.site.proxy.call(NAME, "Explain", "(s)", id)

    def test_two_network_cards(self):
        """a camera with two network cards is one device with two addresses"""
        site = self.site
        site.lan.add_switch("lan2")
        site.gateway.plug_in("eth1", switch="lan2")
        site.gateway.ip("address add 192.168.8.10/24 dev eth1")
        host = site.lan.add_host("both", "44:19:b6:10:00:21", "192.168.7.101/24")
        host.plug_in("eth1", "44:19:b6:10:00:22", switch="lan2")
        host.ip("address add 192.168.8.101/24 dev eth1")
        both = camera("urn:uuid:a7fc57d6-2f4a-4c41-9f64-4419b6100021")
        host.start_devices(("eth0", both), ("eth1", both))
        host.wait_until_ready()
        site.start()

        def meet():
            """The name that all of its names lead to, once they lead to the same."""
            found = {self.wait_for_explained(id)["Id"] for id in
                     ("192.168.7.101", "192.168.8.101", "44:19:b6:10:00:21", "44:19:b6:10:00:22")}
            return found if len(found) == 1 else None

        # By the name of the card that was heard first: a name never changes. A card that is heard by
        # ARP before it has told its endpoint is a host of its own until it does.
        found = site.wait("one device", meet)
        self.assertEqual(set(site.devices()), found)
        site.wait_for(found.pop(), PORTS, Online=True)

    def test_two_families(self):
        """a camera with an IPv4 and an IPv6 address is one device with both"""
        site = self.site
        site.add("hik", "44:19:b6:10:00:23", "192.168.7.123", camera("urn:uuid:23"))
        site.start()
        address = "fe80::4619:b6ff:fe10:23"
        site.wait_for("4419b6100023", PORTS, Address="192.168.7.123", Ipv6Addresses=[address])
        self.assertEqual(list(site.devices()), ["4419b6100023"])
        self.assertEqual(self.explain(address)["Id"], "4419b6100023")

    def wait_for_explained(self, id):
        def try_it():
            try:
                return self.explain(id)
            except BusError:
                return None

        return self.site.wait(f"something to be heard of {id}", try_it)

    def test_cloned_endpoints(self):
        """two cameras of one model that go by the same endpoint are two"""
        site = self.site
        for i in (1, 2):
            site.add(f"clone{i}", f"44:19:b6:10:00:3{i}", f"192.168.7.13{i}",
                     camera("urn:uuid:00000000-0000-0000-0000-000000000000"))  # fmt: skip
        site.start()
        first = site.wait_for("4419b6100031", PORTS, Address="192.168.7.131")
        second = site.wait_for("4419b6100032", PORTS, Address="192.168.7.132")
        self.assertEqual(first["Model"], second["Model"])
        site.wait_for_quiet()
        self.assertEqual(len(site.devices()), 2)

    def test_address_given_to_another(self):
        """who gets the address of a camera that went does not inherit what was known of it"""
        site = self.site
        host = site.add("hik", "44:19:b6:10:00:41", "192.168.7.141", camera("urn:uuid:41"))
        # Else it would keep that address, if it was heard of before all are taken from it.
        host.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        site.start()
        site.wait_for("4419b6100041", PORTS, Address="192.168.7.141", Online=True)
        host.ip("address flush dev eth0")
        pc = site.lan.add_device("pc", "52:54:00:00:aa:01", None, COMPUTER)
        # As all systems that get an address do (RFC 5227): it tells of it.
        pc.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_notify=1")
        pc.ip("link set eth0 down", "address add 192.168.7.141/24 dev eth0", "link set eth0 up")
        site.wait("the camera without its address", lambda: (
            "Address" not in (device := site.device("4419b6100041")) and not device["Online"]))
        computer = self.wait_for_explained("192.168.7.141")
        self.assertEqual((computer["Id"], computer["Verdict"]), ("52540000aa01", "rejected"))
        self.assertLessEqual({fact[0] for fact in computer["Facts"]}, {"wsd", "oui", "arp", "ndp"})
        self.assertNotIn("Model", computer)
        self.assertEqual(list(site.devices()), ["4419b6100041"])
        signals = site.bus.signals(sender=NAME)
        host.ip("address add 192.168.7.142/24 dev eth0")
        site.wait_for("4419b6100041", PORTS, Address="192.168.7.142", Online=True)
        self.assertNotIn("InterfacesAdded", [signal[2] for signal in signals])

    def test_replaced(self):
        """a new camera at the address of another is told from it by the link, not by the kernel"""
        site = self.site
        # So patient that it will not notice by itself.
        site.gateway.run("sysctl", "-qw", "net.ipv4.neigh.eth0.delay_first_probe_time=3600",
                         "net.ipv4.neigh.eth0.base_reachable_time_ms=3600000")  # fmt: skip
        old = site.add("old", "44:19:b6:10:00:51", "192.168.7.151", camera("urn:uuid:51"))
        site.start()
        site.wait_for("4419b6100051", PORTS, Address="192.168.7.151", Online=True)
        site.wait_for_quiet()
        old.ip("link set eth0 down")
        site.add("new", "44:19:b6:10:00:52", "192.168.7.151", camera("urn:uuid:52"))
        site.wait_for("4419b6100052", PORTS, Address="192.168.7.151", Online=True)
        site.wait("the old one without its address",
                  lambda: site.device("4419b6100051").get("Address") != "192.168.7.151")  # fmt: skip


class TestPresence(SiteTest):
    def test_battery(self):
        """a camera that runs on a battery and does not answer is asleep, and nobody goes looking"""
        site = self.site
        site.gateway.run("sysctl", "-qw", "net.ipv4.neigh.eth0.base_reachable_time_ms=2000",
                         "net.ipv4.neigh.eth0.delay_first_probe_time=1")  # fmt: skip
        battery = camera("urn:uuid:61", scopes=["onvif://www.onvif.org/hardware/Argus_3_Pro"])
        hosts = [site.add("argus", "44:19:b6:10:00:61", "192.168.7.161", battery),
                 site.add("other", "44:19:b6:10:00:62", "192.168.7.162", camera("urn:uuid:62"))]
        site.start()
        for i in (1, 2):
            site.wait_for(f"4419b610006{i}", PORTS, Online=True, Asleep=False)
        for host in hosts:
            devices.say(host, "bye")
            site.wait("the good-bye", lambda host=host: devices.has_said(host, "bye", 1))
            host.ip("link set eth0 down")
        site.wait("both to be missed", lambda: not any(
            device["Online"] for device in site.devices().values()), 120)  # fmt: skip
        self.assertTrue(site.device("4419b6100061")["Asleep"])
        self.assertFalse(site.device("4419b6100062")["Asleep"])
        log = site.bus.log()
        self.assertIn("4419b6100061 sleeps EVENT=device-asleep", log)
        self.assertNotIn("4419b6100061 does not answer", log)
        self.assertIn("4419b6100062 does not answer", log)
        hosts[0].ip("link set eth0 up")
        devices.say(hosts[0], "hello")
        site.wait_for("4419b6100061", PORTS, Online=True, Asleep=False)


if __name__ == "__main__":
    tap.main(TestIdentity, TestPresence)
