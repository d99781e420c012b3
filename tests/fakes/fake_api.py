# SPDX-License-Identifier: GPL-3.0-or-later
"""The Gateway API's side of protocol.md section 1, in memory, able to misbehave.

    api = FakeApi(server_pair, vpn_authority)
    api.approve()                         # what the owner does with the claim code
    api.set_rules([...])                  # moves the revision and answers the long-poll
    api.answers["rules"] = (200, b"{")    # from now on, instead of the true answer; or a function
    api.hang.add("rules")                 # the call is taken and never answered
    api.count("rules"), api.last("devices")
    api.stop(); api.start()               # away, and back on the same port

Calls are named announce, token, configuration, rules, changes, devices, status, rule_status, csr,
renew. Everything is guarded by one condition, which the long-polls wait on.
"""

import http.server
import json
import re
import socket
import ssl
import threading
import time

import ports

LONGEST_WAIT = 55


class Request:
    def __init__(self, name, server, method, path, headers, body):
        self.name, self.server, self.method, self.path = name, server, method, path
        self.headers, self.body, self.time = headers, body, time.monotonic()

    def json(self):
        return json.loads(self.body)


ROUTES = [
    ("announce", "POST", r"/v1/gateways"),
    ("token", "GET", r"/v1/gateways/(?P<mac>[0-9a-f:]{17})/token"),
    ("renew", "POST", r"/v1/gateways/(?P<id>\d+)/token"),
    ("configuration", "GET", r"/v1/gateways/(?P<id>\d+)/configuration"),
    ("csr", "PUT", r"/v1/gateways/(?P<id>\d+)/csr"),
    ("rules", "GET", r"/v1/gateways/(?P<id>\d+)/rules"),
    ("changes", "GET", r"/v1/gateways/(?P<id>\d+)/changes"),
    ("rule_status", "PUT", r"/v1/gateways/(?P<id>\d+)/rules/status"),
    ("devices", "POST", r"/v1/gateways/(?P<id>\d+)/devices"),
    ("status", "POST", r"/v1/gateways/(?P<id>\d+)/status"),
]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body leave together, or Nagle's algorithm delays the second
    timeout = 120

    def log_message(self, *_arguments):
        pass

    def _answer(self, status, body=b"", headers=()):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in (204, 304):
            kind = "application/problem+json" if status >= 400 else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(body)

    def _serve(self):
        api = self.server.api
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        parameters = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
        for name, method, pattern in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                break
        else:
            name, match = "unknown", None
        request = Request(name, self.server, self.command, self.path, dict(self.headers), body)
        try:
            self._answer(*api.handle(request, match, parameters))
        except (BrokenPipeError, ConnectionError, ssl.SSLError):
            self.close_connection = True
        except Hang:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _serve


class Hang(Exception):
    pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 32

    def get_request(self):
        # The handshake is done by the handler's thread, so that a slow client stops nobody.
        connection, address = super().get_request()
        self.api.accepted += 1
        return connection, address

    def finish_request(self, request, client_address):
        try:
            connection = self.api.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        with self.api.condition:
            if self.api.server is not self:
                connection.close()
                return
            self.api.connections.add(connection)
        try:
            super().finish_request(connection, client_address)
        finally:
            with self.api.condition:
                self.api.connections.discard(connection)
            connection.close()

    def handle_error(self, request, client_address):
        pass


class FakeApi:
    def __init__(self, pair, vpn_authority, gateway_id=12):
        self.condition = threading.Condition()
        self.vpn_authority, self.gateway_id = vpn_authority, gateway_id
        self.requests, self.answers, self.hang = [], {}, set()
        self.connections = set()
        self.accepted = 0        # connections, also those whose handshake failed
        self.gateways = {}       # (mac, secret) -> csr
        self.approved = self.revoked = False
        self.tokens, self.token_count = set(), 0
        self.revision, self.rules_revision, self.rules = 1, 1, []
        self.configuration, self.changed = None, []
        self.csr_certified = None
        self.token_lifetime = 30 * 24 * 3600
        self.port, self.holder = ports.reserve()
        self.server = None
        self.use(pair)
        self.start()

    # --- what the test does ---

    def use(self, pair):
        """The certificate of connections from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self.context = context

    def start(self):
        server = Server(("127.0.0.1", self.port), Handler)
        server.api = self
        with self.condition:
            self.server = server
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Ends the server and everything that it serves: a start() is a new one, which nobody
        still waits at."""
        with self.condition:
            server, self.server = self.server, None
            self.condition.notify_all()
        if server:
            server.shutdown()
            server.server_close()
        self.drop_connections()

    def drop_connections(self):
        # shutdown(), not close(): a handler that reads would keep a closed one open.
        with self.condition:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.connections.clear()

    def ended(self, request):
        """Whether the server that took a request has been stopped."""
        return request.server is not self.server

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def approve(self):
        with self.condition:
            self.approved = True
            self.condition.notify_all()

    def revoke(self):
        with self.condition:
            self.revoked = True
            self.condition.notify_all()

    def expire_tokens(self):
        with self.condition:
            self.tokens.clear()
            self.condition.notify_all()

    def provision(self, **changes):
        """Makes the configuration, or changes members of it."""
        with self.condition:
            self._provision(changes)

    def _provision(self, changes):
        csr = list(self.gateways.values())[-1]
        if self.configuration is None or csr != self.csr_certified:
            self.csr_certified = csr
            self.configuration = {
                **(self.configuration or {
                    "gateway_id": self.gateway_id, "vpn_hub": "EVERCAM",
                    "vpn_username": f"gateway{self.gateway_id}",
                    "vpn_servers": [
                        {"vpn_hostname": "vpn.example", "vpn_port": 80, "priority": 0}],
                    "vpn_server_certificates": [self.vpn_authority.pem()],
                    "vpn_mac_address": "5e:00:00:00:00:0c", "vpn_ip_address": "10.44.0.12",
                    "vpn_prefix_length": 20, "vpn_local_hostname": "gateway12.vpn.example",
                    "api_endpoints": [], "expose": {"auto": True, "services": ["http", "rtsp"]},
                }),
                "vpn_certificate": self.vpn_authority.sign(csr, "gateway"),
            }
        self.configuration.update(changes)
        self._move("configuration")
        self.configuration["revision"] = self.revision

    def set_rules(self, rules):
        with self.condition:
            self.rules = rules
            self._move("rules")
            self.rules_revision = self.revision

    def nudge(self, *changed):
        with self.condition:
            self._move(*changed)

    def _move(self, *changed):
        self.revision += 1
        self.changed.append((self.revision, list(changed)))
        self.condition.notify_all()

    def count(self, name=None):
        with self.condition:
            return sum(1 for request in self.requests if name in (None, request.name))

    def last(self, name):
        with self.condition:
            found = [request for request in self.requests if request.name == name]
        return found[-1] if found else None

    # --- what the gateway sees ---

    def handle(self, request, match, parameters):
        with self.condition:
            self.requests.append(request)
            if request.name in self.hang:
                self.condition.wait_for(
                    lambda: self.ended(request) or request.name not in self.hang, LONGEST_WAIT)
                raise Hang
            answer = self.answers.get(request.name)
            if answer is not None:
                answer = answer(request) if callable(answer) else answer
                if answer is not None:
                    return answer
            if request.name == "unknown":
                return self.problem(404, "no such call")
            if request.name == "announce":
                return self.announce(request)
            if request.name == "token":
                return self.token(request, match, parameters)
            token = request.headers.get("Authorization", "").removeprefix("Token ")
            if self.revoked:
                return self.problem(410, "revoked by its owner")
            if token not in self.tokens:
                return self.problem(401, "token expired or replaced")
            if int(match["id"]) != self.gateway_id:
                return self.problem(403, "another gateway")
            return getattr(self, "on_" + request.name)(request, parameters)

    @staticmethod
    def problem(status, detail, retry_after=None):
        headers = [("Retry-After", str(retry_after))] if retry_after is not None else []
        return status, {"type": "about:blank", "title": "Refused", "status": status,
                        "detail": detail}, headers

    def announce(self, request):
        body = request.json()
        pair = (body["mac_address"], body["m2m_secret"])
        if self.revoked and pair in self.gateways:
            return self.problem(409, "revoked and not reset")
        status = 200 if pair in self.gateways else 201
        if status == 201 and self.gateways:  # a new identity: nobody has approved that one
            self.revoked = self.approved = False
            self.configuration = None
        self.gateways[pair] = body["csr"]
        if self.approved:
            return status, {"status": "approved", "gateway_id": self.gateway_id, "retry_after": 1}
        return status, {"status": "pending", "retry_after": 1}

    def token(self, request, match, parameters):
        pair = (match["mac"], request.headers.get("X-M2M-Secret"))
        if pair not in self.gateways:
            return self.problem(404, "unknown pair")
        self.condition.wait_for(lambda: self.ended(request) or self.approved or self.revoked,
                                min(int(parameters.get("wait", 0)), LONGEST_WAIT))
        if self.ended(request):
            raise Hang
        if self.revoked:
            return self.problem(410, "revoked by its owner")
        if not self.approved:
            return 202, {}, [("Retry-After", "1")]
        return self.new_token()

    def new_token(self):
        self.token_count += 1
        token = f"token-{self.token_count}"
        self.tokens.add(token)
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.token_lifetime))
        return 201, {"token": token, "gateway_id": self.gateway_id, "expires_at": expires}

    def on_renew(self, _request, _parameters):
        return self.new_token()

    def on_configuration(self, request, _parameters):
        if self.configuration is None:
            return 202, {}, [("Retry-After", "1")]
        return self.document(request, self.configuration, self.configuration["revision"])

    def on_rules(self, request, _parameters):
        return self.document(request, self.rules, self.rules_revision)

    @staticmethod
    def document(request, value, revision):
        etag = f'"{revision}"'
        if request.headers.get("If-None-Match") == etag:
            return 304, b"", [("ETag", etag)]
        return 200, value, [("ETag", etag)]

    def on_changes(self, request, parameters):
        since = int(parameters["since"])
        token = request.headers.get("Authorization", "").removeprefix("Token ")
        self.condition.wait_for(
            lambda: self.ended(request) or self.revoked or self.revision > since
            or token not in self.tokens, min(int(parameters.get("wait", 0)), LONGEST_WAIT))
        if self.ended(request):
            raise Hang
        if self.revoked:
            return self.problem(410, "revoked by its owner")
        if token not in self.tokens:
            return self.problem(401, "token expired or replaced")
        if self.revision <= since:
            return 204, b""
        changed = sorted({name for revision, names in self.changed if revision > since
                          for name in names})
        return 200, {"revision": self.revision, "changed": changed}

    def on_csr(self, request, _parameters):
        pair = list(self.gateways)[-1]
        self.gateways[pair] = request.json()["csr"]
        if self.configuration is not None:
            self._provision({})
        return 202, {}

    def on_devices(self, _request, _parameters):
        return 200, {}

    def on_status(self, _request, _parameters):
        return 204, b""

    def on_rule_status(self, _request, _parameters):
        return 204, b""
