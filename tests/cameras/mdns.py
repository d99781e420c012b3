# SPDX-License-Identifier: GPL-3.0-or-later
"""A small mDNS responder (RFC 6762, 6763): announces services and answers questions for them.

The tables [[mdns]] of a personality: instance, type, port, txt (a list of "key=value").
"""

import re
import socket
import struct

from cameras.protocol import Protocol

A, PTR, TXT, AAAA, SRV, ANY = 1, 12, 16, 28, 33, 255
CLASS_IN, CACHE_FLUSH, UNICAST_WANTED = 1, 0x8000, 0x8000
RECORD_TTL = 120
ENUMERATION = "_services._dns-sd._udp.local"


def encode_name(labels):
    return b"".join(struct.pack("B", len(label)) + label for label in labels) + b"\0"


def labels_of(name):
    return [label.encode() for label in name.split(".")]


def decode_name(packet, at):
    """Labels in lower case, and where the name ends."""
    labels, end, jumps = [], None, 0
    while True:
        length = packet[at]
        if length >= 0xC0:
            end = end or at + 2
            at = (length & 0x3F) << 8 | packet[at + 1]
            jumps += 1
            if jumps > 16:
                raise ValueError("compression loop")
        elif length == 0:
            return labels, end or at + 1
        else:
            labels.append(packet[at + 1 : at + 1 + length].lower())
            at += 1 + length


def record(labels, kind, data, unique=True):
    kind_class = CLASS_IN | (CACHE_FLUSH if unique else 0)
    return encode_name(labels) + struct.pack("!HHIH", kind, kind_class, RECORD_TTL, len(data)) + data


class Responder(Protocol):
    PORT, GROUP, GROUP6, TTL = 5353, "224.0.0.251", "ff02::fb", 255

    def __init__(self, settings, device):
        super().__init__(settings, device)
        # Of its own: two hosts of one name would share their addresses.
        name = re.sub(r"\W+", "-", settings[0]["instance"]).lower()
        self.host_name = [name.encode(), b"local"]

    def _records(self):
        """(labels in lower case, type, record)"""
        records = []
        for family, address in self.device.addresses.items():
            kind = A if family == socket.AF_INET else AAAA
            data = record(self.host_name, kind, socket.inet_pton(family, address))
            records.append((self.host_name, kind, data))
        for service in self.settings:
            kind = labels_of(service["type"] + ".local")
            instance = [service["instance"].encode()] + kind
            where = struct.pack("!HHH", 0, 0, service["port"]) + encode_name(self.host_name)
            txt = [entry.encode() for entry in service["txt"]]
            text = b"".join(struct.pack("B", len(entry)) + entry for entry in txt) or b"\0"
            records += [
                (labels_of(ENUMERATION), PTR,
                 record(labels_of(ENUMERATION), PTR, encode_name(kind), unique=False)),
                (kind, PTR, record(kind, PTR, encode_name(instance), unique=False)),
                (instance, SRV, record(instance, SRV, where)),
                (instance, TXT, record(instance, TXT, text)),
            ]  # fmt: skip
        return [([part.lower() for part in labels], kind, data) for labels, kind, data in records]

    def _answer(self, answers, destination, transaction=0):
        header = struct.pack("!HHHHHH", transaction, 0x8400, 0, len(answers), 0, 0)
        self.send(header + b"".join(answers), destination)

    def on_address(self, family):
        self._answer([data for _, _, data in self._records()], family)

    def on_packet(self, packet, source):
        try:
            self._on_question(packet, source)
        except (IndexError, struct.error, ValueError):
            pass  # not a DNS message

    def _on_question(self, packet, source):
        transaction, flags, questions = struct.unpack_from("!HHH", packet)
        if flags & 0x8000:
            return
        at, answers, unicast = 12, [], source[1] != self.PORT
        for _ in range(questions):
            labels, at = decode_name(packet, at)
            kind, kind_class = struct.unpack_from("!HH", packet, at)
            at += 4
            unicast = unicast or bool(kind_class & UNICAST_WANTED)
            answers += [
                data
                for name, own_kind, data in self._records()
                if name == labels and kind in (own_kind, ANY) and data not in answers
            ]
        if answers:
            family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
            self._answer(answers, source if unicast else family, transaction)
