# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of devices whose parts the tests change; tests/cameras/personalities/ has whole ones."""

ONVIF = "onvif://www.onvif.org/"


def wsd(endpoint, name, hardware, xaddrs, types="dn:NetworkVideoTransmitter tds:Device", **quirks):
    scopes = [ONVIF + "name/" + name, ONVIF + "hardware/" + hardware]
    return {"endpoint": endpoint, "types": types, "scopes": scopes, "xaddrs": xaddrs, **quirks}


HIKVISION = {
    "wsd": wsd("urn:uuid:a7fc57d6-2f4a-4c41-9f64-4419b6100001", "HIKVISION%20DS-2CD2142FWD-I",
               "DS-2CD2142FWD-I", "http://{address}/onvif/device_service",
               needs_prefix="dn", one_line=True),
    "http": {80: {"server": "App-webs/", "realm": "IP Camera(C2875)"}},
    "rtsp": {554: {"realm": "IP Camera(C2875)"}},
}  # fmt: skip
HANWHA = {
    "wsd": wsd("urn:uuid:9c3d0b3a-0a0c-4d1c-9d0e-000000000005", "Wisenet", "XNV-8080R",
               "http://169.254.1.1:8081/onvif http://{address}:8081/onvif/device_service",
               types="tds:Device", answers=2, delay_ms=450),
    "http": {8081: {}},
    "rtsp": {10554: {"server": "GStreamer RTSP server"}},
}  # fmt: skip
COMPUTER = {
    "wsd": {"endpoint": "urn:uuid:4f6d2a3e-0c11-5d0a-8c55-52540000aa01",
            "types": "wsdp:Device pub:Computer", "scopes": [], "xaddrs": "http://{address}:5357/x"},
    "http": {80: {"server": "Microsoft-HTTPAPI/2.0"}}, "rtsp": {554: {}},
}  # fmt: skip
AXIS = {
    "mdns": [
        {"instance": "AXIS P3245-V - 00408C300003", "type": "_axis-video._tcp", "port": 8080,
         "txt": ["macaddress=00408C300003"]},
        {"instance": "AXIS P3245-V - 00408C300003 H.264", "type": "_rtsp._tcp", "port": 1554,
         "txt": ["path=axis-media/media.amp"]},
    ],
    "http": {8080: {}}, "rtsp": {1554: {"realm": "AXIS_00408C300003"}},
}  # fmt: skip
SPEAKER = {
    "mdns": [
        {"instance": "525400AA02@Office", "type": "_raop._tcp", "port": 554, "txt": ["ch=2"]},
        {"instance": "Office camera corner", "type": "_http._tcp", "port": 80, "txt": []},
        {"instance": "Office", "type": "_rtsp._tcp", "port": 554, "txt": []},
    ],
    "http": {80: {}}, "rtsp": {554: {"server": "AirTunes/366.0"}},
}  # fmt: skip


def upnp(type, udn, port, **elements):
    return {"type": type, "udn": udn, "port": port, "path": "/desc.xml", "server": "Linux UPnP/1.0",
            "elements": elements}  # fmt: skip


BASIC = "urn:schemas-upnp-org:device:Basic:1"
UPNP_CAMERA = {
    "ssdp": upnp(BASIC, "uuid:Upnp-BasicDevice-1_0-00408C300009", 8080, manufacturer="AXIS",
                 friendlyName="AXIS M1065-L - 00408C300009", modelName="AXIS M1065-L",
                 modelDescription="AXIS M1065-L Network Camera", serialNumber="00408C300009",
                 presentationURL="http://{address}:8080/"),
    "http": {8080: {}}, "rtsp": {554: {}},
}  # fmt: skip
MEDIA_SERVER = {
    "ssdp": upnp("urn:schemas-upnp-org:device:MediaServer:1", "uuid:5", 8200, manufacturer="MiniDLNA",
                 friendlyName="Camera uploads", modelName="MiniDLNA"),
    "http": {8200: {}}, "rtsp": {554: {}},
}  # fmt: skip
BRIDGE = {
    "ssdp": upnp(BASIC, "uuid:6", 80, manufacturer="Signify", friendlyName="Hue Bridge",
                 modelName="Philips hue bridge 2015"),
    "http": {80: {}}, "rtsp": {},
}  # fmt: skip
PRINTER = upnp("urn:schemas-upnp-org:device:Printer:1", "uuid:9", 80, manufacturer="HP",
               friendlyName="Office printer", modelName="LaserJet")  # fmt: skip
PRINTER_WSD = {"endpoint": "urn:uuid:4f6d2a3e-0c11-5d0a-8c55-52540000aa23",
               "types": "wsdp:Device wprt:PrintDeviceType", "scopes": [],
               "xaddrs": "http://{address}:80/wsd"}  # fmt: skip
MALFORMED = ("", "\0\0\0\0", "<?xml version='1.0'?><a", "<a>" * 500, "\xff\xfe\xfd" * 100,
             "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<ProbeMatch><Types>tds:Device</Types>",
             "x" * 60000)  # fmt: skip


# The kernel's own netem is not everywhere.
LOSS = """table inet loss {
	chain output { type filter hook output priority 0; numgen random mod 10 < 3 drop; }
}"""
