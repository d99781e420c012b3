# SPDX-License-Identifier: GPL-3.0-or-later
"""A VPN host with stock SoftEther and dnsmasq, and gateways that join it with SoftEther's client.

    vpn_host.isolate()          # re-executes the script in namespaces of its own
    host = vpn_host.VpnHost(sys.argv[1])
    host.setup("--hostname", …)
    host.start_daemon()

The script's own host is the VPN host. Everything vanishes with the script, however it ends.
"""

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

import namespaces
from busenv import DEADLINE, BusError, PrivateBus, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
PACKAGES = os.environ.get("LAB_PACKAGES", os.path.join(SOURCE, "build/site/packages"))
LIBRARY = f"usr/lib/{os.uname().machine}-linux-gnu"
USER, USER_ID = "evercam-vpn-service", 64101
STRANGER_ID = 64102
NAME, PATH = "io.evercam.VpnService1", "/io/evercam/VpnService1"
STATE = "/var/lib/evercam-gateway/vpn-service"
SEGMENT = "/var/lib/evercam-gateway/vpn-segment"
API_CLIENT = "/etc/evercam-gateway/vpn-service/api-client"
VPNSERVER = "/usr/libexec/softether/vpnserver/vpnserver"
VPNCLIENT = "/usr/libexec/softether/vpnclient/vpnclient"
TAP = "tap_evercam"
PATIENCE = DEADLINE


def isolate():
    if not os.path.exists(PACKAGES + VPNSERVER):
        print(f"Bail out! no unpacked softether-vpnserver in {PACKAGES}; run "
              "tools/install-dependencies or set LAB_PACKAGES")
        sys.exit(1)
    namespaces.isolate()
    overlay("/usr", f"{PACKAGES}/usr:")
    for directory in ("/etc", "/var"):
        overlay(directory)
    for directory in ("/run/softether", "/var/lib/softether", "/var/log/softether"):
        os.makedirs(directory, exist_ok=True)
    with open("/etc/passwd", "a", encoding="utf-8") as file:
        file.write(f"{USER}:x:{USER_ID}:{USER_ID}::/:/bin/false\n"
                   f"stranger:x:{STRANGER_ID}:{STRANGER_ID}::/:/bin/false\n"
                   "dnsmasq:x:64103:65534::/:/bin/false\n")
    with open("/etc/group", "a", encoding="utf-8") as file:
        file.write(f"{USER}:x:{USER_ID}:\nevercam:x:64110:\n")


def overlay(directory, above=""):
    scratch = f"/run/overlay{directory}"
    os.makedirs(f"{scratch}/upper")
    os.makedirs(f"{scratch}/work")
    namespaces.run("mount", "-t", "overlay", "overlay", "-o",
                   f"lowerdir={above}{directory},upperdir={scratch}/upper,workdir={scratch}/work",
                   directory)


def make_request(name, key=None):
    """Key file (made when None) and PKCS#10 request in PEM."""
    path = f"/run/{name}.key"
    if key:
        shutil.copy(key, path)
    else:
        namespaces.run("openssl", "genrsa", "-out", path, "3072")
    return path, namespaces.run("openssl", "req", "-new", "-key", path, "-subj", f"/CN={name}")


class Connection:
    """The API's end of the wire: netstrings in TLS."""

    def __init__(self, context=None, timeout=PATIENCE, port=6060):
        self.raw = socket.create_connection(("127.0.0.1", port), timeout)
        self.raw.settimeout(timeout)
        self.tls = (context or client_context()).wrap_socket(self.raw, server_hostname="127.0.0.1")

    def send(self, payload):
        self.tls.sendall(b"%d:%s," % (len(payload), payload))

    def receive(self):
        """The next answer, or None when the server has closed."""
        head = b""
        while not head.endswith(b":"):
            byte = self.tls.recv(1)
            if not byte:
                return None
            head += byte
        left = int(head[:-1]) + 1
        body = b""
        while left > len(body):
            part = self.tls.recv(left - len(body))
            if not part:
                raise ConnectionError("closed in the middle of an answer")
            body += part
        assert body.endswith(b","), body
        return json.loads(body[:-1])

    def ask(self, **request):
        request.setdefault("token", token())
        self.send(json.dumps(request).encode())
        return self.receive()

    def close(self):
        self.tls.close()


def token():
    with open(f"{API_CLIENT}/vpn-service.token", encoding="ascii") as file:
        return file.read().strip()


def client_context(certificate="vpn-service-client"):
    context = ssl.create_default_context(cafile=f"{API_CLIENT}/vpn-service-ca.crt")
    if certificate:
        context.load_cert_chain(f"{API_CLIENT}/{certificate}.crt", f"{API_CLIENT}/{certificate}.key")
    return context


def ask(**request):
    connection = Connection()
    with contextlib.closing(connection):
        return connection.ask(**request)


def with_children(pid):
    """SoftEther's programs watch over a child that does the work, and start it anew."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid, *map(int, file.read().split())]


def process_state(path):
    """One letter as in proc(5); X for what is gone."""
    try:
        with open(f"{path}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def is_stopped(pid):
    return all(process_state(f"/proc/{pid}/task/{task}") in "TX"
               for task in os.listdir(f"/proc/{pid}/task"))


def kill_with_children(process):
    """Returns when all of them have let go of their ports, locks and interfaces."""
    pids = with_children(process.pid)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    process.wait()
    # A zombie's files are closed.
    wait_until(f"the end of {pids}",
               lambda: all(process_state(f"/proc/{pid}") in "ZX" for pid in pids))


class RpcError(Exception):
    pass


def rpc(method, address="127.0.0.1", port=80, password=None, **params):
    """SoftEther's JSON-RPC, as an administrator would use it."""
    if password is None:
        with open(f"{STATE}/softether-password", encoding="ascii") as file:
            password = file.read().strip()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    body = json.dumps({"jsonrpc": "2.0", "id": "1", "method": method, "params": params}).encode()
    with context.wrap_socket(socket.create_connection((address, port), PATIENCE)) as connection:
        connection.sendall(
            b"POST /api/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-VPNADMIN-PASSWORD: "
            b"%s\r\nContent-Length: %d\r\n\r\n%s" % (password.encode(), len(body), body))
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = connection.recv(65536)
            if not part:
                raise RpcError("closed")
            answer += part
        head, _, content = answer.partition(b"\r\n\r\n")
        status = head.split()[1]
        if status != b"200":
            raise RpcError(status.decode())
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length:"))
        while len(content) < length:
            part = connection.recv(65536)
            if not part:
                raise RpcError("cut")
            content += part
    result = json.loads(content)
    if "error" in result:
        raise RpcError(result["error"]["message"])
    return result["result"]


def users():
    return {user["Name_str"]: user for user in rpc("EnumUser", HubName_str="gateways")["UserList"]}


def sessions():
    return {session["Username_str"]: session
            for session in rpc("EnumSession", HubName_str="gateways")["SessionList"]}


def base64_of(path):
    with open(path, "rb") as file:
        return base64.b64encode(file.read()).decode()


class VpnHost:
    def __init__(self, executable):
        self.executable = executable
        self.bus = PrivateBus([f"{SOURCE}/dbus/{NAME}.conf",
                               f"{PACKAGES}/usr/share/dbus-1/system.d/dnsmasq.conf"])
        os.chmod(self.bus.directory, 0o755)
        self.proxy = self.bus.proxy(NAME, PATH)
        self.server = self.dnsmasq = self.daemon = None

    def start_server(self):
        self.server = self.bus.start([VPNSERVER, "execsvc"])

    def signal_server(self, number):
        pids = with_children(self.server.pid)
        for pid in pids:
            os.kill(pid, number)
        if number == signal.SIGSTOP:
            # Its threads stop only as each of them gets a turn.
            wait_until(f"{pids} stopped", lambda: all(map(is_stopped, pids)))

    def kill_server(self):
        kill_with_children(self.server)

    def setup(self, *options):
        return subprocess.run([self.executable, "setup", *options], capture_output=True, text=True,
                              check=False, timeout=120, env=self.bus.environment())

    def start_dnsmasq(self):
        self.dnsmasq = self.bus.start(
            ["dnsmasq", "--keep-in-foreground", "--user=dnsmasq", "--log-facility=-", "--log-dhcp",
             "--conf-file=/etc/dnsmasq.d/evercam-gateway.conf", "--pid-file=",
             "--dhcp-leasefile=/run/dnsmasq.leases"], LD_LIBRARY_PATH=f"{PACKAGES}/{LIBRARY}")

    def start_daemon(self, *options, wait=True):
        """As its unit does: own user, one capability."""
        self.daemon = self.bus.start(
            ["setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups",
             "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin",
             "--bounding-set=-all,+net_admin", "--no-new-privs", self.executable, *options])
        if wait:
            self.bus.wait_for_name(NAME)

    def wait(self, what, condition, deadline=PATIENCE):
        return self.bus.wait(what, condition, deadline)

    def wait_reconciled(self):
        """After a start of daemon or server: until database and SoftEther agree."""
        self.wait("reconciled", lambda: "LastReconcile" in self.properties()
                  and not self.properties()["LastError"])

    def stop_daemon(self, how=signal.SIGTERM):
        status = self.bus.stop(self.daemon, how)
        self.bus.wait_for_name(NAME, present=False)
        return status

    def call(self, method, signature="()", *arguments):
        return self.proxy.call(NAME, method, signature, *arguments)

    def properties(self):
        return self.proxy.get_all(NAME)

    def gateways(self):
        return {gateway["gateway_id"]: gateway for gateway in self.call("ListGateways")}

    def sessions(self):
        """Who is connected; a busy vpnserver may not have told in time."""
        found = {}

        def are_told():
            try:
                sessions = self.call("ListSessions")
            except BusError as error:
                if error.name != "io.evercam.Error.Unreachable":
                    raise
                return False
            found.update({session["gateway_id"]: session for session in sessions})
            return True

        self.wait("SoftEther tells its sessions", are_told)
        return found


class Gateway:
    """A gateway's host: SoftEther's client with mounts and network of its own."""

    NETWORK = "198.51.100"

    def __init__(self, host, number):
        self.host, self.name = host, f"gw{number}"
        self.address = f"{self.NETWORK}.{10 + number}"
        namespaces.add(self.name)
        namespaces.link(None, f"to-{self.name}", self.name, "wan")
        namespaces.address(None, f"to-{self.name}", f"{self.NETWORK}.{100 + number}/32")
        namespaces.address(self.name, "wan", f"{self.address}/32")
        namespaces.ip(None, "route", "add", f"{self.address}/32", "dev", f"to-{self.name}")
        namespaces.ip(self.name, "route", "add", f"{self.NETWORK}.0/24", "dev", "wan")
        self.server = f"{self.NETWORK}.{100 + number}"
        self.client = None
        self.start_client()
        self.vpncmd("NicCreate", "ether")

    def start_client(self):
        """A new process that remembers nothing. One that has lost its server the hard way must be
        replaced: 5.01 build 9674 on OpenSSL 3 then cuts each connection of its next sessions."""
        if self.client:
            kill_with_children(self.client)
            self.host.wait("interface gone", lambda: "vpn_ether" not in self.run("ip", "link"))
        script = ("for d in /run/softether /var/lib/softether /var/log/softether; do "
                  f"mount -t tmpfs tmpfs $d; done; exec {VPNCLIENT} execsvc")
        self.client = self.host.bus.start(self._inside("unshare", "--mount", "sh", "-c", script))
        self.host.wait("SoftEther's client",
                       lambda: self.vpncmd("NicList", check=False) is not None)

    def _inside(self, *command):
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command):
        return namespaces.run(*self._inside(*command))

    def vpncmd(self, *command, check=True):
        done = subprocess.run(
            self._inside("vpncmd", "localhost", "/CLIENT", "/CSV", "/CMD", *command),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, check=False)
        if done.returncode and check:
            raise RuntimeError(f"vpncmd {command[0]}: {done.stdout}{done.stderr}")
        return done.stdout if done.returncode == 0 else None

    def configure(self, account, key, certificate=None):
        """The account as vpn-service made it, with the server's certificate pinned."""
        if self.vpncmd("AccountGet", "vpn", check=False) is not None:
            self.vpncmd("AccountDisconnect", "vpn", check=False)
            self.vpncmd("AccountDelete", "vpn")
        self.vpncmd("AccountCreate", "vpn", f"/SERVER:{self.server}:{account['vpn_port']}",
                    f"/HUB:{account['vpn_hub']}", f"/USERNAME:{account['vpn_username']}",
                    "/NICNAME:ether")
        for name, text in (("certificate", certificate or account["vpn_certificate"]),
                           ("server", account["vpn_server_certificates"][0])):
            with open(f"/run/{self.name}-{name}.pem", "w", encoding="ascii") as file:
                file.write(text)
        self.vpncmd("AccountCertSet", "vpn", f"/LOADCERT:/run/{self.name}-certificate.pem",
                    f"/LOADKEY:{key}")
        self.vpncmd("AccountServerCertSet", "vpn", f"/LOADCERT:/run/{self.name}-server.pem")
        self.vpncmd("AccountServerCertEnable", "vpn")
        self.vpncmd("AccountRetrySet", "vpn", "/NUM:999", "/INTERVAL:5")
        namespaces.ip(self.name, "link", "set", "vpn_ether", "address", account["vpn_mac_address"])

    def connect(self):
        self.vpncmd("AccountConnect", "vpn")

    def disconnect(self):
        self.vpncmd("AccountDisconnect", "vpn", check=False)

    def status(self):
        return self.vpncmd("AccountStatusGet", "vpn", check=False) or ""

    def is_connected(self):
        return "Session Established" in self.status()

    def reaches(self, address):
        return subprocess.run(self._inside("ping", "-c1", "-W1", address), capture_output=True,
                              check=False).returncode == 0

    def set_address(self, *address):
        self.run("ip", "address", "flush", "dev", "vpn_ether")
        for one in address:
            self.run("ip", "address", "add", one, "dev", "vpn_ether")
        self.run("ip", "link", "set", "vpn_ether", "up")

    def lease(self, mac_address, deadline=PATIENCE):
        """What DHCP offers on the VPN: {option: bytes, "address": text}, or None."""
        end = time.monotonic() + deadline
        with namespaces.inside(self.name):
            packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        with contextlib.closing(packet):
            packet.bind(("vpn_ether", 0))
            packet.settimeout(1)
            while time.monotonic() < end:
                packet.send(_discover(mac_address))
                offer = _receive_offer(packet)
                if offer:
                    return offer
        return None


TRANSACTION = 0x45766572


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _discover(mac_address):
    mac = bytes.fromhex(mac_address.replace(":", ""))
    options = b"\x63\x82\x53\x63" + b"\x35\x01\x01" + b"\x37\x05\x01\x03\x06\x0f\x33" + b"\xff"
    bootp = struct.pack("!BBBBIHH4s4s4s4s16s192x", 1, 1, 6, 0, TRANSACTION, 0, 0x8000, b"", b"",
                        b"", b"", mac) + options
    udp = struct.pack("!HHHH", 68, 67, 8 + len(bootp), 0) + bootp
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, b"\0" * 4,
                       b"\xff" * 4)
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return b"\xff" * 6 + mac + b"\x08\x00" + head + udp


def _receive_offer(packet):
    end = time.monotonic() + 1
    while time.monotonic() < end:
        try:
            frame = packet.recv(2048)
        except TimeoutError:
            return None
        if len(frame) < 282 or frame[23] != 17 or frame[36:38] != b"\x00\x44":
            continue
        bootp = frame[42:]
        if bootp[0] != 2 or struct.unpack("!I", bootp[4:8])[0] != TRANSACTION:
            continue
        offer = {"address": socket.inet_ntoa(bootp[16:20])}
        options = bootp[240:]
        while options and options[0] != 255:
            if options[0] == 0:
                options = options[1:]
                continue
            offer[options[0]] = options[2:2 + options[1]]
            options = options[2 + options[1]:]
        return offer
    return None


def resolve(name, server, timeout=DEADLINE / 4):
    """The A record that a name server gives, or None when it says that there is none."""
    query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0)
    query += b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query += b"\0" + struct.pack("!HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.settimeout(timeout)
        for _ in range(4):
            channel.sendto(query, (server, 53))
            with contextlib.suppress(TimeoutError):
                answer = channel.recv(1500)
                count = struct.unpack("!H", answer[6:8])[0]
                return socket.inet_ntoa(answer[-4:]) if count else None
    raise TimeoutError(f"{server} does not answer")


__all__ = ["wait_until"]
