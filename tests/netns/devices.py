# SPDX-License-Identifier: GPL-3.0-or-later
"""A LAN of small devices in network namespaces: one for the switch, one per device.

Everything is named with one prefix and the test's pid, and what a killed test left is cleaned up by
the next one.
"""

import json
import os
import re
import subprocess
import threading

from gi.repository import GLib

PREFIX = "evd"
NO_IPV6 = "net.ipv6.conf.all.disable_ipv6=1"
HERE = os.path.dirname(os.path.abspath(__file__))


def ip(*lines, check=True):
    return subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=check,
                          stdout=subprocess.PIPE).stdout  # fmt: skip


def _is_alive(pid):
    return os.path.exists(f"/proc/{pid}")


def clean_up():
    listed = subprocess.run(["ip", "netns", "list"], text=True, stdout=subprocess.PIPE).stdout
    for name in re.findall(rf"^({PREFIX}(\d+)-\S+)", listed, re.M):
        if not _is_alive(name[1]) or int(name[1]) == os.getpid():
            ip(f"netns delete {name[0]}", check=False)


class Host:
    def __init__(self, lan, name):
        self.name = f"{PREFIX}{os.getpid()}-{name}"
        self.lan = lan
        self.processes = []
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
        self.lan.switch.ip(
            f"link add {port} type veth peer name {interface} {mac} netns {self.name}",
            f"link set {port} master {switch} up",
        )
        self.ip(f"link set {interface} up")

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdin.close()
            if self.reader.ident:
                self.reader.join()
            process.stdout.close()
        self.processes = []


class Lan:
    def __init__(self):
        clean_up()
        self.hosts = []
        self.switch = Host(self, "switch")
        self.switch.run("sysctl", "-qw", NO_IPV6)  # it is no host of its LAN
        self.add_switch("lan")

    def add_switch(self, name):
        self.switch.ip(f"link add {name} type bridge mcast_snooping 0", f"link set {name} up")

    def add_host(self, name, mac_address=None, address=None, switch="lan", ipv6=True):
        """Without IPv6 it sends nothing by itself when it is plugged in."""
        host = Host(self, name)
        self.hosts.append(host)
        if not ipv6:
            host.run("sysctl", "-qw", NO_IPV6)
        host.plug_in("eth0", mac_address, switch)
        if address:
            host.ip(f"address add {address} dev eth0")
        return host

    def add_device(self, name, mac_address, address, settings, switch="lan", ipv6=True):
        host = self.add_host(name, mac_address, address, switch, ipv6)
        process = subprocess.Popen(
            host.command("/usr/bin/python3", f"{HERE}/fake_device.py", "eth0", json.dumps(settings)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        host.processes.append(process)
        host.lines = []
        host.reader = threading.Thread(target=host.lines.extend, args=(process.stdout,), daemon=True)
        # It may be spoken to before it says that it is ready.
        for line in process.stdout:
            if line == "ready\n":
                host.reader.start()
                return host
            host.lines.append(line)
        raise RuntimeError(f"{name} did not start: {''.join(host.lines)}")

    def close(self):
        for host in self.hosts:
            host.stop()
        clean_up()


def packages():
    """The tree of packages that are only unpacked, or None: then what needs them is skipped."""
    tree = os.environ.get("LAB_PACKAGES", os.path.join(HERE, "../../build/site/packages"))
    return tree if os.path.exists(f"{tree}/usr/sbin/avahi-daemon") else None


def start_avahi(bus, host, directory):
    """avahi-daemon on the private bus, with a /run of its own."""
    tree = packages()
    configuration = os.path.join(directory, "avahi.conf")
    with open(configuration, "w", encoding="utf-8") as file:
        file.write("[server]\nuse-ipv6=no\n[publish]\npublish-workstation=no\n")
    for name, entry in (("passwd", "avahi:x:64001:64001::/:/bin/false\n"), ("group", "avahi:x:64001:\n")):
        with open(f"/etc/{name}", encoding="utf-8") as known, \
                open(f"{directory}/{name}", "w", encoding="utf-8") as file:  # fmt: skip
            file.write(known.read() + entry)
    script = (
        f"mount --bind {directory}/passwd /etc/passwd && "
        f"mount --bind {directory}/group /etc/group && "
        "mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && exec "
        f"{tree}/usr/sbin/avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {configuration}"
    )
    return bus.start(
        host.command("unshare", "--mount", "sh", "-c", script),
        LD_LIBRARY_PATH=f"{tree}/usr/lib/{os.uname().machine}-linux-gnu",
    )  # fmt: skip


def second_device(host, interface, settings):
    """Another device process on a host, for its other network card; the caller ends it."""
    process = subprocess.Popen(
        host.command("/usr/bin/python3", f"{HERE}/fake_device.py", interface, json.dumps(settings)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    if process.stdout.readline() != "ready\n":
        raise RuntimeError(f"the second device of {host.name} did not start")
    return process


def end(process):
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def say(host, line):
    """Tells the device to say hello or bye."""
    host.processes[0].stdin.write(line + "\n")
    host.processes[0].stdin.flush()


def output(host):
    """What the device has printed since it started."""
    return "".join(host.lines)


def has_said(host, what, times):
    return output(host).count(f"said {what}") >= times


def variant(signature, value):
    return GLib.Variant(signature, value)
