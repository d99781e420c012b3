# SPDX-License-Identifier: GPL-3.0-or-later
"""An ONVIF device and media service, as far as it can be spoken to without a password.

settings: the [onvif] table of a personality.
    style     "SOAP-ENV" (gSOAP's prefixes), "env" (Axis'), "s" (upper-case namespaces of others)
    allows    the calls that need no password; without it, all of them
    missing   calls that the firmware does not know
    denial    "fault" (ter:NotAuthorized), or "http": 401 and no SOAP
    host      that it tells in its addresses instead of the one it was asked at
    hostname, endpoint, stream, snapshot: what it tells; a URL of theirs has {host} in it
    information  {"Manufacturer": "…", "Model": "…", …}
"""

import re
import time

STYLES = {
    "SOAP-ENV": ("SOAP-ENV", "tds", "trt", "tt", "ter"),
    "env": ("env", "tds", "trt", "tt", "ter"),
    "s": ("s", "ns1", "ns2", "ns3", "ns4"),
}
NAMESPACES = (
    "http://www.w3.org/2003/05/soap-envelope",
    "http://www.onvif.org/ver10/device/wsdl",
    "http://www.onvif.org/ver10/media/wsdl",
    "http://www.onvif.org/ver10/schema",
    "http://www.onvif.org/ver10/error",
)
MEDIA_PATH = "/onvif/media_service"
MEDIA_CALLS = ("GetProfiles", "GetStreamUri", "GetSnapshotUri")


def pick_call(text):
    """The call, whatever its prefix is."""
    found = re.search(r"<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)", text)
    return found.group(1) if found else ""


class Device:
    def __init__(self, settings, scheme="http"):
        self.settings, self.scheme = settings, scheme
        names = STYLES[settings.get("style", "SOAP-ENV")]
        self.envelope = names[0]
        self.declarations = "".join(
            f' xmlns:{name}="{space}"' for name, space in zip(names, NAMESPACES, strict=True)
        )
        self.prefixes = dict(zip(("tds", "trt", "tt", "ter"), names[1:], strict=True))

    def answer(self, path, request, host):
        """(status, body) of a POST; host: what it was asked at, HOST[:PORT]."""
        call = pick_call(request)
        host = self.settings.get("host", host)
        if call in self.settings.get("missing", ()):
            return 400, self._fault("ActionNotSupported", "Optional Action Not Implemented")
        if call not in self.settings.get("allows", (call,)):
            if self.settings.get("denial") == "http":
                return 401, ""
            return 400, self._fault("NotAuthorized", "Sender not authorized")
        if (call in MEDIA_CALLS) != (path == MEDIA_PATH):
            return 500, self._fault("InvalidArgVal", "No such action here")
        tell = getattr(self, "tell_" + call, None)
        content = tell(host, path) if tell else None
        if content is None:
            return 500, self._fault("ActionNotSupported", "Optional Action Not Implemented")
        service = "trt" if call in MEDIA_CALLS else "tds"
        return 200, self._wrap(f"<{service}:{call}Response>{content}</{service}:{call}Response>")

    def _wrap(self, body):
        """Bodies are written with the usual prefixes, and sent with those of the style."""
        for usual, own in self.prefixes.items():
            body = re.sub(rf"(</?|>){usual}:", rf"\g<1>{own}:", body)
        e = self.envelope
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\r\n<{e}:Envelope{self.declarations}>'
            f"<{e}:Body>{body}</{e}:Body></{e}:Envelope>"
        )

    def _fault(self, code, reason):
        e = self.envelope
        return self._wrap(
            f"<{e}:Fault><{e}:Code><{e}:Value>{e}:Sender</{e}:Value><{e}:Subcode>"
            f"<{e}:Value>ter:{code}</{e}:Value></{e}:Subcode></{e}:Code>"
            f'<{e}:Reason><{e}:Text xml:lang="en">{reason}</{e}:Text></{e}:Reason></{e}:Fault>'
        )

    def tell_GetSystemDateAndTime(self, _host, _path):
        now = time.gmtime()
        return (
            "<tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            "<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{now.tm_hour}</tt:Hour><tt:Minute>{now.tm_min}</tt:Minute>"
            f"<tt:Second>{now.tm_sec}</tt:Second></tt:Time><tt:Date><tt:Year>{now.tm_year}</tt:Year>"
            f"<tt:Month>{now.tm_mon}</tt:Month><tt:Day>{now.tm_mday}</tt:Day></tt:Date>"
            "</tt:UTCDateTime></tds:SystemDateAndTime>"
        )

    def tell_GetDeviceInformation(self, _host, _path):
        return "".join(
            f"<tds:{name}>{value}</tds:{name}>"
            for name, value in self.settings.get("information", {}).items()
        )

    def tell_GetServices(self, host, path):
        return "".join(
            f"<tds:Service><tds:Namespace>{space}</tds:Namespace>"
            f"<tds:XAddr>{self.scheme}://{host}{place}</tds:XAddr><tds:Version><tt:Major>2</tt:Major>"
            "<tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
            for space, place in ((NAMESPACES[1], path), (NAMESPACES[2], MEDIA_PATH))
        )

    def tell_GetCapabilities(self, host, path):
        return (
            f"<tds:Capabilities><tt:Device><tt:XAddr>{self.scheme}://{host}{path}</tt:XAddr></tt:Device>"
            f"<tt:Events><tt:XAddr>{self.scheme}://{host}/onvif/event_service</tt:XAddr></tt:Events>"
            f"<tt:Media><tt:XAddr>{self.scheme}://{host}{MEDIA_PATH}</tt:XAddr></tt:Media></tds:Capabilities>"
        )

    def tell_GetHostname(self, _host, _path):
        name = self.settings.get("hostname", "localhost")
        return (
            "<tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP>"
            f"<tt:Name>{name}</tt:Name></tds:HostnameInformation>"
        )

    def tell_GetEndpointReference(self, _host, _path):
        endpoint = self.settings.get("endpoint")
        return f"<tds:GUID>{endpoint}</tds:GUID>" if endpoint else None

    def tell_GetProfiles(self, _host, _path):
        return "".join(
            f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{token}</tt:Name></trt:Profiles>'
            for token in ("Profile_1", "Profile_2")
        )

    def tell_GetStreamUri(self, host, _path):
        uri = self.settings.get("stream", "").format(host=host.split(":")[0]).replace("&", "&amp;")
        return (
            f"<trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false"
            "</tt:InvalidAfterConnect><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>"
        )

    def tell_GetSnapshotUri(self, host, _path):
        uri = self.settings.get("snapshot", "").format(host=host).replace("&", "&amp;")
        return f"<trt:MediaUri><tt:Uri>{uri}</tt:Uri></trt:MediaUri>" if uri else None
