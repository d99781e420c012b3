# SPDX-License-Identifier: GPL-3.0-or-later
"""A FAKE vpn-service: speaks protocol.md §3 for the tests of apid, and makes no VPN account.

It checks what the real one checks (client certificate, token, framing), gives each gateway the same
answer for the same key, and can be stopped, started again on its port, and told to fail.
"""

import contextlib
import json
import socket
import ssl
import threading

import ports


class FakeVpnService:
    """sign: makes a certificate from a request; both are PEM texts."""

    def __init__(self, certificate, key, authority, token, sign):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self.tls.load_cert_chain(certificate, key)
        self.tls.load_verify_locations(authority)
        self.tls.verify_mode = ssl.CERT_REQUIRED
        with open(certificate, encoding="ascii") as file:
            self.server_certificate = file.read()
        self.token = token
        self.sign = sign
        self.certificates = {}  # csr -> certificate
        self.lock = threading.Condition()
        self.requests = []  # without their token
        self.accounts = {}  # gateway_id -> csr
        self.failure = None  # {"error": …} or raw bytes to answer with
        self.held = False  # answers wait while it is set
        self.port, self.holder = ports.reserve()
        self.listener = None
        self.connections = set()
        self.start()

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """Ends also what is being served; a start() is a new one."""
        with self.lock:
            listener, self.listener = self.listener, None
            for connection in self.connections:
                with contextlib.suppress(OSError):  # its other end may be gone
                    connection.shutdown(socket.SHUT_RDWR)
        if listener:
            # Without shutdown() the thread in accept() would keep the socket listening.
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def wait_for(self, condition, deadline=60):
        """Waits until condition(self) holds; it is looked at after every request."""
        with self.lock:
            if not self.lock.wait_for(lambda: condition(self), deadline):
                raise AssertionError(f"vpn-service saw only {self.requests}")

    def release(self):
        with self.lock:
            self.held = False
            self.lock.notify_all()

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(listener, connection), daemon=True).start()

    def _serve(self, listener, plain):
        try:
            with self.tls.wrap_socket(plain, server_side=True) as connection:
                with self.lock:
                    if self.listener is not listener:
                        return
                    self.connections.add(connection)
                try:
                    connection.settimeout(5)
                    while True:
                        request = self._read(connection)
                        if request is None:
                            return
                        self._send(connection, self._answer(json.loads(request)))
                finally:
                    with self.lock:
                        self.connections.discard(connection)
        except (OSError, ValueError):  # the latter of one that stop() has shut down
            plain.close()

    @staticmethod
    def _read(connection):
        length = b""
        while not length.endswith(b":"):
            byte = connection.recv(1)
            if not byte:
                return None
            length += byte
        payload = b""
        while len(payload) < int(length[:-1]) + 1:
            part = connection.recv(65536)
            if not part:
                return None
            payload += part
        assert payload.endswith(b",")
        return payload[:-1]

    @staticmethod
    def _send(connection, answer):
        if not isinstance(answer, bytes):
            text = json.dumps(answer).encode()
            answer = b"%d:%s," % (len(text), text)
        # In two pieces, as a network may deliver it.
        connection.sendall(answer[:7])
        connection.sendall(answer[7:])

    def _answer(self, request):
        with self.lock:
            token = request.pop("token", None)
            self.requests.append(request)
            self.lock.notify_all()
            self.lock.wait_for(lambda: not self.held, 60)
            if token != self.token:
                return {"error": "authentication_failed", "detail": "wrong token"}
            if self.failure is not None:
                return self.failure
            number = request["gateway_id"]
            if request["action"] == "delete":
                self.accounts.pop(number, None)
                return {"deleted": True}
            self.accounts[number] = request["csr"]
            return self.account(number, request["csr"])

    def account(self, number, csr):
        if csr not in self.certificates:
            self.certificates[csr] = self.sign(csr)
        return {
            "vpn_username": f"gateway{number}",
            "vpn_hub": "evercam",
            "vpn_port": 80,
            "vpn_hostname": "vpn.example",
            "vpn_local_hostname": f"gateway{number}.vpn.example",
            "vpn_mac_address": f"5e:00:00:00:00:{number % 256:02x}",
            "vpn_ip_address": f"10.44.208.{47 + number % 200}",
            "vpn_prefix_length": 20,
            "vpn_certificate": self.certificates[csr],
            "vpn_server_certificates": [self.server_certificate],
        }
