# SPDX-License-Identifier: GPL-3.0-or-later
"""routed beside nft, iptables, and forwarding without NAT.

Each way of forwarding, with each number of forwards, is a gateway of its own between a client and a
camera of its own, made once. What is compared is measured in turn, in short slices and many rounds,
each round beginning with another one, so that whatever else goes on meets all alike; medians count,
and ratios are those within a round.
"""

import os
import re
import subprocess

import namespaces
from busenv import GLib, PrivateBus
from results import median, show, spend, spread

PACKAGES = ("nftables", "iptables", "conntrack")
TARGETS = ("routed/routed", "tests/bench/load")
NAME = "io.evercam.Routing1"
PATH = "/io/evercam/Routing1"
INGRESS = "vpn_ether"
CAMERA = "192.168.1.10"
PORT = 8554
CLIENT_ADDRESSES = 16
CONNECTIONS_SLICE = 0.2  # seconds
THROUGHPUT_SLICE = 0.5
PEERS_EVERY = 6  # rounds: their figures are far from ours, so that fewer will do


class Gateway:
    """A gateway, a client on its VPN side, and a camera on its LAN with a sink on it."""

    made = 0

    def __init__(self, load):
        Gateway.made += 1
        self.load, self.host = load, f"gateway{Gateway.made}"
        self.client, self.lan = (f"{side}{Gateway.made}" for side in ("client", "lan"))
        for name in (self.host, self.client, self.lan):
            namespaces.add(name)
        namespaces.link(self.host, INGRESS, self.client, "eth0")
        namespaces.link(self.host, "lan0", self.lan, "eth0")
        namespaces.address(self.host, INGRESS, "10.44.0.1/24")
        namespaces.address(self.host, "lan0", "192.168.1.1/24")
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

    def connections(self, address="10.44.0.1", port=20000):
        """New ones per second."""
        # Those of the slice before would be in the way: their ports are still masqueraded.
        self.run("conntrack", "-F")
        return self.measure("connect", "10.44.0.100", CLIENT_ADDRESSES, address, port,
                            CONNECTIONS_SLICE)

    def throughput(self, address="10.44.0.1", port=20000):
        """Mbit/s of one connection."""
        return self.measure("send", address, port, THROUGHPUT_SLICE)

    def close(self):
        self.sink.terminate()
        self.sink.wait()


class Routed:
    """The daemon on a gateway, and on a bus of its own."""

    def __init__(self, build, gateway):
        self.bus = PrivateBus()
        file = os.path.join(self.bus.directory, "routed.conf")
        open(file, "w", encoding="ascii").close()
        with namespaces.inside(gateway.host):
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
    """20000 is the last of them: rules that are looked through in turn have to be looked through."""
    return range(20001 - count, 20001)


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


def nft_file(*redirects):
    """A table with nothing but these and masquerading: what is closed stays open."""
    return "\n".join([
        "table ip bench {", " chain pre {", "  type nat hook prerouting priority dstnat", *redirects,
        " }", " chain post {", "  type nat hook postrouting priority srcnat",
        f"  ip daddr {CAMERA} tcp dport {PORT} masquerade", " }", "}", ""])


def nft_rules_file(count):
    """A rule for each forward, as programs make that add and remove them one by one."""
    return nft_file(*(f"  iifname {INGRESS} tcp dport {port} dnat to {CAMERA}:{PORT}"
                      for port in ports(count)))


def nft_map_file(count):
    """The least that can be done by hand: one rule and one map."""
    items = ", ".join(f"{port} : {CAMERA} . {PORT}" for port in ports(count))
    return nft_file(f"  iifname {INGRESS} dnat ip to tcp dport map {{ {items} }}")


PEERS = {  # name: (program, what it reads)
    "iptables": (("iptables-restore",), iptables_file),
    "nft rule each": (("nft", "-f", "-"), nft_rules_file),
    "nft map": (("nft", "-f", "-"), nft_map_file),
}


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


def listing(gateway):
    return gateway.run("nft", "-s", "list", "table", "inet", "evercam").stdout


def bench_replace(routed, here, peer, results, rounds):
    for count in (100, 1000, 10000):
        ours, nft, restore = [], [], []
        routed.replace(count)
        table, rules = listing(here), iptables_file(count)
        for _ in range(rounds):
            routed.clear()
            ours.append(spend(routed.replace, count))
            peer.run("nft", "flush", "ruleset")
            nft.append(spend(lambda: peer.run("nft", "-f", "-", input=table)))
            peer.run("nft", "flush", "ruleset")
            restore.append(spend(lambda: peer.run("iptables-restore", input=rules)))
        results.add("routing", f"replace-{count}", "s", ours, {
            "nft -f": nft, "iptables-restore": restore,
            "iptables": time_iptables_calls(peer, count)},
            note="iptables: from samples" if count > 1000 else "")
    peer.run("nft", "flush", "ruleset")


def bench_add(routed, here, peer, results, rounds):
    routed.replace(10000)
    peer.run("nft", "-f", "-", input=listing(here))
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
    results.add("routing", "add-one-in-10000", "s", ours, {"nft add element": nft})
    results.add("routing", "add-one-in-10000-inside-routed", "s", inside)
    peer.run("nft", "flush", "ruleset")


def in_turn(measures, rounds):
    """{name: function} -> {name: [value of each round]}"""
    values, names = {name: [] for name in measures}, list(measures)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            values[name].append(measures[name]())
    return values


def ratios(values, base):
    return [value / other for value, other in zip(values, base)]


def print_ratio(what, values):
    apart = spread(values)
    print(f"    {what}: {show(median(values))} (", end="")
    print(f"{len(values)} rounds" if apart is None else
          f"quartiles {apart:.0f} % apart in {len(values)} rounds", end=")\n", flush=True)


def bench_connections(ours, plain, peers, results, rounds):
    """ours: {count or "allow-from": gateway}; peers: {(name, count): gateway}"""
    own, others = {}, {}
    measures = {"plain": lambda: plain.connections(CAMERA, PORT),
                **{count: gateway.connections for count, gateway in ours.items()}}
    slow = {key: gateway.connections for key, gateway in peers.items()}
    for _ in range(rounds):
        for collected, part in ((own, in_turn(measures, PEERS_EVERY)), (others, in_turn(slow, 1))):
            for key, values in part.items():
                collected.setdefault(key, []).extend(values)
    for count in (1, 1000, 10000):
        results.add("routing", f"connections-{count}", "per second", own[count], {
            "routed-without-nat": own["plain"], **{name: others[name, count] for name in PEERS}})
    results.add("routing", "connections-10000-allow-from", "per second", own["allow-from"],
                {"routed-without-nat": own["plain"]})
    for count in (1000, 10000):
        print_ratio(f"connections-{count} / connections-1", ratios(own[count], own[1]))
    for name in PEERS:
        print_ratio(f"{name}, 10000 / 1", ratios(others[name, 10000], others[name, 1]))


def bench_throughput(ours, plain, results, rounds):
    values = in_turn({"plain": lambda: plain.throughput(CAMERA, PORT),
                      1: ours[1].throughput, 10000: ours[10000].throughput}, 3 * rounds)
    for count in (1, 10000):
        results.add("routing", f"throughput-{count}", "Mbit/s", values[count],
                    {"routed-without-nat": values["plain"]})
    print_ratio("throughput-10000 / throughput-1", ratios(values[10000], values[1]))


def bench_memory(routed, results):
    idle = routed.memory()
    routed.replace(10000)
    routed.proxy.get(NAME, "ForwardCount")  # the call before is done with
    rss, pss = routed.memory()
    results.add("routing", "memory-10000", "kB", rss,
                note=f"resident; its own part {pss}; idle {idle[0]} and {idle[1]}")


def make_peers(load):
    peers = {}
    for name, (command, text) in PEERS.items():
        for count in (1, 1000, 10000):
            peers[name, count] = Gateway(load)
            peers[name, count].run(*command, input=text(count))
    return peers


def run(build, results, quick=False):
    namespaces.isolate()
    load = os.path.join(build, "tests/bench/load")
    rounds = 3 if quick else 7
    ours = {count: Gateway(load) for count in (1, 1000, 10000, "allow-from")}
    daemons = {count: Routed(build, gateway) for count, gateway in ours.items()}
    plain, empty = Gateway(load), Gateway(load)
    peers = make_peers(load)
    gateways = [*ours.values(), plain, empty, *peers.values()]
    try:
        bench_memory(daemons[10000], results)
        bench_replace(daemons[1], ours[1], empty, results, rounds)
        bench_add(daemons[1], ours[1], empty, results, rounds)
        for count in (1, 1000, 10000):
            daemons[count].replace(count)
        daemons["allow-from"].replace(10000, **ALLOW_FROM)
        for gateway in gateways:
            # Else the masqueraded ports of one slice would not be free again in the next.
            if gateway is not plain:
                gateway.write("net/netfilter/nf_conntrack_tcp_timeout_close", 1)
        bench_connections(ours, plain, peers, results, rounds)
        bench_throughput(ours, plain, results, rounds)
    finally:
        for daemon in daemons.values():
            daemon.close()
        for gateway in gateways:
            gateway.close()
