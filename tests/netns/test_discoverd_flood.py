#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""discoverd in a flood of forged devices. Alone: the kernel's queues are one for all namespaces."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import devices  # noqa: E402
import tap  # noqa: E402
from discoverd_site import DISCOVERD, NAME, PORTS, SiteTest, camera  # noqa: E402


class TestFlood(SiteTest):
    """As fast as a sender can, from more addresses than any table has."""

    def allocated(self):
        with open(f"/proc/{self.site.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))

    def flood(self, sources, kind, bound):
        site = self.site
        # Too large to ask each address, which would go on for two minutes.
        site.gateway.ip("address flush dev eth0", "address add 10.7.0.10/15 dev eth0")
        names = [f"4419b610005{i}" for i in range(3)]
        for i in range(3):
            site.lan.add_device(f"c{i}", f"44:19:b6:10:00:5{i}", f"10.7.1.{i + 1}/15",
                                camera(f"urn:uuid:5{i}"))  # fmt: skip
        site.start()
        for name in names:
            site.wait_for(name, PORTS)
        site.wait_for_quiet()
        before = self.allocated()
        attacker = site.lan.add_host("attacker")
        sender = subprocess.Popen(
            # The kernel's queues are everybody's: it gets what the others leave of the processor.
            attacker.command("nice", "-n", "10", sys.argv[2], "eth0", sources, "60", kind),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        self.addCleanup(devices.end, sender)
        self.assertEqual(sender.stdout.readline(), "ready\n")
        site.proxy.call(NAME, "Scan", "(a{sv})", {})
        late = site.lan.add_device("late", "44:19:b6:10:00:59", "10.7.1.9/15", camera("urn:uuid:59"))
        for _ in range(50):  # the bus is answered all the while
            self.assertLessEqual(site.proxy.get(NAME, "DeviceCount"), bound)
        for name in names:
            self.assertTrue(site.device(name)["Online"])
            self.assertEqual(sorted(site.device(name)["Ports"]), PORTS)
        grown = self.allocated() - before
        sender.stdin.close()
        sent = int(sender.stdout.readline().split()[0])
        self.assertGreater(sent, 0)
        with open(DISCOVERD, "rb") as program:
            sanitized = b"__asan_init" in program.read()
        if not sanitized:  # whose allocator keeps what was freed
            print(f"# {grown} kB more after {sent} packets")
            self.assertLess(grown, 4096, f"kB more after {sent} packets")

        def found():
            if not site.device("4419b6100059") and not site.proxy.get(NAME, "Scanning"):
                devices.say(late, "hello")
            return site.device("4419b6100059")

        site.wait("the camera that came meanwhile", found)
        for name in names:
            site.wait_for(name, PORTS, Online=True)

    def test_from_the_link(self):
        """a flood from addresses of the own network: bounded; real cameras are kept and found"""
        # Those without a MAC have a sixteenth of the table; those with one are real.
        self.flood("10.7.0.0/16", "answers", 4 + 65)

    def test_from_elsewhere(self):
        """a flood from a million addresses of other networks: bounded; real ones are kept and found"""
        self.flood("172.16.0.0/12", "answers", 4 + 65)

    def test_from_cards(self):
        """a flood of forged ARP and DHCP as well: the table fills, and real ones are kept and found"""
        # From other addresses than theirs: who takes an address has it, for the kernel as well.
        self.flood("10.6.0.0/16", "cards", 1024)


if __name__ == "__main__":
    tap.main(TestFlood)
