# SPDX-License-Identifier: GPL-3.0-or-later
"""A street of devices that know nothing of discoverd: written from captures and specifications, not
from the parsers that will read them. All of them live in this process, each in a network namespace
of its own; one background thread serves them, so that fifty of them cost little.

    street = Street()
    street.plug_in(Stranger("parking", "44:19:b6:00:00:01", "192.168.7.21").listen(80, web({...})))
    street.open()               # from now on they answer, and street.wire sees what the gateway sends
    street.close()

A stranger keeps what it was sent (heard), how many connections it got (connections) and how many of
them at the same time (most_at_once).
"""

import asyncio
import collections
import re
import socket
import ssl
import struct
import subprocess
import threading

import devices
import namespaces

GATEWAY = "192.168.7.10"
WSD_GROUP, SSDP_GROUP, MDNS_GROUP = ("239.255.255.250", 3702), ("239.255.255.250", 1900), ("224.0.0.251", 5353)
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SYN, SYN_ACK = 0x02, 0x12


class Stranger:
    """One device: its addresses, and what it serves. The first address is the one it says."""

    def __init__(self, name, mac, *addresses, interface="eth0"):
        self.name, self.mac, self.addresses, self.interface = name, mac, addresses, interface
        self.namespace = None
        self.services = []  # (port, handler, TLS context)
        self.groups = []  # (group, port, answer)
        self.heard, self.connections, self.now, self.most_at_once = [], [], 0, 0
        self.sockets, self.servers = [], []

    @property
    def ips(self):
        return self.addresses

    @property
    def ip(self):
        return self.addresses[0] if self.addresses else None

    @property
    def id(self):
        return self.mac.replace(":", "")

    @property
    def endpoint(self):
        return f"urn:uuid:5f5a69c2-e0ae-504f-829b-{self.id}"

    @property
    def local(self):
        """Its link-local address, of its MAC (RFC 4291, appendix A)."""
        octets = bytearray.fromhex(self.id)
        octets[0] ^= 2
        return socket.inet_ntop(socket.AF_INET6, bytes.fromhex("fe80") + bytes(6) + octets[:3] + b"\xff\xfe" + octets[3:])

    def listen(self, port, handler, tls=None):
        self.services.append((port, handler, tls))
        return self

    def answer(self, group, answer):
        """answer(stranger, packet) returns the packets to send back to who asked. group: (address,
        port); address None: what is sent to it alone."""
        self.groups.append((*group, answer))
        return self

    def ip_command(self, *lines):
        subprocess.run(["ip", "-n", self.namespace, "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def switch_off(self):
        self.ip_command(f"link set {self.interface} down")

    def switch_on(self):
        self.ip_command(f"link set {self.interface} up")

    def move(self, address):
        self.ip_command(*(f"address del {old}/24 dev {self.interface}" for old in self.addresses),
                        f"address add {address}/24 dev {self.interface}")  # fmt: skip
        self.addresses = (address,)

    def open_sockets(self):
        for port, handler, tls in self.services:
            family = socket.AF_INET if self.addresses else socket.AF_INET6
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", port))
            listener.listen(64)
            self.sockets.append((listener, port, handler, tls))
        for group, port, answer in self.groups:
            one = socket.socket(socket.AF_INET6 if group and ":" in group else socket.AF_INET, socket.SOCK_DGRAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("", port))
            index = socket.if_nametoindex(self.interface)
            if group is None:
                pass
            elif ":" in group:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                               socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index))
            else:
                request = socket.inet_aton(group) + struct.pack("@4xI", index)
                one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
                one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
            one.setblocking(False)
            self.sockets.append((one, port, answer, None))

    async def serve(self, reader, writer, port, handler):
        self.connections.append(port)
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            await handler(self, Recorder(self, reader), writer)
            writer.close()
            await writer.wait_closed()
        except (OSError, EOFError, ssl.SSLError):
            pass
        finally:
            self.now -= 1
            writer.transport.abort()

    def receive(self, one, answer):
        while True:
            try:
                packet, peer = one.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:
                return
            self.heard.append(packet)
            for reply in answer(self, packet):
                try:
                    one.sendto(reply, peer)
                except OSError:
                    pass  # the asker's network may be gone

    def multicast(self, packet):
        """From the socket on which it hears mDNS."""
        for one, port, _answer, _tls in self.sockets:
            if port == MDNS_GROUP[1]:
                one.sendto(packet, MDNS_GROUP)


class Recorder:
    """A stream that remembers what came."""

    def __init__(self, stranger, reader):
        self.stranger, self.reader = stranger, reader

    async def until(self, end):
        data = await self.reader.readuntil(end)
        self.stranger.heard.append(data)
        return data

    async def exactly(self, size):
        data = await self.reader.readexactly(size)
        self.stranger.heard.append(data)
        return data

    async def end(self):
        """Until the other side closes."""
        while data := await self.reader.read(4096):
            self.stranger.heard.append(data)


class Wire:
    """What the gateway sends through one interface: a packet socket in its namespace."""

    def __init__(self, host, interface):
        self.packets = collections.Counter()  # by address
        self.synchronised = {}  # (address, port, own port): a SYN that is sent again is the same call
        with namespaces.inside(host):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
            self.socket.bind((interface, ETH_P_ALL))
        self.socket.setblocking(False)

    def receive(self):
        while True:
            try:
                frame, address = self.socket.recvfrom(2048)
            except OSError:
                return
            if address[2] != socket.PACKET_OUTGOING or frame[12:14] != b"\x08\x00":
                continue
            target = socket.inet_ntoa(frame[30:34])
            self.packets[target] += 1
            transport = 14 + (frame[14] & 15) * 4
            if frame[23] == socket.IPPROTO_TCP and frame[transport + 13] & SYN_ACK == SYN:
                own, port = struct.unpack_from("!HH", frame, transport)
                self.synchronised[target, port, own] = True

    def calls(self):
        """(address, port) of each TCP connection that was tried."""
        return [(target, port) for target, port, _own in list(self.synchronised)]


class Street:
    def __init__(self):
        self.lan = devices.Lan()
        self.gateway = self.lan.add_host("gateway", None, f"{GATEWAY}/24")
        self.strangers = {}
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _loop, _context: None)  # peers that hang up
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.wire = Wire(self.gateway.name, "eth0")
        self.loop.add_reader(self.wire.socket, self.wire.receive)
        self.thread.start()

    def plug_in(self, *strangers):
        """All of them at once: a process for each step would take seconds."""
        names = [f"{self.gateway.name}-{one.name}" for one in strangers]
        devices.ip(*(f"netns add {name}" for name in names))
        lines = []
        for name, one in zip(names, strangers):
            one.namespace = name
            port = f"s{len(self.strangers)}"
            self.strangers[one.name] = one
            lines += [f"link add {port} type veth peer name {one.interface} address {one.mac} netns {name}",
                      f"link set {port} master lan up"]  # fmt: skip
        self.lan.switch.ip(*lines)
        for name, one in zip(names, strangers):
            subprocess.run(
                ["ip", "-n", name, "-batch", "-"], check=True, text=True,
                input="\n".join(["link set lo up", f"link set {one.interface} up"]
                                + [f"address add {address}/24 dev {one.interface}"
                                   for address in one.addresses]))  # fmt: skip

    def open(self, *strangers):
        for one in strangers or self.strangers.values():
            with namespaces.inside(one.namespace):
                one.open_sockets()
            asyncio.run_coroutine_threadsafe(self._open(one), self.loop).result()

    async def _open(self, one):
        for opened, port, handler, tls in one.sockets:
            if opened.type == socket.SOCK_DGRAM:
                self.loop.add_reader(opened, one.receive, opened, handler)
                continue

            def serve(reader, writer, port=port, handler=handler):
                return one.serve(reader, writer, port, handler)

            one.servers.append(await asyncio.start_server(
                serve, sock=opened, ssl=tls, ssl_handshake_timeout=10 if tls else None, limit=1 << 20))

    def shut(self, one):
        """The device is switched off: its ports are closed, it hears nothing."""

        async def shut():
            for server in one.servers:
                server.close()
            for opened, _port, _handler, _tls in one.sockets:
                if opened.type == socket.SOCK_DGRAM:
                    self.loop.remove_reader(opened)
                    opened.close()
            one.servers, one.sockets = [], []

        asyncio.run_coroutine_threadsafe(shut(), self.loop).result()

    def say(self, one, packet, group):
        """One packet that nobody asked for."""
        with namespaces.inside(one.namespace):
            speaker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            speaker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(one.ip))
            speaker.sendto(packet, group)
            speaker.close()

    def close(self):
        async def cancel():
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()

        for one in self.strangers.values():
            self.shut(one)
        asyncio.run_coroutine_threadsafe(cancel(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.wire.socket.close()
        self.loop.close()
        self.lan.close()


# HTTP ----------------------------------------------------------------------------------------------


def page(body, status="200 OK", **headers):
    """An answer of a web server; names of headers are written with _ for -."""
    body = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status}"] + [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Content_Type" not in headers:
        lines.append("Content-Type: text/html")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


async def request(reader):
    """Method, path and the whole of one request."""
    head = await reader.until(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    body = await reader.exactly(int(length[1])) if length else b""
    method, path, *_ = head.split(b" ", 2)
    return method.decode("latin-1"), path.decode("latin-1"), body


def web(pages, keep=False, otherwise=page("not found", "404 Not Found")):
    """pages: path -> answer, or a function of (stranger, body) that makes it."""

    async def serve(stranger, reader, writer):
        while True:
            _method, path, body = await request(reader)
            answer = pages.get(path, otherwise)
            if callable(answer):
                answer = answer(stranger, body)
            writer.write(answer)
            await writer.drain()
            if not keep:
                return

    return serve


def raw(answer, end=b"\n"):
    """Answers whatever ends like this with these bytes."""

    async def serve(_stranger, reader, writer):
        await reader.until(end)
        writer.write(answer)
        await writer.drain()

    return serve


async def silence(_stranger, reader, _writer):
    """Takes the call and never says a word."""
    await reader.end()


async def reset(_stranger, _reader, writer):
    """Hangs up at once, with RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def drip(_stranger, _reader, writer):
    """A head that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X")
        await writer.drain()
        await asyncio.sleep(0.1)


# RTSP ----------------------------------------------------------------------------------------------


def rtsp(describe="401 Unauthorized", options="200 OK", realm=None, server=None, extra=(), slowly=False,
         closes=False, sdp=None):  # fmt: skip
    public = "Public: OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY, GET_PARAMETER"

    async def serve(_stranger, reader, writer):
        while True:
            head = await reader.until(b"\r\n\r\n")
            number = re.search(rb"(?i)cseq:\s*(\d+)", head)
            status = options if head.startswith(b"OPTIONS") else describe
            lines = [f"RTSP/1.0 {status}", f"CSeq: {number[1].decode() if number else 0}"]
            lines += [f"Server: {server}"] if server else []
            if status.startswith("401") and realm:
                lines += [f'WWW-Authenticate: Digest realm="{realm}", nonce="0191a41d87c28cd5", stale="FALSE"',
                          f'WWW-Authenticate: Basic realm="{realm}"']  # fmt: skip
            elif status.startswith("200") and head.startswith(b"OPTIONS"):
                lines.append(public)
            elif status.startswith("200") and sdp:
                lines += ["Content-Type: application/sdp", f"Content-Length: {len(sdp)}"]
            answer = "\r\n".join([*lines, *extra, "", ""]) + (sdp if sdp and "Content-Length" in lines[-1] else "")
            for part in answer if slowly else [answer]:
                writer.write(part.encode("latin-1"))
                await writer.drain()
                if slowly:
                    await asyncio.sleep(0.002)
            if closes:
                return

    return serve


SDP = ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=Media Presentation\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
       "a=rtpmap:96 H264/90000\r\n")  # fmt: skip

# WS-Discovery ----------------------------------------------------------------------------------------

NVT = "dn:NetworkVideoTransmitter"
ONVIF_SCOPE = "onvif://www.onvif.org"


def scopes(*parts):
    return " ".join(f"{ONVIF_SCOPE}/{part}" for part in parts)


def matches(types, scope, xaddrs, epr, relates_to, dress="plain"):
    """A ProbeMatches as one of the usual SOAP kits writes it."""
    if dress == "gsoap":  # most of the makers
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope'
            ' xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"'
            ' xmlns:SOAP-ENC="http://www.w3.org/2003/05/soap-encoding"'
            ' xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
            ' xmlns:wsdd="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
            ' xmlns:chan="http://schemas.microsoft.com/ws/2005/02/duplex"'
            ' xmlns:wsa5="http://www.w3.org/2005/08/addressing"'
            ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
            ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl">'
            "<SOAP-ENV:Header><wsa:MessageID>uuid:2419d68a-2dd2-21b2-a205-5254000000aa</wsa:MessageID>"
            f"<wsa:RelatesTo>{relates_to}</wsa:RelatesTo>"
            '<wsa:To SOAP-ENV:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</wsa:To>'
            '<wsa:Action SOAP-ENV:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</wsa:Action>'
            '<wsdd:AppSequence SOAP-ENV:mustUnderstand="true" MessageNumber="1506" InstanceId="1761674209"/>'
            "</SOAP-ENV:Header><SOAP-ENV:Body><wsdd:ProbeMatches><wsdd:ProbeMatch>"
            f"<wsa:EndpointReference><wsa:Address>{epr}</wsa:Address><wsa:ReferenceProperties/>"
            "<wsa:PortType>ttl</wsa:PortType></wsa:EndpointReference>"
            f"<wsdd:Types>{types}</wsdd:Types><wsdd:Scopes>{scope}</wsdd:Scopes>"
            f"<wsdd:XAddrs>{xaddrs}</wsdd:XAddrs><wsdd:MetadataVersion>10</wsdd:MetadataVersion>"
            "</wsdd:ProbeMatch></wsdd:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>\n\0"
        )
    if dress == "default":  # namespaces declared where they are used, single quotes, comments
        return (
            "<?xml version='1.0'?><!-- v2 --><Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'><Header>"
            f"<RelatesTo xmlns='http://schemas.xmlsoap.org/ws/2004/08/addressing'>{relates_to}</RelatesTo>"
            "</Header><Body><ProbeMatches xmlns='http://schemas.xmlsoap.org/ws/2005/04/discovery'><ProbeMatch>"
            "<EndpointReference xmlns='http://schemas.xmlsoap.org/ws/2004/08/addressing'>"
            f"<Address> {epr} </Address></EndpointReference>"
            f"<Types xmlns:dn='http://www.onvif.org/ver10/network/wsdl'"
            f" xmlns:tds='http://www.onvif.org/ver10/device/wsdl'>\n\t{types}\n</Types><Scopes>\n\t{scope}\n</Scopes>"
            f"<XAddrs>\n\t{xaddrs}\n</XAddrs></ProbeMatch></ProbeMatches></Body></Envelope>"
        )
    return (
        '<?xml version="1.0" encoding="utf-8"?><env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
        ' xmlns:wsadis="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
        ' xmlns:wsdp="http://schemas.xmlsoap.org/ws/2006/02/devprof"'
        ' xmlns:wprt="http://schemas.microsoft.com/windows/2006/08/wdp/print"'
        ' xmlns:wscn="http://schemas.microsoft.com/windows/2006/08/wdp/scan"'
        ' xmlns:pub="http://schemas.microsoft.com/windows/pub/2005/07">'
        f"<env:Header><wsadis:MessageID>urn:uuid:cea94000-fb96-11b3-8260-686dbc5cb15d</wsadis:MessageID>"
        f"<wsadis:RelatesTo>{relates_to}</wsadis:RelatesTo>"
        "<wsadis:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</wsadis:To>"
        "<wsadis:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</wsadis:Action>"
        '<d:AppSequence InstanceId="1637124912" MessageNumber="1" /></env:Header><env:Body><d:ProbeMatches>'
        f"<d:ProbeMatch><wsadis:EndpointReference><wsadis:Address>{epr}</wsadis:Address></wsadis:EndpointReference>"
        f"<d:Types>{types}</d:Types><d:Scopes>{scope}</d:Scopes><d:XAddrs>{xaddrs}</d:XAddrs>"
        "<d:MetadataVersion>10</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></env:Body></env:Envelope>"
    )


def hello(stranger, scope):
    """What it says when it has started."""
    text = matches(NVT, scope, f"http://{stranger.ip}/onvif/device_service", stranger.endpoint, "")
    for was, becomes in (("<d:ProbeMatch>", ""), ("</d:ProbeMatch>", ""), ("ProbeMatches", "Hello")):
        text = text.replace(was, becomes)
    return text.encode()


def gratuitous_arp(stranger):
    """It has another address, and tells everybody (RFC 5227, section 3)."""
    mac, ip = bytes.fromhex(stranger.id), socket.inet_aton(stranger.ip)
    with namespaces.inside(stranger.namespace):
        speaker = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with speaker:
        speaker.bind((stranger.interface, 0))
        speaker.send(b"\xff" * 6 + mac + bytes.fromhex("08060001080006040001") + mac + ip + bytes(6) + ip)


def asked(packet):
    """The MessageID and Types of a Probe, or None."""
    if b"/Probe<" not in packet or b"ProbeMatches" in packet:
        return None
    identity = re.search(rb"MessageID[^>]*>([^<]*)<", packet)
    types = re.search(rb"Types[^>]*>([^<]*)<", packet)
    return identity[1].decode("latin-1") if identity else "", types[1].decode("latin-1") if types else ""


def wsd(types=NVT, scope="", xaddrs="http://{ip}/onvif/device_service", epr=None, dress="plain",
        typed=None, relates_to=None, encode=None):  # fmt: skip
    """Answers Probes. typed: only those that ask for this type (or, "", for none)."""

    def answer(stranger, packet):
        probe = asked(packet)
        if probe is None or (typed is not None and typed not in (probe[1] or "-")):
            return []
        if probe[1] and types and not any(part.split(":")[-1] in types for part in probe[1].split()):
            return []
        text = matches(types, scope, xaddrs.format(ip=stranger.ip),
                       epr or stranger.endpoint,
                       probe[0] if relates_to is None else relates_to, dress)  # fmt: skip
        return [encode(text) if encode else text.encode()]

    return answer


# ONVIF -----------------------------------------------------------------------------------------------


def soap(body, status="200 OK", **headers):
    return page(
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl"'
        f' xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:ter="http://www.onvif.org/ver10/error"><s:Body>{body}'
        "</s:Body></s:Envelope>", status, Content_Type="application/soap+xml; charset=utf-8", **headers)  # fmt: skip


NOT_AUTHORIZED = soap(
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code>"
    '<s:Reason><s:Text xml:lang="en">Sender not Authorized</s:Text></s:Reason></s:Fault>', "400 Bad Request")  # fmt: skip
DEVICE_WSDL = "http://www.onvif.org/ver10/device/wsdl"
DATE = "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"


def services(**others):
    """A GetServicesResponse: device=URL, media=URL, and so on."""
    return "<tds:GetServicesResponse>" + "".join(
        f"<tds:Service><tds:Namespace>http://www.onvif.org/ver10/{name}/wsdl</tds:Namespace><tds:XAddr>{url}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>40</tt:Minor></tds:Version></tds:Service>"
        for name, url in others.items()) + "</tds:GetServicesResponse>"  # fmt: skip


def information(maker, model, firmware="5.4.5", serial="1"):
    return (f"<tds:GetDeviceInformationResponse><tds:Manufacturer>{maker}</tds:Manufacturer><tds:Model>{model}</tds:Model>"
            f"<tds:FirmwareVersion>{firmware}</tds:FirmwareVersion><tds:SerialNumber>{serial}</tds:SerialNumber>"
            "<tds:HardwareId>88</tds:HardwareId></tds:GetDeviceInformationResponse>")  # fmt: skip


def onvif(answers=None, otherwise=NOT_AUTHORIZED):
    """The device service: by operation, what is in the body of the answer (or a whole answer)."""
    answers = {"GetSystemDateAndTime": DATE, **(answers or {})}

    def answer(stranger, body):
        for operation, text in answers.items():
            if re.search(rb"<(\w+:)?%s\b" % operation.encode(), body):
                text = text(stranger) if callable(text) else text
                return text if isinstance(text, bytes) else soap(text.replace("{ip}", stranger.ip or ""))
        return otherwise

    return answer


def capabilities():
    return "<tds:GetCapabilitiesResponse><tds:Capabilities/></tds:GetCapabilitiesResponse>"


def profiles(count):
    return "<trt:GetProfilesResponse>" + "".join(
        f'<trt:Profiles token="Profile_{n}" fixed="true"><tt:Name>mainStream {n}</tt:Name>'
        f'<tt:VideoSourceConfiguration token="Source{n}"><tt:Name>VideoSourceConfig</tt:Name>'
        f"<tt:SourceToken>VideoSource_{n}</tt:SourceToken></tt:VideoSourceConfiguration></trt:Profiles>"
        for n in range(count)) + "</trt:GetProfilesResponse>"  # fmt: skip


def uri(text):
    text = text.replace("&", "&amp;")
    return f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{text}</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>"


# UPnP ------------------------------------------------------------------------------------------------


def ssdp(kind, location, server="Linux/3.10 UPnP/1.0 Device/1.0", udn="uuid:5f5a69c2", targets=None):
    """Answers searches for all, for root devices, and for its own type."""

    def answer(stranger, packet):
        target = re.search(rb"(?im)^ST:\s*(.*?)\s*$", packet)
        if not packet.startswith(b"M-SEARCH") or not target:
            return []
        target = target[1].decode("latin-1")
        if target not in ("ssdp:all", "upnp:rootdevice", kind) and target not in (targets or ()):
            return []
        return [(
            "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\n"
            f"LOCATION: {location.format(ip=stranger.ip)}\r\nSERVER: {server}\r\n"
            f"ST: {target}\r\nUSN: {udn}::{target}\r\n\r\n"
        ).encode("latin-1")]  # fmt: skip

    return answer


def description(kind, name, maker, model, serial="", number="", more="", udn="uuid:5f5a69c2"):
    return page(
        '<?xml version="1.0"?>\n<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major>'
        f"<minor>0</minor></specVersion><device><deviceType>{kind}</deviceType><friendlyName>{name}</friendlyName>"
        f"<manufacturer>{maker}</manufacturer><modelName>{model}</modelName><modelNumber>{number}</modelNumber>"
        f"<serialNumber>{serial}</serialNumber><UDN>{udn}</UDN>{more}</device></root>", Content_Type="text/xml")  # fmt: skip


# mDNS ------------------------------------------------------------------------------------------------


def _name(text):
    labels = text if isinstance(text, (list, tuple)) else text.split(".")
    return b"".join(bytes([len(part.encode())]) + part.encode() for part in labels) + b"\0"


def mdns(kind, instance, port, txt=(), host=None):
    """Answers whoever asks for this type of service (RFC 6762): PTR, SRV, TXT and A at once."""
    service, own = [*kind.split("."), "local"], [host or instance.replace(" ", "-"), "local"]
    full = [instance, *service]

    def record(name, number, data, flush=0x8001):
        return _name(name) + struct.pack("!HHIH", number, flush, 120, len(data)) + data

    def answer(stranger, packet):
        if len(packet) < 12 or packet[2] & 0x80 or kind.encode().split(b".")[0] not in packet:
            return []
        text = b"".join(bytes([len(t.encode())]) + t.encode() for t in txt) or b"\0"
        records = [
            record(service, 12, _name(full), 1),
            record(full, 33, struct.pack("!HHH", 0, 0, port) + _name(own)),
            record(full, 16, text),
            record(own, 1, socket.inet_aton(stranger.ip)),
        ]
        packet = struct.pack("!HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)
        stranger.multicast(packet)
        return []

    return answer


# TLS -------------------------------------------------------------------------------------------------


def _der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, "big") + body


def certificate(directory, name, common_name, bits=1024, digest="sha256"):
    """A self-signed certificate as no tool would write it: CN of any length, or none; X.509 v1, no
    extension, expired since 2000. Returns a TLS context that serves it."""
    key, body, path = (f"{directory}/{name}.{kind}" for kind in ("key", "tbs", "pem"))

    def openssl(*arguments):
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout

    openssl("genrsa", "-out", key, str(bits))
    public = openssl("rsa", "-in", key, "-pubout", "-outform", "DER")
    algorithm = _der(0x30, bytes.fromhex({"sha256": "06092a864886f70d01010b0500",
                                          "sha1": "06092a864886f70d0101050500"}[digest]))  # fmt: skip
    subject = _der(0x30) if common_name is None else _der(
        0x30, _der(0x31, _der(0x30, bytes.fromhex("0603550403"), _der(0x0C, common_name.encode()))))
    validity = _der(0x30, _der(0x17, b"700101000000Z"), _der(0x17, b"000101000000Z"))
    to_sign = _der(0x30, _der(0x02, b"\x01"), algorithm, subject, validity, subject, public)
    with open(body, "wb") as file:
        file.write(to_sign)
    signature = openssl("dgst", f"-{digest}", "-sign", key, body)
    whole = _der(0x30, to_sign, algorithm, _der(0x03, b"\0" + signature))
    with open(path, "w", encoding="ascii") as file:
        file.write(ssl.DER_cert_to_PEM_cert(whole))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(path, key)
    return context
