#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A LAN of simulated cameras and of others, with a gateway on it that runs discoverd, and a shell there.

  lab.py                                    every personality once
  lab.py --list                             what there is, one line each
  lab.py -p plain -c 20 --loss 10           twenty of one kind; of ten packets one is lost each way
  lab.py -p 'xaddr-*' -p wsdd               by pattern, and several
  lab.py -p plain -c 300 --crowd            hundreds, in one process
  lab.py -p yard -- gatewayctl devices      after the first scan, a command at the gateway; and ends

In the shell, gatewayctl asks the discoverd of the lab, and DEVICES has what each device has seen. All
of it is in namespaces of its own that end with this program, however it ends: there is nothing to
clean up. Needs root, and a build (ninja -C build) for discoverd.
"""

import argparse
import fnmatch
import ipaddress
import os
import signal
import subprocess
import sys
import tempfile
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[0] = TESTS
sys.path.insert(1, os.path.join(TESTS, "support"))

from busenv import PrivateBus  # noqa: E402
from cameras import lan, personality, programs  # noqa: E402
from lab import isolation  # noqa: E402

GATEWAY = 10  # the number of its address; devices begin after FIRST
FIRST = 20
NETWORKS = ("192.168.7.0/24", "192.168.4.0/22", "10.7.0.0/16")  # the first that all fit into
NAME = "io.evercam.Discovery1"


def read_arguments():
    parser = argparse.ArgumentParser(
        prog="lab.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-p", "--personality", action="append", metavar="NAME", default=[],
                        help="one of --list, or a pattern of them; may be given several times (all)")
    parser.add_argument("-c", "--count", type=int, default=1, help="so many of each (1)")
    parser.add_argument("-l", "--loss", type=int, metavar="PERCENT",
                        help="of the packets of each device, each way")
    parser.add_argument("-d", "--delay", type=int, metavar="MS", help="of each answer of a device")
    parser.add_argument("--crowd", action="store_true",
                        help="all in one process and namespace, for hundreds; without --loss")
    parser.add_argument("--build", default="build", help="where discoverd and gatewayctl are (build)")
    parser.add_argument("--no-discoverd", action="store_true", help="start it yourself, in the shell")
    parser.add_argument("--list", action="store_true", help="what personalities there are")
    parser.add_argument("command", nargs="*", help="what to run at the gateway instead of a shell")
    options = parser.parse_args()
    options.build = os.path.join(os.path.dirname(TESTS), options.build)
    names = [name for name in personality.names()
             if any(fnmatch.fnmatch(name, pattern) for pattern in options.personality or ["*"])]
    if options.count * len(names) > 2000:
        parser.error("so many do not fit")
    for pattern in options.personality:
        if not fnmatch.filter(names, pattern):
            parser.error(f"there is no personality {pattern}; --list tells what there is")
    if options.crowd and options.loss:
        parser.error("--loss is a namespace's, and a crowd has but one")
    options.names = names
    return options


def print_list(names):
    width = max(map(len, names))
    for is_camera, title in ((True, "cameras"), (False, "others, which must not be taken for one")):
        print(title)
        for one in map(personality.load, names):
            if one.is_camera == is_camera:
                print(f"  {one.name:{width}}  {one.about}")


class Lab:
    def __init__(self, options):
        self.options = options
        total = len(options.names) * options.count
        sizes = {name: ipaddress.ip_network(name).num_addresses - FIRST - 2 for name in NETWORKS}
        self.lan = lan.Lan(next((name for name, size in sizes.items() if size >= total), NETWORKS[-1]))
        self.bus = PrivateBus()
        gateway = self.lan.with_prefix(self.lan.address(GATEWAY))
        self.gateway = self.lan.add_host("gateway", None, gateway)
        self.gateway.ip("route add default dev eth0")

    def changes(self):
        """To every personality."""
        wanted = {"loss": self.options.loss, "delay_ms": self.options.delay}
        return {key: value for key, value in wanted.items() if value}

    def add_devices(self):
        number, left_out = FIRST, []
        hosts, crowd = [], []
        for name in self.options.names:
            one = personality.load(name)
            run = one.settings.get("program", {}).get("run")
            if run and (self.options.crowd or not programs.are_there(run)):
                left_out.append(name)
                continue
            for _ in range(self.options.count):
                if self.options.crowd:
                    settings = {**one.settings, **self.changes()}
                    crowd.append((one.mac_address(number), self.lan.address(number), settings))
                else:
                    hosts.append(self.lan.add(name, number, **self.changes()))
                number += 1
        if crowd:
            hosts.append(self.lan.add_host("crowd"))
            hosts[0].start_crowd(crowd)
        for host in hosts:
            host.wait_until_ready()
        if left_out:
            print(f"lab: left out, for want of their programs: {', '.join(left_out)}")
        return number - FIRST

    def start_discoverd(self):
        if programs.are_there("avahi"):
            self.bus.start(self.gateway.command(*programs.avahi(self.bus.directory, bus=True)),
                           **programs.libraries())
            self.bus.wait_for_name("org.freedesktop.Avahi")
        if not self.options.no_discoverd:
            self.bus.start(self.gateway.command(self.discoverd(), "--config", "/dev/null", "--debug"))
            self.bus.wait_for_name(NAME)
            if self.options.command:
                root = self.bus.proxy(NAME, "/" + NAME.replace(".", "/"))
                self.bus.wait("the first scan", lambda: not root.get(NAME, "Scanning"), 300)

    def discoverd(self):
        return os.path.join(self.options.build, "discoverd/discoverd")

    def environment(self):
        path = f"{self.options.build}/gatewayctl:{self.options.build}/discoverd:{os.environ['PATH']}"
        return {**self.bus.environment(), "PATH": path, "DEVICES": self.lan.directory, "PS1": "lab# ",
                "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}  # fmt: skip

    def enter(self):
        """What was asked for at the gateway; a shell, if there is somebody at the terminal."""
        command = self.options.command
        if not command and sys.stdin.isatty():
            command = ["bash", "--norc"]
        if not command:
            print("lab: until SIGTERM or SIGINT", flush=True)
            signal.pause()
        if command == ["bash", "--norc"]:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the shell's
        enter = self.gateway.command(*command)
        return subprocess.run(enter, env=self.environment(), check=False).returncode

    def explain(self, count, spent):
        print(f"lab: {count} devices on {self.lan.network} in {spent:.1f} s; the gateway is"
              f" {self.lan.address(GATEWAY)}" + (
                  "" if self.options.no_discoverd else ", with discoverd"), flush=True)  # fmt: skip
        if self.options.command:
            return
        print(f"""
  gatewayctl devices                 what has been found
  gatewayctl devices --why ADDRESS   why it is a camera, or none
  gatewayctl scan                    look again, now
  less {self.bus.log_path}   the log of discoverd
  tail -f $DEVICES/*.log             who calls which device, and what for
  exit                               ends the lab
""", flush=True)  # fmt: skip

    def close(self):
        try:
            self.bus.close()
        finally:
            self.lan.close()


def main(options):
    started = time.monotonic()
    isolation.mount("tmpfs", "/run", "tmpfs", options="mode=755")  # for the names of namespaces
    isolation.mount("tmpfs", "/mnt", "tmpfs", options="mode=755")  # for files: they end with us, too
    tempfile.tempdir = "/mnt"
    built = Lab(options)
    try:
        count = built.add_devices()
        built.start_discoverd()
        built.explain(count, time.monotonic() - started)
        return built.enter()
    finally:
        built.close()


def hint(pid):
    print(f"lab: from another terminal: nsenter --target {pid} --net --mount --pid"
          " ip netns exec evd1-gateway bash", flush=True)  # fmt: skip


if __name__ == "__main__":
    arguments = read_arguments()
    if arguments.list:
        print_list(arguments.names)
    elif os.geteuid() != 0:
        sys.exit("lab.py: needs root, for namespaces")
    elif not arguments.no_discoverd and not os.path.exists(f"{arguments.build}/discoverd/discoverd"):
        sys.exit(f"lab.py: no discoverd in {arguments.build}: ninja -C build, or --no-discoverd")
    else:
        sys.exit(isolation.run_isolated(lambda: main(arguments), None if arguments.command else hint))
