#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A flood of forged devices: flood.py INTERFACE SOURCES SECONDS.

WS-Discovery Hellos and ProbeMatches (to the port that the last probe came from) and SSDP
announcements, each of another device, from addresses of the network SOURCES, as fast as one process
can. Prints how many packets it sent, when SECONDS are over or standard input ends.
"""

import ipaddress
import itertools
import select
import socket
import struct
import sys
import time

MAC = bytes.fromhex("02666f726765")
WSD_GROUP, WSD_PORT = "239.255.255.250", 3702
SSDP_GROUP, SSDP_PORT = "239.255.255.250", 1900
MARK = b"########"  # replaced by the number of the device
A_TURN = 2000

SOAP = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
    'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>'
    "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/{action}</a:Action></e:Header>"
    "<e:Body>{open}<a:EndpointReference><a:Address>urn:uuid:1419d68a-1dd2-11b2-a105-0000########"
    "</a:Address></a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>"
    "<d:Scopes>onvif://www.onvif.org/name/Forged onvif://www.onvif.org/hardware/F########</d:Scopes>"
    "<d:XAddrs>http://192.0.2.1/onvif/device_service</d:XAddrs>{close}</e:Body></e:Envelope>"
)
HELLO = SOAP.format(action="Hello", open="<d:Hello>", close="</d:Hello>").encode()
MATCH = SOAP.format(action="ProbeMatches", open="<d:ProbeMatches><d:ProbeMatch>",
                    close="</d:ProbeMatch></d:ProbeMatches>").encode()  # fmt: skip
NOTIFY = (
    "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\n"
    "LOCATION: http://192.0.2.1/d.xml\r\nNT: urn:schemas-upnp-org:device:DigitalSecurityCamera:1\r\n"
    "NTS: ssdp:alive\r\nSERVER: Forged\r\n"
    "USN: uuid:1419d68a-1dd2-11b2-a105-1111########::urn:schemas-upnp-org:device:"
    "DigitalSecurityCamera:1\r\n\r\n"
).encode()


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Template:
    """A frame to one place, to be filled in with a source and a number."""

    def __init__(self, mac, address, port, payload):
        size = len(payload)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + size, 0, 0, 4, 17, 0, bytes(4),
                         socket.inet_aton(address))  # fmt: skip
        self.partial = ~checksum(ip) & 0xFFFF
        udp = struct.pack("!HHHH", 3702, port, 8 + size, 0)  # no checksum: RFC 768 allows it
        self.frame = bytearray(mac + MAC + b"\x08\x00" + ip + udp + payload)
        self.marks = [i for i in range(len(self.frame)) if self.frame[i : i + 8] == MARK]

    def fill(self, source, number):
        frame = self.frame
        total = self.partial + (source >> 16) + (source & 0xFFFF)
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        struct.pack_into("!H", frame, 24, ~total & 0xFFFF)
        struct.pack_into("!I", frame, 26, source)
        text = b"%08x" % number
        for mark in self.marks:
            frame[mark : mark + 8] = text
        return frame


def multicast_mac(group):
    """RFC 1112, section 6.4"""
    packed = socket.inet_aton(group)
    return b"\x01\x00\x5e" + bytes([packed[1] & 0x7F]) + packed[2:]


def main():
    interface, sources, seconds = sys.argv[1], ipaddress.ip_network(sys.argv[2]), float(sys.argv[3])
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind((interface, 0))
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    sniffer.bind((interface, 0x0800))
    templates = [Template(multicast_mac(WSD_GROUP), WSD_GROUP, WSD_PORT, HELLO),
                 Template(multicast_mac(SSDP_GROUP), SSDP_GROUP, SSDP_PORT, NOTIFY)]  # fmt: skip
    print("ready", flush=True)
    first, count, sent = int(sources.network_address) + 1, sources.num_addresses - 2, 0
    started = time.monotonic()
    while time.monotonic() - started < seconds and not select.select([sys.stdin], [], [], 0)[0]:
        while select.select([sniffer], [], [], 0)[0]:
            frame = sniffer.recv(2048)
            if frame[23] == 17 and frame[36:38] == struct.pack("!H", WSD_PORT) and b"Probe<" in frame:
                asked = Template(frame[6:12], socket.inet_ntoa(frame[26:30]),
                                 struct.unpack("!H", frame[34:36])[0], MATCH)  # fmt: skip
                templates[2:] = [asked]
        for number, template in zip(range(sent, sent + A_TURN), itertools.cycle(templates)):
            try:
                raw.send(template.fill(first + number * 7919 % count, number))
            except OSError:
                pass  # no buffer for it
        sent += A_TURN
    print(sent, f"{sent / (time.monotonic() - started):.0f}", flush=True)


main()
