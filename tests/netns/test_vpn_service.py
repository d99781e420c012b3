# SPDX-License-Identifier: GPL-3.0-or-later
"""vpn-service with the real SoftEther server and clients and the real dnsmasq."""

import contextlib
import glob
import json
import os
import random
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import unittest

import namespaces
import tap
import vpn_host
from busenv import BusError
from vpn_host import API_CLIENT, NAME, SEGMENT, STATE, TAP, Connection, Gateway, RpcError, ask, rpc

SERVER_ADDRESS = "10.44.0.1"
HOSTNAME, DOMAIN = "vpn.example.com", "vpn.example"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def subject_and_serial(certificate):
    done = subprocess.run(["openssl", "x509", "-noout", "-subject", "-serial"], input=certificate,
                          capture_output=True, text=True, check=True)
    subject, serial = done.stdout.splitlines()
    return subject.split("CN = ")[1], serial.split("=")[1].lower()


class Site:
    """Made once: a fresh server, setup, and two keys."""

    host = None
    first_setup = None
    failed = False

    @classmethod
    def get(cls):
        if cls.failed:
            raise RuntimeError("there is no site: see the first failure")
        if not cls.host:
            cls.failed = True
            cls.host = vpn_host.VpnHost(sys.argv[1])
            cls.host.start_server()
            cls.first_setup = cls.host.setup(
                "--hostname", HOSTNAME, "--domain", DOMAIN, "--api-name", "127.0.0.1")
            cls.host.start_dnsmasq()
            cls.keys = [vpn_host.make_request(f"key{i}") for i in range(2)]
            if cls.first_setup.returncode == 0:
                cls.host.start_daemon()
                cls.host.wait_reconciled()
            cls.failed = False
        return cls


class TestCase(unittest.TestCase):
    def setUp(self):
        self.site = Site.get()
        self.host = self.site.host
        self.assertEqual(self.site.first_setup.returncode, 0,
                         self.site.first_setup.stdout + self.site.first_setup.stderr)
        (self.key, self.csr), (self.other_key, self.other_csr) = self.site.keys

    def create(self, gateway_id, csr=None):
        answer = ask(gateway_id=gateway_id, csr=csr or self.csr)
        self.assertNotIn("error", answer, answer)
        return answer

    def delete(self, gateway_id):
        self.assertEqual(ask(action="delete", gateway_id=gateway_id), {"deleted": True})

    def assert_consistent(self):
        """Database, SoftEther and dnsmasq's files name the same gateways with the same values."""
        known = self.host.gateways()
        names = {gateway["vpn_username"] for gateway in known.values()}
        self.assertEqual({gateway["state"] for gateway in known.values()} - {"provisioned"}, set())
        found = vpn_host.users()
        self.assertEqual({name for name in found if name.startswith("gateway")}, names)
        with contextlib.closing(sqlite3.connect(f"{STATE}/accounts.db")) as database:
            for gateway_id, serial in database.execute("SELECT gateway_id, serial FROM accounts"):
                self.assertEqual(found[f"gateway{gateway_id}"]["Note_utf"], serial)
        for directory in ("hosts", "dhcp-hosts"):
            self.assertEqual({os.path.basename(path) for path in glob.glob(f"{SEGMENT}/{directory}/*")},
                             names)
        for gateway in known.values():
            name = gateway["vpn_username"]
            self.assertEqual(read(f"{SEGMENT}/dhcp-hosts/{name}"),
                             f"{gateway['vpn_mac_address']},{gateway['vpn_ip_address']}\n")


class TestSetup(TestCase):
    def test_01_only_the_vpn_port_is_open(self):
        """setup closes what a stock vpnserver leaves open"""
        listening = namespaces.run("ss", "-Hltn") + namespaces.run("ss", "-Hlun")
        ports = {int(line.split()[3].rsplit(":", 1)[1]) for line in listening.splitlines()}
        self.assertIn(80, ports)
        self.assertEqual(ports & {443, 992, 1194, 5555, 500, 4500, 1701}, set())
        configuration = read("/var/lib/softether/vpn_server.config")
        for line in ("bool DisableNatTraversal true", "bool Tls_Disable1_0 true",
                     "bool UseKeepConnect false"):
            self.assertIn(line, configuration)
        self.assertRegex(configuration, r"declare DDnsClient\s*\{[^}]*bool Disabled true")

    def test_02_administration_is_closed(self):
        """the administrator password is set, and works on this host only"""
        self.assertEqual(rpc("GetServerInfo")["ServerProductName_str"][:9], "SoftEther")
        for password in ("anything", ""):
            with self.assertRaises((RpcError, OSError)):
                rpc("GetServerInfo", password=password)
        namespaces.run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
        with self.assertRaises(RpcError):
            rpc("GetServerInfo", address="192.0.2.1")

    def test_03_secrets_are_private(self):
        """keys, passwords and tokens are readable by their owner only"""
        for path in [*glob.glob(f"{STATE}/*.key"), f"{STATE}/softether-password", f"{STATE}/token",
                     *glob.glob("/etc/evercam-gateway/vpn-service/*.key"),
                     *glob.glob(f"{API_CLIENT}/*.key"), f"{API_CLIENT}/vpn-service.token"]:
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600, path)
        self.assertEqual(os.stat(STATE).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(STATE).st_uid, vpn_host.USER_ID)
        self.assertEqual(os.stat("/etc/evercam-gateway/vpn-service").st_uid, 0)

    def test_04_again_changes_nothing(self):
        """a second setup keeps everything, with and without its options"""
        paths = [*glob.glob(f"{STATE}/*.pem"), *glob.glob(f"{STATE}/*.key"), f"{STATE}/token",
                 f"{STATE}/softether-password", *glob.glob(f"{API_CLIENT}/*"),
                 "/etc/dnsmasq.d/evercam-gateway.conf",
                 *glob.glob("/etc/evercam-gateway/vpn-service.conf.d/*")]
        before = {path: read(path) for path in paths}
        certificate = rpc("GetServerCert")["Cert_bin"]
        for options in ((), ("--hostname", HOSTNAME, "--domain", DOMAIN)):
            done = self.host.setup(*options)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertNotIn("made", done.stdout)
        self.assertEqual({path: read(path) for path in paths}, before)
        self.assertEqual(rpc("GetServerCert")["Cert_bin"], certificate)
        self.assertEqual(len(rpc("EnumLocalBridge")["LocalBridgeList"]), 1)
        self.assertEqual(len(rpc("EnumCa", HubName_str="gateways")["CAList"]), 1)

    def test_05_bad_usage(self):
        """setup says what is wrong with its options"""
        for options in (("--hostname", "bad name"), ("--port", "0"), ("--pool", "10.0.0.0/30"),
                        ("--bridge", "../x"), ("--api-name", "a/b"), ("nonsense",), ("--nonsense",)):
            done = self.host.setup(*options)
            self.assertEqual(done.returncode, 2, options)
            self.assertTrue(done.stderr)

    def test_06_hub_isolates(self):
        """the gateways' group carries the policy that keeps gateways apart"""
        group = rpc("GetGroup", HubName_str="gateways", Name_str="gateways")
        for flag in ("PrivacyFilter", "NoBridge", "NoRouting", "CheckMac", "CheckIP",
                     "DHCPNoServer"):
            self.assertTrue(group[f"policy:{flag}_bool"], flag)
        self.assertFalse(group["policy:NoServer_bool"])
        self.assertEqual({hub["HubName_str"] for hub in rpc("EnumHub")["HubList"]}, {"gateways"})


    def check_config(self, text=None, user=vpn_host.USER_ID):
        """Exit code and message of --check-config, with this text as the configuration."""
        options = ["--check-config"]
        if text is not None:
            with open("/run/checked.conf", "w", encoding="utf-8") as file:
                file.write(text)
            options += ["--config", "/run/checked.conf"]
        done = subprocess.run(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                               self.host.executable, *options],
                              capture_output=True, text=True, check=False, timeout=20)
        return done.returncode, done.stderr

    def test_07_check_config(self):
        """--check-config finds what would stop the daemon: file, line, remedy"""
        self.assertEqual(self.check_config(), (0, ""))
        names = "vpn_hostname = a.example\nvpn_domain = b.example\n"
        self.assertEqual(self.check_config(names), (0, ""))
        for text, message in (
            ("", 'checked.conf: vpn_hostname: is missing; run "vpn-service setup"'),
            ("vpn_hostname = a.example\n", "checked.conf: vpn_domain: is missing"),
            ("softether_url = https://192.0.2.1:80/api/\n", "checked.conf:1: softether_url: must be"),
            ("\npool = 10.0.0.0/30\n", "checked.conf:2: pool: must be an IPv4 network"),
            (names + "token_file = /run/none\n", "checked.conf:3: token_file: /run/none cannot"),
            (names + "key = /etc/passwd\n", "key: /etc/passwd is not the private key of"),
            (names + "client_ca = /etc/passwd\n", "client_ca: /etc/passwd holds no certificate"),
            (names + "state_directory = /run/none\n", "/run/none/token cannot be read: No such"),
        ):
            code, error = self.check_config(text)
            self.assertEqual(code, 2, text)
            self.assertIn(message, error)

    def test_08_check_config_as_root(self):
        """--check-config by root finds what the daemon's user may not read"""
        self.assertEqual(self.check_config(user=0), (0, ""))
        os.chown(f"{STATE}/token", 0, 0)
        try:
            code, error = self.check_config(user=0)
        finally:
            os.chown(f"{STATE}/token", vpn_host.USER_ID, vpn_host.USER_ID)
        self.assertEqual(code, 2)
        self.assertRegex(error, f"{STATE}/token cannot be read by .*: Permission denied")
        code, error = self.check_config(user=vpn_host.STRANGER_ID)
        self.assertEqual(code, 2)
        self.assertIn(f"cannot be read by the user with number {vpn_host.STRANGER_ID}", error)


class TestAccounts(TestCase):
    def test_create_twice_is_the_same(self):
        """create, repeated with the same key, gives the same answer"""
        first = self.create(17)
        self.assertEqual(self.create(17), first)
        self.assertEqual(
            {key: first[key] for key in ("vpn_username", "vpn_hub", "vpn_port", "vpn_hostname",
                                         "vpn_local_hostname", "vpn_mac_address",
                                         "vpn_prefix_length")},
            {"vpn_username": "gateway17", "vpn_hub": "gateways", "vpn_port": 80,
             "vpn_hostname": HOSTNAME, "vpn_local_hostname": f"gateway17.{DOMAIN}",
             "vpn_mac_address": "02:ac:00:00:00:11", "vpn_prefix_length": 20})
        subject, serial = subject_and_serial(first["vpn_certificate"])
        self.assertEqual(subject, "gateway17")
        user = rpc("GetUser", HubName_str="gateways", Name_str="gateway17")
        self.assertEqual((user["AuthType_u32"], user["CommonName_utf"], user["GroupName_str"]),
                         (3, "gateway17", "gateways"))
        self.assertEqual(user["Note_utf"], serial)
        self.assertEqual(first["vpn_server_certificates"], [read(f"{STATE}/vpn-server.pem")])
        self.assertEqual(vpn_host.resolve(f"gateway17.{DOMAIN}", SERVER_ADDRESS),
                         first["vpn_ip_address"])
        self.assert_consistent()

    def test_new_key_rotates(self):
        """create with a new key gives a new certificate and keeps the rest"""
        first = self.create(18)
        second = self.create(18, self.other_csr)
        self.assertNotEqual(first.pop("vpn_certificate"), second["vpn_certificate"])
        _, serial = subject_and_serial(second.pop("vpn_certificate"))
        self.assertEqual(first, second)
        self.assertEqual(vpn_host.users()["gateway18"]["Note_utf"], serial)
        self.assert_consistent()

    def test_delete(self):
        """delete removes user, name and lease; again it is no error; the address comes back"""
        first = self.create(19)
        self.delete(19)
        self.assertNotIn("gateway19", vpn_host.users())
        self.assertIsNone(vpn_host.resolve(f"gateway19.{DOMAIN}", SERVER_ADDRESS))
        self.assertNotIn(19, self.host.gateways())
        self.delete(19)
        self.delete(424242)
        log = self.host.bus.log()
        self.assertIn("gateway 19 is removed", log)
        self.assertIn("gateway 424242 is not known; there was nothing to remove", log)
        self.assertNotIn("gateway 424242 is removed", log)
        again = self.create(19)
        self.assertEqual(again["vpn_ip_address"], first["vpn_ip_address"])
        self.assertNotEqual(again["vpn_certificate"], first["vpn_certificate"])
        self.assert_consistent()

    def test_many_at_once(self):
        """sixty gateways over four connections, each with its own values"""
        answers = {}

        def work(numbers):
            with contextlib.closing(Connection()) as connection:
                for number in numbers:
                    answers[number] = connection.ask(gateway_id=number, csr=self.csr)

        threads = [threading.Thread(target=work, args=(range(1000 + i * 15, 1015 + i * 15),))
                   for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), 60)
        for member in ("vpn_ip_address", "vpn_mac_address", "vpn_certificate"):
            self.assertEqual(len({answer[member] for answer in answers.values()}), 60)
        self.assert_consistent()
        for number in answers:
            self.delete(number)
        self.assert_consistent()

    def test_bad_requests(self):
        """what is no good is refused with a sentence, and nothing is made"""
        elliptic = namespaces.run("openssl", "req", "-newkey", "ec", "-pkeyopt",
                                  "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null",
                                  "-subj", "/CN=x")
        short = namespaces.run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout",
                               "/dev/null", "-subj", "/CN=x")
        body = self.csr.splitlines()
        forged = "\n".join([body[0], body[1][::-1], *body[2:]]) + "\n"
        for csr in ("x", "", elliptic, short, forged, self.csr + self.csr, 7, None):
            answer = ask(gateway_id=90, csr=csr)
            self.assertEqual(answer["error"], "invalid", answer)
            self.assertTrue(answer["detail"])
        for gateway_id in (0, -1, 2**32, 1.5, "1", None, [1]):
            self.assertEqual(ask(gateway_id=gateway_id, csr=self.csr)["error"], "invalid")
        self.assertEqual(ask(action="explode")["error"], "invalid")
        self.assertEqual(ask(action="forwards", revision=1, forwards=[])["error"], "unavailable")
        self.assertNotIn(90, self.host.gateways())
        self.assert_consistent()

    def test_status(self):
        """status lists accounts in order, in pieces"""
        for number in (17, 18):
            self.create(number)
        status = ask(action="status")
        numbers = [gateway["gateway_id"] for gateway in status["gateways"]]
        self.assertEqual(numbers, sorted(numbers))
        self.assertLessEqual({17, 18}, set(numbers))
        rest = ask(action="status", after=17)
        self.assertEqual([gateway["gateway_id"] for gateway in rest["gateways"]],
                         [number for number in numbers if number > 17])


class TestFaults(TestCase):
    def test_daemon_killed_in_the_middle(self):
        """kill -9 while SoftEther hangs: the next start finishes both a create and a delete"""
        self.create(30)
        self.host.signal_server(signal.SIGSTOP)
        connections = []
        try:
            for request in ({"gateway_id": 31, "csr": self.csr},
                            {"action": "delete", "gateway_id": 30}):
                connection = Connection()
                connections.append(connection)
                connection.send(json.dumps({"token": vpn_host.token(), **request}).encode())
            self.host.wait("both recorded", lambda: {
                number: gateway["state"] for number, gateway in self.host.gateways().items()
                if number in (30, 31)} == {30: "incomplete", 31: "incomplete"})
            self.host.stop_daemon(signal.SIGKILL)
        finally:
            self.host.signal_server(signal.SIGCONT)
        for connection in connections:
            connection.close()
        self.host.start_daemon()
        self.host.wait_reconciled()
        self.assertIn(31, self.host.gateways())
        self.assertNotIn(30, self.host.gateways())
        self.assert_consistent()

    def test_server_hangs(self):
        """accounts are listed while SoftEther hangs; who is connected is then not known"""
        self.create(29)
        self.host.signal_server(signal.SIGSTOP)
        try:
            self.assertIn(29, self.host.gateways())
            with self.assertRaises(BusError) as caught:
                self.host.call("ListSessions")
            self.assertEqual(caught.exception.name, "io.evercam.Error.Unreachable")
            self.host.wait("their number is not known",
                           lambda: "Connected" not in self.host.properties())
        finally:
            self.host.signal_server(signal.SIGCONT)
        self.assertNotIn(29, self.host.sessions())
        self.host.wait("their number is known again",
                       lambda: self.host.properties().get("Connected") == 0)

    def test_daemon_killed_at_random(self):
        """kill -9 at any moment leaves nothing that a start does not repair"""
        chance = random.Random(4)
        for turn in range(8):
            stop = threading.Event()

            def work(base):
                with contextlib.suppress(OSError, ConnectionError, ssl.SSLError):
                    with contextlib.closing(Connection()) as connection:
                        for number in range(base, base + 200):
                            if stop.is_set() or not connection.ask(gateway_id=number, csr=self.csr):
                                return
                            if number % 2:
                                connection.ask(action="delete", gateway_id=number)

            threads = [threading.Thread(target=work, args=(2000 + 400 * turn + 200 * i,))
                       for i in range(2)]
            for thread in threads:
                thread.start()
            count = len(self.host.gateways()) + chance.randrange(2, 6)
            self.host.wait("some accounts", lambda: len(self.host.gateways()) >= count)  # noqa: B023
            self.host.stop_daemon(signal.SIGKILL)
            stop.set()
            for thread in threads:
                thread.join()
            self.host.start_daemon()
            self.host.wait_reconciled()
            self.assert_consistent()
        for number in self.host.gateways():
            if number >= 2000:
                self.delete(number)
        self.assert_consistent()

    def test_server_killed(self):
        """vpnserver killed right after the answer: the account is there when it comes back"""
        self.create(33)
        self.create(49)
        self.host.kill_server()
        self.host.wait("noticed", lambda: self.host.properties()["LastError"])
        answer = ask(gateway_id=34, csr=self.csr)
        self.assertEqual(answer["error"], "unavailable", answer)
        self.assertEqual(ask(action="delete", gateway_id=33)["error"], "unavailable")
        self.assertEqual(ask(action="status")["error"], "unavailable")
        self.host.start_server()
        self.host.wait_reconciled()
        # What could not be done then has been done meanwhile.
        self.host.wait("made up for", lambda: 33 not in self.host.gateways()
                       and self.host.gateways()[34]["state"] == "provisioned")
        self.assertIn("gateway49", vpn_host.users())
        self.assert_consistent()
        self.delete(49)
        addresses = namespaces.run("ip", "-4", "-o", "address", "show", "dev", TAP)
        self.assertIn(f"{SERVER_ADDRESS}/20", addresses)
        self.assertIn("02:ac:00:00:00:00", namespaces.run("ip", "link", "show", "dev", TAP))

    def test_server_lost_and_gained_users(self):
        """Reconcile makes lost users again, corrects old ones, and removes strangers"""
        for number in (35, 36):
            self.create(number)
        rpc("DeleteUser", HubName_str="gateways", Name_str="gateway35")
        user = rpc("GetUser", HubName_str="gateways", Name_str="gateway36")
        user.update({"Note_utf": "old", "Serial_bin": "AAAA"})
        rpc("SetUser", **user)
        for name in ("gateway777", "operator"):
            with contextlib.suppress(RpcError):
                rpc("CreateUser", HubName_str="gateways", Name_str=name, AuthType_u32=0)
        os.unlink(f"{SEGMENT}/hosts/gateway35")
        with open(f"{SEGMENT}/dhcp-hosts/gateway888", "w", encoding="ascii"):
            pass
        self.host.call("Reconcile")
        self.assert_consistent()
        self.assertIn("gateway 777 is removed from SoftEther; the database did not know it",
                      self.host.bus.log())
        self.assertIn("operator", vpn_host.users())
        rpc("DeleteUser", HubName_str="gateways", Name_str="operator")

    def test_foreign_server_certificate(self):
        """a certificate that gateways would refuse is reported, and setup puts it right"""
        namespaces.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                       "-keyout", "/run/other.key", "-out", "/run/other.crt", "-subj", "/CN=x")
        rpc("SetServerCert", Cert_bin=vpn_host.base64_of("/run/other.crt"),
            Key_bin=vpn_host.base64_of("/run/other.key"))
        self.host.call("Reconcile")
        self.host.wait("reported", lambda: "certificate" in self.host.properties()["LastError"])
        done = self.host.setup()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.host.call("Reconcile")
        self.host.wait("well again", lambda: not self.host.properties()["LastError"])

    def test_pool_exhausted(self):
        """no address left is said, and a freed one is not given away while its lease may last"""
        with contextlib.closing(sqlite3.connect(f"{STATE}/accounts.db")) as database:
            taken = {row[0] for row in database.execute("SELECT ip_address FROM accounts")}
            first = 0x0A2C0010
            rest = [address for address in range(first, first + 4079) if address not in taken]
            database.execute("DELETE FROM retired_addresses")
            for address in rest[1:]:
                database.execute("INSERT INTO retired_addresses VALUES (?, 5000, ?)",
                                 (address, int(time.time()) + 1000))
            database.commit()
        self.create(40)
        self.assertEqual(ask(gateway_id=41, csr=self.csr)["error"], "exhausted")
        with self.assertRaises(BusError) as caught:
            self.host.call("Provision", "(ts)", 41, self.csr)
        self.assertEqual(caught.exception.name, "io.evercam.Error.LimitReached")
        self.assertEqual(self.host.properties()["PoolFree"], 0)
        self.delete(40)
        self.assertEqual(ask(gateway_id=41, csr=self.csr)["error"], "exhausted")
        self.create(40)
        with contextlib.closing(sqlite3.connect(f"{STATE}/accounts.db")) as database:
            database.execute("DELETE FROM retired_addresses")
            database.commit()
        self.assert_consistent()


class TestTls(TestCase):
    def assert_refused(self, context):
        with self.assertRaises((ssl.SSLError, ConnectionError, OSError)):
            with contextlib.closing(Connection(context)) as connection:
                # With TLS 1.3 the client learns it with its first read.
                if connection.ask(action="status") is None:
                    raise ConnectionError("closed")

    def test_client_certificate_is_required(self):
        """no certificate, one of another authority, or a server's: no session"""
        self.assert_refused(vpn_host.client_context(None))
        namespaces.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                       "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{API_CLIENT}/other.key",
                       "-out", f"{API_CLIENT}/other.crt", "-subj", "/CN=apid", "-days", "2")
        self.assert_refused(vpn_host.client_context("other"))
        context = vpn_host.client_context(None)
        context.load_cert_chain(f"{STATE}/api-server.pem", f"{STATE}/api-server.key")
        self.assert_refused(context)
        self.assertIn("sessions", ask(action="status"))

    def test_old_tls_is_refused(self):
        """TLS 1.2 is spoken, 1.1 is not"""
        context = vpn_host.client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with contextlib.closing(Connection(context)) as connection:
            self.assertEqual(connection.tls.version(), "TLSv1.2")
            self.assertIn("sessions", connection.ask(action="status"))
        done = subprocess.run(
            ["openssl", "s_client", "-connect", "127.0.0.1:6060", "-tls1_1", "-cipher",
             "DEFAULT:@SECLEVEL=0", "-cert", f"{API_CLIENT}/vpn-service-client.crt", "-key",
             f"{API_CLIENT}/vpn-service-client.key"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20)
        self.assertNotEqual(done.returncode, 0)

    def test_token(self):
        """a missing or wrong token is told nothing else, and the connection ends"""
        for request in ({"token": "wrong"}, {"token": ""}, {"token": None},
                        {"token": "x" * 200, "action": "explode"},
                        {"token": "wrong", "action": "delete", "gateway_id": 1}):
            with contextlib.closing(Connection()) as connection:
                answer = connection.ask(**request)
                self.assertEqual(answer["error"], "authentication_failed", request)
                self.assertIsNone(connection.receive())

    def test_malformed(self):
        """what is not a netstring of JSON gets an answer and the end"""
        for payload in (b"x", b"99999999:x", b"01:x,", b"3:{}x,", b"2:{}.", b"0:,", b"4:true,",
                        b"65537:", b"5:\xff\xfe\xfd\x00\x01,", b"2:[],", b"GET / HTTP/1.1\r\n\r\n"):
            with contextlib.closing(Connection()) as connection:
                connection.tls.sendall(payload)
                answer = connection.receive()
                self.assertEqual(answer["error"], "parsing_failed", payload)
                self.assertIsNone(connection.receive())

    def test_largest_request(self):
        """64 KiB is taken, one byte more is not"""
        request = json.dumps({"token": vpn_host.token(), "action": "status"}).encode()
        with contextlib.closing(Connection()) as connection:
            connection.send(request + b" " * (65536 - len(request)))
            self.assertIn("sessions", connection.receive())
            connection.tls.sendall(b"65537:" + request + b" " * 100)
            self.assertEqual(connection.receive()["error"], "parsing_failed")

    def test_many_requests_on_one_connection(self):
        """requests come in pieces and in heaps"""
        request = json.dumps({"token": vpn_host.token(), "action": "status"}).encode()
        framed = b"%d:%s," % (len(request), request)
        with contextlib.closing(Connection()) as connection:
            for at in range(0, len(framed), 7):
                connection.tls.sendall(framed[at:at + 7])
            self.assertIn("sessions", connection.receive())
            connection.tls.sendall(framed * 20)
            for _ in range(20):
                self.assertIn("sessions", connection.receive())

    def test_silence_is_ended(self):
        """no handshake, no request, half a request: each ends after its time, others go on"""
        silent = socket.create_connection(("127.0.0.1", 6060))
        idle = Connection()
        half = Connection()
        half.tls.sendall(b"100:{")
        dripping = Connection()
        done = threading.Event()

        def drip():
            with contextlib.suppress(OSError):
                dripping.tls.sendall(b"60000:")
                while not done.wait(0.5):
                    dripping.tls.sendall(b" ")

        thread = threading.Thread(target=drip)
        thread.start()
        with contextlib.closing(Connection()) as connection:
            self.assertIn("sessions", connection.ask(action="status"))
        silent.settimeout(vpn_host.PATIENCE)
        self.assertEqual(silent.recv(100), b"")
        for connection in (idle, half, dripping):
            with contextlib.suppress(OSError):
                self.assertIn(connection.tls.recv(100), (b"",))
        done.set()
        thread.join()
        for connection in (idle, half, dripping):
            connection.close()
        silent.close()

    def test_crowd_does_not_keep_the_api_out(self):
        """two hundred strangers who connect and say nothing"""
        strangers = [socket.create_connection(("127.0.0.1", 6060)) for _ in range(200)]
        try:
            self.assertIn("sessions", ask(action="status"))
        finally:
            for stranger in strangers:
                stranger.close()

    def test_client_vanishes_while_it_waits(self):
        """the work of a client that hung up is finished all the same"""
        connection = Connection()
        connection.send(json.dumps({"token": vpn_host.token(), "gateway_id": 50,
                                    "csr": self.csr}).encode())
        connection.raw.close()
        connection.tls.close()
        self.host.wait("made", lambda: self.host.gateways().get(50, {}).get("state")
                       in ("provisioned", None))
        self.create(50)
        self.assert_consistent()


class TestBus(TestCase):
    def test_provision(self):
        """Provision and Deprovision do what create and delete do"""
        changes = self.host.bus.signals(path=vpn_host.PATH)
        account = self.host.call("Provision", "(ts)", 60, self.csr)
        self.assertEqual(account, self.create(60))
        self.host.wait("count changed", lambda: any(
            member == "PropertiesChanged" and "GatewayCount" in values[1]
            for _, _, member, values in changes))
        self.host.call("Deprovision", "(t)", 60)
        self.host.call("Deprovision", "(t)", 60)
        self.assertNotIn(60, self.host.gateways())

    def test_errors(self):
        """wrong values get the errors that the XML promises"""
        for arguments in ((0, self.csr), (2**32, self.csr), (1, "x")):
            with self.assertRaises(BusError) as caught:
                self.host.call("Provision", "(ts)", *arguments)
            self.assertEqual(caught.exception.name, "org.freedesktop.DBus.Error.InvalidArgs")
        with self.assertRaises(BusError) as caught:
            self.host.call("Deprovision", "(t)", 0)
        self.assertEqual(caught.exception.name, "org.freedesktop.DBus.Error.InvalidArgs")

    def test_policy(self):
        """everybody may look, nobody else may touch"""

        def busctl(*arguments):
            return subprocess.run(
                ["setpriv", f"--reuid={vpn_host.STRANGER_ID}", f"--regid={vpn_host.STRANGER_ID}",
                 "--clear-groups", "busctl", f"--address={self.host.bus.address}", *arguments],
                capture_output=True, text=True, check=False, timeout=20)

        for method in (("get-property", NAME, vpn_host.PATH, NAME, "GatewayCount"),
                       ("call", NAME, vpn_host.PATH, NAME, "ListGateways"),
                       ("call", NAME, vpn_host.PATH, NAME, "ListSessions"),
                       ("introspect", NAME, vpn_host.PATH)):
            done = busctl(*method)
            self.assertEqual(done.returncode, 0, done.stderr)
        for method in (("Deprovision", "t", "1"), ("Reconcile",)):
            done = busctl("call", NAME, vpn_host.PATH, NAME, *method)
            self.assertNotEqual(done.returncode, 0, method)
            self.assertIn("denied", done.stderr.lower())


class TestGateways(TestCase):
    """Real clients on the real VPN."""

    @classmethod
    def setUpClass(cls):
        host = Site.get().host
        cls.gateways = [Gateway(host, 1), Gateway(host, 2)]

    def join(self, gateway, gateway_id, key=None, csr=None):
        account = self.create(gateway_id, csr)
        gateway.configure(account, key or self.key)
        gateway.connect()
        self.host.wait(f"gateway {gateway_id} on the VPN", gateway.is_connected)
        return account

    def test_1_join_lease_name(self):
        """a gateway joins with its certificate, gets its lease, has its name, shows in status"""
        gateway = self.gateways[0]
        account = self.join(gateway, 71)
        lease = gateway.lease(account["vpn_mac_address"])
        self.assertEqual(lease["address"], account["vpn_ip_address"])
        self.assertNotIn(3, lease)  # no route
        self.assertNotIn(6, lease)  # no name server
        gateway.set_address(f"{lease['address']}/20")
        self.host.wait("platform reached", lambda: gateway.reaches(SERVER_ADDRESS))
        self.assertEqual(vpn_host.resolve(account["vpn_local_hostname"], SERVER_ADDRESS),
                         lease["address"])
        seen = {}

        def has_traffic():
            status = ask(action="status")
            self.assertEqual(status["sessions"], 1)
            seen.update(next(g for g in status["gateways"] if g["gateway_id"] == 71))
            return seen["bytes_in"] > 0 and seen["bytes_out"] > 0

        self.host.wait("its bytes are counted", has_traffic)
        self.assertEqual(seen["client_address"], gateway.address)
        self.assertRegex(seen["connected_since"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        # vpnserver may be slow to count; the session itself is there.
        session = {}
        self.host.wait("the session and its bytes", lambda: (
            session.update(self.host.sessions()[71]) or "bytes_in" in session))
        self.assertEqual(session["client_address"], gateway.address)
        self.assertAlmostEqual(session["connected_since"], time.time(), delta=3600)
        self.assertGreaterEqual(session["bytes_in"], seen["bytes_in"])
        self.assertNotIn(17, self.host.sessions())
        self.host.wait("it is counted", lambda: self.host.properties().get("Connected") == 1)

    def test_2_unknown_mac_gets_no_lease(self):
        """who is not known gets no address"""
        self.assertIsNone(self.gateways[0].lease("02:ac:00:00:99:99", deadline=2))

    def test_3_gateways_do_not_reach_each_other(self):
        """two gateways reach the platform and not each other"""
        accounts = [self.join(gateway, 71 + i) for i, gateway in enumerate(self.gateways)]
        for gateway, account in zip(self.gateways, accounts):
            gateway.set_address(f"{account['vpn_ip_address']}/20")
            self.host.wait("platform reached", lambda g=gateway: g.reaches(SERVER_ADDRESS))
        self.assertFalse(self.gateways[0].reaches(accounts[1]["vpn_ip_address"]))
        self.assertFalse(self.gateways[1].reaches(accounts[0]["vpn_ip_address"]))

    def test_4_old_certificate_is_worthless(self):
        """after a rotation only the new key gets in"""
        gateway = self.gateways[1]
        old = self.join(gateway, 72)
        new = self.create(72, self.other_csr)
        gateway.disconnect()
        gateway.configure(new, self.key, old["vpn_certificate"])
        gateway.connect()
        # Refused: the client says so and tries again.
        self.host.wait("refused", lambda: "Retrying" in gateway.status()
                       or not gateway.status())
        self.host.wait("the session before has ended",
                       lambda: "gateway72" not in vpn_host.sessions())
        self.assertFalse(gateway.is_connected())
        gateway.configure(new, self.other_key)
        gateway.connect()
        self.host.wait("the new key is good", gateway.is_connected)

    def test_5_delete_cuts(self):
        """delete ends the session at once, and it does not come back"""
        gateway = self.gateways[0]
        account = self.join(gateway, 71)
        gateway.set_address(f"{account['vpn_ip_address']}/20")
        self.host.wait("platform reached", lambda: gateway.reaches(SERVER_ADDRESS))
        self.delete(71)
        self.assertNotIn("gateway71", vpn_host.sessions())
        self.assertNotIn(71, self.host.sessions())
        self.host.wait("one less is counted", lambda: (
            self.host.properties().get("Connected") == len(self.host.sessions())))
        self.assertFalse(gateway.reaches(SERVER_ADDRESS))
        self.host.wait("the client noticed", lambda: not gateway.is_connected())
        self.assertNotIn("gateway71", vpn_host.sessions())
        # dnsmasq forgets the lease, so that the address can have another owner one day.
        self.host.wait("dnsmasq read its records again",
                       lambda: re.search(r"ClearCache|clear|read /var/lib.*dhcp-hosts",
                                         self.host.bus.log()))

    def test_6_restart_of_the_daemon_disturbs_nobody(self):
        """sessions go on while vpn-service is killed and started"""
        gateway = self.gateways[1]
        account = self.join(gateway, 73)
        gateway.set_address(f"{account['vpn_ip_address']}/20")
        self.host.wait("platform reached", lambda: gateway.reaches(SERVER_ADDRESS))
        before = vpn_host.sessions()["gateway73"]["CreatedTime_dt"]
        self.host.stop_daemon(signal.SIGKILL)
        self.host.wait("still reached", lambda: gateway.reaches(SERVER_ADDRESS))
        self.host.start_daemon()
        self.host.wait_reconciled()
        self.host.wait("reached again", lambda: gateway.reaches(SERVER_ADDRESS))
        self.assertEqual(vpn_host.sessions()["gateway73"]["CreatedTime_dt"], before)

    def test_7_server_restart(self):
        """vpnserver killed and started: the same accounts are good on the same segment"""
        gateway = self.gateways[1]
        account = self.join(gateway, 73)
        self.host.kill_server()
        self.host.start_server()
        self.host.wait_reconciled()
        gateway.start_client()
        gateway.vpncmd("NicCreate", "ether")
        gateway.configure(account, self.key)
        gateway.connect()
        gateway.set_address(f"{account['vpn_ip_address']}/20")
        self.host.wait("platform reached again", lambda: gateway.reaches(SERVER_ADDRESS))


class TestEnd(TestCase):
    def test_stops_cleanly(self):
        """SIGTERM ends it with success, also with connections open"""
        connection = Connection()
        idle = socket.create_connection(("127.0.0.1", 6060))
        self.assertEqual(self.host.stop_daemon(), 0)
        connection.close()
        idle.close()
        self.assertNotRegex(self.host.bus.log(), r"Sanitizer|runtime error")


if __name__ == "__main__":
    vpn_host.isolate()
    tap.main(TestSetup, TestAccounts, TestFaults, TestTls, TestBus, TestGateways, TestEnd)
