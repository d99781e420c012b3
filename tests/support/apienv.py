# SPDX-License-Identifier: GPL-3.0-or-later
"""The real apid on loopback with certificates made now, and clients for both its sides.

    site = ApiSite(path_of_apid)      # certificates, configuration; site.directory
    site.start_vpn_service()          # the fake of tests/fakes
    site.start()                      # apid; site.port
    owner = site.login("owner", "…")  # a person
    gateway = Gateway(site, mac)      # a gateway: announce(), get_token(), call(…)
"""

import base64
import hashlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fakes"))
import lifetime  # noqa: E402
import ports  # noqa: E402
from vpn_service import FakeVpnService  # noqa: E402

DEADLINE = 60  # seconds; generous, since sanitizers and two busy cores are slow
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def make_csr(directory, bits=3072):
    """A certificate request as a gateway makes it; its key is not needed here."""
    name = os.path.join(directory, secrets.token_hex(4))
    openssl("req", "-new", "-newkey", f"rsa:{bits}", "-nodes", "-keyout", name + ".key", "-subj",
            "/CN=gateway", "-out", name + ".csr")
    with open(name + ".csr", encoding="ascii") as file:
        return file.read()


def claim_code(secret):
    bits = int.from_bytes(hashlib.sha256(b"claim:" + secret.encode()).digest()[:5], "big")
    text = "".join(CROCKFORD[bits >> shift & 31] for shift in range(35, -1, -5))
    return text[:4] + "-" + text[4:]


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body
        self.json = json.loads(body) if "json" in response.headers.get("Content-Type", "") else None


class ApiSite:
    def __init__(self, program):
        self.program = program
        self.directory = lifetime.directory("apid")
        self.database = os.path.join(self.directory, "api.db")
        self.process = None
        self.port, self.holder = ports.reserve()
        self.vpn_service = None
        self.settings = {}
        self._make_certificates()
        self.client_tls = ssl.create_default_context(cafile=self.path("ca.crt"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def _make_certificates(self):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.path("ca.key"), "-out", self.path("ca.crt"), "-days", "2",
                "-subj", "/CN=test authority")
        for name in ("api", "vpn", "client"):
            openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"),
                    "-subj", f"/CN={name}")
            with open(self.path("extensions"), "w", encoding="ascii") as file:
                file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path("ca.crt"),
                    "-CAkey", self.path("ca.key"), "-CAcreateserial", "-days", "2", "-extfile",
                    self.path("extensions"), "-out", self.path(name + ".crt"))

    def start_vpn_service(self):
        token = secrets.token_urlsafe(32)
        with open(self.path("vpn.token"), "w", encoding="ascii") as file:
            file.write(token + "\n")
        self.vpn_service = FakeVpnService(self.path("vpn.crt"), self.path("vpn.key"),
                                          self.path("ca.crt"), token, self.sign)

    def sign(self, csr):
        """What vpn-service does with a gateway's request."""
        return subprocess.run(
            ["openssl", "x509", "-req", "-CA", self.path("ca.crt"), "-CAkey", self.path("ca.key"),
             "-set_serial", str(secrets.randbits(64)), "-days", "2"],
            input=csr, capture_output=True, text=True, check=True).stdout

    def write_configuration(self):
        settings = {
            "listen": f"127.0.0.1:{self.port}",
            "certificate": self.path("api.crt"),
            "key": self.path("api.key"),
            "database": self.database,
            "public_url": "https://api.example",
            "vpn_service_ca": self.path("ca.crt"),
            "vpn_service_certificate": self.path("client.crt"),
            "vpn_service_key": self.path("client.key"),
            "vpn_service_token_file": self.path("vpn.token"),
            **self.settings,
        }
        if self.vpn_service:
            settings.setdefault("vpn_service", f"127.0.0.1:{self.vpn_service.port}")
        with open(self.path("apid.conf"), "w", encoding="ascii") as file:
            file.writelines(f"{key} = {value}\n" for key, value in settings.items())

    def run(self, *arguments, stdin=""):
        self.write_configuration()
        return subprocess.run([self.program, "--config", self.path("apid.conf"), *arguments],
                              input=stdin, capture_output=True, text=True, timeout=DEADLINE,
                              check=False)

    def add_user(self, name, password, *options):
        result = self.run("user", "add", *options, name, stdin=password + "\n")
        assert result.returncode == 0, result.stderr

    def start(self):
        """Returns when it listens."""
        self.write_configuration()
        with open(self.path("log"), "ab") as log:
            position = log.tell()
            # It dies with us. Not by preexec_fn, which is not for programs with threads.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", self.program, "--config", self.path("apid.conf"), "--debug"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_for_log(rf"listening on .*:{self.port}\b", position)

    def log(self, position=0):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            file.seek(position)
            return file.read()

    def wait_for_log(self, pattern, position=0):
        waiting = threading.Event()
        for _ in range(DEADLINE * 50):
            match = re.search(pattern, self.log(position))
            if match:
                return match
            if self.process.poll() is not None:
                break
            waiting.wait(0.02)
        raise AssertionError(f"no “{pattern}” in the log:\n{self.log()}")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def wait_for_descriptors(self, count):
        """Waits until apid holds no more open files than these."""
        waiting = threading.Event()
        for _ in range(DEADLINE * 50):
            if self.descriptors() <= count:
                return
            waiting.wait(0.02)
        raise AssertionError(f"apid holds {self.descriptors()} descriptors, not {count}")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(DEADLINE)
        self.process = None
        if how != signal.SIGKILL and status != 0:
            raise AssertionError(f"apid ended with {status}\n{self.log()}")

    def close(self):
        try:
            if self.process:
                self.stop()
        finally:
            if self.vpn_service:
                self.vpn_service.stop()
            lifetime.remove(self.directory)

    # --- calls ---

    def call(self, method, path, body=None, headers=None, timeout=DEADLINE, source="127.0.0.1"):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                                 context=self.client_tls,
                                                 source_address=(source, 0))
        try:
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def connect(self, source="127.0.0.1"):
        """A bare TLS connection."""
        plain = socket.create_connection(("127.0.0.1", self.port), DEADLINE, (source, 0))
        return self.client_tls.wrap_socket(plain, server_hostname="127.0.0.1")

    def login(self, user, password):
        answer = self.call("POST", "/v1/session", {"user": user, "password": password})
        assert answer.status == 200, answer.body
        return Person(self, answer.headers["Set-Cookie"])


class Person:
    def __init__(self, site, cookie):
        self.site, self.cookie = site, cookie

    def call(self, method, path, body=None, **headers):
        return self.site.call(method, path, body,
                              {"Cookie": self.cookie.split(";")[0], **headers})


class Later:
    """A call in the background."""

    def __init__(self, function, *arguments, **options):
        self.result = self.error = None
        self.thread = threading.Thread(target=self._run, args=(function, arguments, options),
                                       daemon=True)
        self.thread.start()

    def _run(self, function, arguments, options):
        try:
            self.result = function(*arguments, **options)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def get(self, deadline=DEADLINE):
        self.thread.join(deadline)
        if self.thread.is_alive():
            raise AssertionError("the call was not answered")
        if self.error:
            raise self.error
        return self.result

    def is_waiting(self):
        return self.thread.is_alive()


class Gateway:
    _csr = None  # one key for all that do not rotate: making one takes a second

    def __init__(self, site, mac, secret=None, csr=None):
        if Gateway._csr is None:
            Gateway._csr = make_csr(site.directory)
        self.site, self.mac, self.csr = site, mac, csr or Gateway._csr
        self.secret = secret or base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        self.claim_code = claim_code(self.secret)
        self.token = self.id = None

    def announce(self, **changes):
        return self.site.call("POST", "/v1/gateways", {
            "mac_address": self.mac, "m2m_secret": self.secret, "csr": self.csr,
            "hostname": "gateway", "sw_version": "0.1.0",
            "interfaces": [{"name": "eth0", "mac_address": self.mac, "ip_address": "192.168.1.2",
                            "prefix_length": 24}], **changes})

    def get_token(self, wait=0, secret=None):
        answer = self.site.call("GET", f"/v1/gateways/{self.mac}/token?wait={wait}",
                                headers={"X-M2M-Secret": secret or self.secret}, timeout=120)
        if answer.status == 201:
            self.token, self.id = answer.json["token"], answer.json["gateway_id"]
        return answer

    def call(self, method, what, body=None, gateway_id=None, token=None, **headers):
        return self.site.call(method, f"/v1/gateways/{gateway_id or self.id}/{what}", body,
                              {"Authorization": f"Token {token or self.token}",
                               **{name.replace("_", "-"): value
                                  for name, value in headers.items()}}, timeout=120)

    def join(self, owner):
        """All the way to a token."""
        assert self.announce().status == 201
        assert owner.call("POST", "/v1/claims", {"claim_code": self.claim_code}).status == 201
        assert self.get_token().status == 201
        return self

    def revision(self):
        return self.call("GET", "changes?since=0&wait=0").json["revision"]

    def wait_for_configuration(self):
        since = 0
        while True:
            answer = self.call("GET", "configuration")
            if answer.status == 200:
                return answer
            assert answer.status == 202, answer.body
            changes = self.call("GET", f"changes?since={since}&wait=55")
            assert changes.status == 200, "the configuration did not come"
            since = changes.json["revision"]
