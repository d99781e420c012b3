# SPDX-License-Identifier: GPL-3.0-or-later
"""A WS-Discovery target service: Hello, Bye, and ProbeMatches to those whose probe matches."""

import random
import re
import select
import socket
import struct
import threading
import time
import uuid
from xml.sax.saxutils import escape

GROUP, PORT = "239.255.255.250", 3702
MAX_DELAY = 0.5
DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
EVERYONE = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
OASIS = {
    DISCOVERY: "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01",
    ANONYMOUS: "http://www.w3.org/2005/08/addressing/anonymous",
    EVERYONE: "urn:docs-oasis-open-org:ws-dd:ns:discovery:2009:01",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing": "http://www.w3.org/2005/08/addressing",
}
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\r\n'
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    f' xmlns:d="{DISCOVERY}" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"'
    ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    ' xmlns:pub="http://schemas.microsoft.com/windows/pub/2005/07"'
    ' xmlns:wsdp="http://schemas.xmlsoap.org/ws/2006/02/devprof">'
    "<s:Header><a:MessageID>urn:uuid:{message}</a:MessageID>{relates}<a:To>{to}</a:To>"
    f"<a:Action>{DISCOVERY}/{{action}}</a:Action></s:Header>"
    "<s:Body>{body}</s:Body></s:Envelope>"
)


def _element(name, text):
    found = re.search(rf"<(?:[\w.-]+:)?{name}(?:\s[^>]*)?>(.*?)</(?:[\w.-]+:)?{name}>", text, re.S)
    return found.group(1).strip() if found else None


class TargetService:
    """settings: the [wsd] table of a personality; get_address() tells the address of the moment.

    deaf: multicast does not reach it; resolve: only a Resolve tells its addresses; oasis: it knows
    the dialect of 2009/01 only.
    """

    def __init__(self, settings, get_address):
        self.settings, self.get_address = settings, get_address
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("", PORT))
        self.joined = None
        self.seen = []  # the last message ids: a retransmitted probe is answered once
        self.due = []  # (time, packet, destination)

    def on_address(self):
        """The interface has (another) address: be in the group there, and say hello."""
        address = self.get_address()
        if not address or address == self.joined:
            return
        self.socket.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address)
        )
        self.joined = address
        if self.settings.get("deaf"):
            return
        membership = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(address))
        try:
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        except OSError:
            pass  # still a member: the membership belongs to the interface
        self.announce("Hello")

    def announce(self, action):
        if self.joined:
            body = f"<d:{action}>{self._description()}</d:{action}>"
            self.due.append((time.monotonic(), self._envelope(action, body, to=EVERYONE),
                             (GROUP, PORT)))  # fmt: skip

    def _description(self, resolved=False):
        xaddrs = self.settings["xaddrs"].format(address=self.get_address())
        if self.settings.get("resolve") and not resolved:
            xaddrs = ""
        return (
            f"<a:EndpointReference><a:Address>{self.settings['endpoint']}</a:Address>"
            f"</a:EndpointReference><d:Types>{self.settings['types']}</d:Types>"
            f"<d:Scopes>{escape(' '.join(self.settings['scopes']))}</d:Scopes>"
            f"<d:XAddrs>{escape(xaddrs)}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>"
        )

    def _envelope(self, action, body, to, relates=""):
        if relates:
            relates = f"<a:RelatesTo>{escape(relates)}</a:RelatesTo>"
        text = ENVELOPE.format(
            message=uuid.uuid4(), relates=relates, to=to, action=action, body=body
        )
        if self.settings.get("oasis"):
            for known, other in OASIS.items():
                text = text.replace(known, other)
        return text.encode()

    def is_asked(self, text, action):
        """Whether that is what a packet in the dialect it knows asks for."""
        discovery = OASIS[DISCOVERY] if self.settings.get("oasis") else DISCOVERY
        return _element("Action", text) == f"{discovery}/{action}"

    def matches(self, text):
        """Every type that is asked for must be one of ours; without types, all of us are meant."""
        if not self.is_asked(text, "Probe"):
            return False
        if self.settings.get("one_line") and "\n" in text.strip():
            return False
        asked = (_element("Types", text) or "").split()
        prefix = self.settings.get("needs_prefix")
        if prefix and asked and not any(kind.startswith(prefix + ":") for kind in asked):
            return False
        own = {kind.split(":")[-1] for kind in self.settings["types"].split()}
        return all(kind.split(":")[-1] in own for kind in asked)

    def is_resolved(self, text):
        body = text.partition("Body")[2]
        return (self.is_asked(text, "Resolve")
                and _element("Address", body) == self.settings["endpoint"])  # fmt: skip

    def on_packet(self, packet, source):
        text = packet.decode(errors="replace")
        message = _element("MessageID", text)
        if not message or message in self.seen:
            return
        if self.matches(text):
            kind = "Probe"
        elif self.is_resolved(text):
            kind = "Resolve"
        else:
            return
        self.seen = self.seen[-63:] + [message]
        match = f"<d:{kind}Match>{self._description(kind == 'Resolve')}</d:{kind}Match>"
        body = f"<d:{kind}Matches>{match}</d:{kind}Matches>"
        answer = self._envelope(f"{kind}Matches", body, to=ANONYMOUS, relates=message)
        delay = self.settings.get("delay_ms", 0) / 1000 or random.uniform(0, MAX_DELAY)
        for _ in range(self.settings.get("answers", 1)):
            self.due.append((time.monotonic() + delay, answer, source))

    def run(self):
        while True:
            if self.get_address() != self.joined:
                self.on_address()
            wait = min([at for at, _, _ in self.due] + [time.monotonic() + 0.5])
            ready, _, _ = select.select([self.socket], [], [], max(0, wait - time.monotonic()))
            if ready:
                self.on_packet(*self.socket.recvfrom(65536))
            now = time.monotonic()
            for entry in [entry for entry in self.due if entry[0] <= now]:
                _, packet, destination = entry
                try:
                    self.socket.sendto(packet, destination)
                except OSError as error:
                    print("wsd", destination, error, flush=True)
                self.due.remove(entry)  # the list stays the same: announce() may add to it

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()
