# SPDX-License-Identifier: GPL-3.0-or-later
"""discoverd on LANs of many cameras (tests/cameras), beside nmap, arp-scan and onvif-util on the same LAN.

Times begin with the start of the program. "All" cameras are identified when each is on the bus with
its HTTP and RTSP port; a peer's time is that of its whole run, and what it finds is named with it.
"""

import ipaddress
import json
import os
import re
import subprocess
import time

import namespaces
from busenv import PrivateBus, Timeout
from cameras import crowd, lan
from results import spend

PACKAGES = ("nftables", "nmap", "arp-scan", "onvif-tools")
TARGETS = ("discoverd/discoverd", "discoverd/discoverd-tls", "tests/netns/flood")
NAME, ROOT = "io.evercam.Discovery1", "/io/evercam/Discovery1"
DEVICE = NAME + ".Device"
CAMERA_FROM = 0.8
SPEAKING = ("plain", "plain", "plain", "plain", "axis-upnp")
SILENT = "mute"
CAMERAS = ("plain", "axis-upnp", "mute")
BYSTANDERS = ("windows", "media-server", "web-server", "web-server", "windows", "media-server")


def oui(number):
    """Makers' blocks, so that the maker is no news: Hikvision's, and one of nobody."""
    return "44:19:b6" if number % 2 else "52:54:00"


class Lan:
    """A gateway, which is where we are, on a network with many devices in one other namespace.

    kinds: personalities of tests/cameras.
    """

    def __init__(self, network, kinds):
        self.network = ipaddress.ip_network(network)
        self.name = "crowd"
        namespaces.add(self.name)
        namespaces.link(None, "lan0", self.name, "uplink")
        step = max(1, (self.network.num_addresses - 40) // (len(kinds) + 1))
        self.hosts = []
        places = []
        for number, kind in enumerate(kinds):
            address = self.network.network_address + 20 + number * step
            mac = f"{oui(number)}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
            self.hosts.append({"address": str(address), "kind": kind})
            places.append((mac, f"{address}/{self.network.prefixlen}"))
        enter = ("ip", "netns", "exec", self.name)
        crowd.make_interfaces(enter, "uplink", places)
        self.process = subprocess.Popen([*enter, "/usr/bin/python3", lan.DEVICE],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.say(json.dumps(crowd.devices(kinds)))
        self.process.stdout.readline()
        namespaces.address(None, "lan0", f"{self.network.network_address + 2}/{self.network.prefixlen}")
        # onvif-util asks only where the default route leads.
        namespaces.ip(None, "route", "add", "default", "via", self.hosts[0]["address"])

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, line):
        self.say(line)
        return self.process.stdout.readline()

    def count_connections(self):
        """What each address was sent."""
        counted = json.loads(self.ask("connections"))
        return {host["address"]: count for host, count in zip(self.hosts, counted, strict=True)}

    def addresses(self, *kinds):
        return {host["address"] for host in self.hosts if host["kind"] in kinds}

    def lose(self, percent):
        chain = ("chain output { type filter hook output priority 0; "
                 f"numgen random mod 100 < {percent} drop; }}")
        rules = f"table inet loss {{\n{chain}\n}}"
        for host in (None, self.name):
            with namespaces.inside(host):
                subprocess.run(["nft", "delete table inet loss"], check=False, capture_output=True)
                if percent:
                    namespaces.run("nft", rules)

    @staticmethod
    def sent():
        link = json.loads(namespaces.run("ip", "-j", "-s", "link", "show", "dev", "lan0"))[0]
        return link["stats64"]["tx"]["packets"]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        namespaces.run("ip", "link", "delete", "lan0")
        namespaces.run("ip", "netns", "delete", self.name)


class Discoverd:
    """The daemon on a bus of its own; when each device came to be shown and complete."""

    def __init__(self, build, *configuration):
        self.bus = PrivateBus()
        path = os.path.join(self.bus.directory, "discoverd.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("include_interfaces = lan0\n" + "".join(f"{line}\n" for line in configuration))
        self.shown, self.complete, self.properties = {}, {}, {}
        connection = self.bus.connect()
        self.connection = connection
        self.started = time.monotonic()
        connection.signal_subscribe(None, None, None, None, None, 0, self.on_signal)
        self.process = self.bus.start([os.path.join(build, "discoverd/discoverd"), "--config", path])
        self.bus.wait_for_name(NAME)
        self.proxy = self.bus.proxy(NAME, ROOT)

    def on_signal(self, _connection, _sender, path, _interface, member, parameters):
        values = parameters.unpack()
        if member == "InterfacesAdded" and DEVICE in values[1]:
            path, changed = values[0], values[1][DEVICE]
        elif member == "PropertiesChanged" and values[0] == DEVICE:
            changed = values[1]
        else:
            return
        properties = self.properties.setdefault(path, {})
        properties.update(changed)
        address = properties.get("Address")
        if address and properties.get("Confidence", 0) >= CAMERA_FROM:
            self.shown.setdefault(address, time.monotonic() - self.started)
            services = {service for _, service in properties.get("Ports", [])}
            if {"http", "rtsp"} <= services:
                self.complete.setdefault(address, time.monotonic() - self.started)

    def wait(self, what, condition, deadline):
        try:
            self.bus.wait(what, condition, deadline)
        except Timeout:
            return False
        return True

    def wait_for_quiet(self, deadline=30):
        self.wait("quiet", lambda: not self.proxy.get(NAME, "Scanning"), deadline)

    def status(self, file, key):
        with open(f"/proc/{self.process.pid}/{file}", encoding="ascii") as file:
            return int(re.search(rf"^{key}:\s+(\d+)", file.read(), re.M).group(1))

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.connection.close_sync(None)
        self.bus.close()


def kinds(cameras, silent=0):
    speaking = [SPEAKING[i % len(SPEAKING)] for i in range(cameras - silent)]
    return speaking + [SILENT] * silent + list(BYSTANDERS)


# --- peers ---


def peer(lan, *command, deadline=120):
    """Seconds, and how many of the cameras it names; None if it had to be ended."""
    started = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=deadline)
    except subprocess.TimeoutExpired:
        return time.monotonic() - started, None
    output = done.stdout
    cameras = lan.addresses(*CAMERAS)
    found = {word for word in re.findall(r"\d+\.\d+\.\d+\.\d+", output) if word in cameras}
    return time.monotonic() - started, len(found)


def peers(lan, patience):
    network = str(lan.network)
    return {
        "arp-scan, addresses only": peer(lan, "arp-scan", "--interface=lan0", network),
        "nmap -sn, addresses only": peer(lan, "nmap", "-n", "-sn", network),
        "nmap -sV of 80 and 554": peer(lan, "nmap", "-n", "-sV", "-p80,554", "--open", network,
                                       deadline=patience),
        "nmap broadcast-wsdd-discover": peer(lan, "nmap", "-n", "--script", "broadcast-wsdd-discover",
                                             "-e", "lan0"),
        "onvif-util -a": peer(lan, "onvif-util", "-a"),
    }


# --- what is measured ---


def bench_24(build, results, rounds):
    lan = Lan("192.168.7.0/24", kinds(50) + ["plain"] * rounds)
    late = range(len(lan.hosts) - rounds, len(lan.hosts))
    speaking = lan.addresses(*SPEAKING) - {lan.hosts[i]["address"] for i in late}
    cameras = lan.addresses(*CAMERAS)
    for i in late:
        namespaces.ip(lan.name, "link", "set", f"c{i}", "down")
    firsts, alls, false, packets, missing = [], [], 0, [], 0
    for _ in range(rounds):
        before = lan.sent()
        discoverd = Discoverd(build)
        try:
            discoverd.wait("all", lambda: speaking <= set(discoverd.complete), 30)
            discoverd.wait_for_quiet()
            firsts.append(min(discoverd.shown.values(), default=30))
            alls.append(max(discoverd.complete.values(), default=30))
            missing += len(speaking - set(discoverd.complete))
            packets.append(lan.sent() - before)
            false += len(set(discoverd.shown) - cameras)
        finally:
            discoverd.close()
    counted = lan.count_connections()
    found = peers(lan, 120 if rounds == 1 else 600)
    total = len(speaking)
    results.add("discovery", "24-first", "s", firsts)
    results.add("discovery", "24-all", "s", alls,
                {name: spent for name, (spent, count) in found.items()},
                note="ended before their time: " + (
                    ", ".join(name for name, (_, count) in found.items() if count is None) or "none"))
    results.add("discovery", "24-recall", "of 1", 1 - missing / total / rounds,
                {name: count / total for name, (_, count) in found.items() if count})
    results.add("discovery", "24-false", "devices", false)
    results.add("discovery", "24-connections-per-camera", "connections",
                max(counted[address] for address in speaking) / rounds, note="the most, per scan")
    results.add("discovery", "24-packets", "packets", packets)
    bench_hotplug(build, lan, late, results)
    for loss in (10, 30):
        bench_loss(build, lan, speaking, loss, results, rounds)
    bench_idle(build, lan, results, 20 if rounds == 1 else 60)
    lan.close()


def bench_hotplug(build, lan, late, results):
    """From a camera's first Hello to its object on the bus."""
    spent = []
    discoverd = Discoverd(build)
    try:
        discoverd.wait_for_quiet()
        for i in late:
            address = lan.hosts[i]["address"]
            namespaces.ip(lan.name, "link", "set", f"c{i}", "up")
            said = float(lan.ask(f"hello {i}").split()[2])
            discoverd.wait("it", lambda address=address: address in discoverd.shown, 30)
            spent.append(discoverd.shown.get(address, 30) + discoverd.started - said)
    finally:
        discoverd.close()
        for i in late:
            namespaces.ip(lan.name, "link", "set", f"c{i}", "down")
    results.add("discovery", "hotplug", "s", spent)


def bench_loss(build, lan, speaking, loss, results, rounds):
    found = 0
    lan.lose(loss)
    for _ in range(rounds):
        discoverd = Discoverd(build)
        try:
            discoverd.wait_for_quiet()
            found += len(speaking & set(discoverd.shown))
        finally:
            discoverd.close()
    lan.lose(0)
    results.add("discovery", f"24-recall-loss{loss}", "of 1", found / len(speaking) / rounds,
                note="after one scan")


def bench_idle(build, lan, results, seconds):
    discoverd = Discoverd(build)
    try:
        discoverd.wait_for_quiet()
        discoverd.wait("the looks at what was incomplete", lambda: False, 1)
        cpu, sent, started = discoverd.cpu(), lan.sent(), time.monotonic()
        woken = discoverd.status("status", "voluntary_ctxt_switches")
        discoverd.wait("nothing", lambda: False, seconds)
        spent = time.monotonic() - started
        results.add("discovery", "idle-cpu", "percent", 100 * (discoverd.cpu() - cpu) / spent)
        results.add("discovery", "idle-packets", "packets per camera and minute",
                    (lan.sent() - sent) * 60 / spent / len(discoverd.shown or [0]))
        woken = discoverd.status("status", "voluntary_ctxt_switches") - woken
        results.add("discovery", "idle-wakeups", "per minute", woken * 60 / spent,
                    note=f"{len(discoverd.shown)} devices")
    finally:
        discoverd.close()


def bench_22(build, results, rounds):
    lan = Lan("192.168.4.0/22", kinds(200))
    cameras = lan.addresses(*SPEAKING)
    spent, missing = [], 0
    for _ in range(rounds):
        discoverd = Discoverd(build)
        try:
            discoverd.wait("all", lambda: cameras <= set(discoverd.complete), 60)
            spent.append(max(discoverd.complete.values(), default=60))
            missing += len(cameras - set(discoverd.complete))
        finally:
            discoverd.close()
    lan.close()
    results.add("discovery", "22-all", "s", spent,
                note=f"{missing / rounds:.1f} of {len(cameras)} missing")


def bench_16(build, results):
    lan = Lan("10.7.0.0/16", kinds(300, silent=30))
    speaking, cameras = lan.addresses(*SPEAKING), lan.addresses(*CAMERAS)
    discoverd = Discoverd(build)
    try:
        discoverd.wait("those that speak", lambda: speaking <= set(discoverd.shown), 30)
        known = [at for address, at in discoverd.shown.items() if address in speaking]
        results.add("discovery", "16-speaking", "s", max(known, default=30),
                    note=f"{len(known)} of {len(speaking)}")
        discoverd.wait("all", lambda: cameras <= set(discoverd.complete), 180)
        results.add("discovery", "16-all", "s", max(discoverd.complete.values(), default=180),
                    note=f"{len(cameras & set(discoverd.complete))} of {len(cameras)}")
    finally:
        discoverd.close()
        lan.close()


def bench_flood(build, results, seconds):
    """Forged devices from the link's own addresses, as fast as one process can send."""
    lan = Lan("10.7.0.0/16", kinds(50))
    cameras = lan.addresses(*SPEAKING)
    discoverd = Discoverd(build)
    try:
        discoverd.wait("all", lambda: cameras <= set(discoverd.complete), 60)
        discoverd.wait_for_quiet()
        before, waits = discoverd.status("status", "VmRSS"), []
        with namespaces.inside(lan.name):
            sender = subprocess.Popen(
                [os.path.join(build, "tests/netns/flood"), "uplink", str(lan.network), str(seconds),
                 "answers"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        sender.stdout.readline()
        while sender.poll() is None:
            waits.append(spend(discoverd.proxy.get, NAME, "DeviceCount"))
        rate = sender.communicate()[0].split()[1]
        kept = sum(discoverd.properties[path]["Online"] for path in discoverd.properties)
        note = f"{rate} packets a second; {kept} of {len(cameras)} cameras kept"
        results.add("discovery", "flood-memory", "kB",
                    discoverd.status("status", "VmRSS") - before, note="more; " + note)
        results.add("discovery", "flood-bus", "s", waits, note=f"longest {max(waits):.3f}")
    finally:
        discoverd.close()
        lan.close()


def bench_memory(build, results):
    lan = Lan("192.168.4.0/22", kinds(500))
    cameras = lan.addresses(*SPEAKING)
    discoverd = Discoverd(build)
    try:
        empty = discoverd.status("smaps_rollup", "Rss")
        discoverd.wait("all", lambda: cameras <= set(discoverd.complete), 60)
        during = discoverd.status("smaps_rollup", "Rss")
        discoverd.wait_for_quiet()
        results.add("discovery", "memory-500", "kB", discoverd.status("smaps_rollup", "Rss"), note=(
            f"{len(discoverd.shown)} devices; its own part {discoverd.status('smaps_rollup', 'Pss')}, "
            f"not of files {discoverd.status('status', 'RssAnon')}; at the start {empty}, "
            f"at the end of the scan {during}"))
    finally:
        discoverd.close()
        lan.close()


def run(build, results, quick=False):
    namespaces.isolate()
    rounds = 1 if quick else 5
    if results.wants("24-first", "24-all", "24-recall", "24-false", "24-connections-per-camera",
                     "24-packets", "hotplug", "24-recall-loss10", "24-recall-loss30", "idle-cpu",
                     "idle-packets"):  # fmt: skip
        bench_24(build, results, rounds)
    if results.wants("22-all"):
        bench_22(build, results, rounds)
    if results.wants("memory-500"):
        bench_memory(build, results)
    if results.wants("flood-memory", "flood-bus"):
        bench_flood(build, results, 5 if quick else 20)
    if results.wants("16-speaking", "16-all"):
        bench_16(build, results)
