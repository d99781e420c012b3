# SPDX-License-Identifier: GPL-3.0-or-later
"""Who lives in the street of test_discoverd_strangers.py: cameras, each with what an operator must be
shown of it, and things that are none. Written from captures that owners published, from the makers'
documents and the standards, without a look at what will read them."""

import asyncio
import gzip
import re
import ssl

from strangers import (
    DEVICE_WSDL, GATEWAY, MDNS_GROUP, NOT_AUTHORIZED, NVT, SDP, SSDP_GROUP, WSD_GROUP, Stranger, capabilities,
    certificate, description, drip, information, matches, mdns, onvif, page, profiles, raw, request, reset,
    rtsp, scopes, services, silence, soap, ssdp, uri, web, wsd,
)  # fmt: skip

CANARY, CANARY_PORT = "203.0.113.9", 18080  # beyond the gateway's router: nothing may go there
MACHINE_PORTS = {102, 502, 515, 631, 4840, 9100, 20000, 44818}  # of printers and controllers
ONVIF, ONVIF_URL = "/onvif/device_service", "http://{ip}/onvif/device_service"
HTTP, RTSP, HTTPS = (80, "http"), (554, "rtsp"), (443, "https")

BASIC = "urn:schemas-upnp-org:device:Basic:1"
IGD = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
MEDIA_SERVER = "urn:schemas-upnp-org:device:MediaServer:1"
MEDIA_RENDERER = "urn:schemas-upnp-org:device:MediaRenderer:1"
SAT_IP = "urn:ses-com:device:SatIPServer:1"
DIAL = "urn:dial-multiscreen-org:device:dial:1"
SONOS = "urn:schemas-upnp-org:device:ZonePlayer:1"
PRINTER = "urn:schemas-upnp-org:device:Printer:1"
AXIS_SERVICE = "urn:axis-com:service:BasicService:1"


def refuses(realm, scheme="Digest", server=None):
    """A web server that wants a password for each page."""
    head = {"WWW_Authenticate": f'{scheme} realm="{realm}", nonce="5d41402abc4b", qop="auth"'}
    return page("<h1>401</h1>", "401 Unauthorized", **head, **({"Server": server} if server else {}))


def titled(title, **head):
    return page(f"<!DOCTYPE html><html><head><title>{title}</title></head></html>", **head)


def leads_to(location, **head):
    return page("", "302 Found", Location=location, **head)


# Cameras ---------------------------------------------------------------------------------------------


def cameras(directory):
    """As they are sold: (stranger, what must be shown)."""
    yield from _makers()
    yield from _recorders_and_relatives()
    yield from _unusual(directory)


def _makers():
    one = Stranger("hikvision", "44:19:b6:49:68:e1", "192.168.7.64")
    scope = scopes("type/video_encoder", "Profile/Streaming", "Profile/G", "MAC/44:19:b6:49:68:e1",
                   "hardware/DS-2CD2042WD-I", "name/HIKVISION%20DS-2CD2042WD-I", "location/city/hangzhou")  # fmt: skip
    addresses = f"{ONVIF_URL} http://[fe80::4619:b6ff:fe49:68e1]/onvif/device_service"
    one.answer(WSD_GROUP, wsd(f"{NVT} tds:Device", scope, addresses))
    one.listen(80, web({
        "/": page('<script>window.location.href = "/doc/page/login.asp?_" + (new Date()).getTime();</script>',
                  Server="App-webs/"),
        ONVIF: onvif({"GetServices": services(device=ONVIF_URL, media="http://{ip}/onvif/Media"),
                      "GetDeviceInformation": refuses("DS-2CD2042WD-I")})}))  # fmt: skip
    one.listen(554, rtsp(realm="IP Camera(C2189)"))
    one.listen(8000, raw(bytes.fromhex("000000100000001e0000001e00000000")))  # the maker's own protocol
    yield one, {"Vendor": "Hikvision", "Model": "DS-2CD2042WD-I", "Kind": "camera", "Ports": [HTTP, RTSP],
                "OnvifUrl": "http://192.168.7.64:80/onvif/device_service"}  # fmt: skip

    one = Stranger("dahua", "3c:ef:8c:11:22:33", "192.168.7.108")
    scope = scopes("location/country/china", "name/Dahua", "hardware/IPC-HFW1431S", "Profile/Streaming",
                   "type/Network_Video_Transmitter", "extension/unique_identifier/1")  # fmt: skip
    one.answer(WSD_GROUP, wsd(NVT, scope, epr="uuid:6a6ac5ac-9ba4-4e0f-8a3c-1b5f1a2c3d4e", dress="gsoap"))
    one.listen(80, web({"/": titled("WEB SERVICE"), ONVIF: onvif({"GetCapabilities": capabilities()})}, keep=True))
    one.listen(554, rtsp("401 Unauthorized", "401 Unauthorized", "Login to 3E0B1A2PAK56789", "Rtsp Server/3.0"))
    yield one, {"Vendor": "Dahua", "Model": "IPC-HFW1431S", "Serial": "3E0B1A2PAK56789", "Ports": [HTTP, RTSP]}

    # ONVIF is on a path of its own there, and not announced.
    one = Stranger("axis", "ac:cc:8e:25:12:72", "192.168.7.65")
    udn = "uuid:Upnp-BasicDevice-1_0-ACCC8E251272"
    one.answer(SSDP_GROUP, ssdp(AXIS_SERVICE, "http://{ip}:49154/rootdesc1.xml", udn=udn))
    one.listen(49154, web({"/rootdesc1.xml": description(
        BASIC, "AXIS P3245-V - ACCC8E251272", "AXIS", "AXIS P3245-V", "ACCC8E251272", "P3245-V",
        "<presentationURL>http://192.168.7.65:80/</presentationURL>", udn)}))  # fmt: skip
    one.listen(80, web({"/": leads_to("/camera/index.html", Server="Apache"),
                        "/camera/index.html": refuses("AXIS_ACCC8E251272")},
                       otherwise=page("", "400 Bad Request")))  # fmt: skip
    one.listen(554, rtsp(realm="AXIS_ACCC8E251272", server="GStreamer RTSP server"))
    yield one, {"Vendor": "Axis", "Model": "P3245-V", "Serial": "ACCC8E251272", "Kind": "camera",
                "Ports": [HTTP, RTSP]}  # fmt: skip

    # Those of today speak mDNS alone until told otherwise.
    one = Stranger("axis-mdns", "e8:27:25:0a:0b:0c", "192.168.7.66")
    one.answer(MDNS_GROUP, mdns("_axis-video._tcp", "AXIS M3086-V - E827250A0B0C", 80, ["macaddress=E827250A0B0C"],
                                "axis-e827250a0b0c"))  # fmt: skip
    one.listen(80, web({}, otherwise=refuses("AXIS_E827250A0B0C")))
    yield one, {"Vendor": "Axis", "Model": "M3086-V", "needs": "avahi"}

    # ONVIF on a port that serves nothing else; the pages are beside it.
    one = Stranger("reolink", "ec:71:db:aa:bb:cc", "192.168.7.67")
    scope = scopes("type/Network_Video_Transmitter", "Profile/Streaming", "hardware/RLC-410", "name/IPC-BO")
    url = "http://{ip}:8000/onvif/device_service"
    one.answer(WSD_GROUP, wsd(f"{NVT} tds:Device", scope, url, "urn:uuid:2419d68a-2dd2-21b2-a205-ec71dbaabbcc", "gsoap"))
    one.listen(8000, web({ONVIF: onvif({"GetServices": services(device=url)})}))
    one.listen(80, web({"/": titled("Reolink", Server="nginx")}))
    one.listen(554, rtsp(realm="BC Streaming Media"))
    one.listen(9000, silence)
    yield one, {"Vendor": "Reolink", "Model": "RLC-410", "Ports": [HTTP, RTSP]}

    # Answers no Probe that does not name its type, has no pages, and its RTSP comes byte by byte.
    one = Stranger("tapo", "54:af:97:01:02:03", "192.168.7.68")
    scope = scopes("name/Tapo", "hardware/Tapo%20C200", "Profile/Streaming", "type/NetworkVideoTransmitter")
    url = "http://{ip}:2020/onvif/device_service"
    one.answer(WSD_GROUP, wsd(NVT, scope, url, typed="NetworkVideoTransmitter", dress="gsoap"))
    one.listen(2020, web({ONVIF: onvif({"GetServices": services(device=url)})}))
    one.listen(554, rtsp(realm="TP-LINK IP-Camera", slowly=True))
    yield one, {"Vendor": "TP-Link", "Model": "Tapo C200", "Ports": [RTSP]}

    one = Stranger("hanwha", "e4:30:22:10:20:30", "192.168.7.69")
    scope = scopes("type/ptz", "type/video_encoder", "hardware/XNP-6320H", "name/XNP-6320H", "Profile/Streaming",
                   "manufacturer/Hanwha%20Vision", "MacAddress/E43022102030")  # fmt: skip
    addresses = f"{ONVIF_URL} https://{{ip}}/onvif/device_service"
    one.answer(WSD_GROUP, wsd(f"tds:Device {NVT}", scope, addresses, dress="gsoap"))
    one.listen(80, web({ONVIF: onvif()}, otherwise=refuses("iPolis_e4:30:22:10:20:30")))
    one.listen(554, rtsp(realm="iPOLiS"))
    yield one, {"Vendor": "Hanwha", "Model": "XNP-6320H", "Ports": [HTTP, RTSP]}

    # Refuses with HTTP's own means what ONVIF would refuse with a fault, and closes after each answer.
    one = Stranger("bosch", "00:07:5f:8a:8b:8c", "192.168.7.70")
    scope = scopes("name/Bosch", "hardware/DINION%20IP%20starlight%206000%20HD", "Profile/Streaming", "location/")
    one.answer(WSD_GROUP, wsd(NVT, scope, epr="urn:uuid:00075fd0-8a8b-8cd0-5f07-00075f8a8b8c", dress="default"))
    one.listen(80, web({
        "/": leads_to("https://192.168.7.70/"),
        ONVIF: onvif({"GetServices": page("no such operation", "500 Internal Server Error"),
                      "GetCapabilities": capabilities()}, otherwise=refuses("Bosch"))}))  # fmt: skip
    one.listen(554, rtsp("401 Unauthorized", realm="Please log in with a valid username", closes=True))
    yield one, {"Vendor": "Bosch", "Model": "DINION IP starlight 6000 HD", "Ports": [HTTP, RTSP]}

    # Uses the type of service of another maker.
    one = Stranger("mobotix", "00:03:c5:05:06:07", "192.168.7.71")
    one.answer(MDNS_GROUP, mdns("_axis-video._tcp", "mx10-5-6-7", 80, ["macaddress=0003C5050607"]))
    one.listen(80, web({"/": leads_to("http://192.168.7.71/cgi-bin/guestimage.html"),
                        "/cgi-bin/guestimage.html": titled("mx10-5-6-7 Guest Access")}))  # fmt: skip
    one.listen(554, rtsp("404 Not Found", server="MOBOTIX RTSP Server"))
    yield one, {"Vendor": "Mobotix", "Ports": [HTTP, RTSP]}

    one = Stranger("vivotek", "00:02:d1:31:32:33", "192.168.7.72")
    one.answer(SSDP_GROUP, ssdp(BASIC, "http://{ip}:5050/rootDesc.xml"))
    one.listen(5050, web({"/rootDesc.xml": description(
        BASIC, "Mega-Pixel Network Camera (192.168.7.72)", "VIVOTEK INC.", "FD8136", "0002D1313233",
        more="<presentationURL>http://192.168.7.72:80/</presentationURL>")}))  # fmt: skip
    one.listen(80, web({}, otherwise=refuses("streaming_server", "Basic", "Vivotek Network Camera")))
    one.listen(554, rtsp("401 Unauthorized", realm="streaming_server"))
    yield one, {"Vendor": "Vivotek", "Model": "FD8136", "Serial": "0002D1313233", "Ports": [HTTP, RTSP]}

    # The web server and the stream share one port, ONVIF has another.
    async def pages_and_stream(_stranger, reader, writer):
        head = await reader.until(b"\r\n\r\n")
        if b" RTSP/1.0" in head.split(b"\r\n")[0]:
            number = re.search(rb"(?i)cseq:\s*(\d+)", head)[1]
            writer.write(b"RTSP/1.0 200 OK\r\nCSeq: %s\r\nPublic: OPTIONS, DESCRIBE\r\n\r\n" % number)
        else:
            writer.write(titled("IPCam Client", Server="lighttpd/1.4.31"))
        await writer.drain()

    one = Stranger("foscam", "c4:d6:55:41:42:43", "192.168.7.73")
    scope, url = scopes("name/IPCAM", "hardware/FI9821P", "type/video_encoder"), "http://{ip}:888/onvif/device_service"
    one.answer(WSD_GROUP, wsd(NVT, scope, url))
    one.listen(888, web({ONVIF: onvif({"GetServices": services(device=url),
                                       "GetDeviceInformation": information("Foscam", "FI9821P", "2.11.1.5", "C4D6554142")})}))  # fmt: skip
    one.listen(88, pages_and_stream)
    yield one, {"Vendor": "Foscam", "Model": "FI9821P", "Firmware": "2.11.1.5", "Serial": "C4D6554142"}

    # Says 200 to any path and nothing of its maker; its MAC address is of nobody, its UUID of all.
    one = Stranger("xiongmai", "00:12:31:51:52:53", "192.168.7.74")
    scope = scopes("type/Network_Video_Transmitter", "hardware/XM530_50X50-WG_8M", "name/H264")
    url = "http://{ip}:8899/onvif/device_service"
    one.answer(WSD_GROUP, wsd(NVT, scope, url, "urn:uuid:00000000-0000-0000-0000-000000000000"))
    told = information("H264", "XM530_50X50-WG_8M", "V5.00.R02.000807D8", "50b3c7c1f1a31b5e")
    one.listen(8899, web({ONVIF: onvif({"GetDeviceInformation": told})}))
    one.listen(80, web({"/": titled("NETSurveillance WEB", Server="uc-httpd 1.0.0")}))
    one.listen(554, rtsp("200 OK", server="H264DVR 1.0", sdp=SDP))
    one.listen(34567, silence)
    yield one, {"Vendor": "Xiongmai", "Model": "XM530_50X50-WG_8M", "Serial": "50b3c7c1f1a31b5e",
                "Ports": [HTTP, RTSP]}  # fmt: skip

    # Its own address is 0.0.0.0, or 127.0.0.1.
    one = Stranger("uniview", "48:ea:63:61:62:63", "192.168.7.75")
    scope = scopes("Name/IPC2122LB", "Hardware/IPC2122LB-SF28-A", "macaddr/48ea63616263", "serial/210235C3AB")
    one.answer(WSD_GROUP, wsd(NVT, scope, "http://0.0.0.0:80/onvif/device_service"))
    one.listen(80, web({"/": titled(""), ONVIF: onvif({"GetServices": services(device="http://127.0.0.1/onvif/device_service")})}))
    one.listen(554, rtsp("401 Unauthorized", realm="NVR"))
    yield one, {"Vendor": "Uniview", "Model": "IPC2122LB-SF28-A", "Serial": "210235C3AB", "Ports": [HTTP, RTSP],
                "OnvifUrl": "http://192.168.7.75:80/onvif/device_service"}  # fmt: skip


def _recorders_and_relatives():
    # 32 channels: the profiles alone are many kilobytes. Its stream's address has a password in it.
    one = Stranger("recorder", "28:57:be:71:72:73", "192.168.7.76")
    scope = scopes("type/video_encoder", "type/Network_Video_Recorder", "Profile/G", "hardware/DS-7632NI-K2",
                   "name/Embedded%20Net%20DVR")  # fmt: skip
    one.answer(WSD_GROUP, wsd(f"{NVT} tds:Device", scope))
    media, recording = "http://{ip}/onvif/media_service", "http://{ip}/onvif/recording"
    one.listen(80, web({
        "/": page("", Server="DNVRS-Webs"),
        ONVIF: onvif({"GetServices": services(device=ONVIF_URL, media=media, recording=recording)}),
        "/onvif/media_service": onvif({
            "GetProfiles": profiles(32),
            "GetStreamUri": uri("rtsp://admin:secret12345@192.168.7.76:554/tracks/101?password=secret12345")}),
    }, keep=True))  # fmt: skip
    one.listen(554, rtsp(realm="IP Camera(12345)"))
    yield one, {"Kind": "nvr", "Vendor": "Hikvision", "Model": "DS-7632NI-K2", "Ports": [HTTP, RTSP]}

    one = Stranger("encoder", "00:40:8c:81:82:83", "192.168.7.77")
    one.answer(SSDP_GROUP, ssdp(AXIS_SERVICE, "http://{ip}/rootdesc1.xml"))
    name = "AXIS M7014 Video Encoder"
    one.listen(80, web({"/rootdesc1.xml": description(BASIC, f"{name} - 00408C818283", "AXIS", name, "00408C818283")},
                       otherwise=refuses("AXIS_00408C818283")))  # fmt: skip
    one.listen(554, rtsp(realm="AXIS_00408C818283", server="GStreamer RTSP server"))
    yield one, {"Kind": "encoder", "Vendor": "Axis", "Ports": [HTTP, RTSP]}

    # Its answer relates to nothing.
    one = Stranger("doorbird", "1c:ca:e3:91:92:93", "192.168.7.78")
    one.answer(WSD_GROUP, wsd(NVT, scopes("name/DoorBird", "hardware/D2101V"), relates_to="uuid:"))
    one.answer(MDNS_GROUP, mdns("_axis-video._tcp", "DoorBird D2101V - 1CCAE3919293", 80, ["macaddress=1ccae3919293"]))
    one.listen(80, web({ONVIF: onvif()}, otherwise=refuses("DoorBird", "Basic")))
    one.listen(554, rtsp("401 Unauthorized", realm="DoorBird"))
    yield one, {"Kind": "doorbell", "Vendor": "DoorBird", "Ports": [HTTP, RTSP]}

    # HomeKit: categories 17 and 18.
    for number, kind in ((17, "camera"), (18, "doorbell")):
        one = Stranger(f"homekit-{kind}", f"54:ef:44:d1:d2:{number}", f"192.168.7.{80 + number}")
        txt = ["c#=1", "ff=0", f"id=54:EF:44:AA:BB:{number}", "md=CH-H03", "pv=1.1", "sf=1", f"ci={number}"]
        one.answer(MDNS_GROUP, mdns("_hap._tcp", f"Hub G3-{number}", 51826, txt))
        one.listen(51826, silence)
        yield one, {"Kind": kind, "Model": "CH-H03", "needs": "avahi"}

    # A PC with an ONVIF server for its USB camera; the PC itself is a computer on WS-Discovery.
    one = Stranger("onvif-pc", "b4:2e:99:a1:a2:a3", "192.168.7.79")
    one.answer(WSD_GROUP, wsd("wsdp:Device pub:Computer", "", "http://{ip}:5357/6a2e3c8d/",
                              "urn:uuid:6a2e3c8d-70d1-5fd5-a4c1-000000000001", typed="-"))  # fmt: skip
    url = "http://{ip}:1000/onvif/device_service"
    one.answer(WSD_GROUP, wsd(NVT, scopes("name/SimpleServer", "hardware/SimpleServer"), url))
    told = information("manufacturer", "model", "0.0.1", "sn1234567890")
    one.listen(1000, web({ONVIF: onvif({"GetServices": services(device=url), "GetDeviceInformation": told})}))
    one.listen(8554, rtsp("404 Not Found", server="GStreamer RTSP server"))
    yield one, {"Kind": "video-source", "Ports": [(1000, "http"), (8554, "rtsp")]}

    # An app on a telephone.
    one = Stranger("phone", "0a:11:22:b1:b2:b3", "192.168.7.80")
    one.listen(8080, web({}, otherwise=refuses("IP Webcam", "Basic", "IP Webcam Server 0.4")))
    yield one, {"Confidence": 0.4, "Ports": [(8080, "http")]}


def _unusual(directory):
    # Only its refusals say what it is.
    one = Stranger("mute", "4c:11:bf:c1:c2:c3", "192.168.7.81")
    one.listen(80, web({}, otherwise=refuses("Login to 4L0C1B2YAJ00000")))
    one.listen(554, rtsp("401 Unauthorized", "401 Unauthorized", "Login to 4L0C1B2YAJ00000"))
    yield one, {"Vendor": "Dahua", "Serial": "4L0C1B2YAJ00000", "Ports": [HTTP, RTSP]}

    one = Stranger("tls-only", "00:02:d1:00:00:40", "192.168.7.100")
    url = "https://{ip}/onvif/device_service"
    one.answer(WSD_GROUP, wsd(NVT, scopes("hardware/IB9389-H", "name/VIVOTEK"), url))
    pages = {ONVIF: onvif({"GetServices": services(device=url)}), "/": titled("login")}
    one.listen(443, web(pages), certificate(directory, "vivotek", "IB9389-H"))
    yield one, {"Vendor": "Vivotek", "Model": "IB9389-H", "Ports": [HTTPS]}

    # Lines end in LF, and nothing is repeated of the question.
    one = Stranger("careless", "00:12:31:00:00:41", "192.168.7.101")
    one.listen(554, raw(b"RTSP/1.0 200 OK\nServer: H264DVR 1.0\nPublic: OPTIONS, DESCRIBE\n\n", b"\r\n\r\n"))
    yield one, {"Vendor": "Xiongmai", "Ports": [RTSP]}

    async def slowly(stranger, reader, writer):
        method, _path, body = await request(reader)
        await asyncio.sleep(1)
        writer.write(onvif()(stranger, body) if method == "POST" else titled("ok"))
        await writer.drain()

    one = Stranger("slow", "48:ea:63:00:00:42", "192.168.7.102")
    one.answer(WSD_GROUP, wsd(NVT, scopes("hardware/IPC-SLOW", "name/slow"))).listen(80, slowly)
    yield one, {"Model": "IPC-SLOW", "Ports": [HTTP]}

    # Its access point swallows multicast: it answers when it is asked itself.
    one = Stranger("alone", "ec:71:db:00:00:43", "192.168.7.103")
    one.answer((None, 3702), wsd(NVT, scopes("hardware/WIFI-1", "name/alone"))).listen(80, web({ONVIF: onvif()}))
    yield one, {"Model": "WIFI-1", "Ports": [HTTP]}

    # Tells its address only to who calls it by its name.
    def shy(stranger, packet):
        name, scope = stranger.endpoint, scopes("hardware/SHY-1", "name/shy")
        if b"Resolve" not in packet:
            return wsd(NVT, scope, "", name)(stranger, packet)
        if name.encode() not in packet:
            return []
        url = f"http://{stranger.ip}:8080/onvif/device_service"
        return [matches(NVT, scope, url, name, "").replace("ProbeMatch", "ResolveMatch").encode()]

    one = Stranger("shy", "48:ea:63:00:00:44", "192.168.7.104")
    one.answer(WSD_GROUP, shy).listen(8080, web({ONVIF: onvif()}))
    yield one, {"Model": "SHY-1", "Ports": [(8080, "http")],
                "OnvifUrl": "http://192.168.7.104:8080/onvif/device_service"}  # fmt: skip

    # By its UPnP description alone, and that points to somebody else.
    one = Stranger("upnp-only", "00:02:d1:00:00:47", "192.168.7.107")
    one.answer(SSDP_GROUP, ssdp(BASIC, "http://{ip}:49152/d.xml"))
    more = f"<presentationURL>http://{CANARY}:{CANARY_PORT}/</presentationURL>"
    one.listen(49152, web({"/d.xml": description(BASIC, "IP8161 camera", "VIVOTEK", "IP8161", more=more)}))
    yield one, {"Vendor": "Vivotek", "Model": "IP8161"}


# Cameras with something wrong -------------------------------------------------------------------------


def faulty_cameras(directory):
    """They are found all the same, and what is wrong stays theirs."""

    def camera(name, number, service=None, **options):
        one = Stranger(name, f"44:19:b6:00:01:{number - 160:02x}", f"192.168.7.{number}")
        options.setdefault("scope", scopes("hardware/T-1000", f"name/{name}"))
        return one.answer(WSD_GROUP, wsd(**options)).listen(80, web({ONVIF: service or onvif()}))

    found = {"Vendor": "Hikvision", "Model": "T-1000", "Ports": [HTTP]}
    # Addresses that are not theirs, or no addresses.
    elsewhere = f"http://{CANARY}:{CANARY_PORT}"
    yield camera("third-party", 160, onvif({
        "GetServices": services(device=f"{elsewhere}/onvif/device_service", media=f"{elsewhere}/onvif/media"),
        "GetStreamUri": uri(f"rtsp://{CANARY}:554/live")}),
        xaddrs=f"{elsewhere}{ONVIF} http://127.0.0.1:{CANARY_PORT}{ONVIF} http://{GATEWAY}:{CANARY_PORT}{ONVIF}"), found  # fmt: skip
    yield camera("odd-ports", 161, xaddrs="http://{ip}:0/ http://{ip}:70000/x http://{ip}:-1/x http://{ip}:65536/ "
                 f"http://{{ip}}:80x/ {ONVIF_URL}"), found  # fmt: skip
    yield camera("machines", 162, xaddrs="http://192.168.7.141:502/ http://192.168.7.130:9100/ http://{ip}:102/ "
                 "http://{ip}:9100/ http://{ip}:631/"), found  # fmt: skip
    yield camera("relative", 163, xaddrs=ONVIF), found
    yield camera("two-networks", 164, xaddrs=f"http://169.254.3.7{ONVIF} http://10.99.0.7{ONVIF} {ONVIF_URL}"), found
    two = Stranger("two-faces", "48:ea:63:00:00:48", "192.168.7.109", "192.168.7.110")
    two.answer(WSD_GROUP, wsd(NVT, scopes("hardware/FACE-1"), epr="urn:uuid:00000000-0000-1000-8000-48ea63000048"))
    two.answer(WSD_GROUP, wsd("tds:Device", scopes("hardware/FACE-1"), epr="urn:uuid:2"))
    yield two.listen(80, web({ONVIF: onvif()})), {"Model": "FACE-1", "Ports": [HTTP]}
    # Names that are not theirs alone, or no names.
    for number in (1, 2):
        yield camera(f"clone-{number}", 164 + number, epr="urn:uuid:11111111-2222-3333-4444-555555555555"), found
    yield camera("no-epr", 167, epr=" "), found
    # Texts.
    yield camera("utf-16", 168, encode=lambda text: text.replace("utf-8", "utf-16").encode("utf-16")), found
    yield camera("latin-1", 169, scope=scopes("hardware/T-1000", "name/Café"), encode=lambda text: (
        text.replace("utf-8", "ISO-8859-1").encode("latin-1"))), {"Name": "Café"}  # fmt: skip
    yield camera("escapes", 170, scope=scopes("hardware/%1B%5B2J%07%9B31m", "name/%1B%5D0%3Bowned%07%0D%0A%00x")), {}
    told = information("M" * 300, "T-1000 " + "é" * 300, "F" * 300, "S" * 300)
    yield camera("wordy", 171, onvif({"GetDeviceInformation": told})), {"Vendor": "M" * 256, "Serial": "S" * 256}
    yield camera("big", 172, scope=scopes("hardware/T-1000", *(f"Profile/{n}-{'x' * 90}" for n in range(60)))), found
    # XML.
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "lol">{entities}]><x>&a9;</x>'
    yield camera("bomb", 173, onvif({"GetServices": page(bomb, Content_Type="application/soap+xml"),
                                     "GetDeviceInformation": soap("<a>" * 20000)})), found  # fmt: skip
    many = "".join(f"<tds:Service><tds:Namespace>{DEVICE_WSDL}/{n}</tds:Namespace><tds:XAddr>http://{{ip}}/{n}"
                   "</tds:XAddr></tds:Service>" for n in range(2000))  # fmt: skip
    many = f"<tds:GetServicesResponse>{many}</tds:GetServicesResponse>"
    yield camera("many-services", 174, onvif({"GetServices": many})), found
    zipped = page(gzip.compress(services(device=ONVIF_URL).encode()), Content_Encoding="gzip")
    yield camera("zipped", 175, onvif({"GetServices": zipped})), found
    # HTTP and RTSP.
    one = Stranger("chunks", "44:19:b6:00:01:10", "192.168.7.176")
    one.answer(WSD_GROUP, wsd(NVT, scopes("hardware/T-1000", "name/chunks")))
    one.listen(80, raw(b"HTTP/1.1 200\r\nserver:   x\r\n folded\r\ntransfer-encoding: Chunked\r\n\r\n"
                       b"5;a=b\r\n<html\r\n1\r\n>\r\n0\r\nX-Trailer: 1\r\n\r\n"))  # fmt: skip
    yield one, found
    one = Stranger("lies", "44:19:b6:00:01:11", "192.168.7.177")
    one.answer(WSD_GROUP, wsd(NVT, scopes("hardware/T-1000", "name/lies")))
    one.listen(80, raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 99999999999999999999\r\n\r\n"
                       b"FFFFFFFFFFFFFFFF\r\n<html>"))  # fmt: skip
    one.listen(554, raw(b"RTSP/1.0 200 OK\r\nCSeq: 99999999999999999999\r\nContent-Length: -2147483649\r\n"
                        b"Server: " + b"A" * 20000))  # fmt: skip
    yield one, {**found, "Ports": [HTTP, RTSP]}
    # Certificates.
    for number, (name, common_name, digest) in enumerate((
        ("unnamed", None, "sha256"), ("long-name", "IPC " + "x" * 508, "sha256"), ("old-hash", "TPRI-DEVICE", "sha1"),
        ("odd-name", "Network Camera\x1b[31m\r\n\0", "sha256"), ("old-tls", "IPC", "sha256"),
    )):  # fmt: skip
        context = certificate(directory, name, common_name, digest=digest)
        if name == "old-tls":
            context.maximum_version = ssl.TLSVersion.TLSv1
        one = camera(name, 180 + number).listen(554, rtsp(realm="RTSPD"))
        yield one.listen(443, web({"/": titled("login")}), context), {"Ports": [HTTP, HTTPS, RTSP]}


# Things that are no cameras ----------------------------------------------------------------------------


def bystanders(directory):
    yield from _household()
    yield from _office(directory)
    yield from _troublemakers()


def _upnp(name, mac, number, kind, *told, port=80, pages=None, otherwise=page("", "404 Not Found"), **more):
    """A device that UPnP describes on one of its ports."""
    one = Stranger(name, mac, f"192.168.7.{number}")
    one.answer(SSDP_GROUP, ssdp(kind, f"http://{{ip}}:{port}/d.xml"))
    return one.listen(port, web({"/d.xml": description(kind, *told, **more), **(pages or {})}, otherwise=otherwise))


def _household():
    # Speakers speak RTSP.
    one = _upnp("speaker", "54:2a:1b:04:04:04", 133, SONOS, "Kitchen - Sonos Arc", "Sonos, Inc.", "Sonos Arc", port=1400)
    one.answer(MDNS_GROUP, mdns("_raop._tcp", "542A1B040404@Kitchen", 7000, ["am=ARC"]))
    for port in (554, 7000):
        one.listen(port, rtsp("403 Forbidden", server="AirTunes/366.0"))
    yield one
    one = _upnp("chromecast", "f4:f5:d8:05:05:05", 134, DIAL, "Living Room", "Google Inc.", "Eureka Dongle", port=8008)
    yield one.listen(8443, silence).listen(9000, silence)
    one = _upnp("television", "8c:79:f5:06:06:06", 135, MEDIA_RENDERER, "[TV] 7 Series", "Samsung Electronics",
                "UE55NU7100", port=9197)  # fmt: skip
    yield one.listen(8080, web({})).listen(8000, web({}))
    yield _upnp("playstation", "00:d9:d1:20:00:07", 206, MEDIA_RENDERER, "PS4", "Sony Computer Entertainment", "PS4")
    # A router that is a tuner, too: SAT>IP is RTSP.
    more = "<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType></device></deviceList>"
    one = _upnp("router", "3c:a6:2f:07:07:07", 1, IGD, "FRITZ!Box 6591 Cable", "AVM Berlin", "FRITZ!Box 6591 Cable",
                port=49000, more=more)  # fmt: skip
    one.answer(SSDP_GROUP, ssdp(SAT_IP, "http://{ip}:49000/d.xml", udn="uuid:663d5d1c-f9f8-4bb4-84d4-3ca62f070707"))
    yield one.listen(80, web({"/": titled("FRITZ!Box")})).listen(554, rtsp("404 Not Found", server="AVM SAT>IP"))
    one = _upnp("tuner", "00:18:dd:09:09:09", 137, MEDIA_SERVER, "HDHomeRun 10ABCDEF", "Silicondust", "HDHR5-4DT",
                otherwise=titled("HDHomeRun", Server="HDHomeRun/1.0"))  # fmt: skip
    yield one.listen(554, rtsp("404 Not Found", server="HDHomeRun/1.0"))
    yield _upnp("hue", "00:17:88:0a:0a:0a", 138, BASIC, "Hue Bridge (192.168.7.138)", "Signify",
                "Philips hue bridge 2015", "0017880a0a0a", "BSB002")  # fmt: skip
    # A bridge to HomeKit that has cameras behind it is none itself.
    one = _upnp("home-assistant", "dc:a6:32:0b:0b:0b", 139, BASIC, "Home Assistant (camera, lights and more)",
                "Home Assistant", "Home Assistant", port=40000)  # fmt: skip
    txt = ["c#=2", "ff=0", "id=2F:1A:00:00:00:01", "md=HA Bridge", "pv=1.1", "sf=1", "ci=2"]
    one.answer(MDNS_GROUP, mdns("_hap._tcp", "HASS Bridge 2F1A", 21063, txt))
    yield one.listen(8123, web({"/": titled("Home Assistant")}))
    yield _upnp("home-controller", "64:da:a0:20:00:03", 202, BASIC, "Bosch Smart Home Controller", "BOSCH",
                "Smart Home Controller II", "64-DA-A0-20-00-03")  # fmt: skip
    one = Stranger("plug", "50:c7:bf:20:00:05", "192.168.7.204")
    yield one.listen(80, web({}, otherwise=page("", "400 Bad Request", Server="SHIP 2.0"))).listen(9999, silence)


def _office(directory):
    one = Stranger("printer", "3c:d9:2b:01:01:01", "192.168.7.130")
    one.answer(WSD_GROUP, wsd("wsdp:Device wprt:PrintDeviceType wscn:ScanDeviceType", "", "http://{ip}:3911/",
                              "urn:uuid:16a65700-007c-1000-bb49-3cd92b010101"))  # fmt: skip
    one.answer(MDNS_GROUP, mdns("_ipp._tcp", "HP Color LaserJet MFP M277dw", 631, ["rp=ipp/print"]))
    for port in (80, 443, 515, 631, 3911, 8080, 9100):
        one.listen(port, web({}, otherwise=titled("HP Color LaserJet", Server="HP HTTP Server; HP Color LaserJet")))
    yield one
    one = _upnp("upnp-printer", "3c:2a:f4:20:00:09", 208, PRINTER, "Brother HL-L2350DW", "Brother", "HL-L2350DW")
    yield one.listen(9100, silence).listen(515, silence).listen(631, silence)
    one = Stranger("windows", "00:15:5d:02:02:02", "192.168.7.131")
    one.answer(WSD_GROUP, wsd("wsdp:Device pub:Computer", "", "http://{ip}:5357/d1e4e2f2-1f9b-4c5c-8a21-9a8c6a1b2c3d/"))
    yield one.listen(5357, web({})).listen(135, silence).listen(445, silence)
    # Its surveillance is a program, on a machine for files.
    one = _upnp("nas", "00:11:32:03:03:03", 132, BASIC, "diskstation (DS920+)", "Synology", "DS920+", port=5000,
                more="<modelDescription>Synology NAS with Surveillance Station</modelDescription>",
                otherwise=titled("diskstation - Synology DiskStation", Server="nginx"))  # fmt: skip
    one.answer(WSD_GROUP, wsd("wsdp:Device pub:Computer", "", "http://{ip}:5357/nas/"))
    yield one.listen(80, web({"/": leads_to("http://192.168.7.132:5000/")})).listen(443, silence)
    yield _upnp("media-server", "00:08:9b:0e:0e:0e", 142, MEDIA_SERVER, "holiday videos", "Justin Maggard",
                "Windows Media Connect compatible (MiniDLNA)", port=8200)  # fmt: skip
    one = Stranger("vlc", "a0:36:9f:08:08:08", "192.168.7.136")
    one.listen(8554, rtsp("404 Not Found", server="VLC/3.0.18"))
    yield one.listen(8080, web({}, otherwise=refuses("VLC stream", "Basic")))
    one = Stranger("video-server", "52:54:00:20:00:08", "192.168.7.207")
    yield one.listen(8554, rtsp("404 Not Found", server="gortsplib")).listen(80, web({"/": titled("Frigate")}))
    # Words of cameras, and of their makers, are words of others, too.
    one = Stranger("shop", "52:54:00:0c:0c:0c", "192.168.7.140")
    one.answer(MDNS_GROUP, mdns("_http._tcp", "Camera shop", 80))
    one.listen(80, web({"/": titled("IP camera, webcam, NVR: camera price list", Server="nginx/1.22.1")}))
    yield one.listen(8080, web({"/": titled("Login", Server="GoAhead-Webs")}))
    one = Stranger("ubuntu", "52:54:00:20:00:01", "192.168.7.200")
    one.answer(MDNS_GROUP, mdns("_http._tcp", "Ubuntu 22.04 LTS", 80, host="ubuntu"))
    one.listen(80, web({"/": titled("Ubuntu 22.04 LTS", Server="Apache/2.4.52 (Ubuntu 22.04 LTS)")}))
    one.listen(443, web({"/": titled("")}), certificate(directory, "ubuntu", "ubuntu-22-lts.example.com"))
    yield one.listen(554, rtsp("404 Not Found", server="gortsplib"))
    one = Stranger("desktop", "52:54:00:20:00:02", "192.168.7.201").listen(80, web({"/": titled("IIS Windows")}))
    one.listen(554, rtsp("404 Not Found"))
    yield one.listen(443, web({"/": titled("")}), certificate(directory, "desktop", "DESKTOP-LNE4K2Q"))
    yield _upnp("switch", "00:1c:f0:20:00:06", 205, BASIC, "DGS-1210-28P", "D-Link", "DGS-1210-28P",
                otherwise=titled("D-Link Web Smart Switch"))  # fmt: skip
    one = Stranger("telephone", "00:0b:82:20:00:04", "192.168.7.203")
    yield one.listen(80, web({"/": titled("Grandstream Device Configuration", Server="Grandstream GXP2170 1.0.11.27")}))
    one = Stranger("controller", "00:1c:06:0d:0d:0d", "192.168.7.141")
    for port in (102, 502, 4840, 20000, 44818):
        one.listen(port, silence)
    yield one


def _troublemakers():
    """They cost time and connections, if they can."""
    ports = (80, 443, 554, 8000, 8080, 8554, 8899)
    for number, (name, handler) in enumerate((
        ("tarpit", silence), ("endless-head", drip), ("hangs-up", reset), ("noise", raw(bytes(range(256)) * 64)),
        ("no-head", raw(b"<html><title>Network Camera</title>camera</html>")),
    )):  # fmt: skip
        one = Stranger(name, f"52:54:00:10:00:{number:02x}", f"192.168.7.{150 + number}")
        for port in ports:
            one.listen(port, handler)
        yield one
    yield Stranger("ring", "52:54:00:10:00:06", "192.168.7.155").listen(80, web({}, otherwise=leads_to("/again")))
    # Points to others: HTTP, RTSP and UPnP.
    one = Stranger("guide", "52:54:00:10:00:07", "192.168.7.156")
    one.listen(80, web({}, otherwise=leads_to(f"http://{CANARY}:{CANARY_PORT}/index.html")))
    one.listen(554, rtsp("302 Moved", "302 Moved", extra=(f"Location: rtsp://{CANARY}:554/live",)))
    yield one.answer(SSDP_GROUP, ssdp(BASIC, f"http://{CANARY}:{CANARY_PORT}/root.xml"))
    # Points to ports of machines, on itself.
    for number, port in enumerate((9100, 502, 102)):
        one = Stranger(f"pointer-{port}", f"52:54:00:20:01:{number:02x}", f"192.168.7.{209 + number}")
        yield one.answer(SSDP_GROUP, ssdp(BASIC, f"http://{{ip}}:{port}/d.xml")).listen(port, silence)
    # Answers every search with what is none, and with the question.
    one = Stranger("babbler", "52:54:00:20:02:01", "192.168.7.220")
    for group in (WSD_GROUP, SSDP_GROUP, MDNS_GROUP):
        one.answer(group, lambda _stranger, packet: [
            b"", b"\0", packet, bytes(range(256)) * 5, b"<" * 1400, b"HTTP/1.1 200 OK\r\nLOCATION: \r\n\r\n"])  # fmt: skip
    yield one
    # A camera that writes what SOAP forbids is not heard in that.
    one = Stranger("document-type", "44:19:b6:00:01:30", "192.168.7.221")
    entity = '?><!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    yield one.answer(WSD_GROUP, wsd(NVT, scopes("name/&x;"), encode=lambda text: text.replace("?>", entity, 1).encode()))
