# SPDX-License-Identifier: GPL-3.0-or-later
"""routed beside nft, iptables-restore, iptables, and forwarding without NAT.

Three gateways, each between a client and a camera of its own: routed's ("here"), one with iptables,
and one that only forwards. What is compared is measured in turn, round by round, so that other work
on the machine meets all alike. Times are medians; rates are those of the best round, which other work
disturbed least.
"""

import os
import re
import subprocess

import namespaces
from busenv import GLib, PrivateBus
from results import median, spend

PACKAGES = ("nftables", "iptables", "conntrack")
TARGETS = ("routed/routed", "tests/bench/load")
NAME = "io.evercam.Routing1"
PATH = "/io/evercam/Routing1"
INGRESS = "vpn_ether"
CAMERA = "192.168.1.10"
PORT = 8554
SIZES = (100, 1000, 10000)
CLIENT_ADDRESSES = 16
SLICE = 0.5  # seconds of new connections: short, so that rounds are many


class Gateway:
    """A gateway between a client and a camera with a sink on it. host None: where we are."""

    def __init__(self, host, load):
        self.host, self.load = host, load
        self.client, self.lan = (f"{host or 'routed'}-{side}" for side in ("client", "lan"))
        if host:
            namespaces.add(host)
        for name in (self.client, self.lan):
            namespaces.add(name)
        namespaces.link(host, INGRESS, self.client, "eth0")
        namespaces.link(host, "lan0", self.lan, "eth0")
        namespaces.address(host, INGRESS, "10.44.0.1/24")
        namespaces.address(host, "lan0", "192.168.1.1/24")
        namespaces.address(self.lan, "eth0", f"{CAMERA}/24")
        namespaces.address(self.client, "eth0",
                           *(f"10.44.0.{100 + i}/24" for i in range(CLIENT_ADDRESSES)))
        namespaces.ip(self.client, "route", "add", "192.168.1.0/24", "via", "10.44.0.1")
        namespaces.ip(self.lan, "route", "add", "10.44.0.0/24", "via", "192.168.1.1")
        self.write("net/ipv4/ip_forward", 1)
        self.sink = self.start(self.lan, "sink", PORT)
        self.sink.stdout.readline()

    def write(self, name, value):
        with namespaces.inside(self.host), \
                open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
            file.write(str(value))

    def forget_connections_soon(self):
        # Else the masqueraded ports of one run would not be free again in the next.
        self.write("net/netfilter/nf_conntrack_tcp_timeout_close", 1)

    def run(self, *command, **options):
        with namespaces.inside(self.host):
            return subprocess.run(command, check=True, capture_output=True, text=True, **options)

    def start(self, host, *arguments):
        with namespaces.inside(host):
            return subprocess.Popen([self.load, *map(str, arguments)], stdout=subprocess.PIPE,
                                    text=True)

    def measure(self, *arguments):
        process = self.start(self.client, *arguments)
        rate, failed = process.communicate()[0].split()
        if int(failed):
            raise RuntimeError(f"{failed} connections failed")
        return float(rate)

    def connections(self, address, port, seconds):
        # Those of the run before would be in the way: their ports are still masqueraded.
        self.run("conntrack", "-F")
        return self.measure("connect", "10.44.0.100", CLIENT_ADDRESSES, address, port, seconds)

    def throughput(self, address, port, seconds):
        return self.measure("send", address, port, seconds)


class Routed:
    """The daemon on a bus of its own."""

    def __init__(self, build):
        self.bus = PrivateBus()
        file = os.path.join(self.bus.directory, "routed.conf")
        open(file, "w", encoding="ascii").close()
        self.daemon = self.bus.start([os.path.join(build, "routed/routed"), "--config", file])
        self.bus.wait_for_name(NAME)
        self.proxy = self.bus.proxy(NAME, PATH)
        self.calls = {}

    def call(self, method, forwards):
        """Ready-made values, so that only the call itself is measured."""
        values = GLib.Variant("(sa(sqsqsa{sv}))", ("bench", forwards))
        return lambda: self.proxy.connection.call_sync(
            NAME, PATH, NAME, method, values, None, 0, 60000, None)

    def replace(self, count, **options):
        key = (count, *options)
        if key not in self.calls:
            self.calls[key] = self.call("Replace", forwards(count, **options))
        self.calls[key]()

    def clear(self):
        self.proxy.call(NAME, "Clear", "(s)", "bench")

    def memory(self):
        with open(f"/proc/{self.daemon.pid}/smaps_rollup", encoding="ascii") as file:
            text = file.read()
        return tuple(int(re.search(rf"^{key}: +(\d+)", text, re.M).group(1))
                     for key in ("Rss", "Pss"))

    def close(self):
        self.bus.close()


def ports(count):
    """The last one is PORT's."""
    return range(20000, 20000 + count)


def forwards(count, **options):
    return [("tcp", port, CAMERA, PORT, INGRESS,
             {"name": GLib.Variant("s", f"camera {port}"), **options}) for port in ports(count)]


# Three lengths of prefix; the clients are in the last of these networks.
ALLOW_FROM = {"allow-from": GLib.Variant("as", ["198.51.100.7/32", "192.0.2.0/24", "10.44.0.0/16"])}


def iptables_rules(count):
    for port in ports(count):
        yield ("PREROUTING", f"-i {INGRESS} -p tcp --dport {port} "
                             f"-j DNAT --to-destination {CAMERA}:{PORT}")
        # The original's second entry for each forward; of another host each, as there.
        yield ("POSTROUTING", f"-p tcp -d 192.168.{port // 250 % 250}.{port % 250} --dport {PORT} "
                              "-j SNAT --to-source 192.168.1.1")


def iptables_file(count):
    return "\n".join([
        "*nat", *(f"-A {chain} {rule}" for chain, rule in iptables_rules(count)),
        f"-A POSTROUTING -p tcp -d {CAMERA} --dport {PORT} -j SNAT --to-source 192.168.1.1",
        "COMMIT", ""])


def iptables_calls(gateway, rules):
    for chain, rule in rules:
        gateway.run("iptables", "-w", "-t", "nat", "-A", chain, *rule.split())


def time_iptables_calls(gateway, count):
    """Up to 1,000 all calls; beyond, each call costs more than the one before: the sum is taken from
    samples of 20 calls at five sizes."""
    gateway.run("iptables", "-t", "nat", "-F")
    if count <= 1000:
        return spend(iptables_calls, gateway, iptables_rules(count))
    costs = []
    sample = list(iptables_rules(10))
    for size in (1, count // 4, count // 2, count * 3 // 4, count):
        gateway.run("iptables-restore", input=iptables_file(size))
        costs.append(spend(iptables_calls, gateway, sample) / len(sample))
    gateway.run("iptables", "-t", "nat", "-F")
    steps = [(a + b) / 2 for a, b in zip(costs, costs[1:])]
    return sum(steps) / len(steps) * 2 * count


def bench_replace(routed, peer, results, rounds):
    for count in SIZES:
        ours, nft, restore = [], [], []
        routed.replace(count)
        listing = namespaces.run("nft", "-s", "list", "table", "inet", "evercam")
        for _ in range(rounds):
            routed.clear()
            ours.append(spend(routed.replace, count))
            peer.run("nft", "flush", "ruleset")
            nft.append(spend(lambda: peer.run("nft", "-f", "-", input=listing)))
            peer.run("nft", "flush", "ruleset")
            restore.append(spend(lambda: peer.run("iptables-restore",
                                                  input=iptables_file(count))))
        calls = time_iptables_calls(peer, count)
        results.add("routing", f"replace-{count}", "s", median(ours), {
            "nft -f": median(nft), "iptables-restore": median(restore), "iptables": calls},
            note="iptables: from samples" if count > 1000 else "")
    peer.run("nft", "flush", "ruleset")


def bench_add(routed, peer, results, rounds):
    routed.replace(10000)
    peer.run("nft", "-f", "-", input=namespaces.run("nft", "-s", "list", "table", "inet", "evercam"))
    ours, nft = [], []
    for i in range(rounds * 5):
        port = 1000 + i
        ours.append(spend(routed.call("Add", [("tcp", port, CAMERA, PORT, INGRESS, {})])))
        elements = (f"add element inet evercam forwards_ip {{ {INGRESS} . tcp . {port} : "
                    f"{CAMERA} . {PORT} }}; add element inet evercam allowed_ip "
                    f"{{ {INGRESS} . tcp . {CAMERA} . {PORT} . {port} }}")
        nft.append(spend(lambda: peer.run("nft", elements)))
    inside = [int(us) / 1e6 for us in
              re.findall(r"1 added and 0 removed .* in (\d+) us", routed.bus.log())]
    results.add("routing", "add-one-in-10000", "s", median(ours), {"nft add element": median(nft)})
    results.add("routing", "add-one-in-10000-inside-routed", "s", median(inside))
    peer.run("nft", "flush", "ruleset")


def bench_connections(routed, gateways, results, rounds):
    here, peer, plain = gateways
    for gateway in (here, peer):
        gateway.forget_connections_soon()
    sizes = (1, 1000, 10000)
    ours, iptables, without = {size: [] for size in sizes}, {size: [] for size in sizes}, []
    restricted = []

    def with_routed(size, rates, **options):
        routed.replace(size, **options)
        rates.append(here.connections("10.44.0.1", ports(size)[-1], SLICE))

    def with_iptables(size):
        peer.run("iptables-restore", input=iptables_file(size))
        iptables[size].append(peer.connections("10.44.0.1", ports(size)[-1], SLICE))

    for turn in range(2 * rounds):
        without.append(plain.connections(CAMERA, PORT, SLICE))
        # Whoever comes first has no advantage over the rounds.
        order = [lambda size=size: with_routed(size, ours[size]) for size in sizes]
        order.append(lambda: with_routed(10000, restricted, **ALLOW_FROM))
        for measure in order[turn % 4:] + order[:turn % 4]:
            measure()
        for size in sizes:
            with_iptables(size)
    for size in sizes:
        results.add("routing", f"connections-{size}", "per second", max(ours[size]), {
            "routed-without-nat": max(without), "iptables": max(iptables[size])})
    results.add("routing", "connections-10000-allow-from", "per second", max(restricted),
                {"routed-without-nat": max(without)})
    print(f"    connections-10000 is {max(ours[10000]) / max(ours[1]):.3f} of connections-1")


def bench_throughput(routed, gateways, results, rounds):
    here, _, plain = gateways
    ours, without = {1: [], 10000: []}, []
    for _ in range(rounds):
        without.append(plain.throughput(CAMERA, PORT, 1))
        for size, rates in ours.items():
            routed.replace(size)
            rates.append(here.throughput("10.44.0.1", ports(size)[-1], 1))
    for size, rates in ours.items():
        results.add("routing", f"throughput-{size}", "Mbit/s", max(rates),
                    {"routed-without-nat": max(without)})


def bench_memory(build, results):
    routed = Routed(build)
    try:
        idle = routed.memory()
        routed.replace(10000)
        routed.proxy.get(NAME, "ForwardCount")  # the call before is done with
        rss, pss = routed.memory()
    finally:
        routed.close()
    results.add("routing", "memory-10000", "kB", rss,
                note=f"resident; its own part {pss}; idle {idle[0]} and {idle[1]}")


def run(build, results, quick=False):
    namespaces.isolate()
    load = os.path.join(build, "tests/bench/load")
    rounds = 3 if quick else 7
    gateways = [Gateway(host, load) for host in (None, "iptables", "plain")]
    bench_memory(build, results)
    routed = Routed(build)
    try:
        bench_replace(routed, gateways[1], results, rounds)
        bench_add(routed, gateways[1], results, rounds)
        bench_connections(routed, gateways, results, rounds)
        bench_throughput(routed, gateways, results, rounds)
    finally:
        routed.close()
        for gateway in gateways:
            gateway.sink.terminate()
            gateway.sink.wait()
