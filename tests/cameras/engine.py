# SPDX-License-Identifier: GPL-3.0-or-later
"""One loop for any number of devices in one network namespace, each with an interface of its own.

A device is asked at an interface: what comes in by UDP is sorted by the interface that it came in by,
and what comes in by TCP by the address that was called. So one process can be one camera in a
namespace of its own as well as five hundred of them on macvlans, with the same protocol code.

    engine = Engine()
    engine.add(device)                      # device.Device
    engine.run()
"""

import heapq
import selectors
import socket
import struct
import time

IP_PKTINFO, IPV6_RECVPKTINFO = 8, 49
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100
A_TURN = 200  # packets, before others get their turn
MAX_REQUEST = 1 << 17


class Engine:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.devices, self.by_index, self.by_address = [], {}, {}
        self.udp, self.listeners = {}, {}
        self.due, self.order = [], 0
        self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.netlink.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))
        self.watch(self.netlink, self.on_netlink)

    def watch(self, file, on_readable):
        if isinstance(file, socket.socket):
            file.setblocking(False)
        self.selector.register(file, selectors.EVENT_READ, on_readable)

    def later(self, delay, function, *arguments):
        self.order += 1
        heapq.heappush(self.due, (time.monotonic() + delay, self.order, function, arguments))

    def add(self, device):
        device.engine = self
        self.devices.append(device)
        self.by_index[device.index] = device
        for protocol in device.protocols:
            for family in protocol.families():
                self.open_udp(protocol, family)
        for port in device.services:
            self.open_tcp(port)
        self.refresh(device)

    def run(self):
        while True:
            wait = max(0, self.due[0][0] - time.monotonic()) if self.due else None
            for key, _ in self.selector.select(wait):
                key.data(key.fileobj)
            while self.due and self.due[0][0] <= time.monotonic():
                _, _, function, arguments = heapq.heappop(self.due)
                function(*arguments)

    # --- addresses ---

    def refresh(self, device):
        """Its addresses may have changed."""
        before = device.addresses
        if not device.read_addresses():
            return
        for address in before.values():
            if self.by_address.get(address) is device:
                del self.by_address[address]
        for address in device.addresses.values():
            self.by_address[address] = device
        for family, address in device.addresses.items():
            if before.get(family) != address:
                device.on_address(family)

    def on_netlink(self, netlink):
        """Addresses come and go: struct nlmsghdr, then struct ifaddrmsg or ifinfomsg, rtnetlink(7)."""
        try:
            packet = netlink.recv(1 << 16)
        except OSError:  # too many to be read in time: look at all of them
            packet = b""
        changed, at = set() if packet else set(self.by_index), 0
        while at + 24 <= len(packet):
            length = struct.unpack_from("@I", packet, at)[0]
            changed.add(struct.unpack_from("@I", packet, at + 20)[0])
            at += max(16, (length + 3) & ~3)
        for index in changed:
            if index in self.by_index:
                self.refresh(self.by_index[index])

    # --- UDP ---

    def open_udp(self, protocol, family):
        """The protocol's port, once for all devices; and its group, at the device's interface."""
        key = protocol.PORT, family
        if key not in self.udp:
            udp = self.udp[key] = socket.socket(family, socket.SOCK_DGRAM)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            if family == socket.AF_INET:
                udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
                udp.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, protocol.TTL)
                udp.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            else:
                udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                udp.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            udp.bind(("", protocol.PORT))
            self.watch(udp, lambda udp: self.on_udp(udp, protocol.PORT))
        udp, group = self.udp[key], protocol.group(family)
        if group and family == socket.AF_INET:
            udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
                "@4s4si", socket.inet_aton(group), bytes(4), protocol.device.index))  # fmt: skip
        elif group:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, struct.pack(
                "@16sI", socket.inet_pton(family, group), protocol.device.index))  # fmt: skip

    def on_udp(self, udp, port):
        for _ in range(A_TURN):
            try:
                packet, control, _, source = udp.recvmsg(65536, 64)
            except OSError:
                return
            if udp.family == socket.AF_INET:
                index = struct.unpack_from("@i", control[0][2])[0]
            else:
                index = struct.unpack_from("@I", control[0][2], 16)[0]
            device = self.by_index.get(index)
            if device:
                device.on_packet(port, packet, source)

    def send(self, protocol, packet, destination):
        """Now. A destination without a port of its own is the protocol's."""
        device = protocol.device
        family = socket.AF_INET6 if ":" in destination[0] else socket.AF_INET
        if family not in device.addresses:
            return
        if family == socket.AF_INET:
            own = socket.inet_aton(device.addresses[family])
            control = (socket.IPPROTO_IP, IP_PKTINFO, struct.pack("@i4s4s", device.index, own, bytes(4)))
        else:
            # From which address follows from where it goes: link-local, or from beyond a router.
            information = struct.pack("@16sI", bytes(16), device.index)
            control = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, information)
            destination = (*destination[:2], 0, device.index)
        try:
            self.udp[protocol.PORT, family].sendmsg([packet], [control], 0, destination)
        except OSError as error:
            device.say(f"not sent to {destination[0]} {destination[1]}: {error}")

    # --- TCP ---

    def open_tcp(self, port):
        if port in self.listeners:
            return
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", port))
        listener.listen(1024)
        self.listeners[port] = listener
        self.watch(listener, lambda listener: self.on_connection(listener, port))

    def device_at(self, local):
        """Whose address that is, with the index of its link where it is link-local."""
        address = local[0].removeprefix("::ffff:").split("%")[0]
        if len(self.devices) == 1:
            return self.devices[0]
        return self.by_index.get(local[3]) or self.by_address.get(address)

    def on_connection(self, listener, port):
        try:
            accepted, source = listener.accept()
            device = self.device_at(accepted.getsockname())
        except OSError:
            return
        service = device.services.get(port) if device else None
        if not service:  # the port of a neighbour in this process: as if it were closed
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()
            return
        device.on_connection(service, source[0].removeprefix("::ffff:"))
        Connection(self, accepted, service)


class Connection:
    """One TCP connection to one service: its bytes, in TLS or not.

    The service takes from .buffer and calls send() and close(); .memory is its own to use.
    """

    def __init__(self, engine, accepted, service):
        self.engine, self.socket, self.service = engine, accepted, service
        self.device = service.device
        self.buffer, self.out, self.closing, self.is_open = b"", b"", False, True
        self.delay = self.device.delay
        self.tls = service.tls() if service.tls else None
        self.memory = {}
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        engine.watch(accepted, self.on_readable)
        service.on_open(self)

    def local_address(self):
        return self.socket.getsockname()[0].removeprefix("::ffff:").split("%")[0]

    def on_readable(self, _socket):
        try:
            received = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self.end()
            return
        if self.tls:
            plain, answer = self.tls.receive(received)
            self._put(answer)
            if plain is None:
                self.close()
                return
            received = plain
        self.buffer += received
        if len(self.buffer) > MAX_REQUEST:
            self.close()
        elif received and not self.closing:
            self.service.on_bytes(self)

    def send(self, answer):
        if self.tls:
            answer = self.tls.seal(answer)
        self._put(answer)

    def _put(self, answer):
        if self.delay and answer:
            self.engine.later(self.delay, self._write, answer)
        elif answer:
            self._write(answer)

    def _write(self, answer):
        if self.is_open:
            self.out += answer
            self.flush()

    def flush(self):
        try:
            while self.out:
                self.out = self.out[self.socket.send(self.out) :]
        except BlockingIOError:
            pass
        except OSError:
            self.end()
            return
        events = selectors.EVENT_WRITE if self.out else selectors.EVENT_READ
        self.engine.selector.modify(self.socket, events, self.on_event)
        if self.closing and not self.out:
            self.end()

    def on_event(self, socket_):
        if self.out:
            self.flush()
        else:
            self.on_readable(socket_)

    def close(self):
        """After what was sent."""
        self.closing = True
        if self.delay:
            self.engine.later(self.delay, self._close)
        else:
            self._close()

    def _close(self):
        if self.is_open and not self.out:
            self.end()

    def end(self):
        if self.is_open:
            self.is_open = False
            self.engine.selector.unregister(self.socket)
            self.socket.close()
            self.service.on_end(self)
