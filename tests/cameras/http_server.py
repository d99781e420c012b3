# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera's web server: its snapshot, a page, and the ONVIF calls that need no password."""

import base64
import http.server
import re
import threading
import time

from cameras import ssdp

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    ' xmlns:ter="http://www.onvif.org/ver10/error" xmlns:tt="http://www.onvif.org/ver10/schema">'
    "<SOAP-ENV:Body>{}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
)
NOT_AUTHORIZED = (
    "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value>"
    "<SOAP-ENV:Subcode><SOAP-ENV:Value>ter:NotAuthorized</SOAP-ENV:Value></SOAP-ENV:Subcode>"
    "</SOAP-ENV:Code><SOAP-ENV:Reason><SOAP-ENV:Text>Sender not authorized</SOAP-ENV:Text>"
    "</SOAP-ENV:Reason></SOAP-ENV:Fault>"
)


def _date_and_time():
    now = time.gmtime()
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>"
        "<tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
        f"<tt:UTCDateTime><tt:Time><tt:Hour>{now.tm_hour}</tt:Hour><tt:Minute>{now.tm_min}"
        f"</tt:Minute><tt:Second>{now.tm_sec}</tt:Second></tt:Time><tt:Date><tt:Year>{now.tm_year}"
        f"</tt:Year><tt:Month>{now.tm_mon}</tt:Month><tt:Day>{now.tm_mday}</tt:Day></tt:Date>"
        "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def _services(host, path):
    return (
        "<tds:GetServicesResponse><tds:Service>"
        "<tds:Namespace>http://www.onvif.org/ver10/device/wsdl</tds:Namespace>"
        f"<tds:XAddr>http://{host}{path}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version>"
        "</tds:Service></tds:GetServicesResponse>"
    )


def _device_information(personality):
    return (
        "<tds:GetDeviceInformationResponse>"
        f"<tds:Manufacturer>{personality.vendor}</tds:Manufacturer>"
        f"<tds:Model>{personality.model}</tds:Model>"
        f"<tds:FirmwareVersion>{personality.firmware}</tds:FirmwareVersion>"
        f"<tds:SerialNumber>{personality.serial}</tds:SerialNumber>"
        f"<tds:HardwareId>{personality.model}</tds:HardwareId>"
        "</tds:GetDeviceInformationResponse>"
    )


def _handler(personality, snapshot):
    settings = personality.http

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
            if not personality.wsd or "/onvif/" not in self.path:
                self.answer(404, "text/plain", b"not found\n")
                return
            call = re.search(r"<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)", request)
            status, body = self.onvif(call.group(1) if call else "")
            self.answer(status, "application/soap+xml", ENVELOPE.format(body).encode())

        def onvif(self, call):
            if call == "GetSystemDateAndTime":
                return 200, _date_and_time()
            if call == "GetServices":
                return 200, _services(self.headers.get("Host", ""), self.path)
            if call == "GetDeviceInformation" and "user" not in settings:
                return 200, _device_information(personality)
            return 400, NOT_AUTHORIZED

        def log_message(self, format, *arguments):
            print("http", self.address_string(), format % arguments, flush=True)

    return Handler


def serve(personality, snapshot_path):
    with open(snapshot_path, "rb") as file:
        snapshot = file.read()
    address = ("", personality.http["port"])
    server = http.server.ThreadingHTTPServer(address, _handler(personality, snapshot))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
