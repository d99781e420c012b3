#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices, in the network namespace that they are in.

    device.py PERSONALITY INTERFACE [PICTURES]   one; with a directory of pictures, real video
    device.py                                    those of the first line of standard input, in JSON:
        [{"interface": "eth0", "settings": PERSONALITY or {…}, "more": {…}, "quiet": false}, …]

Its MAC address is that of its interface, and fills in the personality; "more" is laid over its tables.
It prints "ready", and then what happens: "connection PORT" for each one, "onvif CALL" for each call,
"credential" when somebody sent one, "forbidden PORT from ADDRESS" for a port where nobody has
anything to look for. Lines on standard input tell it what to do: "hello [I]" and "bye [I]" let device
number I announce itself, and print "said hello TIME" (CLOCK_MONOTONIC); "connections" prints how many
each device was sent, as JSON. It ends with standard input.
"""

import fcntl
import json
import os
import signal
import socket
import struct
import sys
import time

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from cameras import mdns, personality, rtsp, ssdp, web, wsd  # noqa: E402
from cameras.engine import Engine  # noqa: E402
from cameras.service import Silent  # noqa: E402

# The table of a personality, and who speaks it. A protocol's line goes here.
PROTOCOLS = {"wsd": wsd.TargetService, "ssdp": ssdp.Device, "mdns": mdns.Responder}
SERVICES = {"http": web.Http, "rtsp": rtsp.Rtsp, "tcp": Silent}

SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFHWADDR = 0x8913, 0x8915, 0x8927
IFF_RUNNING = 0x40
IFA_F_TENTATIVE = 0x40


def ask_interface(interface, request):
    """netdevice(7); None if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        try:
            return fcntl.ioctl(asker.fileno(), request, struct.pack("256s", interface.encode()))
        except OSError:
            return None


class Device:
    """Its interface must be there; its address may come later."""

    def __init__(self, interface, settings, snapshot_file=None, video_port=None, quiet=False):
        mac_address = ask_interface(interface, SIOCGIFHWADDR)[18:24].hex(":")
        settings = personality.fill_in(settings, mac_address)
        self.interface, self.settings, self.snapshot_file = interface, settings, snapshot_file
        self.index = socket.if_nametoindex(interface)
        network = settings.get("network", "ipv4")
        self.has_ipv4, self.has_ipv6 = "ipv4" in network, "ipv6" in network
        self.delay = settings.get("delay_ms", 0) / 1000
        self.quiet = quiet
        self.engine = None
        self.addresses = {}  # by family
        self.global_address = None  # IPv6
        self.connections = 0
        self.protocols = [
            speaker(settings[table], self) for table, speaker in PROTOCOLS.items() if settings.get(table)
        ]
        self.services = {
            int(port): server(int(port), settings[table][port], self)
            for table, server in SERVICES.items()
            for port in settings.get(table, {})
            if int(port) != video_port
        }

    def say(self, line):
        if not self.quiet:
            print(line, flush=True)

    def read_addresses(self):
        """Whether they have changed. Without a link nothing is known to have: what is sent is lost."""
        flags, now = ask_interface(self.interface, SIOCGIFFLAGS), {}
        if not flags or not struct.unpack_from("@H", flags, 16)[0] & IFF_RUNNING:
            return False
        if self.has_ipv4 and (address := self._ipv4()):
            now[socket.AF_INET] = address
        if self.has_ipv6 and (address := self._link_local()):
            now[socket.AF_INET6] = address
        before, self.addresses = self.addresses, now
        return now != before

    def _ipv4(self):
        answer = ask_interface(self.interface, SIOCGIFADDR)
        return socket.inet_ntoa(answer[20:24]) if answer else None

    def _link_local(self):
        """And whatever else it has, which is none of discovery's, but of a URL's."""
        link_local, self.global_address = None, None
        with open("/proc/net/if_inet6", encoding="ascii") as file:
            for line in file:
                digits, index, _, _, flags, _ = line.split()
                ready = not int(flags, 16) & IFA_F_TENTATIVE
                if int(index, 16) != self.index or not ready:
                    continue
                address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
                if address.startswith("fe80"):
                    link_local = address
                else:
                    self.global_address = address
        return link_local

    def on_address(self, family):
        for protocol in self.protocols:
            protocol.on_address(family)

    def on_packet(self, port, packet, source):
        for protocol in self.protocols:
            if protocol.PORT == port:
                protocol.on_packet(packet, source)

    def send(self, protocol, packet, destination, delay):
        if delay + self.delay:
            self.engine.later(delay + self.delay, self.engine.send, protocol, packet, destination)
        else:
            self.engine.send(protocol, packet, destination)

    def on_connection(self, service, source):
        self.connections += 1
        self.say(f"connection {service.port}")
        if service.settings.get("forbidden"):
            self.say(f"forbidden {service.port} from {source}")

    def announce(self, what):
        for protocol in self.protocols:
            protocol.announce(what)


def on_line(engine, line):
    words = line.split() or [""]
    if words[0] in ("hello", "bye"):
        engine.devices[int(words[1]) if words[1:] else 0].announce(words[0])
        print("said", words[0], time.monotonic(), flush=True)
    elif words[0] == "connections":
        print(json.dumps([device.connections for device in engine.devices]), flush=True)


class Commands:
    """Lines of standard input, however they are cut."""

    def __init__(self, engine):
        self.engine, self.rest = engine, b""

    def on_readable(self, file):
        received = os.read(file, 65536)
        if not received:
            os._exit(0)
        *lines, self.rest = (self.rest + received).split(b"\n")
        for line in lines:
            on_line(self.engine, line.decode())


def from_arguments(name, interface, pictures=None):
    settings = personality.load(name).settings
    if not pictures or "picture" not in settings:
        return Device(interface, settings)
    from cameras import picture, video  # GStreamer, which costs memory

    port = next(int(port) for port, server in settings["rtsp"].items() if "path" in server)
    video.serve({**settings["rtsp"][str(port)], "port": port}, picture.clip_path(pictures, name))
    return Device(interface, settings, picture.snapshot_path(pictures, name), port)


def from_line(line):
    for entry in json.loads(line):
        settings = entry["settings"]
        if isinstance(settings, str):
            settings = personality.load(settings).settings
        settings = {**settings, **entry.get("more", {})}
        yield Device(entry["interface"], settings, quiet=entry.get("quiet", False))


def read_line(file):
    """Byte by byte: what comes after it is for others."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(file, 1)
        if not byte:
            sys.exit("no devices on standard input")
        line += byte
    return line


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    engine = Engine()
    if len(sys.argv) > 1:
        engine.add(from_arguments(*sys.argv[1:]))
    else:
        for device in from_line(read_line(0)):
            engine.add(device)
        engine.watch(0, Commands(engine).on_readable)
    print("ready", flush=True)
    engine.run()


main()
