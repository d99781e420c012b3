# SPDX-License-Identifier: GPL-3.0-or-later
"""A device's web server: a page, a snapshot, the UPnP description, and ONVIF (onvif.py).

[http.PORT] of a personality, besides what every service may have (service.py):
    server        the header Server; without it, there is none
    title         of the page at /, which is there without a password; without it, / is empty
    realm         everything else asks for a password; scheme: Digest or Basic
    user, password   are then taken, in Basic
    snapshot      path of the JPEG: the picture of the camera, or a small stand-in
    redirect      Location of /; {host} is what was asked
    headers       {"Name" = "value"}, more of them in every answer
    status        the answer to everything else instead of 404, say "200 OK"
    type, body    of that answer
[http.PORT.onvif]: settings of onvif.py, and with it
    onvif_path    where, or "any"; else at the usual place
    one_call      hangs up after each ONVIF answer
    chunked       sends ONVIF answers in chunks
"""

import base64

from cameras import onvif, ssdp
from cameras.service import TextService

DEVICE_PATH = "/onvif/device_service"
# A JPEG of one black pixel would do for a person; for a program it is enough that it begins as one.
STAND_IN = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")


class Http(TextService):
    def __init__(self, port, settings, device):
        super().__init__(port, settings, device)
        scheme = "https" if self.tls else "http"
        self.onvif = onvif.Device(settings["onvif"], scheme) if "onvif" in settings else None
        self.description = device.settings.get("ssdp")
        self.snapshot = STAND_IN
        if device.snapshot_file and "snapshot" in settings:
            with open(device.snapshot_file, "rb") as file:
                self.snapshot = file.read()

    def answer(self, connection, request):
        if request.method not in ("GET", "HEAD", "POST"):
            self.tell(connection, request, "400 Bad Request")
        elif request.method == "POST" and self.onvif:
            self.answer_onvif(connection, request)
        else:
            self.answer_page(connection, request)

    def answer_page(self, connection, request):
        settings, path = self.settings, request.path
        if path == "/" and "redirect" in settings:
            location = settings["redirect"].format(host=request.headers.get("host", ""))
            self.tell(connection, request, "302 Found", headers=[f"Location: {location}"], close=False)
        elif self.description and path == self.description["path"]:
            body = ssdp.description(self.description, connection.local_address())
            self.tell(connection, request, "200 OK", "text/xml", body)
        elif path == "/" and "title" in settings:
            page = f"<html><head><title>{settings['title']}</title></head></html>"
            self.tell(connection, request, "200 OK", "text/html", page.encode())
        elif not self.is_allowed(request):
            self.tell(connection, request, "401 Unauthorized")
        elif path == settings.get("snapshot"):
            self.tell(connection, request, "200 OK", "image/jpeg", self.snapshot)
        elif path == "/" and request.method != "POST":
            self.tell(connection, request, "200 OK", "text/html")
        else:
            status = settings.get("status", "404 Not Found")
            body = settings.get("body", "").encode()
            self.tell(connection, request, status, settings.get("type", "text/plain"), body)

    def is_allowed(self, request):
        settings = self.settings
        if "realm" not in settings:
            return True
        if "user" not in settings:
            return False
        login = base64.b64encode(f"{settings['user']}:{settings['password']}".encode()).decode()
        return request.headers.get("authorization") == "Basic " + login

    def challenge(self):
        scheme = self.settings.get("scheme", "Basic" if "user" in self.settings else "Digest")
        nonce = ', nonce="0"' if scheme == "Digest" else ""
        return f'WWW-Authenticate: {scheme} realm="{self.settings["realm"]}"{nonce}'

    def tell(self, connection, request, status, kind=None, body=b"", headers=(), close=True):
        lines = [f"HTTP/1.1 {status}", *headers]
        if self.settings.get("server"):
            lines.append(f"Server: {self.settings['server']}")
        lines += [f"{name}: {value}" for name, value in self.settings.get("headers", {}).items()]
        if status.startswith("401") and "realm" in self.settings:
            lines.append(self.challenge())
        if kind:
            lines.append(f"Content-Type: {kind}")
        if "Transfer-Encoding: chunked" not in headers:
            lines.append(f"Content-Length: {len(body)}")
        if close:
            lines.append("Connection: close")
        self.reply(connection, lines[0], lines[1:], b"" if request.method == "HEAD" else body)
        if close:
            connection.close()

    def answer_onvif(self, connection, request):
        content = request.content.decode(errors="replace")
        self.device.say(f"onvif {onvif.pick_call(content)}")
        status, body = 404, ""
        place = self.settings.get("onvif_path", DEVICE_PATH)
        if place == "any" or request.path in (place, onvif.MEDIA_PATH):
            status, body = self.onvif.answer(request.path, content, request.headers.get("host", ""))
        body, headers = body.encode(), []
        if self.settings.get("chunked"):
            half = len(body) // 2
            pieces = [piece for piece in (body[:half], body[half:]) if piece] + [b""]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            headers = ["Transfer-Encoding: chunked"]
        self.tell(connection, request, f"{status} Whatever", "application/soap+xml; charset=utf-8", body,
                  headers, close=bool(self.settings.get("one_call")))  # fmt: skip
