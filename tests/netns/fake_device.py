#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small device for discoverd's tests: fake_device.py INTERFACE JSON. No video, all of the talk.

{"wsd": settings of cameras/wsd.py,   "mdns": [services as in cameras/mdns.py],
 "http": {PORT: {"server": "…", "realm": "…"}},   "rtsp": {PORT: {"server": "…", "realm": "…"}},
        either may have "certificate": ["…crt", "…key"], and then speaks in TLS; http may have
        "redirect": "…"      the Location of /
        "onvif": settings of cameras/onvif.py, "onvif_path": where, or "any"; else at the usual place
        "one_call": true     hangs up after each ONVIF answer
        "chunked": true      sends ONVIF answers in chunks
        "losses": N          connections that get no answer, the first ones
 "tcp": {PORT: {}}      takes connections, and says nothing
 "ssdp": settings of cameras/ssdp.py
 "noise": ["…", …]      sent, Latin-1, before each answer to a probe
 "wsd6", "ssdp6": the same for a device that speaks IPv6 only}

Lines on standard input: "hello", "bye". Each connection is one line "connection PORT" of output, each
ONVIF call one line "onvif CALL", and "credential" says that somebody sent one.
"""

import json
import os
import re
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from cameras import address, mdns, onvif, ssdp, wsd  # noqa: E402


class Noisy(wsd.TargetService):
    """Sends what nobody can read before what somebody can."""

    noise = ()

    def on_address(self):
        if self.settings.get("silent"):  # comes without a Hello
            self.announce = lambda action: None
        super().on_address()

    def on_packet(self, packet, source):
        before = len(self.due)
        super().on_packet(packet, source)
        if len(self.due) > before:
            for text in self.noise:
                self.due.insert(before, (time.monotonic(), text.encode("latin-1"), source))


class OnlyIpv6(wsd.TargetService):
    """The same over IPv6; its services are reached by the link-local address."""

    def __init__(self, settings, interface):
        self.settings, self.get_address = settings, lambda: "[::]"
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.bind(("::", wsd.PORT))
        group = socket.inet_pton(socket.AF_INET6, "ff02::c")
        index = struct.pack("@I", socket.if_nametoindex(interface))
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + index)
        self.joined, self.seen, self.due = "[::]", [], []


def link_local(interface):
    with open("/proc/net/if_inet6", encoding="ascii") as file:
        for line in file:
            digits, _, _, _, _, name = line.split()
            if name == interface and digits.startswith("fe80"):
                return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
    return None


class Ssdp6(ssdp.Device):
    """The same over IPv6; its description is at the link-local address."""

    def __init__(self, settings, interface):
        self.settings, self.get_address = settings, lambda: f"[{link_local(interface)}]"
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.bind(("::", ssdp.PORT))
        group = socket.inet_pton(socket.AF_INET6, "ff02::c")
        index = struct.pack("@I", socket.if_nametoindex(interface))
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + index)
        self.joined, self.due = None, []

    def on_address(self):
        self.joined = self.get_address()


def say(line):
    """A line in one piece, as several threads print."""
    print(line + "\n", end="", flush=True)


class Handler(socketserver.StreamRequestHandler):
    timeout = 10

    def setup(self):
        say(f"connection {self.server.server_address[1]}")
        if "certificate" in self.server.settings:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_ciphers("ALL:@SECLEVEL=0")  # as weak as old cameras are
            context.load_cert_chain(*self.server.settings["certificate"])
            self.request.settimeout(self.timeout)
            self.request = context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self):
        try:
            if self.server.settings.get("losses", 0) > 0:
                self.server.settings["losses"] -= 1
                self.rfile.read()  # until the other side gives up
            while self.answer():
                pass
        except OSError:
            pass

    def answer(self):
        """One request; whether another may come."""
        request = self.rfile.readline(4096).decode(errors="replace")
        if not request:
            return False
        sequence, self.length = "0", 0
        while (line := self.rfile.readline(4096).strip()):
            name, _, value = line.decode(errors="replace").partition(":")
            if name.lower() == "cseq":
                sequence = value.strip()
            if name.lower() == "content-length":
                self.length = int(value)
            if name.lower() == "host":
                self.host = value.strip()
            if name.lower() == "authorization":
                say("credential")
        return self.reply(request, sequence)

    def head(self, status, *headers):
        settings = self.server.settings
        lines = [status, *headers]
        if settings.get("server"):
            lines.append("Server: " + settings["server"])
        if settings.get("realm") and " 401 " in status:
            lines.append(f'WWW-Authenticate: Digest realm="{settings["realm"]}", nonce="0"')
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode())


class Http(Handler):
    def reply_onvif(self, settings, path):
        content = self.rfile.read(self.length).decode(errors="replace")
        device = onvif.Device(settings["onvif"])
        say(f"onvif {onvif.pick_call(content)}")
        status, body = 404, ""
        place = settings.get("onvif_path", "/onvif/device_service")
        if place == "any" or path in (place, onvif.MEDIA_PATH):
            status, body = device.answer(path, content, self.host)
        headers = ["Connection: close"] if settings.get("one_call") else []
        headers.append("Content-Type: application/soap+xml; charset=utf-8")
        if settings.get("chunked"):
            half = len(body) // 2
            pieces = [piece for piece in (body[:half], body[half:]) if piece] + [""]
            body = "".join(f"{len(piece):x}\r\n{piece}\r\n" for piece in pieces)
            headers.append("Transfer-Encoding: chunked")
        else:
            headers.append(f"Content-Length: {len(body)}")
        self.head(f"HTTP/1.1 {status} Whatever", *headers)
        self.wfile.write(body.encode())
        return not settings.get("one_call")

    def reply(self, request, sequence):
        if not request.startswith(("GET ", "POST ", "HEAD ")):
            self.head("HTTP/1.1 400 Bad Request", "Content-Length: 0", "Connection: close")
            return False
        settings = self.server.settings
        if request.startswith("POST ") and "onvif" in settings:
            return self.reply_onvif(settings, request.split()[1])
        if "redirect" in settings and request.split()[1] == "/":
            location = settings["redirect"].format(host=self.host)
            self.head("HTTP/1.1 302 Found", f"Location: {location}", "Content-Length: 0")
            return True
        upnp = self.server.upnp
        if upnp and request.split()[1] == upnp["path"]:
            body = ssdp.description(upnp, self.connection.getsockname()[0].removeprefix("::ffff:"))
            self.head("HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close")
            self.wfile.write(body)
            return False
        status = "401 Unauthorized" if self.server.settings.get("realm") else "200 OK"
        self.head("HTTP/1.1 " + status, "Content-Length: 0", "Connection: close")
        return False


class Rtsp(Handler):
    def reply(self, request, sequence):
        if "RTSP/1.0" not in request:
            self.head("RTSP/1.0 400 Bad Request")
            return False
        if request.startswith("OPTIONS "):
            self.head("RTSP/1.0 200 OK", f"CSeq: {sequence}", "Public: OPTIONS, DESCRIBE")
        elif self.server.settings.get("realm"):
            self.head("RTSP/1.0 401 Unauthorized", f"CSeq: {sequence}")
        else:
            self.head("RTSP/1.0 404 Not Found", f"CSeq: {sequence}")
        return True


class Silent(Handler):
    def answer(self):
        return self.rfile.read(1)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6  # and IPv4
    allow_reuse_address = True
    daemon_threads = True


def serve(port, handler, settings, upnp=None):
    server = Server(("::", int(port)), handler)
    server.settings, server.upnp = settings, upnp
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    interface, settings = sys.argv[1], json.loads(sys.argv[2])
    for port, server in settings.get("http", {}).items():
        serve(port, Http, server, settings.get("ssdp") or settings.get("ssdp6"))
    for port, server in settings.get("rtsp", {}).items():
        serve(port, Rtsp, server)
    for port, server in settings.get("tcp", {}).items():
        serve(port, Silent, server)
    target = None
    if settings.get("wsd"):
        target = Noisy(settings["wsd"], lambda: address.get(interface))
        target.noise = settings.get("noise", ())
        target.start()
    if settings.get("wsd6"):
        OnlyIpv6(settings["wsd6"], interface).start()
    if settings.get("mdns"):
        # Of its own: two hosts of one name would share their addresses.
        name = re.sub(r"\W+", "-", settings["mdns"][0]["instance"]).lower()
        mdns.Responder(name, settings["mdns"], lambda: address.get(interface)).start()
    if settings.get("ssdp"):
        ssdp.Device(settings["ssdp"], lambda: address.get(interface)).start()
    if settings.get("ssdp6"):
        Ssdp6(settings["ssdp6"], interface).start()
    print("ready", flush=True)
    for line in sys.stdin:
        if target and line.strip() in ("hello", "bye"):
            target.announce(line.strip().capitalize())
            while target.due:
                time.sleep(0.02)
            print("said", line.strip(), flush=True)


main()
