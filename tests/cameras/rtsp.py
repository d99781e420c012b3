# SPDX-License-Identifier: GPL-3.0-or-later
"""A device's RTSP server as far as it can be spoken to without a picture; video.py has the pictures.

[rtsp.PORT] of a personality, besides what every service may have (service.py):
    server         the header Server
    realm          DESCRIBE asks for a password; challenges: ["Digest"], or several lines of them
    path           of the stream, which video.py serves; user and password, if it takes one
    any_path       DESCRIBE of whatever path is answered with 200, as some cameras do
    options        status of the answer to OPTIONS instead of 200 OK
    methods        of the header Public
    busy           so many connections are served at a time; others are told 453
    not_found_first   404 for other paths, before it asks for a password
"""

from cameras.service import TextService

SDP = (
    "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=Media\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
)


class Rtsp(TextService):
    def answer(self, connection, request):
        settings = self.settings
        connection.memory["sequence"] = request.headers.get("cseq")
        if "RTSP/1.0" not in request.line:
            self.tell(connection, "400 Bad Request")
            connection.close()
        elif self.open > settings.get("busy", self.open):
            self.tell(connection, "453 Not Enough Bandwidth")
            connection.close()
        elif request.method == "OPTIONS":
            methods = settings.get("methods", "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
            self.tell(connection, settings.get("options", "200 OK"), [f"Public: {methods}"])
        elif request.method != "DESCRIBE":
            self.tell(connection, "405 Method Not Allowed")
        else:
            self.describe(connection, request)

    def describe(self, connection, request):
        settings = self.settings
        path = "/" + request.target.partition("://")[2].partition("/")[2]
        is_own = settings.get("any_path") or path == settings.get("path")
        if settings.get("not_found_first") and not is_own:
            self.tell(connection, "404 Not Found")
        elif "realm" in settings:
            self.tell(connection, "401 Unauthorized")
        elif is_own:
            self.tell(connection, "200 OK", ["Content-Type: application/sdp"], SDP.encode())
        else:
            self.tell(connection, "404 Not Found")

    def tell(self, connection, status, headers=(), content=b""):
        settings = self.settings
        lines = [f"RTSP/1.0 {status}"]
        if connection.memory["sequence"]:
            lines.append(f"CSeq: {connection.memory['sequence']}")
        if "server" in settings:
            lines.append(f"Server: {settings['server']}")
        if status.startswith("401"):
            for scheme in settings.get("challenges", ["Digest"]):
                nonce = ', nonce="0"' if scheme == "Digest" else ""
                lines.append(f'WWW-Authenticate: {scheme} realm="{settings["realm"]}"{nonce}')
        if content:
            lines.append(f"Content-Length: {len(content)}")
        self.reply(connection, lines[0], [*lines[1:], *headers], content)
