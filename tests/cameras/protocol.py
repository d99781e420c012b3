# SPDX-License-Identifier: GPL-3.0-or-later
"""What a discovery protocol by UDP is to a device: a class with this one as its base.

It is pure talk: it gets packets, and says what to send, when and to whom. Sockets, interfaces,
addresses, loss and delay are engine.py's. settings is its table of the personality.
"""

import socket


class Protocol:
    PORT = None  # bound, and what answers are sent from
    GROUP = None  # IPv4
    GROUP6 = None
    TTL = 4

    def __init__(self, settings, device):
        self.settings, self.device = settings, device

    def families(self):
        """Those of the device that the protocol has something to do with."""
        wanted = [socket.AF_INET] if self.device.has_ipv4 else []
        return wanted + ([socket.AF_INET6] if self.device.has_ipv6 and self.GROUP6 else [])

    def group(self, family):
        """What to join, or None: then only what is sent to the device itself is heard."""
        return self.GROUP if family == socket.AF_INET else self.GROUP6

    def on_address(self, family):
        """The device has an address now, or another one: announce it."""

    def on_packet(self, packet, source):
        """source: (address, port, …), to be given to send() for an answer."""

    def announce(self, what):
        """Told by a test: "hello" or "bye"."""

    def send(self, packet, destination, delay=0):
        """destination: a source, or an address family, whose group is meant."""
        if isinstance(destination, int):
            destination = self.group(destination), self.PORT
        self.device.send(self, packet, destination, delay)

    def host(self, to):
        """The device's address as it is written in a URL, for a source or an address family."""
        family = to if isinstance(to, int) else (
            socket.AF_INET6 if ":" in to[0] else socket.AF_INET)  # fmt: skip
        address = self.device.addresses.get(family, "")
        if not isinstance(to, int) and family == socket.AF_INET6 and not to[0].startswith("fe80"):
            address = self.device.global_address or address  # asked from beyond a router
        return f"[{address}]" if family == socket.AF_INET6 else address
