# SPDX-License-Identifier: GPL-3.0-or-later
"""A UPnP device: announces itself, answers searches, and has a description for the web server.

settings: the [ssdp] table of a personality: type, udn, port and path of the description, server,
elements of the description by name, and perhaps silent (no announcements), deaf (multicast does
not reach it) and targets (the only search targets that are answered).
"""

import itertools
import random
import re
import select
import socket
import struct
import threading
import time
from xml.sax.saxutils import escape

GROUP, PORT = "239.255.255.250", 1900


def description(settings, address):
    elements = "".join(
        f"<{name}>{escape(text.format(address=address))}</{name}>"
        for name, text in settings["elements"].items()
    )
    return (
        '<?xml version="1.0"?>\n<root xmlns="urn:schemas-upnp-org:device-1-0">'
        "<specVersion><major>1</major><minor>0</minor></specVersion><device>"
        f"<deviceType>{settings['type']}</deviceType>{elements}<UDN>{settings['udn']}</UDN>"
        "</device></root>\n"
    ).encode()


class Device:
    def __init__(self, settings, get_address):
        self.settings, self.get_address = settings, get_address
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
        self.socket.bind(("", PORT))
        self.joined = None
        self.due = []  # (time, packet, destination)

    def types(self):
        return self.settings.get(
            "targets", ["upnp:rootdevice", self.settings["udn"], self.settings["type"]]
        )

    def _name(self, kind):
        udn = self.settings["udn"]
        return udn if kind == udn else f"{udn}::{kind}"

    def _headers(self):
        location = self.settings.get("location", "http://{address}:{port}{path}").format(
            address=self.get_address(), port=self.settings["port"], path=self.settings["path"]
        )
        return [
            "CACHE-CONTROL: max-age=1800",
            f"LOCATION: {location}",
            f"SERVER: {self.settings['server']}",
        ]

    @staticmethod
    def _packet(*lines):
        return "\r\n".join([*lines, "", ""]).encode()

    def announce(self, what):
        """alive or byebye, three times, as UPnP's architecture (1.2.2) wants it: some are lost"""
        for delay, kind in itertools.product((0, 0.2, 1), self.types()):
            self.due.append((time.monotonic() + delay, self._packet(
                "NOTIFY * HTTP/1.1", f"HOST: {GROUP}:{PORT}", f"NT: {kind}", f"NTS: ssdp:{what}",
                f"USN: {self._name(kind)}", *(self._headers() if what == "alive" else [])),
                (GROUP, PORT)))  # fmt: skip

    def on_address(self):
        address = self.get_address()
        if not address:
            return
        packed = socket.inet_aton(address)
        if self.settings.get("deaf"):
            self.joined = address
            return
        try:
            membership = struct.pack("4s4s", socket.inet_aton(GROUP), packed)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        except OSError:
            pass  # still a member: the membership belongs to the interface
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, packed)
        self.joined = address
        if not self.settings.get("silent"):
            self.announce("alive")

    def on_packet(self, packet, source):
        text = packet.decode(errors="replace")
        headers = dict(re.findall(r"(?m)^([\w-]+):[ \t]*(.*?)\r?$", text.upper()))
        if not text.startswith("M-SEARCH ") or headers.get("MAN") != '"SSDP:DISCOVER"':
            return
        longest = min(int(headers.get("MX", "1")), 5)
        for kind in self.types():
            if headers.get("ST") in (kind.upper(), "SSDP:ALL"):
                self.due.append((time.monotonic() + random.uniform(0, longest), self._packet(
                    "HTTP/1.1 200 OK", "EXT:", f"ST: {kind}", f"USN: {self._name(kind)}",
                    *self._headers()), source))  # fmt: skip

    def run(self):
        while True:
            if self.get_address() != self.joined:
                self.on_address()
            wait = min([at for at, _, _ in self.due] + [time.monotonic() + 0.5])
            ready, _, _ = select.select([self.socket], [], [], max(0, wait - time.monotonic()))
            if ready:
                self.on_packet(*self.socket.recvfrom(65536))
            now = time.monotonic()
            for _, packet, destination in [entry for entry in self.due if entry[0] <= now]:
                try:
                    self.socket.sendto(packet, destination)
                except OSError as error:
                    print("ssdp", destination, error, flush=True)
            self.due = [entry for entry in self.due if entry[0] > now]

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()
