# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service by TCP is to a device: a class with Service as its base, for one port.

It gets a connection's bytes, and says what to answer; TLS, loss and delay are not its business.
settings is the port's table of the personality. What each may have:
    certificate   speaks in TLS: a subject, or a pair of files; key: what to make it with (rsa:2048)
    unanswered    so many connections get no answer, the first ones
    sessions      so many connections at a time; more are refused: hung up at once
    forbidden     whoever connects fails the test
"""

import functools
import re


class Service:
    def __init__(self, port, settings, device):
        self.port, self.settings, self.device = port, settings, device
        self.unanswered = settings.get("unanswered", 0)
        self.open = 0
        self.tls = None
        if "certificate" in settings:
            from cameras import tls  # most devices have none, and a Python with it is twice as large

            certificate = settings["certificate"]
            self.tls = functools.partial(tls.Session, tls.context(
                certificate if isinstance(certificate, str) else tuple(certificate),
                settings.get("key", "rsa:2048")))  # fmt: skip

    def on_open(self, connection):
        self.open += 1
        if self.open > self.settings.get("sessions", self.open):
            connection.close()
            return
        if self.unanswered > 0:
            self.unanswered -= 1
            connection.memory["unanswered"] = True
        self.greet(connection)

    def greet(self, connection):
        """What it says first: connection.send()."""

    def on_bytes(self, connection):
        """Takes what it can from connection.buffer."""
        if connection.memory.get("unanswered"):
            connection.buffer = b""
        else:
            self.receive(connection)

    def receive(self, connection):
        """For a service that says nothing, this is all."""
        connection.buffer = b""

    def on_end(self, connection):
        self.open -= 1


class Silent(Service):
    """[tcp.PORT]: takes connections, and says no more than its greeting, in hexadecimal digits."""

    def greet(self, connection):
        connection.send(bytes.fromhex(self.settings.get("greeting", "")))


class TextRequest:
    """A request of HTTP or RTSP."""

    def __init__(self, head, content):
        lines = head.decode(errors="replace").split("\r\n")
        self.line = lines[0]
        self.method, self.target, self.version = (self.line.split() + ["", "", ""])[:3]
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        self.content = content
        self.path = self.target.split("?")[0]


class TextService(Service):
    """Requests of a head and perhaps content, as HTTP and RTSP have them; answer() is all to write."""

    def receive(self, connection):
        while connection.is_open and not connection.closing:
            head, found, rest = connection.buffer.partition(b"\r\n\r\n")
            if not re.match(rb"[A-Z_]{1,16} ", connection.buffer) and connection.buffer[16:]:
                connection.close()  # nothing that we speak
                return
            length = re.search(rb"(?i)\r\ncontent-length:\s*(\d{1,9})", head)
            length = int(length.group(1)) if length else 0
            if not found or len(rest) < length:
                return
            connection.buffer = rest[length:]
            request = TextRequest(head, rest[:length])
            if "authorization" in request.headers:
                self.device.say("credential")
            self.answer(connection, request)

    def answer(self, connection, request):
        raise NotImplementedError

    @staticmethod
    def reply(connection, status, headers=(), content=b""):
        head = "\r\n".join([status, *headers, "", ""])
        connection.send(head.encode() + content)
