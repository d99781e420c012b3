# SPDX-License-Identifier: GPL-3.0-or-later
"""A LAN of simulated devices in network namespaces: one for the switch, one per device.

    lan = Lan()
    camera = lan.add("hikvision")               # a personality, or a table; MAC and address by number
    camera.wait_until_ready()
    camera.say("bye"), camera.output(), camera.connections()
    lan.close()

Everything is named with one prefix and our pid, and what a killed run left is cleaned up by the next
one. Loss is nftables' (netem is not in every kernel), delay is the device's own.
"""

import ipaddress
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading

from cameras import crowd, personality, programs

PREFIX = "evd"
NO_IPV6 = "net.ipv6.conf.all.disable_ipv6=1"
HERE = os.path.dirname(os.path.abspath(__file__))
DEVICE = os.path.join(HERE, "device.py")
LOSS = """table inet loss {{
	chain input {{ type filter hook input priority 0; numgen random mod 100 < {percent} drop; }}
	chain output {{ type filter hook output priority 0; numgen random mod 100 < {percent} drop; }}
}}"""


def ip(*lines, check=True):
    return subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=check,
                          stdout=subprocess.PIPE).stdout  # fmt: skip


def clean_up():
    listed = subprocess.run(["ip", "netns", "list"], text=True, stdout=subprocess.PIPE).stdout
    for name, pid in re.findall(rf"^({PREFIX}(\d+)-\S+)", listed, re.M):
        if not os.path.exists(f"/proc/{pid}") or int(pid) == os.getpid():
            ip(f"netns delete {name}", check=False)


class Host:
    """A namespace with an interface at a switch; a device, when something runs in it."""

    def __init__(self, lan, name):
        self.lan, self.name = lan, f"{PREFIX}{os.getpid()}-{name}"
        self.processes = []
        self.lines, self.reader = [], None  # of its devices' process, the first one
        self.mac_address, self.address = None, None
        self.ready = threading.Event()
        ip(f"netns add {self.name}")
        self.ip("link set lo up")

    def ip(self, *lines):
        return subprocess.run(["ip", "-n", self.name, "-batch", "-"], input="\n".join(lines),
                              text=True, check=True, stdout=subprocess.PIPE).stdout  # fmt: skip

    def command(self, *arguments):
        return ["ip", "netns", "exec", self.name, *arguments]

    def run(self, *arguments):
        subprocess.run(self.command(*arguments), check=True, stdout=subprocess.DEVNULL)

    def plug_in(self, interface, mac_address=None, switch="lan"):
        port = f"p{len(self.lan.hosts)}{interface}"
        mac = f"address {mac_address}" if mac_address else ""
        connect = self.lan.switch.ip
        connect(f"link add {port} type veth peer name {interface} {mac} netns {self.name}")
        self.ip(f"link set {interface} up")
        # In this order the port forwards at once: later, the kernel may let a second pass before it
        # sees the carrier, and what was said in it is lost.
        connect(f"link set {port} up", f"link set {port} master {switch}")

    def set_loss(self, percent):
        """Of the packets of IP, in each direction."""
        subprocess.run(self.command("nft", "delete", "table", "inet", "loss"), check=False,
                       stderr=subprocess.DEVNULL)  # fmt: skip
        if percent:
            self.run("nft", LOSS.format(percent=percent))

    # --- what runs in it ---

    def start_devices(self, *devices):
        """devices: (interface, personality's name or table), in one process."""
        self._start([{"interface": interface, "settings": settings} for interface, settings in devices])

    def start_crowd(self, devices):
        """devices: (MAC address, address, personality's name or table), each on a macvlan of its own."""
        places = [(mac, self.lan.with_prefix(address)) for mac, address, _ in devices]
        crowd.make_interfaces(self.command(), "eth0", places)
        self._start(crowd.devices([settings for _, _, settings in devices]))

    def _start(self, entries):
        process = subprocess.Popen(
            self.command("/usr/bin/python3", DEVICE), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)  # fmt: skip
        self.processes.append(process)
        process.stdin.write(json.dumps(entries) + "\n")
        process.stdin.flush()
        self.reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self.reader.start()

    def _read(self, process):
        with open(f"{self.lan.directory}/{self.name}.log", "w", encoding="utf-8") as log:
            for line in process.stdout:
                if line == "ready\n":
                    self.ready.set()
                else:  # it may be spoken to before it says that it is ready
                    self.lines.append(line)
                    print(line, end="", file=log, flush=True)
        self.ready.set()

    def start_program(self, settings):
        """A real program; its output is in a file of the LAN's directory."""
        directory = f"{self.lan.directory}/{self.name}"
        argv, environment = programs.prepare(settings, directory)
        with open(f"{directory}/log", "ab") as log:
            self.processes.append(subprocess.Popen(
                self.command(*argv), stdin=subprocess.PIPE, stdout=log, stderr=log,
                env={**os.environ, **environment}))  # fmt: skip

    def wait_until_ready(self):
        if self.reader and (not self.ready.wait(60) or self.processes[0].poll() is not None):
            raise RuntimeError(f"{self.name} did not start: {self.output()}")
        return self

    def say(self, line):
        """Tells the device to say hello or bye."""
        self.processes[0].stdin.write(line + "\n")
        self.processes[0].stdin.flush()

    def output(self):
        """What the device has printed since it started."""
        return "".join(self.lines)

    def has_said(self, what, times):
        return self.output().count(f"said {what}") >= times

    def connections(self, port=None):
        """How many it was sent, in all or to one port."""
        lines = self.output().splitlines()
        if port is None:
            return sum(line.startswith("connection ") for line in lines)
        return lines.count(f"connection {port}")

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdin.close()
        if self.reader:
            self.reader.join()
        for process in self.processes:
            if process.stdout:
                process.stdout.close()
        self.processes = []


class Lan:
    """network: where devices get their addresses by their numbers; directory: for logs."""

    def __init__(self, network="192.168.7.0/24"):
        clean_up()
        self.network = ipaddress.ip_network(network)
        self.hosts, self.directory = [], tempfile.mkdtemp(prefix="evercam-lan-")
        self.switch = Host(self, "switch")
        self.switch.run("sysctl", "-qw", NO_IPV6)  # it is no host of its LAN
        self.add_switch("lan")

    def address(self, number):
        return str(self.network[number])

    def with_prefix(self, address):
        return f"{address}/{self.network.prefixlen}"

    def add_switch(self, name):
        self.switch.ip(f"link add {name} type bridge mcast_snooping 0", f"link set {name} up")

    def add_host(self, name, mac_address=None, address=None, switch="lan", ipv6=True):
        """Without IPv6 it sends nothing by itself when it is plugged in."""
        host = Host(self, name)
        self.hosts.append(host)
        if not ipv6:
            host.run("sysctl", "-qw", NO_IPV6)
        host.plug_in("eth0", mac_address, switch)
        host.mac_address = mac_address
        if address:
            host.ip(f"address add {address} dev eth0")
            host.address = address.split("/")[0]
        return host

    def start_device(self, name, mac_address, address, settings, switch="lan", ipv6=True):
        """Does not wait until it has started. settings: a personality's name or table."""
        tables = personality.load(settings).settings if isinstance(settings, str) else settings
        ipv6 = ipv6 and "only" not in tables.get("network", "")
        host = self.add_host(name, mac_address, address, switch, ipv6)
        if "loss" in tables:
            host.set_loss(tables["loss"])
        if any(table in tables for table in personality.SPOKEN):
            host.start_devices(("eth0", settings))
        if "program" in tables:
            host.start_program(tables["program"])
        return host

    def add_device(self, name, mac_address, address, settings, switch="lan", ipv6=True):
        started = self.start_device(name, mac_address, address, settings, switch, ipv6)
        return started.wait_until_ready()

    def add(self, name, number, **changes):
        """Device number N of a personality, whose tables may be changed; does not wait."""
        one = personality.load(name)
        settings = {**one.settings, **changes}
        address = settings.get("address", self.address(number))
        if settings.get("network") == "ipv6":
            address = None
        return self.start_device(
            f"{name}-{number}", one.mac_address(number), address and self.with_prefix(address),
            settings if changes else name)  # fmt: skip

    def close(self):
        for host in self.hosts:
            host.stop()
        clean_up()
        shutil.rmtree(self.directory, ignore_errors=True)
