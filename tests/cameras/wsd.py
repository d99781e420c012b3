# SPDX-License-Identifier: GPL-3.0-or-later
"""A WS-Discovery target service: Hello, Bye, and ProbeMatches to those whose probe matches.

The table [wsd] of a personality:
    endpoint, types, scopes, xaddrs   what it tells; {address} in xaddrs is its own
Quirks of real devices:
    silent        says no Hello                    deaf         multicast does not reach it
    needs_prefix  wants its prefix in the types    needs_types  does not answer without types
    one_line      answers no probe with newlines   resolve      tells its addresses by Resolve only
    answers       so many times, the same          then_xaddrs  once more, with these xaddrs
    delay_ms      always so late                   dialect      "2009": knows OASIS' alone
    relates       "empty" or "missing" RelatesTo   copies_id    answers with the probe's MessageID
    padding       so many bytes of scopes more     versionless  without MetadataVersion
    also          [[wsd.also]]: endpoint, types, scopes, xaddrs of more matches in its envelope,
                  which come before its own
    noise         sends these (Latin-1) before each answer
"""

import functools
import random
import re
import uuid
from xml.sax.saxutils import escape

from cameras.protocol import Protocol

MAX_DELAY = 0.5
DIALECTS = {
    # discovery, addressing, where an answer and where a multicast is sent to
    "2005": ("http://schemas.xmlsoap.org/ws/2005/04/discovery",
             "http://schemas.xmlsoap.org/ws/2004/08/addressing",
             "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous",
             "urn:schemas-xmlsoap-org:ws:2005:04:discovery"),
    "2009": ("http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01",
             "http://www.w3.org/2005/08/addressing",
             "http://www.w3.org/2005/08/addressing/anonymous",
             "urn:docs-oasis-open-org:ws-dd:ns:discovery:2009:01"),
}  # fmt: skip
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\r\n'
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="{addressing}" xmlns:d="{discovery}"'
    ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl"'
    ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    ' xmlns:pub="http://schemas.microsoft.com/windows/pub/2005/07"'
    ' xmlns:wprt="http://schemas.microsoft.com/windows/2006/08/wdp/print"'
    ' xmlns:wsdp="http://schemas.xmlsoap.org/ws/2006/02/devprof">'
    "<s:Header><a:MessageID>{message}</a:MessageID>{relates}<a:To>{to}</a:To>"
    "<a:Action>{discovery}/{action}</a:Action></s:Header>"
    "<s:Body>{body}</s:Body></s:Envelope>"
)


def _element(name, text):
    found = re.search(rf"<(?:[\w.-]+:)?{name}(?:\s[^>]*)?>(.*?)</(?:[\w.-]+:)?{name}>", text, re.S)
    return found.group(1).strip() if found else None


class Request:
    """What is asked: a Probe for types, or a Resolve of an endpoint; action is None otherwise."""

    def __init__(self, packet):
        text = packet.decode(errors="replace")
        self.message = _element("MessageID", text)
        self.discovery, _, action = (_element("Action", text) or "").rpartition("/")
        self.action = action if action in ("Probe", "Resolve") and self.message else None
        self.types = (_element("Types", text) or "").split()
        self.endpoint = _element("Address", text.partition("Body")[2])
        self.has_newlines = "\n" in text.strip()


@functools.lru_cache(maxsize=64)
def read_request(packet):
    """Of many devices each gets the same packet."""
    return Request(packet)


class TargetService(Protocol):
    PORT, GROUP, GROUP6 = 3702, "239.255.255.250", "ff02::c"

    def __init__(self, settings, device):
        super().__init__(settings, device)
        self.seen = []  # the last message ids: a retransmitted probe is answered once
        dialect = DIALECTS[settings.get("dialect", "2005")]
        self.discovery, self.addressing, self.anonymous, self.everyone = dialect

    def group(self, family):
        return None if self.settings.get("deaf") else super().group(family)

    def on_address(self, family):
        if not self.settings.get("silent") and not self.settings.get("deaf"):
            self._announce("Hello", family)

    def announce(self, what):
        for family in self.device.addresses:
            self._announce(what.capitalize(), family)

    def _announce(self, action, family):
        group = super().group(family)
        if family in self.families():
            body = f"<d:{action}>{self._describe(self.settings, family)}</d:{action}>"
            packet = self._envelope(action, body, to=self.everyone)
            self.send(packet, (group, self.PORT))

    def _describe(self, device, to, resolved=True):
        xaddrs = device["xaddrs"].format(address=self.host(to)) if resolved else ""
        scopes = " ".join(device["scopes"])
        padding = self.settings.get("padding", 0)
        if padding:
            scopes += " onvif://www.onvif.org/location/" + "x" * padding
        version = "" if self.settings.get("versionless") else (
            "<d:MetadataVersion>1</d:MetadataVersion>")  # fmt: skip
        return (
            f"<a:EndpointReference><a:Address>{device['endpoint']}</a:Address>"
            f"</a:EndpointReference><d:Types>{device['types']}</d:Types>"
            f"<d:Scopes>{escape(scopes)}</d:Scopes>"
            f"<d:XAddrs>{escape(xaddrs)}</d:XAddrs>{version}"
        )

    def _envelope(self, action, body, to, relates="", message=None):
        return ENVELOPE.format(
            message=message or f"urn:uuid:{uuid.uuid4()}", relates=relates, to=to, action=action,
            body=body, discovery=self.discovery, addressing=self.addressing).encode()  # fmt: skip

    def _matches(self, request):
        """Every type that is asked for must be one of ours; without types, all of us are meant."""
        if request.action == "Resolve":
            return request.endpoint == self.settings["endpoint"]
        if request.action != "Probe" or (self.settings.get("one_line") and request.has_newlines):
            return False
        asked, prefix = request.types, self.settings.get("needs_prefix")
        if not asked and self.settings.get("needs_types"):
            return False
        if prefix and asked and not any(kind.startswith(prefix + ":") for kind in asked):
            return False
        own = {kind.split(":")[-1] for kind in self.settings["types"].split()}
        return all(kind.split(":")[-1] in own for kind in asked)

    def on_packet(self, packet, source):
        request = read_request(packet)
        if not request.action or request.discovery != self.discovery:
            return
        if request.message in self.seen or not self._matches(request):
            return
        self.seen = self.seen[-63:] + [request.message]
        answer = self._answer(request, source, self.settings)
        delay = self.settings.get("delay_ms", 0) / 1000 or random.uniform(0, MAX_DELAY)
        for text in self.settings.get("noise", ()):
            self.send(text.encode("latin-1"), source)
        for _ in range(self.settings.get("answers", 1)):
            self.send(answer, source, delay)
        if "then_xaddrs" in self.settings:
            other = {**self.settings, "xaddrs": self.settings["then_xaddrs"]}
            self.send(self._answer(request, source, other), source, delay)

    def _answer(self, request, source, device):
        resolved = request.action == "Resolve" or not self.settings.get("resolve")
        kind = request.action + "Match"
        matches = "".join(
            f"<d:{kind}>{self._describe(one, source, resolved)}</d:{kind}>"
            for one in [*self.settings.get("also", ()), device]
        )
        relates = {
            "same": f"<a:RelatesTo>{escape(request.message)}</a:RelatesTo>",
            "empty": "<a:RelatesTo>uuid:</a:RelatesTo>",
            "missing": "",
        }[self.settings.get("relates", "same")]
        return self._envelope(
            kind + "es", f"<d:{kind}es>{matches}</d:{kind}es>", self.anonymous, relates,
            request.message if self.settings.get("copies_id") else None)  # fmt: skip
