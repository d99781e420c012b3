#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device that is no camera, and must never be taken for one: bystander.py KIND INTERFACE.

pc       a Windows-like computer: answers every untyped WS-Discovery probe, serves a web page.
speaker  a network speaker: web page and AirPlay over mDNS, which speaks RTSP without being video.
media    a media server of the UPnP kind, with photos that are called "Camera uploads".
"""

import http.server
import os
import socketserver
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from cameras import address, mdns, ssdp, wsd  # noqa: E402

COMPUTER = {
    "endpoint": "urn:uuid:4f6d2a3e-0c11-5d0a-8c55-52540000aa01",
    "types": "wsdp:Device pub:Computer",
    "scopes": [],
    "xaddrs": "http://{address}:5357/4f6d2a3e-0c11-5d0a-8c55-52540000aa01",
}
SPEAKER = [
    {"instance": "Office speaker", "type": "_http._tcp", "port": 80, "txt": ["path=/"]},
    {"instance": "525400AA02@Office speaker", "type": "_raop._tcp", "port": 5000,
     "txt": ["txtvers=1", "ch=2", "cn=0,1", "am=Speaker1,1"]},
]  # fmt: skip
MEDIA = {
    "type": "urn:schemas-upnp-org:device:MediaServer:1",
    "udn": "uuid:4d696e69-444c-164e-9d41-525400000aa3",
    "port": 80,
    "path": "/rootDesc.xml",
    "server": "Debian DLNADOC/1.50 UPnP/1.0 MiniDLNA/1.3.0",
    "elements": {
        "friendlyName": "Camera uploads",
        "manufacturer": "MiniDLNA",
        "modelDescription": "MiniDLNA on Debian",
        "modelName": "Windows Media Connect compatible (MiniDLNA)",
        "serialNumber": "00000000",
        "presentationURL": "/",
    },
}
PAGE = b"<html><head><title>Welcome</title></head><body>It works.</body></html>"


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = PAGE
        if sys.argv[1] == "media" and self.path == MEDIA["path"]:
            page = ssdp.description(MEDIA, self.connection.getsockname()[0])
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if page == PAGE else "text/xml")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


class AirTunes(socketserver.StreamRequestHandler):
    def handle(self):
        if self.rfile.readline(1024).startswith(b"OPTIONS"):
            self.wfile.write(
                b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: AirTunes/366.0\r\n"
                b"Public: ANNOUNCE, SETUP, RECORD, PAUSE, FLUSH, TEARDOWN, OPTIONS\r\n\r\n"
            )


def main():
    kind, interface = sys.argv[1:]

    def get_address():
        return address.get(interface)

    if kind == "pc":
        wsd.TargetService(COMPUTER, get_address).start()
    elif kind == "media":
        ssdp.Device(MEDIA, get_address).start()
    else:
        mdns.Responder("office-speaker", SPEAKER, get_address).start()
        speaker = socketserver.ThreadingTCPServer(("", 5000), AirTunes)
        threading.Thread(target=speaker.serve_forever, daemon=True).start()
    http.server.ThreadingHTTPServer(("", 80), Page).serve_forever()


main()
