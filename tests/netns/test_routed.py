# SPDX-License-Identifier: GPL-3.0-or-later
"""routed with real traffic: a client behind the VPN, two cameras on the LAN, a stranger on the Internet."""

import array
import contextlib
import ipaddress
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import namespaces
import tap
from busenv import DEADLINE, BusError, GLib, PrivateBus, wait_until

ROUTED, FAKE_CLOCK = sys.argv[1:3]
NAME = "io.evercam.Routing1"
PATH = "/io/evercam/Routing1"
VPN = "vpn_ether"
INVALID = "org.freedesktop.DBus.Error.InvalidArgs"
MANAGEMENT = range(9931, 9936)  # ports of the VPN client
PATIENCE = DEADLINE  # for what must come
SILENCE = 0.6  # for what must not come: several times what it takes to come on an idle machine


def text(value):
    return GLib.Variant("s", value)


def texts(*values):
    return GLib.Variant("as", values)


def moment(seconds):
    return GLib.Variant("x", int(time.time()) + seconds)


def forward(protocol, port, target, target_port, interface=VPN, **options):
    return (protocol, port, target, target_port, interface,
            {key.replace("_", "-"): value for key, value in options.items()})


class Server(threading.Thread):
    """Answers each message with its own name, the address it sees, and the message."""

    def __init__(self, host, name, family, kind, address, port):
        super().__init__(daemon=True)
        self.name, self.kind = name, kind
        with namespaces.inside(host):
            self.socket = socket.socket(family, kind)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.bind((address, port))
        if kind == socket.SOCK_STREAM:
            self.socket.listen(128)
        self.start()

    def answer(self, peer, message):
        return f"{self.name} {peer[0]} ".encode() + message

    def serve(self, connection, peer):
        try:
            while message := connection.recv(2048):
                connection.sendall(self.answer(peer, message))
        except OSError:
            pass
        connection.close()

    def run(self):
        while True:
            if self.kind == socket.SOCK_DGRAM:
                message, peer = self.socket.recvfrom(2048)
                self.socket.sendto(self.answer(peer, message), peer)
            else:
                connection, peer = self.socket.accept()
                threading.Thread(target=self.serve, args=(connection, peer), daemon=True).start()


def count_for_ever(host, address, port):
    """A server whose every connection is given 0, 1, 2… as 32-bit numbers of this machine."""
    with namespaces.inside(host):
        listener = socket.create_server((address, port))

    def serve():
        while True:
            connection, _ = listener.accept()
            number = 0
            try:
                while True:
                    connection.sendall(array.array("I", range(number, number + 16384)))
                    number += 16384
            except OSError:
                connection.close()

    threading.Thread(target=serve, daemon=True).start()


def open_tcp(host, address, port, timeout=PATIENCE, source=None):
    with namespaces.inside(host):
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    if source:
        connection.bind((source, 0))
    connection.settimeout(timeout)
    connection.connect((address, port))
    connection.settimeout(PATIENCE)
    return connection


def say(connection, message=b"hello"):
    connection.sendall(message)
    return connection.recv(2048).decode()


def ask_tcp(host, address, port, timeout=PATIENCE):
    with open_tcp(host, address, port, timeout) as connection:
        return say(connection)


def ask_udp(host, address, port, timeout=PATIENCE):
    with namespaces.inside(host):
        sender = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                               socket.SOCK_DGRAM)
    with sender:
        sender.settimeout(timeout)
        sender.connect((address, port))
        return say(sender)


def is_silent(function, *arguments):
    """No answer at all, or a refusal."""
    try:
        function(*arguments, timeout=SILENCE)
    except OSError:
        return True
    return False


def nft(*arguments):
    return namespaces.run("nft", *arguments)


def listing():
    """Sets and chains of the table, in whatever order they were made, without the counts."""
    whole = re.sub(r"packets \d+ bytes \d+", "", nft("list", "table", "inet", "evercam"))
    return sorted(part.strip("}\n") for part in whole.split("\n\n"))


class Monitor:
    """Everything that is sent to nftables, up to a mark of our own."""

    def __init__(self):
        self.process = subprocess.Popen(["nft", "monitor"], stdout=subprocess.PIPE, text=True)
        self.marks = 0
        self.read_to_mark()  # it is listening when it shows the mark

    def read_to_mark(self):
        lines = []
        stop = threading.Event()
        self.marks += 1
        mark = f"test_mark_{self.marks}_"

        def marks():
            while not stop.wait(0.02):
                nft("add", "table", "ip", mark)
                nft("delete", "table", "ip", mark)

        marker = threading.Thread(target=marks)
        marker.start()
        for line in self.process.stdout:
            if mark in line:
                break
            lines.append(line.strip())
        stop.set()
        marker.join()
        return [line for line in lines if "evercam" in line]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def build_network():
    """client 10.44.0.1 - (vpn_ether) here (lan0) - camera 192.168.1.10 and .11; stranger 203.0.113.9."""
    for host in ("client", "lan", "stranger"):
        namespaces.add(host)
    namespaces.link(None, VPN, "client", "eth0")
    namespaces.link(None, "lan0", "lan", "eth0")
    namespaces.link(None, "public0", "stranger", "eth0")
    namespaces.address(None, VPN, "10.44.0.2/24", "fd44::2/64")
    namespaces.address("client", "eth0", "10.44.0.1/24", "fd44::1/64")
    namespaces.address(None, "lan0", "192.168.1.1/24", "fd01::1/64")
    namespaces.address("lan", "eth0", "192.168.1.10/24", "192.168.1.11/24", "fd01::10/64")
    namespaces.address(None, "public0", "203.0.113.1/24")
    namespaces.address("stranger", "eth0", "203.0.113.9/24")
    # The cameras have no route back: only masquerading lets their answers find the way. The client
    # does have one to the LAN: only routed keeps it from going there directly.
    namespaces.ip("client", "route", "add", "192.168.1.0/24", "via", "10.44.0.2")
    namespaces.ip("client", "route", "add", "fd01::/64", "via", "fd44::2")
    namespaces.ip("client", "route", "add", "203.0.113.0/24", "via", "10.44.0.2")
    namespaces.ip("stranger", "route", "add", "192.168.1.0/24", "via", "203.0.113.1")
    namespaces.ip("stranger", "route", "add", "10.44.0.0/24", "via", "203.0.113.1")
    set_forwarding(True)


def set_forwarding(on, families=("ipv4/ip_forward", "ipv6/conf/all/forwarding")):
    for path in families:
        with open(f"/proc/sys/net/{path}", "w", encoding="ascii") as file:
            file.write("1" if on else "0")


def set_accounting(on):
    """Whether the kernel counts the bytes of connections that begin from now on."""
    with open("/proc/sys/net/netfilter/nf_conntrack_acct", "w", encoding="ascii") as file:
        file.write("1" if on else "0")


def start_servers():
    for name, address in (("camera1", "192.168.1.10"), ("camera2", "192.168.1.11")):
        for port in (80, 554):
            Server("lan", f"{name}:{port}", socket.AF_INET, socket.SOCK_STREAM, address, port)
        Server("lan", name, socket.AF_INET, socket.SOCK_DGRAM, address, 5000)
    Server("lan", "camera6", socket.AF_INET6, socket.SOCK_STREAM, "fd01::10", 80)
    Server("lan", "camera6", socket.AF_INET6, socket.SOCK_DGRAM, "fd01::10", 5000)
    count_for_ever("lan", "192.168.1.10", 9000)
    for port in (22, 9930, *MANAGEMENT, 9936):
        Server(None, f"gateway:{port}", socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0", port)
        Server(None, f"gateway6:{port}", socket.AF_INET6, socket.SOCK_STREAM, "::", port)
    Server(None, "gateway:161", socket.AF_INET, socket.SOCK_DGRAM, "0.0.0.0", 161)
    Server("client", "client", socket.AF_INET, socket.SOCK_STREAM, "10.44.0.1", 4000)
    Server("stranger", "stranger", socket.AF_INET, socket.SOCK_STREAM, "203.0.113.9", 4000)


class RoutedCase(unittest.TestCase):
    configuration = ""

    @classmethod
    def setUpClass(cls):
        cls.bus = PrivateBus()
        cls.file = os.path.join(cls.bus.directory, "routed.conf")
        with open(cls.file, "w", encoding="ascii") as file:
            file.write(cls.configuration)
        cls.start()

    @classmethod
    def tearDownClass(cls):
        cls.bus.close()
        namespaces.run("nft", "delete", "table", "inet", "evercam", check=False)

    @classmethod
    def start(cls, wrapper=(), **environment):
        cls.daemon = cls.bus.start([*wrapper, ROUTED, "--config", cls.file, "--debug"],
                                   **environment)
        cls.bus.wait_for_name(NAME)
        cls.proxy = cls.bus.proxy(NAME, PATH)

    @classmethod
    def kill(cls, how=signal.SIGKILL):
        cls.bus.stop(cls.daemon, how)
        cls.bus.wait_for_name(NAME, present=False)

    def setUp(self):
        for name in {item[5]["set"] for item in self.list()}:
            self.clear(name)

    def replace(self, name, *forwards):
        return self.proxy.call(NAME, "Replace", "(sa(sqsqsa{sv}))", name, list(forwards))

    def add(self, name, *forwards):
        return self.proxy.call(NAME, "Add", "(sa(sqsqsa{sv}))", name, list(forwards))

    def remove(self, name, *forwards):
        return self.proxy.call(NAME, "Remove", "(sa(sqsqsa{sv}))", name, list(forwards))

    def clear(self, name):
        return self.proxy.call(NAME, "Clear", "(s)", name)

    def list_all(self, name=""):
        return self.proxy.call(NAME, "List", "(s)", name)

    def list(self, name=""):
        """Without what changes by itself."""
        return [(*item[:5], {key: value for key, value in item[5].items()
                             if key not in ("state", "connections", "live", "bytes")})
                for item in self.list_all(name)]

    def get(self, name):
        return self.proxy.get(NAME, name)

    def damage(self, command):
        """Does it to the table, and waits until routed says that it is as it was."""
        restored = self.bus.log().count("it is restored with")
        nft(command)
        self.bus.wait(f"the table after: {command}",
                      lambda: self.bus.log().count("it is restored with") > restored)

    def refused(self, error, part, *forwards, name="gateway"):
        before = listing(), self.list()
        for change in (self.replace, self.add):
            with self.assertRaises(BusError) as caught:
                change(name, *forwards)
            self.assertEqual(caught.exception.name, error)
            self.assertIn(part, caught.exception.text)
            self.assertEqual((listing(), self.list()), before)


class TestTraffic(RoutedCase):
    def test_tcp(self):
        """tcp reaches the target, which sees the gateway's own address"""
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80),
                     forward("tcp", 10001, "192.168.1.11", 554))
        self.assertEqual(ask_tcp("client", "10.44.0.2", 10000), "camera1:80 192.168.1.1 hello")
        self.assertEqual(ask_tcp("client", "10.44.0.2", 10001), "camera2:554 192.168.1.1 hello")

    def test_udp(self):
        """udp reaches the target"""
        self.replace("gateway", forward("udp", 10000, "192.168.1.11", 5000))
        self.assertEqual(ask_udp("client", "10.44.0.2", 10000), "camera2 192.168.1.1 hello")

    def test_beyond_a_router(self):
        """tcp reaches a target beyond a router of the LAN, which sees the gateway's own address"""
        namespaces.ip(None, "route", "add", "192.168.50.0/24", "via", "192.168.1.10")
        self.addCleanup(namespaces.ip, None, "route", "delete", "192.168.50.0/24")
        namespaces.add("beyond")
        self.addCleanup(namespaces.ip, None, "netns", "delete", "beyond")
        namespaces.link("lan", "inner", "beyond", "eth0")
        namespaces.address("lan", "inner", "192.168.50.1/24")
        namespaces.address("beyond", "eth0", "192.168.50.20/24")
        namespaces.ip("beyond", "route", "add", "default", "via", "192.168.50.1")
        with namespaces.inside("lan"):
            set_forwarding(True, ("ipv4/ip_forward",))
        Server("beyond", "camera3", socket.AF_INET, socket.SOCK_STREAM, "192.168.50.20", 80)
        self.replace("gateway", forward("tcp", 10000, "192.168.50.20", 80))
        self.assertEqual(ask_tcp("client", "10.44.0.2", 10000), "camera3 192.168.1.1 hello")

    def test_one_port_two_protocols(self):
        """one port may lead elsewhere for tcp and udp, and for each interface"""
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80),
                     forward("udp", 10000, "192.168.1.11", 5000),
                     forward("tcp", 10000, "192.168.1.11", 80, interface="public0"))
        self.assertEqual(ask_tcp("client", "10.44.0.2", 10000), "camera1:80 192.168.1.1 hello")
        self.assertEqual(ask_udp("client", "10.44.0.2", 10000), "camera2 192.168.1.1 hello")
        self.assertEqual(ask_tcp("stranger", "203.0.113.1", 10000), "camera2:80 192.168.1.1 hello")

    def test_ipv6(self):
        """IPv6: tcp and udp"""
        self.replace("gateway", forward("tcp", 10000, "fd01::10", 80),
                     forward("udp", 10000, "fd01::10", 5000),
                     forward("tcp", 10001, "192.168.1.10", 80),
                     forward("tcp", 10001, "fd01::10", 80))
        self.assertEqual(ask_tcp("client", "fd44::2", 10000), "camera6 fd01::1 hello")
        self.assertEqual(ask_udp("client", "fd44::2", 10000), "camera6 fd01::1 hello")
        self.assertEqual(ask_tcp("client", "fd44::2", 10001), "camera6 fd01::1 hello")
        self.assertEqual(ask_tcp("client", "10.44.0.2", 10001), "camera1:80 192.168.1.1 hello")

    def test_change_of_target(self):
        """a changed target counts for the next connection"""
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
        self.assertIn("camera1:80", ask_tcp("client", "10.44.0.2", 10000))
        self.replace("gateway", forward("tcp", 10000, "192.168.1.11", 80))
        self.assertIn("camera2:80", ask_tcp("client", "10.44.0.2", 10000))

    def test_removed(self):
        """a removed forward is gone"""
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
        self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10000))
        self.clear("gateway")
        self.assertTrue(is_silent(ask_tcp, "client", "10.44.0.2", 10000))

    def is_cut(self, connection):
        """The connection is dead: a reset, or nothing comes back any more."""
        connection.settimeout(SILENCE)
        try:
            return say(connection) == ""
        except OSError:
            return True

    def test_removal_ends_connections(self):
        """connections of a removed or changed forward end; the others go on"""
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80),
                     forward("tcp", 10001, "192.168.1.10", 80),
                     forward("tcp", 10002, "192.168.1.11", 80),
                     forward("tcp", 10003, "fd01::10", 80),
                     forward("tcp", 10004, "fd01::10", 80),
                     forward("tcp", 10005, "192.168.1.10", 80, interface="public0"))
        where = {10000: "10.44.0.2", 10001: "10.44.0.2", 10002: "10.44.0.2", 10003: "fd44::2",
                 10004: "fd44::2"}
        live = {port: open_tcp("client", address, port) for port, address in where.items()}
        live[10005] = open_tcp("stranger", "203.0.113.1", 10005)
        live[22] = open_tcp("lan", "192.168.1.1", 22)
        for connection in live.values():
            say(connection)
        for kept, cut in (((10001, 10002, 10003, 10004, 10005, 22), (10000,)),
                          ((10001, 10002, 10003, 22), (10004, 10005)),
                          ((10001, 10003, 22), (10002,))):
            self.replace("gateway", forward("tcp", 10001, "192.168.1.10", 80, name=text("new name")),
                         # 10002 changes its target in the last round
                         forward("tcp", 10002, f"192.168.1.1{1 if 10002 in kept else 0}", 80),
                         forward("tcp", 10003, "fd01::10", 80),
                         *([forward("tcp", 10004, "fd01::10", 80),
                            forward("tcp", 10005, "192.168.1.10", 80, interface="public0")]
                           if 10004 in kept else []))
            tracked = namespaces.run("conntrack", "-L", "-p", "tcp", "--dst-nat") \
                + namespaces.run("conntrack", "-L", "-f", "ipv6", "-p", "tcp", "--dst-nat")
            for port in cut:
                self.assertNotRegex(tracked, f"ESTABLISHED.* dport={port} ", port)
                self.assertTrue(self.is_cut(live[port]), port)
            for port in kept:
                say(live[port])
        for connection in live.values():
            connection.close()

    def test_removal_from_one_interface(self):
        """the same forward from another interface keeps its connections"""
        same = [forward("tcp", 10000, "192.168.1.10", 80, interface=name)
                for name in (VPN, "public0")]
        self.replace("gateway", *same)
        vpn = open_tcp("client", "10.44.0.2", 10000)
        public = open_tcp("stranger", "203.0.113.1", 10000)
        self.replace("gateway", same[0])
        say(vpn)
        self.assertTrue(self.is_cut(public))
        vpn.close()
        public.close()

    def test_removal_of_udp(self):
        """a udp flow ends with its forward, and takes the new way when that changes"""
        with namespaces.inside("client"):
            flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        flow.settimeout(PATIENCE)
        flow.connect(("10.44.0.2", 10000))
        self.replace("gateway", forward("udp", 10000, "192.168.1.10", 5000))
        self.assertIn("camera1", say(flow))
        self.replace("gateway", forward("udp", 10000, "192.168.1.11", 5000))
        self.assertIn("camera2", say(flow))
        self.clear("gateway")
        self.assertTrue(self.is_cut(flow))
        flow.close()

    def test_udp_flow_older_than_its_forward(self):
        """a udp flow that began before a forward takes its way, one to another port does not"""
        Server(None, "gateway", socket.AF_INET, socket.SOCK_DGRAM, "203.0.113.1", 10001)
        with namespaces.inside("stranger"):
            before, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        before.connect(("203.0.113.1", 10000))
        before.settimeout(0.1)
        other.connect(("203.0.113.1", 10001))
        other.settimeout(PATIENCE)

        def tracked(port):
            return re.findall(r"id=\d+", namespaces.run("conntrack", "-L", "-p", "udp", "--dport",
                                                        str(port), "-o", "id"))

        def goes_on():
            """Nobody answers but, now and then, by an ICMP error; each packet makes the flow last."""
            with contextlib.suppress(ConnectionRefusedError):
                before.send(b"hello")
            return tracked(10000)

        def takes_new_way():
            message = os.urandom(8).hex().encode()  # not an answer to the one before, which is late
            try:
                before.send(message)
                while not (answer := before.recv(2048)).endswith(message):
                    pass
                return b"camera2" in answer
            except (ConnectionRefusedError, TimeoutError):
                return False

        self.bus.wait("the flow is tracked", goes_on)
        self.assertIn("gateway", say(other))
        known = tracked(10001)
        self.assertEqual(len(known), 1)
        self.add("gateway", forward("udp", 10000, "192.168.1.11", 5000, interface="public0"))
        self.bus.wait("the flow has taken the new way", takes_new_way)
        self.assertEqual(tracked(10001), known)  # the very same flow
        # And when a forward that does not admit it comes to do so.
        self.clear("gateway")
        self.bus.wait("the flow is tracked again", goes_on)
        self.add("gateway", forward("udp", 10000, "192.168.1.11", 5000, interface="public0",
                                    allow_from=texts("10.0.0.0/8")))
        self.assertFalse(takes_new_way())
        self.add("gateway", forward("udp", 10000, "192.168.1.11", 5000, interface="public0",
                                    allow_from=texts("10.0.0.0/8", "203.0.113.0/24")))
        self.bus.wait("the flow has taken the new way", takes_new_way)
        before.close()
        other.close()

    def test_allow_from(self):
        """a forward may be used only from where it says: tcp and udp, IPv4 and IPv6"""
        ours, others = texts("10.44.0.0/24", "198.51.100.7/32"), texts("10.44.0.2/32", "10.45.0.0/16")
        self.replace("gateway",
                     forward("tcp", 10000, "192.168.1.10", 80, allow_from=ours),
                     forward("tcp", 10001, "192.168.1.10", 80, allow_from=others),
                     forward("udp", 10000, "192.168.1.11", 5000, allow_from=texts("10.44.0.1/32")),
                     forward("udp", 10001, "192.168.1.11", 5000, allow_from=others),
                     forward("tcp", 10002, "fd01::10", 80, allow_from=texts("fd44::/16")),
                     forward("tcp", 10003, "fd01::10", 80, allow_from=texts("fd44::2/127")),
                     forward("tcp", 10004, "192.168.1.10", 80, allow_from=texts("0.0.0.0/0")))
        self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10000))
        self.assertIn("camera2", ask_udp("client", "10.44.0.2", 10000))
        self.assertIn("camera6", ask_tcp("client", "fd44::2", 10002))
        self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10004))
        self.assertTrue(is_silent(ask_tcp, "client", "10.44.0.2", 10001))
        self.assertTrue(is_silent(ask_udp, "client", "10.44.0.2", 10001))
        self.assertTrue(is_silent(ask_tcp, "client", "fd44::2", 10003))
        listed = {item[:2]: item[5].get("allow-from") for item in self.list()}
        self.assertEqual(listed["tcp", 10000], ["10.44.0.0/24", "198.51.100.7/32"])
        self.assertIsNone(listed["tcp", 10004])
        whole = nft("list", "table", "inet", "evercam")
        self.assertIn("ip saddr & 255.255.255.0 @sources_ip_24 goto restricted", whole)

    def test_change_of_allow_from(self):
        """who is no longer admitted is cut off at once, the others are not; also after a restart"""
        with contextlib.ExitStack() as stack:
            namespaces.address("client", "eth0", "10.44.0.77/24")
            stack.callback(namespaces.ip, "client", "address", "delete", "10.44.0.77/24", "dev",
                           "eth0")
            self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
            stays = stack.enter_context(open_tcp("client", "10.44.0.2", 10000))
            goes = stack.enter_context(open_tcp("client", "10.44.0.2", 10000, source="10.44.0.77"))
            say(stays), say(goes)
            self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80,
                                            allow_from=texts("10.44.0.0/28")))
            say(stays)
            self.assertTrue(self.is_cut(goes))
            before = listing()
            self.kill()
            self.start()
            self.assertEqual(listing(), before)
            say(stays)
            self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10000))
            self.remove("gateway", forward("tcp", 10000, "192.168.1.10", 80))
            self.assertTrue(self.is_cut(stays))
            whole = nft("list", "table", "inet", "evercam")
            self.assertNotIn("10000", whole)
            self.assertNotRegex(whole, "set sources_ip|@sources_ip")  # that nobody needs

    def test_keep_client_address(self):
        """a forward may keep the client's address, where the way back leads through this host"""
        namespaces.ip("lan", "route", "add", "10.44.0.0/24", "via", "192.168.1.1")
        try:
            keeps = GLib.Variant("b", True)
            self.replace("gateway",
                         forward("tcp", 10000, "192.168.1.10", 80, keep_client_address=keeps),
                         forward("udp", 10000, "192.168.1.11", 5000, keep_client_address=keeps),
                         forward("tcp", 10001, "192.168.1.10", 80))
            self.assertEqual(ask_tcp("client", "10.44.0.2", 10000), "camera1:80 10.44.0.1 hello")
            self.assertEqual(ask_udp("client", "10.44.0.2", 10000), "camera2 10.44.0.1 hello")
            self.assertEqual(ask_tcp("client", "10.44.0.2", 10001), "camera1:80 192.168.1.1 hello")
            self.kill()
            self.start()
            self.assertEqual([item[5].get("keep-client-address", False) for item in self.list()],
                             [True, False, True])
        finally:
            namespaces.ip("lan", "route", "delete", "10.44.0.0/24")

    def test_expires(self):
        """a forward ends at its time with its connections, and a signal tells"""
        signals = self.bus.signals(path=PATH)
        self.replace("gateway",
                     forward("tcp", 10000, "192.168.1.10", 80),
                     forward("tcp", 10001, "192.168.1.10", 80, expires=moment(3600)),
                     forward("tcp", 10002, "192.168.1.10", 80, expires=moment(-1)),
                     forward("tcp", 10003, "192.168.1.10", 80))
        self.assertEqual([item[1] for item in self.list()], [10000, 10001, 10003])
        with open_tcp("client", "10.44.0.2", 10000) as live, \
                open_tcp("client", "10.44.0.2", 10001) as other:
            say(live), say(other)
            self.add("gateway", forward("tcp", 10000, "192.168.1.10", 80, name=text("Hof"),
                                        expires=moment(3)))
            self.bus.wait("ForwardExpired", lambda: any(
                item[2] == "ForwardExpired" and item[3][0] == "gateway"
                and item[3][1][:5] == ("tcp", 10000, "192.168.1.10", 80, VPN)
                and item[3][1][5]["name"] == "Hof" for item in signals))
            self.assertTrue(self.is_cut(live))
            say(other)
        self.assertEqual([item[1] for item in self.list()], [10001, 10003])
        self.assertTrue(is_silent(ask_tcp, "client", "10.44.0.2", 10000))

    def test_expires_after_restart(self):
        """an end survives kill -9, also one that comes while nobody is there"""
        lasts = forward("tcp", 10002, "192.168.1.10", 80, expires=moment(3600))
        self.replace("gateway",
                     forward("tcp", 10000, "192.168.1.10", 80, expires=moment(2)),
                     forward("tcp", 10001, "192.168.1.10", 80, expires=moment(4),
                             allow_from=texts("10.44.0.0/16")),
                     lasts)
        first_end = time.time() + 2
        self.kill()
        wait_until("the first has expired", lambda: time.time() > first_end)
        self.start()
        self.bus.wait("both have expired", lambda: len(self.list()) == 1)
        self.assertEqual(self.list(), [lasts[:5] + ({"set": "gateway",
                                                     "expires": lasts[5]["expires"].unpack()},)])

    @staticmethod
    def set_clock(file, offset, synchronised):
        with open(file + ".new", "w", encoding="ascii") as new:
            new.write(f"{offset} {synchronised}")
        os.rename(file + ".new", file)

    @staticmethod
    def fake_clock(file):
        return {"LD_PRELOAD": FAKE_CLOCK, "FAKE_CLOCK": file, "ASAN_OPTIONS":
                os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def ports(self):
        return [item[1] for item in self.list("gateway")]

    def test_expires_while_suspended(self):
        """what counts is the time since boot: a wall clock that stood still meanwhile changes nothing"""
        later = ["unshare", "--time", "--boottime", "5400", "--fork", "--kill-child", "--"]
        if subprocess.run([*later, "true"], check=False, capture_output=True).returncode:
            self.skipTest("no time namespaces")
        clock = os.path.join(self.bus.directory, "clock")
        self.set_clock(clock, 0, 0)
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80, expires=moment(3600)),
                     forward("tcp", 10001, "192.168.1.10", 80, expires=moment(7200)))
        self.kill()
        self.start(later, **self.fake_clock(clock))
        try:
            self.bus.wait("the first has expired", lambda: self.ports() == [10001])
        finally:
            self.kill()
            self.start()

    def test_wrong_clock(self):
        """a clock set by hand neither ends nor prolongs; one put right by NTP counts, also after a restart"""
        clock = os.path.join(self.bus.directory, "clock")
        wrong = 10 * 365 * 86400

        def look_at_clock():
            """Any change makes routed do so at once."""
            self.replace("public", forward("tcp", 9, "192.168.1.10", 80, interface="public0"))
            self.clear("public")

        self.kill()
        self.set_clock(clock, -wrong, 0)  # booted without a clock
        self.start(**self.fake_clock(clock))
        try:
            ends = forward("tcp", 10000, "192.168.1.10", 80, expires=moment(-1))
            stays = forward("tcp", 10001, "192.168.1.10", 80, expires=moment(86400))
            self.replace("gateway", ends, stays)
            self.set_clock(clock, wrong, 0)  # somebody sets it, wrongly
            look_at_clock()
            self.assertEqual(self.ports(), [10000, 10001])
            self.set_clock(clock, 0, 1)
            look_at_clock()
            self.bus.wait("the one has expired", lambda: self.ports() == [10001])
            self.kill()
            self.set_clock(clock, -wrong, 0)
            self.start(**self.fake_clock(clock))
            # What the table says holds for new ones, too, although the clock is wrong again.
            self.add("gateway", ends)
            self.assertEqual(self.ports(), [10001])
        finally:
            self.kill()
            self.start()

    def test_ingress_only(self):
        """a port is forwarded only from its interface, and only for this host's own addresses"""
        self.replace("gateway", forward("tcp", 80, "192.168.1.10", 80),
                     forward("tcp", 554, "192.168.1.10", 80, interface="public0"))
        self.assertTrue(is_silent(ask_tcp, "lan", "192.168.1.1", 80))
        self.assertTrue(is_silent(ask_tcp, "stranger", "203.0.113.1", 80))
        # The stranger's traffic through us to camera2's port 554 is nobody's to redirect.
        namespaces.ip("lan", "route", "add", "203.0.113.0/24", "via", "192.168.1.1")
        try:
            self.assertEqual(ask_tcp("stranger", "192.168.1.11", 554),
                             "camera2:554 203.0.113.9 hello")
        finally:
            namespaces.ip("lan", "route", "delete", "203.0.113.0/24")

    def test_absent_interface(self):
        """the interface may come after its forward, vanish, and come back; meanwhile it is seen to wait"""
        changes = self.bus.signals(path=PATH)

        def told(absent):
            return any(change[2] == "PropertiesChanged"
                       and change[3][1].get("AbsentInterfaces") == absent for change in changes)

        def states():
            return {item[4]: item[5]["state"] for item in self.list_all()}

        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80, interface="vpn_late"),
                     forward("udp", 10000, "192.168.1.10", 80, interface="vpn_late"),
                     forward("tcp", 10000, "192.168.1.11", 80))
        namespaces.add("late")
        for _ in range(2):
            self.bus.wait("vpn_late is said to be absent", lambda: told(["vpn_late"]))
            self.assertEqual(self.get("AbsentInterfaces"), ["vpn_late"])
            self.assertEqual(states(), {"vpn_late": "waiting", VPN: "active"})
            changes.clear()
            namespaces.link(None, "vpn_late", "late", "eth0")
            self.bus.wait("vpn_late is said to be there", lambda: told([]))
            self.assertEqual(states(), {"vpn_late": "active", VPN: "active"})
            changes.clear()
            namespaces.address(None, "vpn_late", "10.45.0.2/24")
            namespaces.address("late", "eth0", "10.45.0.1/24")
            self.assertIn("camera1", ask_tcp("late", "10.45.0.2", 10000))
            namespaces.ip(None, "link", "delete", "vpn_late")
        self.bus.wait("vpn_late is said to be absent", lambda: told(["vpn_late"]))
        self.clear("gateway")
        self.assertEqual(self.get("AbsentInterfaces"), [])

    def counted(self, key):
        return {item[1:2] + item[4:5]: item[5].get(key) for item in self.list_all()}

    def test_list_counts(self):
        """List tells the connections of each forward, those alive, and their bytes where counted"""
        # Ports of its own: what others left unfinished is sent again, and would count.
        self.replace("gateway", forward("tcp", 11000, "192.168.1.10", 80),
                     forward("tcp", 11000, "192.168.1.10", 80, interface="public0"),
                     forward("tcp", 11001, "fd01::10", 80, allow_from=texts("fd44::/64")),
                     forward("tcp", 11002, "192.168.1.10", 80))
        here, there = (11000, VPN), (11000, "public0")
        set_accounting(False)
        with open_tcp("client", "10.44.0.2", 11000) as uncounted:
            say(uncounted)
            self.assertEqual(self.counted("live")[here], 1)
            self.assertIsNone(self.counted("bytes")[here])
        set_accounting(True)
        with open_tcp("client", "10.44.0.2", 11000) as first, \
                open_tcp("stranger", "203.0.113.1", 11000) as second, \
                open_tcp("client", "fd44::2", 11001) as third:
            for connection in (first, second, third):
                say(connection, b"x" * 1000)
            self.assertEqual(self.counted("connections"),
                             {here: 2, there: 1, (11001, VPN): 1, (11002, VPN): 0})
            live = self.counted("live")
            self.assertIn(live[here], (1, 2))  # the closed one is forgotten after a while
            self.assertEqual((live[there], live[11001, VPN], live[11002, VPN]), (1, 1, 0))
            for key in (here, there, (11001, VPN)):
                self.assertGreater(self.counted("bytes")[key], 2000)
        self.assertIsNone(self.counted("bytes")[11002, VPN])

    def test_counters(self):
        """the kernel counts the connections of each forward"""
        self.replace("gateway", forward("tcp", 11003, "192.168.1.10", 80))
        for _ in range(3):
            ask_tcp("client", "10.44.0.2", 11003)
        self.assertRegex(nft("list", "map", "inet", "evercam", "forwards_ip"), "counter packets 3 ")


class TestClosedByDefault(RoutedCase):
    def test_no_service(self):
        """without open_services the VPN reaches ping and nothing else of this host, by any address"""
        for address in ("10.44.0.2", "192.168.1.1", "203.0.113.1", "fd44::2", "fd01::1"):
            namespaces.run("ip", "netns", "exec", "client", "ping", "-c1", "-w60", address)
            self.assertTrue(is_silent(ask_tcp, "client", address, 22), address)
        self.assertTrue(is_silent(ask_udp, "client", "10.44.0.2", 161))
        self.assertIn("gateway:161", ask_udp("lan", "192.168.1.1", 161))
        self.assertIn("gateway6:22", ask_tcp("lan", "fd01::1", 22))

    def test_nowhere(self):
        """from the VPN nothing passes on to anywhere, and from nowhere to the VPN"""
        for host, address, port in (("client", "192.168.1.10", 80), ("client", "fd01::10", 80),
                                    ("client", "203.0.113.9", 4000), ("stranger", "10.44.0.1", 4000)):
            self.assertTrue(is_silent(ask_tcp, host, address, port), (host, address))


class TestClosed(RoutedCase):
    configuration = "open_services = tcp/22\n"

    def test_lan_directly(self):
        """the VPN reaches nothing of the LAN but forwards, even what somebody else redirects"""
        self.assertTrue(is_silent(ask_tcp, "client", "192.168.1.10", 80))
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
        self.assertTrue(is_silent(ask_tcp, "client", "192.168.1.10", 80))
        self.assertTrue(is_silent(ask_udp, "client", "192.168.1.10", 5000))
        nft("add", "table", "ip", "foreign")
        nft("add", "chain", "ip", "foreign", "pre",
            "{ type nat hook prerouting priority -101; }")
        nft("add", "rule", "ip", "foreign", "pre", "tcp dport 10005 dnat to 192.168.1.10:80")
        try:
            self.assertTrue(is_silent(ask_tcp, "client", "10.44.0.2", 10005))
        finally:
            nft("delete", "table", "ip", "foreign")

    def test_vpn_from_lan(self):
        """the LAN opens no connection into the VPN"""
        namespaces.ip("lan", "route", "add", "10.44.0.0/24", "via", "192.168.1.1")
        namespaces.ip("client", "route", "replace", "192.168.1.0/24", "via", "10.44.0.2")
        try:
            self.assertTrue(is_silent(ask_tcp, "lan", "10.44.0.1", 4000))
        finally:
            namespaces.ip("lan", "route", "delete", "10.44.0.0/24")

    def test_this_host(self):
        """of this host the VPN reaches ping and the open services only; the LAN is not shut out"""
        self.assertTrue(is_silent(ask_tcp, "client", "10.44.0.2", 9931))
        self.assertEqual(ask_tcp("client", "10.44.0.2", 22), "gateway:22 10.44.0.1 hello")
        self.assertTrue(is_silent(ask_tcp, "client", "10.44.0.2", 23))
        self.assertEqual(ask_tcp("lan", "192.168.1.1", 22), "gateway:22 192.168.1.10 hello")
        self.assertEqual(ask_tcp("stranger", "203.0.113.1", 22), "gateway:22 203.0.113.9 hello")
        namespaces.run("ip", "netns", "exec", "client", "ping", "-c1", "-w60", "10.44.0.2")
        namespaces.run("ip", "netns", "exec", "client", "ping", "-c1", "-w60", "fd44::2")
        self.assertEqual(ask_tcp(None, "10.44.0.1", 4000), "client 10.44.0.2 hello")

    def test_vpn_management(self):
        """the VPN client's management ports are for this host alone, and no others"""
        for port in MANAGEMENT:
            self.assertTrue(is_silent(ask_tcp, "lan", "192.168.1.1", port), port)
            self.assertEqual(ask_tcp(None, "127.0.0.1", port), f"gateway:{port} 127.0.0.1 hello")
        for host, address in (("lan", "fd01::1"), ("stranger", "203.0.113.1"),
                              ("client", "10.44.0.2"), ("client", "fd44::2")):
            self.assertTrue(is_silent(ask_tcp, host, address, 9931), address)
        self.assertEqual(ask_tcp(None, "::1", 9931), "gateway6:9931 ::1 hello")
        for port in (9930, 9936):
            self.assertIn(f"gateway:{port}", ask_tcp("lan", "192.168.1.1", port))


class TestSets(RoutedCase):
    def test_revision(self):
        """a set's revision grows with its changes, and only with them"""
        first = self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
        self.assertEqual(self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80)), first)
        other = self.replace("public", forward("tcp", 10001, "192.168.1.10", 80))
        self.assertEqual(self.replace("public", forward("tcp", 10001, "192.168.1.10", 80)), other)
        self.assertEqual(self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 81)), first + 1)
        self.assertEqual(self.clear("gateway"), first + 2)
        self.assertEqual(self.clear("gateway"), first + 2)
        self.assertEqual(len(self.list("public")), 1)

    def test_add_and_remove(self):
        """Add and Remove change what they name, and may be repeated"""
        first = forward("tcp", 10000, "192.168.1.10", 80)
        second = forward("tcp", 10001, "192.168.1.10", 80)
        moved = forward("tcp", 10001, "192.168.1.11", 80)
        revision = self.add("gateway", first)
        self.assertEqual(self.add("gateway", second), revision + 1)
        self.assertEqual(self.add("gateway", first, second), revision + 1)
        self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10001))
        self.assertEqual(self.add("gateway", moved), revision + 2)
        self.assertIn("camera2", ask_tcp("client", "10.44.0.2", 10001))
        with open_tcp("client", "10.44.0.2", 10000) as live:
            say(live)
            self.assertEqual(self.remove("gateway", second), revision + 3)
            self.assertEqual(self.remove("gateway", second), revision + 3)
            self.assertEqual(self.remove("public", first), 0)
            say(live)
        self.assertTrue(is_silent(ask_tcp, "client", "10.44.0.2", 10001))
        self.assertEqual([item[:5] for item in self.list()], [first[:5]])

    def test_nothing_to_do(self):
        """the same again, in any order, sends nothing; one change among many sends one element"""
        many = [forward("tcp", 10000 + i, "192.168.1.10", 80, name=text(f"camera {i}"))
                for i in range(200)]
        monitor = Monitor()
        try:
            self.replace("gateway", *many)
            self.assertGreater(len(monitor.read_to_mark()), 200)
            self.replace("gateway", *reversed(many))
            self.assertEqual(monitor.read_to_mark(), [])
            many[7] = forward("tcp", 10007, "192.168.1.11", 80, name=text("moved"))
            self.replace("gateway", *many)
            seen = monitor.read_to_mark()
            # Out and in again: the forward, what it allows, the revision.
            self.assertEqual(len(seen), 6, seen)
            self.assertEqual(len([line for line in seen if "10007" in line]), 4, seen)
            self.add("gateway", forward("tcp", 9999, "192.168.1.10", 80), *many[:50])
            self.remove("gateway", forward("tcp", 9999, "192.168.1.10", 80))
            seen = monitor.read_to_mark()
            self.assertEqual(len(seen), 8, seen)  # each: forward, what it allows, revision twice
        finally:
            monitor.close()

    def test_list(self):
        """List gives what was set, sorted, with set and name"""
        self.replace("gateway", forward("udp", 9, "fd01::10", 8, name=text("Hof")),
                     forward("tcp", 11, "192.168.1.11", 80))
        self.replace("public", forward("tcp", 7, "192.168.1.10", 80, interface="public0"))
        self.assertEqual(self.list("gateway"), [
            ("tcp", 11, "192.168.1.11", 80, VPN, {"set": "gateway"}),
            ("udp", 9, "fd01::10", 8, VPN, {"set": "gateway", "name": "Hof"})])
        self.assertEqual([item[1] for item in self.list()], [7, 11, 9])
        self.assertEqual(self.list("nobody"), [])
        self.assertEqual(self.get("ForwardCount"), 3)

    def test_refusals(self):
        """a bad forward is named, and nothing of its list is taken"""
        good = forward("tcp", 10000, "192.168.1.10", 80)
        self.replace("gateway", good)
        for bad, part in (
                (forward("sctp", 1, "192.168.1.10", 80), "sctp"),
                (forward("tcp", 0, "192.168.1.10", 80), "listen port 0"),
                (forward("tcp", 1, "192.168.1.10", 0), "target port 0"),
                (forward("tcp", 12345, "camera", 80), "tcp vpn_ether/12345: target \"camera\""),
                (forward("tcp", 1, "", 80), "target"),
                (forward("tcp", 1, "127.0.0.1", 80), "127.0.0.1"),
                (forward("tcp", 1, "224.0.0.1", 80), "224.0.0.1"),
                (forward("tcp", 1, "255.255.255.255", 80), "255.255.255.255"),
                (forward("tcp", 1, "::ffff:127.0.0.1", 80), "::ffff:127.0.0.1"),
                (forward("tcp", 1, "fe80::1", 80), "fe80::1"),
                (forward("tcp", 1, "192.168.1.1", 80), "192.168.1.1 is this host itself"),
                (forward("tcp", 1, "fd44::2", 80), "fd44::2 is this host itself"),
                (forward("tcp", 1, "192.168.1.10", 80, interface="lo"), "loopback"),
                (forward("tcp", 1, "192.168.1.10", 80, interface="a/b"), "a/b"),
                (forward("tcp", 1, "192.168.1.10", 80, interface="x" * 16), "x" * 16),
                (forward("tcp", 1, "192.168.1.10", 80, interface='x"; drop'), "interface"),
                (forward("tcp", 1, "192.168.1.10", 80, interface="vpn_*"), "vpn_*"),
                (forward("tcp", 1, "192.168.1.10", 80, colour=text("red")), "colour"),
                (forward("tcp", 1, "192.168.1.10", 80, name=GLib.Variant("u", 1)), "name"),
                (forward("tcp", 10000, "192.168.1.11", 80), "tcp vpn_ether/10000: given twice")):
            self.refused(INVALID, part, forward("tcp", 9, "192.168.1.10", 80), good, bad)
        for options, part in (
                ({"allow_from": texts()}, "allow-from has 0 prefixes"),
                ({"allow_from": texts(*(f"10.0.{i}.0/24" for i in range(65)))}, "65 prefixes"),
                ({"allow_from": texts("10.0.0.0/8", "10.0.0.1")}, "\"10.0.0.1\" is not a prefix"),
                ({"allow_from": texts("10.0.0.0/33")}, "10.0.0.0/33"),
                ({"allow_from": texts("fd00::/8")}, "of the target's address family"),
                ({"allow_from": texts("\x1b[2J; drop")}, "is not a prefix"),
                ({"allow_from": text("10.0.0.0/8")}, "allow-from"),
                ({"expires": GLib.Variant("x", 0)}, "expires"),
                ({"expires": GLib.Variant("x", -1)}, "expires"),
                ({"expires": text("tomorrow")}, "expires"),
                ({"keep_client_address": GLib.Variant("u", 1)}, "keep-client-address")):
            self.refused(INVALID, part, good, forward("tcp", 1, "192.168.1.10", 80, **options))
        for name in ("", "a" * 16, "a b", "ä", "../x"):
            self.refused(INVALID, "is not a name of a set", good, name=name)

    def test_conflict(self):
        """a key belongs to one set"""
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
        self.refused("io.evercam.Error.Exists", "tcp vpn_ether/10000: taken by the set \"gateway\"",
                     forward("tcp", 9, "192.168.1.10", 80),
                     forward("tcp", 10000, "192.168.1.10", 80), name="public")
        self.replace("public", forward("tcp", 10000, "192.168.1.10", 80, interface="public0"))

    def test_too_many(self):
        """65536 forwards are the limit"""
        self.refused("io.evercam.Error.LimitReached", "65536",
                     *(forward("tcp", 1 + i % 65535, "192.168.1.10", 80,
                               interface=VPN if i < 65535 else "public0") for i in range(65537)))

    def test_too_many_prefixes(self):
        """65536 prefixes are the limit, over all sets"""
        networks = texts(*(f"10.{i}.0.0/16" for i in range(64)))
        many = [forward("tcp", 1 + i, "192.168.1.10", 80, "public0", allow_from=networks)
                for i in range(1023)]
        revision = self.replace("public", *many)
        self.assertEqual(self.replace("public", *many), revision)
        self.replace("gateway", forward("tcp", 1, "192.168.1.10", 80, allow_from=networks))
        self.refused("io.evercam.Error.LimitReached", "65536 prefixes",
                     forward("tcp", 2, "192.168.1.10", 80, allow_from=texts("10.0.0.0/16")),
                     name="mine")

    def test_too_many_sets(self):
        """64 sets are the limit; one that is empty makes room"""
        for i in range(64):
            self.replace(f"set{i}", forward("tcp", 1 + i, "192.168.1.10", 80))
        other = forward("tcp", 100, "192.168.1.10", 80)
        self.refused("io.evercam.Error.LimitReached", "64 sets", other, name="other")
        self.assertEqual(self.remove("other", other), 0)
        revision = self.clear("set7")
        self.assertEqual(self.replace("other", other), 1)
        self.assertEqual(len({item[5]["set"] for item in self.list()}), 64)
        self.clear("set8")
        self.assertEqual(self.replace("set7", forward("tcp", 8, "192.168.1.10", 80)), 1)
        self.assertEqual(revision, 2)
        before, whole = self.list(), listing()
        self.kill()
        self.start()
        self.assertEqual((self.list(), listing()), (before, whole))

    def test_names(self):
        """names are cut between characters and cannot act on a terminal or on nft"""
        self.replace("gateway",
                     forward("tcp", 1, "192.168.1.10", 80, name=text("é" * 40)),
                     forward("tcp", 2, "192.168.1.10", 80, name=text('a"b\x1b[2J\u0085\nc')),
                     forward("tcp", 3, "192.168.1.10", 80, name=text("")))
        names = [item[5].get("name") for item in self.list()]
        self.assertEqual(names, ["é" * 32, "a'b?[2J???c", None])
        shown, before = nft("list", "table", "inet", "evercam"), listing()
        self.kill()  # it would restore the table by itself
        nft("delete", "table", "inet", "evercam")
        path = os.path.join(self.bus.directory, "listing")
        with open(path, "w", encoding="utf-8") as file:
            file.write(shown)
        nft("-f", path)
        self.assertEqual(listing(), before)
        self.start()


class TestEndurance(RoutedCase):
    def test_kill(self):
        """killed and started again: same forwards, same revision, a live connection goes on"""
        revision = self.replace(
            "gateway", forward("tcp", 11004, "192.168.1.10", 80, name=text("Hof")),
            forward("udp", 11004, "fd01::10", 5000))
        public = self.replace("public", forward("tcp", 11004, "192.168.1.11", 80,
                                                interface="public0"))
        before = self.list()
        with open_tcp("client", "10.44.0.2", 11004) as live:
            say(live)
            self.kill()
            self.assertEqual(say(live, b"daemon dead"), "camera1:80 192.168.1.1 daemon dead")
            self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 11004))
            self.start()
            self.assertEqual(say(live, b"back"), "camera1:80 192.168.1.1 back")
        self.assertEqual(self.list(), before)
        self.assertEqual(self.replace("gateway", *(item[:5] + ({"name": text("Hof")} if "name"
                         in item[5] else {},) for item in self.list("gateway"))), revision)
        self.assertEqual(self.clear("public"), public + 1)
        self.assertRegex(nft("list", "map", "inet", "evercam", "forwards_ip"), "counter packets 2 ")

    def test_stream(self):
        """a stream misses no byte while routed is killed, stopped and started, and other forwards change"""
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 9000))
        with open_tcp("client", "10.44.0.2", 10000) as stream:
            received = self.follow(stream, 0)
            for how in (signal.SIGKILL, signal.SIGTERM):
                self.kill(how)
                received = self.follow(stream, received)
                self.start()
                received = self.follow(stream, received)
            self.add("public", *(forward("udp", 1 + i, "192.168.1.10", 80) for i in range(500)))
            received = self.follow(stream, received)
            self.clear("public")
            self.follow(stream, received)
        # With the table the kernel takes away the translation, too: what arrives before it is
        # restored resets its connection. The next one works.
        self.damage("flush ruleset")
        with open_tcp("client", "10.44.0.2", 10000) as stream:
            self.follow(stream, 0)

    def follow(self, stream, start):
        """Reads and checks 4 MB of the counting stream; returns the position behind them."""
        wanted, data = 4 << 20, bytearray()
        while len(data) < wanted:
            data += stream.recv(wanted - len(data))
        first = start // 4
        numbers = array.array("I")
        numbers.frombytes(data)
        self.assertEqual(numbers, array.array("I", range(first, first + len(numbers))))
        return start + len(data)

    def test_every_port(self):
        """every port of a protocol may be forwarded at once"""
        self.replace("gateway", *(forward("tcp", port, "192.168.1.10", 80)
                                  for port in range(1, 65536)))
        for port in (1, 22, 9931, 65535):
            self.assertIn("camera1", ask_tcp("client", "10.44.0.2", port))
        self.kill()
        self.start()
        self.assertEqual(self.get("ForwardCount"), 65535)
        self.remove("gateway", forward("tcp", 65535, "192.168.1.10", 80))
        self.assertTrue(is_silent(ask_tcp, "client", "10.44.0.2", 65535))

    def test_stop(self):
        """stopped by an upgrade: forwards stay"""
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
        self.kill(signal.SIGTERM)
        try:
            self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10000))
        finally:
            self.start()
        self.assertEqual(len(self.list()), 1)

    def test_other_tables(self):
        """other tables are not touched"""
        nft("add", "table", "ip", "docker")
        nft("add", "chain", "ip", "docker", "post", "{ type nat hook postrouting priority 100; }")
        nft("add", "rule", "ip", "docker", "post", "ip saddr 172.17.0.0/16 masquerade")
        nft("add", "table", "inet", "operator")
        nft("add", "chain", "inet", "operator", "evercam")

        def others():
            return re.sub(r"table inet evercam \{.*?\n\}\n", "", nft("list", "ruleset"), flags=re.S)

        before = others()
        try:
            self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
            self.kill()
            self.start()
            self.clear("gateway")
            self.assertEqual(others(), before)
            self.assertIn("172.17.0.0/16", before)
        finally:
            nft("delete", "table", "ip", "docker")
            nft("delete", "table", "inet", "operator")

    def test_damage_found_at_start(self):
        """what a stranger did to the table while the daemon was dead is repaired at its start"""
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80),
                     forward("tcp", 10001, "192.168.1.11", 80))
        def without_revisions():
            return [re.sub(r"revision \d+", "", part) for part in listing()]

        before, whole = self.list(), without_revisions()
        for damage in (
                "flush set inet evercam allowed_ip",
                "flush chain inet evercam from_closed",
                "flush set inet evercam revisions",
                "add element inet evercam forwards_ip { \"eth9\" . tcp . 1 : 192.168.1.1 . 2 }",
                "delete chain inet evercam prerouting",
                "add chain inet evercam more { type filter hook forward priority -5; policy drop; }",
                "add table inet evercam { flags dormant; }",
                "add element inet evercam services { tcp . 99 }"):
            self.kill()
            nft(damage)
            self.start()
            self.assertEqual(self.list(), before, damage)
            self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10000), damage)
            self.assertEqual(without_revisions(), whole, damage)
            self.assertTrue(is_silent(ask_tcp, "client", "192.168.1.10", 80), damage)

    def test_foreign_changes(self):
        """what a stranger does to the table is undone, and said; counters stay where they can"""
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80, name=text("Hof")),
                     forward("tcp", 10001, "fd01::10", 80))
        revision = self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
        before = listing()

        for damage in ("flush ruleset", "delete table inet evercam",
                       "flush chain inet evercam from_closed",
                       "flush map inet evercam forwards_ip",
                       "add rule inet evercam input tcp dport 22 drop",
                       "add chain inet evercam more "
                       "{ type filter hook input priority -5; policy drop; }",
                       "add chain inet evercam input { policy drop; }",
                       "add set inet evercam more { type ipv4_addr; }",
                       "add table inet evercam { flags dormant; }",
                       "add element inet evercam allowed_ip "
                       "{ vpn_ether . tcp . 192.168.1.11 . 80 . 10000 }"):
            self.kill()  # the more often the table was restored, the later it is again
            self.start()
            self.damage(damage)
            said = [line for line in self.bus.log().splitlines() if "it is restored with" in line]
            self.assertIn("with 1 forwards", said[-1])
            self.assertEqual(listing(), before, damage)
            self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10000))
        self.assertIn("nft (pid", self.bus.log())
        self.assertEqual(self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80)), revision)

    def test_lost_events(self):
        """events that have no room in the socket: the table is looked at, and restored"""
        self.kill()  # the more often the table was restored, the later it is again
        self.start()
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
        before = listing()
        self.daemon.send_signal(signal.SIGSTOP)
        try:
            # Some 50,000 events of another table first, so that the one of ours has no room.
            nft("add", "table", "inet", "crowd")
            nft("add", "set", "inet", "crowd", "ports", "{ type inet_proto . inet_service; }")
            path = os.path.join(self.bus.directory, "crowd")
            with open(path, "w", encoding="ascii") as file:
                file.write("add element inet crowd ports {"
                           + ",".join(f"tcp . {port}" for port in range(1, 50000)) + "}")
            nft("-f", path)
            nft("flush", "map", "inet", "evercam", "forwards_ip")
            nft("delete", "table", "inet", "crowd")
        finally:
            self.daemon.send_signal(signal.SIGCONT)
        self.bus.wait("the loss is noticed and the table restored", lambda: re.search(
            "events about the table .evercam. were lost; it is restored with 1 forwards",
            self.bus.log()))
        self.assertEqual(listing(), before)
        self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10000))

    def test_table_owned_by_another(self):
        """what the kernel refuses is said, changes nothing, and is made good when it can be"""
        self.kill()  # the more often the table was restored, the later it is again
        self.start()
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
        # The kernel lets nobody else change the table of a program that owns it, as long as it lives.
        owner = subprocess.Popen(["nft", "-i"], stdin=subprocess.PIPE, text=True,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            def own():
                owner.stdin.write("delete table inet evercam\n"
                                  "add table inet evercam { flags owner; }\n")
                owner.stdin.flush()
                return self.get("LastError")

            self.bus.wait("the kernel refuses", own)
            self.assertIn("owns the table", self.get("LastError"))
            with self.assertRaises(BusError) as caught:
                self.replace("gateway", forward("tcp", 10000, "192.168.1.11", 80))
            self.assertIn("owns the table", caught.exception.text)
            self.assertEqual([item[2] for item in self.list()], ["192.168.1.10"])
        finally:
            owner.communicate()
        self.bus.wait("the table is restored", lambda: not self.get("LastError"))
        self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10000))
        self.replace("gateway", forward("tcp", 10000, "192.168.1.11", 80))
        self.assertIn("camera2", ask_tcp("client", "10.44.0.2", 10000))

    def test_change_of_a_damaged_table(self):
        """a change that comes before the repair makes the table anew at once"""
        for damage in ("flush ruleset", "delete element inet evercam forwards_ip "
                       "{ vpn_ether . tcp . 10000 }"):
            self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
            nft(damage)
            self.replace("gateway", forward("tcp", 10000, "192.168.1.11", 80))
            self.assertIn("camera2", ask_tcp("client", "10.44.0.2", 10000))

    def test_table_of_another_kind(self):
        """a table of that name which is not ours at all is replaced"""
        self.kill()
        nft("delete", "table", "inet", "evercam")
        nft("add", "table", "inet", "evercam")
        nft("add", "map", "inet", "evercam", "forwards_ip", "{ type inet_service : verdict; }")
        nft("add", "element", "inet", "evercam", "forwards_ip", "{ 1 : drop }")
        self.start()
        self.assertEqual(self.list(), [])
        self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
        self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10000))

    def test_many(self):
        """20,000 forwards in one call, all there after a restart, one of them changed"""
        many = [forward("tcp", 1 + i, "192.168.1.10", 80, name=text(f"camera {i}"))
                for i in range(10000)]
        many += [forward("udp", 1 + i, "fd01::10", 5000) for i in range(10000)]
        self.replace("gateway", *many)
        self.assertIn("camera1", ask_tcp("client", "10.44.0.2", 10000))
        self.assertIn("camera6", ask_udp("client", "fd44::2", 10000))
        self.kill()
        self.start()
        self.assertEqual(self.get("ForwardCount"), 20000)
        many[9999] = forward("tcp", 10000, "192.168.1.11", 80)
        self.replace("gateway", *many)
        self.assertIn("camera2", ask_tcp("client", "10.44.0.2", 10000))

    def test_forwarding_off(self):
        """without the kernel's forwarding Replace succeeds, and says what is missing"""
        changes = self.bus.signals(path=PATH)
        set_forwarding(False)
        try:
            self.bus.wait("ForwardingEnabled is false", lambda: any(
                change[3][1].get("ForwardingEnabled") is False for change in changes))
            self.replace("gateway", forward("tcp", 10000, "192.168.1.10", 80))
            self.assertFalse(self.get("ForwardingEnabled"))
            self.assertIn("net.ipv4.ip_forward", self.get("LastError"))
        finally:
            set_forwarding(True)
        self.bus.wait("ForwardingEnabled is true", lambda: self.get("ForwardingEnabled"))
        self.assertEqual(self.get("LastError"), "")

    def test_ipv6_forwarding_off(self):
        """IPv6 forwarding is missed while there are IPv6 forwards"""
        four, six = forward("tcp", 10000, "192.168.1.10", 80), forward("tcp", 10000, "fd01::10", 80)
        self.replace("gateway", four)
        set_forwarding(False, families=("ipv6/conf/all/forwarding",))
        try:
            self.assertTrue(self.get("ForwardingEnabled"))
            self.replace("gateway", four, six)
            self.assertFalse(self.get("ForwardingEnabled"))
            self.assertIn("net.ipv6.conf.all.forwarding", self.get("LastError"))
            self.replace("gateway", four)
            self.assertTrue(self.get("ForwardingEnabled"))
            self.assertEqual(self.get("LastError"), "")
            self.replace("gateway", six)
        finally:
            set_forwarding(True)
        self.bus.wait("ForwardingEnabled is true", lambda: self.get("ForwardingEnabled"))
        self.assertIn("camera6", ask_tcp("client", "fd44::2", 10000))


class TestRandom(RoutedCase):
    """Whatever happens in whatever order: the kernel's table is the model's."""

    STEPS = 60
    HOSTS = ("192.168.1.10", "192.168.1.11", "fd01::10")

    def random_forwards(self, own_ports):
        keys = {(self.random.choice(("tcp", "udp")), self.random.choice(own_ports),
                 self.random.choice((VPN, "public0"))) for _ in range(self.random.randrange(12))}
        return [self.random_forward(*key) for key in keys]

    def random_forward(self, protocol, port, interface):
        target, options = self.random.choice(self.HOSTS), {}
        if port % 2:
            options["name"] = text(self.random.choice("ABC"))
        if self.random.randrange(2):
            prefixes = ("fd00::/8", "fd44::/64") if ":" in target else (
                "10.0.0.0/8", "10.44.0.0/16", "192.0.2.0/24", "198.51.100.7/32")
            options["allow_from"] = texts(*self.random.sample(prefixes, self.random.choice((1, 2))))
        if not self.random.randrange(4):
            options["keep_client_address"] = GLib.Variant("b", True)
        if not self.random.randrange(4):
            options["expires"] = moment(3600)
        return forward(protocol, port, target, self.random.choice((80, 554)), interface, **options)

    @staticmethod
    def key(item):
        return item[0], item[1], item[4], ":" in item[2]

    def step_replace(self):
        name = self.random.choice(("gateway", "public", "mine"))
        # The sets have some ports of their own and compete for others.
        ports = list(range(100, 106)) + [{"gateway": 1, "public": 2, "mine": 3}[name]]
        wanted = self.random_forwards(ports)
        taken = {self.key(item) for other, items in self.model.items() if other != name
                 for item in items}
        try:
            self.replace(name, *wanted)
            self.model[name] = wanted
        except BusError as error:
            self.assertEqual(error.name, "io.evercam.Error.Exists")
            self.assertTrue(any(self.key(item) in taken for item in wanted))

    def step_add(self):
        name = self.random.choice(list(self.model))
        wanted = self.random_forwards(list(range(100, 106)))
        taken = {self.key(item) for other, items in self.model.items() if other != name
                 for item in items}
        keys = {self.key(item) for item in wanted}
        try:
            self.add(name, *wanted)
            self.assertFalse(keys & taken)
            self.model[name] = [item for item in self.model[name] if self.key(item) not in keys]
            self.model[name] += wanted
        except BusError as error:
            self.assertEqual(error.name, "io.evercam.Error.Exists")
            self.assertTrue(keys & taken)

    def step_remove(self):
        name = self.random.choice(list(self.model))
        goes = [item for item in self.model[name] if self.random.randrange(2)]
        self.remove(name, *goes, forward("tcp", 9, "192.168.1.10", 80))
        self.model[name] = [item for item in self.model[name] if item not in goes]

    def step_clear(self):
        name = self.random.choice(list(self.model))
        self.clear(name)
        self.model[name] = []

    def step_restart(self):
        self.kill(self.random.choice((signal.SIGKILL, signal.SIGTERM)))
        self.start()

    def damage_at_random(self):
        nft(self.random.choice((
            "flush ruleset", "delete table inet evercam", "flush map inet evercam forwards_ip",
            "flush set inet evercam allowed_ip6", "flush chain inet evercam forward",
            "add element inet evercam allowed_ip { vpn_ether . tcp . 1.2.3.4 . 1 . 2 }")))

    def is_restored(self):
        try:
            return self.in_kernel() == self.wanted()
        except RuntimeError:
            return False  # there is no table

    def step_damage(self):
        self.damage_at_random()
        if self.random.randrange(2):
            self.step_replace()  # makes the table anew, unless it has nothing to do
        self.bus.wait("the table is restored", self.is_restored)

    def step_damage_while_dead(self):
        # What was deleted while nobody looked is gone; what can be read from the maps is kept.
        self.kill()
        nft("flush", "set", "inet", "evercam", self.random.choice(("allowed_ip", "allowed_ip6",
                                                                     "kept_ip", "kept_ip6")))
        self.start()

    def in_kernel(self):
        """What the maps and the sets of the table hold: both as (protocol, port, target, …), and
        the networks of those that have any."""
        redirected, allowed, sources = set(), set(), set()
        for item in json.loads(nft("-j", "list", "table", "inet", "evercam"))["nftables"]:
            for key, value in item.get("map", {}).get("elem", []):
                interface, protocol, port = key["elem"]["val"]["concat"]
                redirected.add((protocol, port, *value["concat"], interface,
                                item["map"]["name"].startswith("restricted")))
            name = item.get("set", {}).get("name", "")
            for element in item.get("set", {}).get("elem", []):
                if name.startswith(("allowed", "kept")):
                    interface, protocol, *target, port = element["concat"]
                    allowed.add((protocol, port, *target, interface, name.startswith("kept")))
                elif name.startswith("sources"):
                    interface, protocol, port, network = element["concat"]
                    sources.add((protocol, port, interface, f"{network}/{name.split('_')[2]}"))
        return redirected, allowed, sources

    @staticmethod
    def networks(item):
        """Those that are not inside others."""
        given = [ipaddress.ip_network(network) for network in item[5].get("allow-from", texts())]
        return [str(network) for network in given
                if not any(network != other and network.subnet_of(other) for other in given)]

    def wanted(self):
        items = [item for items in self.model.values() for item in items]
        return ({item[:5] + ("allow-from" in item[5],) for item in items},
                {item[:5] + ("keep-client-address" in item[5],) for item in items},
                {(item[0], item[1], item[4], network) for item in items
                 for network in self.networks(item)})

    def test_random(self):
        """60 random steps of changes, restarts and damage"""
        seed = int(os.environ.get("SEED", "1"))
        self.random = random.Random(seed)
        self.model = {}
        steps = ["replace"] * 5 + ["add", "remove"] * 2 + ["clear", "restart", "damage", "damage_while_dead"]
        done = []
        for _ in range(self.STEPS):
            done.append(self.random.choice(steps if self.model else ["replace"]))
            try:
                getattr(self, f"step_{done[-1]}")()
                self.compare()
            except AssertionError as error:
                raise AssertionError(f"SEED={seed}, {' '.join(done)}: {error}") from None

    def compare(self):
        self.assertEqual({item[:5] for item in self.list()},
                         {item[:5] for items in self.model.values() for item in items})
        self.assertEqual(self.in_kernel(), self.wanted())
        for name, items in self.model.items():
            self.assertEqual({self.described(item[:5], item[5]) for item in self.list(name)},
                             {self.described(item[:5], {
                                 **{key: value.unpack() for key, value in item[5].items()},
                                 "allow-from": sorted(self.networks(item))}) for item in items})

    @staticmethod
    def described(key, options):
        return (*key, options.get("name"), tuple(sorted(options.get("allow-from", ()))),
                options.get("keep-client-address", False), options.get("expires"))


NOBODY = 65534
ONE_CAPABILITY = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
                  "--no-new-privs", "--inh-caps", "-all,+net_admin", "--ambient-caps",
                  "-all,+net_admin", "--bounding-set", "-all,+net_admin", "--"]


class TestPrivileges(RoutedCase):
    @classmethod
    def start(cls):
        os.chmod(cls.bus.directory, 0o755)
        cls.daemon = cls.bus.start([*ONE_CAPABILITY, ROUTED, "--config", cls.file])
        cls.bus.wait_for_name(NAME)
        cls.proxy = cls.bus.proxy(NAME, PATH)

    def test_one_capability(self):
        """everything works with CAP_NET_ADMIN alone, also 5,000 forwards at once"""
        many = [forward("tcp", 10000 + i, "192.168.1.10", 80) for i in range(5000)]
        self.replace("gateway", *many)
        with open_tcp("client", "10.44.0.2", 10007) as live:
            self.assertIn("camera1", say(live))
            many[7] = forward("tcp", 10007, "192.168.1.11", 80)
            self.replace("gateway", *many)
        self.assertIn("ended 1 connections", self.bus.log())
        self.assertIn("camera2", ask_tcp("client", "10.44.0.2", 10007))
        self.damage("flush ruleset")


class TestWithoutPrivileges(unittest.TestCase):
    def test_no_capability(self):
        """without the capability routed says what it needs, and ends"""
        bus = PrivateBus()
        os.chmod(bus.directory, 0o755)
        file = os.path.join(bus.directory, "routed.conf")
        open(file, "w", encoding="ascii").close()
        process = bus.start(["setpriv", "--reuid", str(NOBODY), "--clear-groups", "--inh-caps", "-all",
                             "--bounding-set", "-all", "--", ROUTED, "--config", file])
        try:
            self.assertEqual(process.wait(PATIENCE), 1)
            self.assertIn("CAP_NET_ADMIN", bus.log())
        finally:
            bus.processes.remove(process)
            bus.close()


class TestPolicy(unittest.TestCase):
    def test_policy(self):
        """by the installed bus policy everybody may look, and root may change"""
        policy = os.path.join(os.path.dirname(__file__), "../../dbus/io.evercam.Routing1.conf")
        bus = PrivateBus([policy])
        os.chmod(bus.directory, 0o755)
        file = os.path.join(bus.directory, "routed.conf")
        open(file, "w", encoding="ascii").close()
        bus.start([ROUTED, "--config", file])
        bus.wait_for_name(NAME)

        def as_nobody(member, *arguments):
            return subprocess.run(
                ["dbus-send", f"--bus={bus.address}", "--print-reply", f"--dest={NAME}", PATH,
                 member, *arguments], user=NOBODY, group=NOBODY, capture_output=True, text=True,
                check=False, env={"PATH": os.environ["PATH"]})

        try:
            self.assertEqual(bus.proxy(NAME, PATH).call(NAME, "Clear", "(s)", "gateway"), 0)
            for member, *arguments in (
                    (f"{NAME}.List", "string:"),
                    ("org.freedesktop.DBus.Introspectable.Introspect",),
                    ("org.freedesktop.DBus.Properties.GetAll", f"string:{NAME}"),
                    ("org.freedesktop.DBus.Properties.Get", f"string:{NAME}", "string:LastError")):
                done = as_nobody(member, *arguments)
                self.assertEqual(done.returncode, 0, done.stderr)
            done = as_nobody(f"{NAME}.Clear", "string:gateway")
            self.assertIn("AccessDenied", done.stderr)
        finally:
            bus.close()
            namespaces.run("nft", "delete", "table", "inet", "evercam", check=False)


if __name__ == "__main__":
    namespaces.isolate()
    build_network()
    start_servers()
    tap.main(TestTraffic, TestClosedByDefault, TestClosed, TestSets, TestEndurance, TestRandom,
             TestPrivileges, TestWithoutPrivileges, TestPolicy)
