# SPDX-License-Identifier: GPL-3.0-or-later
"""A UPnP device: announces itself, answers searches, and has a description for the web server.

The table [ssdp] of a personality: type, udn, port and path of the description, server, [ssdp.elements]
of the description by name, and perhaps silent (no announcements), deaf (multicast does not reach it),
targets (the only search targets that are answered) and location (instead of the usual one).
"""

import functools
import itertools
import random
import re
from xml.sax.saxutils import escape

from cameras.protocol import Protocol


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


@functools.lru_cache(maxsize=64)
def read_search(packet):
    """(search target in upper case, seconds to spread the answers over), or None."""
    text = packet.decode(errors="replace")
    headers = dict(re.findall(r"(?m)^([\w-]+):[ \t]*(.*?)\r?$", text.upper()))
    if not text.startswith("M-SEARCH ") or headers.get("MAN") != '"SSDP:DISCOVER"':
        return None
    return headers.get("ST"), min(int(headers.get("MX", "1")), 5)


class Device(Protocol):
    PORT, GROUP, GROUP6 = 1900, "239.255.255.250", "ff02::c"

    def group(self, family):
        return None if self.settings.get("deaf") else super().group(family)

    def types(self):
        return self.settings.get(
            "targets", ["upnp:rootdevice", self.settings["udn"], self.settings["type"]]
        )

    def _name(self, kind):
        udn = self.settings["udn"]
        return udn if kind == udn else f"{udn}::{kind}"

    def _headers(self, to):
        location = self.settings.get("location", "http://{address}:{port}{path}").format(
            address=self.host(to), port=self.settings["port"], path=self.settings["path"]
        )
        return [
            "CACHE-CONTROL: max-age=1800",
            f"LOCATION: {location}",
            f"SERVER: {self.settings['server']}",
        ]

    @staticmethod
    def _packet(*lines):
        return "\r\n".join([*lines, "", ""]).encode()

    def on_address(self, family):
        if not self.settings.get("silent") and not self.settings.get("deaf"):
            self._announce("alive", family)

    def announce(self, what):
        for family in self.device.addresses:
            self._announce({"hello": "alive", "bye": "byebye"}[what], family)

    def _announce(self, what, family):
        group = super().group(family)
        if family not in self.families():
            return
        # Three times, as UPnP's architecture (1.2.2) wants it: some are lost.
        for delay, kind in itertools.product((0, 0.2, 1), self.types()):
            self.send(self._packet(
                "NOTIFY * HTTP/1.1", f"HOST: {group}:{self.PORT}", f"NT: {kind}",
                f"NTS: ssdp:{what}", f"USN: {self._name(kind)}",
                *(self._headers(family) if what == "alive" else [])), (group, self.PORT), delay)  # fmt: skip

    def on_packet(self, packet, source):
        search = read_search(packet)
        if not search:
            return
        for kind in self.types():
            if search[0] in (kind.upper(), "SSDP:ALL"):
                self.send(self._packet(
                    "HTTP/1.1 200 OK", "EXT:", f"ST: {kind}", f"USN: {self._name(kind)}",
                    *self._headers(source)), source, random.uniform(0, search[1]))  # fmt: skip
