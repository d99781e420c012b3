# SPDX-License-Identifier: GPL-3.0-or-later
"""A small mDNS responder (RFC 6762, 6763): announces services and answers questions for them."""

import select
import socket
import struct
import threading
import time

GROUP, PORT = "224.0.0.251", 5353
A, PTR, TXT, SRV, ANY = 1, 12, 16, 33, 255
CLASS_IN, CACHE_FLUSH, UNICAST_WANTED = 1, 0x8000, 0x8000
TTL = 120
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
    return encode_name(labels) + struct.pack("!HHIH", kind, kind_class, TTL, len(data)) + data


class Responder:
    """services: [[mdns]] tables of a personality: instance, type, port, txt."""

    def __init__(self, host_name, services, get_address):
        self.host = [host_name.encode(), b"local"]
        self.services, self.get_address = services, get_address
        self.announced = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        self.socket.bind(("", PORT))

    def _records(self):
        """(labels in lower case, type, record)"""
        address = record(self.host, A, socket.inet_aton(self.get_address()))
        records = [(self.host, A, address)]
        for service in self.services:
            kind = labels_of(service["type"] + ".local")
            instance = [service["instance"].encode()] + kind
            where = struct.pack("!HHH", 0, 0, service["port"]) + encode_name(self.host)
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

    def _send(self, answers, destination, transaction=0):
        header = struct.pack("!HHHHHH", transaction, 0x8400, 0, len(answers), 0, 0)
        try:
            self.socket.sendto(header + b"".join(answers), destination)
        except OSError as error:
            print("mdns", destination, error, flush=True)

    def on_address(self):
        address = self.get_address()
        packed = socket.inet_aton(address)
        try:
            membership = socket.inet_aton(GROUP) + packed
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        except OSError:
            pass  # still a member: the membership belongs to the interface
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, packed)
        self.announced = address
        self._send([data for _, _, data in self._records()], (GROUP, PORT))

    def on_packet(self, packet, source):
        transaction, flags, questions = struct.unpack_from("!HHH", packet)
        if flags & 0x8000:
            return
        at, answers, unicast = 12, [], source[1] != PORT
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
            self._send(answers, source if unicast else (GROUP, PORT), transaction)

    def run(self):
        while True:
            if self.get_address() and self.get_address() != self.announced:
                self.on_address()
            ready, _, _ = select.select([self.socket], [], [], 0.5)
            if not ready or not self.get_address():
                continue
            try:
                self.on_packet(*self.socket.recvfrom(9000))
            except (IndexError, struct.error, ValueError):
                pass  # not a DNS message
            time.sleep(0)

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()
