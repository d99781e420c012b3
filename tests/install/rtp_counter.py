#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays one RTSP stream over its TCP connection and counts: rtp_counter.py HOST PORT PATH

Prints "PACKETS MISSING" five times a second; MISSING is what the RTP sequence numbers leave out.
Ends when the connection does. No login: for cameras that want none.
"""

import socket
import sys
import time

KEEP_ALIVE_SECONDS = 20
TELL_SECONDS = 0.2


class Client:
    def __init__(self, host, port, path):
        self.url = f"rtsp://{host}:{port}{path}"
        self.socket = socket.create_connection((host, port), timeout=20)
        self.input = self.socket.makefile("rb")
        self.sequence = 0
        self.session = None

    def send(self, method, url=None, *headers):
        self.sequence += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self.sequence}", *headers]
        if self.session:
            lines.append(f"Session: {self.session}")
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())

    def answer(self):
        status = self.input.readline().decode()
        headers = {}
        while line := self.input.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.input.read(int(headers.get("content-length", 0))).decode()
        if " 200 " not in status:
            raise SystemExit(f"{self.url}: {status.strip() or 'the connection has ended'}")
        return headers, body

    def play(self):
        self.send("DESCRIBE", None, "Accept: application/sdp")
        headers, description = self.answer()
        base = headers.get("content-base", self.url + "/")
        video = description[description.index("m=video"):]
        control = next(line for line in video.splitlines() if line.startswith("a=control:"))[10:]
        track = control if control.startswith("rtsp:") else base + control
        self.send("SETUP", track, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        headers, _ = self.answer()
        self.session = headers["session"].split(";")[0]
        self.send("PLAY", base)
        self.answer()

    def packets(self):
        """RTP's sequence numbers, as they come."""
        kept_alive = time.monotonic()
        while mark := self.input.peek(1)[:1]:
            if mark != b"$":
                self.answer()
                continue
            head = self.input.read(4)
            packet = self.input.read(int.from_bytes(head[2:], "big"))
            if head[1] == 0:
                yield int.from_bytes(packet[2:4], "big")
            if time.monotonic() - kept_alive > KEEP_ALIVE_SECONDS:
                kept_alive = time.monotonic()
                self.send("GET_PARAMETER")


def main():
    host, port, path = sys.argv[1:]
    client = Client(host, int(port), path)
    client.play()
    count = missing = 0
    last, told = None, 0
    for number in client.packets():
        if last is not None:
            missing += (number - last - 1) % 65536
        count, last = count + 1, number
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            print(count, missing, flush=True)
    raise SystemExit("the connection has ended")


if __name__ == "__main__":
    main()
