# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera's web server: its snapshot, a page, and the ONVIF calls that need no password."""

import base64
import http.server
import ssl
import subprocess
import tempfile
import threading

from cameras import onvif, ssdp


def _device(personality):
    information = {
        "Manufacturer": personality.vendor,
        "Model": personality.model,
        "FirmwareVersion": personality.firmware,
        "SerialNumber": personality.serial,
        "HardwareId": personality.model,
    }
    return onvif.Device({"information": information, **personality.onvif})


def _handler(personality, snapshot):
    settings = personality.http
    device = _device(personality) if personality.onvif else None

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def version_string(self):
            return settings["server"]

        def send_response(self, code, message=None):
            """As the library's, but a camera without a Server header sends none."""
            self.log_request(code)
            self.send_response_only(code, message)
            if settings["server"]:
                self.send_header("Server", settings["server"])
            self.send_header("Date", self.date_time_string())

        def answer(self, status, kind, body, headers=()):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def is_allowed(self):
            if "user" not in settings:
                return True
            credential = f"{settings['user']}:{settings['password']}".encode()
            wanted = "Basic " + base64.b64encode(credential).decode()
            return self.headers.get("Authorization") == wanted

        def do_GET(self):
            path = self.path.split("?")[0]
            if path == settings["snapshot"]:
                if self.is_allowed():
                    self.answer(200, "image/jpeg", snapshot)
                else:
                    challenge = f'Basic realm="{settings["realm"]}"'
                    self.answer(401, "text/plain", b"", [("WWW-Authenticate", challenge)])
            elif path == "/":
                page = f"<html><head><title>{settings['title']}</title></head></html>"
                self.answer(200, "text/html", page.encode())
            elif personality.ssdp and path == personality.ssdp["path"]:
                own = self.connection.getsockname()[0]
                self.answer(200, "text/xml", ssdp.description(personality.ssdp, own))
            else:
                self.answer(404, "text/plain", b"not found\n")

        do_HEAD = do_GET

        def do_POST(self):
            length = self.headers.get("Content-Length", "0")
            if not length.isdigit() or int(length) > 65536:
                self.close_connection = True
                self.answer(413, "text/plain", b"")
                return
            request = self.rfile.read(int(length)).decode(errors="replace")
            path = self.path.split("?")[0]
            if not device or not path.startswith("/onvif/"):
                self.answer(404, "text/plain", b"not found\n")
                return
            status, body = device.answer(path, request, self.headers.get("Host", ""))
            headers = []
            if status == 401:
                headers = [("WWW-Authenticate", f'Digest realm="{settings["realm"]}", nonce="0"')]
            self.answer(status, "application/soap+xml; charset=utf-8", body.encode(), headers)

        def log_message(self, format, *arguments):
            print("http", self.address_string(), format % arguments, flush=True)

    return Handler


def _secure(server, subject):
    """As cameras do: a certificate made at the first start, signed by itself."""
    with tempfile.TemporaryDirectory() as directory:
        certificate, key = f"{directory}/certificate", f"{directory}/key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
             "-keyout", key, "-out", certificate, "-subj", subject],
            check=True, stderr=subprocess.DEVNULL)  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    # The handshake is the business of the connection's own thread.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)


def serve(personality, snapshot_path):
    """Its web server, and the same in TLS if it has that."""
    with open(snapshot_path, "rb") as file:
        handler = _handler(personality, file.read())
    servers = [http.server.ThreadingHTTPServer(("", personality.http["port"]), handler)]
    if "tls_port" in personality.http:
        secure = http.server.ThreadingHTTPServer(("", personality.http["tls_port"]), handler)
        _secure(secure, personality.http["certificate"])
        servers.append(secure)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return servers
