#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many cameras in one process: crowd.py JSON, inside the namespace that has their interfaces.

[{"interface": "c0", "address": "192.168.7.20", "kind": "onvif"}, …]

Kinds: onvif (WS-Discovery, HTTP, RTSP), upnp (SSDP with a description, HTTP, RTSP), silent (HTTP and
RTSP alone), and what is no camera: computer (WS-Discovery, HTTP), media (SSDP, HTTP), web (HTTP).

Lines on standard input: "hello I" lets camera I announce itself, and prints "said" with the time of
CLOCK_MONOTONIC; "connections" prints how many each address was sent, as JSON.
"""

import heapq
import json
import os
import random
import selectors
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from cameras import ssdp, wsd  # noqa: E402

GROUP = "239.255.255.250"
IP_PKTINFO = 8
CAMERAS = ("onvif", "upnp", "silent")
TYPES = {"onvif": "dn:NetworkVideoTransmitter tds:Device", "computer": "wsdp:Device pub:Computer"}
REALM = "IP Camera(C2875)"


class Host:
    def __init__(self, number, settings):
        self.number, self.kind, self.address = number, settings["kind"], settings["address"]
        self.index = socket.if_nametoindex(settings["interface"])
        self.seen, self.connections = [], 0
        is_camera = self.kind in CAMERAS
        self.wsd = wsd.TargetService.__new__(wsd.TargetService)
        self.wsd.get_address = lambda: self.address
        self.wsd.settings = {
            "endpoint": f"urn:uuid:1419d68a-7a5c-4f0e-9d3b-0242ac{number:06x}",
            "types": TYPES.get(self.kind, ""), "xaddrs": "http://{address}/onvif/device_service",
            "scopes": ["onvif://www.onvif.org/hardware/C1", f"onvif://www.onvif.org/name/C{number}"]
            if is_camera else []}  # fmt: skip
        self.ssdp = ssdp.Device.__new__(ssdp.Device)
        self.ssdp.get_address = lambda: self.address
        device = "Basic" if is_camera else "MediaServer"
        self.ssdp.settings = {
            "type": f"urn:schemas-upnp-org:device:{device}:1", "udn": f"uuid:{number}", "port": 80,
            "path": "/desc.xml", "server": "Linux UPnP/1.0", "elements": {
                "manufacturer": "AXIS" if is_camera else "MiniDLNA",
                "friendlyName": "AXIS M1065-L" if is_camera else "Videos",
                "modelDescription": "Network Camera" if is_camera else "Media",
                "presentationURL": "http://{address}/"}}  # fmt: skip


class Crowd:
    def __init__(self, hosts):
        self.hosts = [Host(number, settings) for number, settings in enumerate(hosts)]
        self.by_index = {host.index: host for host in self.hosts}
        self.by_address = {host.address: host for host in self.hosts}
        self.selector = selectors.DefaultSelector()
        self.due, self.order = [], 0
        self.wsd = self.open_udp(wsd.PORT, TYPES)
        self.ssdp = self.open_udp(ssdp.PORT, ("upnp", "media"))
        for port, answer in ((80, self.http), (554, self.rtsp)):
            listener = socket.create_server(("", port), backlog=1024)
            listener.setblocking(False)
            self.selector.register(listener, selectors.EVENT_READ, (self.on_connection, answer))
        self.selector.register(sys.stdin, selectors.EVENT_READ, (self.on_line, None))

    def open_udp(self, port, kinds):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        udp.bind(("", port))
        udp.setblocking(False)
        for host in self.hosts:
            if host.kind in kinds:
                udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
                    "@4s4si", socket.inet_aton(GROUP), bytes(4), host.index))  # fmt: skip
        self.selector.register(udp, selectors.EVENT_READ, (self.on_packet, kinds))
        return udp

    # --- UDP ---

    def send_later(self, delay, host, udp, packet, to):
        self.order += 1
        heapq.heappush(self.due, (time.monotonic() + delay, self.order, host, udp, packet, to))

    def send_due(self):
        while self.due and self.due[0][0] <= time.monotonic():
            _, _, host, udp, packet, to = heapq.heappop(self.due)
            information = struct.pack("@i4s4s", host.index, socket.inet_aton(host.address), bytes(4))
            try:
                udp.sendmsg([packet], [(socket.IPPROTO_IP, IP_PKTINFO, information)], 0, to)
            except OSError:
                pass

    def on_packet(self, udp, kinds):
        for _ in range(200):
            try:
                packet, control, _, source = udp.recvmsg(65536, 64)
            except BlockingIOError:
                return
            index, _, destination = struct.unpack("@i4s4s", control[0][2])
            host = self.by_index.get(index) if destination == socket.inet_aton(GROUP) else (
                self.by_address.get(socket.inet_ntoa(destination)))  # fmt: skip
            if host and host.kind in kinds:
                (self.on_probe if udp is self.wsd else self.on_search)(host, packet, source)

    def on_probe(self, host, packet, source):
        text = packet.decode(errors="replace")
        message = wsd._element("MessageID", text)
        if not message or message in host.seen or not host.wsd.matches(text):
            return
        host.seen = host.seen[-31:] + [message]
        body = (f"<d:ProbeMatches><d:ProbeMatch>{host.wsd._description()}</d:ProbeMatch>"
                "</d:ProbeMatches>")  # fmt: skip
        answer = host.wsd._envelope("ProbeMatches", body, to=wsd.ANONYMOUS, relates=message)
        self.send_later(random.uniform(0, wsd.MAX_DELAY), host, self.wsd, answer, source)

    def on_search(self, host, packet, source):
        host.ssdp.due = []
        host.ssdp.on_packet(packet, source)
        for at, answer, to in host.ssdp.due:
            self.send_later(at - time.monotonic(), host, self.ssdp, answer, to)

    # --- TCP ---

    def on_connection(self, listener, answer):
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        host = self.by_address.get(connection.getsockname()[0])
        if not host or host.kind == "computer" or (answer == self.rtsp and host.kind not in CAMERAS):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            return
        host.connections += 1
        connection.setblocking(False)
        self.selector.register(connection, selectors.EVENT_READ, (self.on_request, [host, answer, b""]))

    def on_request(self, connection, state):
        try:
            received = connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        state[2] += received
        if not state[2].startswith((b"GET ", b"POST ", b"OPTIONS ", b"DESCRIBE ")):
            received = b""  # nothing that we speak
        elif received and b"\r\n\r\n" not in state[2]:
            return
        reply, more = state[1](state[0], state[2].decode(errors="replace")) if received else (b"", False)
        state[2] = b""
        try:
            connection.send(reply)
        except OSError:
            more = False
        if not more:
            self.selector.unregister(connection)
            connection.close()

    def http(self, host, request):
        if host.kind in ("upnp", "media") and request.startswith("GET /desc.xml"):
            body = ssdp.description(host.ssdp.settings, host.address)
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body), False
        if host.kind == "web":
            return b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n", False
        return (f'HTTP/1.1 401 Unauthorized\r\nServer: App-webs/\r\nWWW-Authenticate: Digest '
                f'realm="{REALM}", nonce="0"\r\nContent-Length: 0\r\n\r\n').encode(), False

    def rtsp(self, host, request):
        sequence = next((line.split(":")[1].strip() for line in request.splitlines()
                         if line.lower().startswith("cseq:")), "0")  # fmt: skip
        if request.startswith("OPTIONS"):
            return f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\nPublic: OPTIONS, DESCRIBE\r\n\r\n".encode(), True
        return (f'RTSP/1.0 401 Unauthorized\r\nCSeq: {sequence}\r\nWWW-Authenticate: Digest '
                f'realm="{REALM}", nonce="0"\r\n\r\n').encode(), True

    # --- orders ---

    def on_line(self, stdin, _):
        line = stdin.readline().split()
        if not line:
            sys.exit()
        if line[0] == "hello":
            host = self.hosts[int(line[1])]
            body = f"<d:Hello>{host.wsd._description()}</d:Hello>"
            self.send_later(0, host, self.wsd, host.wsd._envelope("Hello", body, to=wsd.EVERYONE),
                            (GROUP, wsd.PORT))  # fmt: skip
            print("said", time.monotonic(), flush=True)
        elif line[0] == "connections":
            print(json.dumps({host.address: host.connections for host in self.hosts}), flush=True)

    def run(self):
        print("ready", flush=True)
        while True:
            wait = max(0, self.due[0][0] - time.monotonic()) if self.due else None
            for key, _ in self.selector.select(wait):
                handler, argument = key.data
                handler(key.fileobj, argument)
            self.send_due()


Crowd(json.loads(sys.stdin.readline())).run()
