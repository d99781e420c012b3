# SPDX-License-Identifier: GPL-3.0-or-later
"""gatewayd on a private bus, with a cloud API that can misbehave and peers that record what they
are told. Every test has a bus, a state directory, an API and peers of its own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fakes"))

import tap  # noqa: E402
from busenv import BusError, PrivateBus  # noqa: E402
from fake_api import FakeApi  # noqa: E402
from fake_peers import FakeDiscovery, FakeRouting, FakeVpn  # noqa: E402
from pki import Pki, openssl  # noqa: E402

GATEWAYD, GATEWAYCTL = sys.argv[1:3]
NOBODY = 65534
NAME, PATH = "io.evercam.Gateway1", "/io/evercam/Gateway1"
CAMERA = {"MacAddress": "aa:bb:cc:00:00:01", "Address": "192.168.1.10",
          "Ports": [(80, "http"), (554, "rtsp")], "Vendor": "Axis", "Model": "P1448"}


def rule(number, port, address="192.168.1.10", **more):
    return {"rule_id": number, "protocol": "tcp", "local_port_id": port, "port_id": 80,
            "ip_address": address, **more}


DEVICE_RULE = rule(1, 10000, mac_address="aa:bb:cc:00:00:01")


class GatewayCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pki = Pki()
        cls.authority, cls.vpn_authority = cls.pki.authority("API"), cls.pki.authority("VPN")
        cls.good = cls.authority.server("127.0.0.1")
        cls.key = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072")

    @classmethod
    def tearDownClass(cls):
        cls.pki.close()

    def setUp(self):
        self.bus = PrivateBus()
        self.addCleanup(self.bus.close)
        self.api = FakeApi(self.good, self.vpn_authority)
        self.addCleanup(self.api.stop)
        self.routed, self.vpnd = FakeRouting(self.bus), FakeVpn(self.bus)
        self.discoverd = FakeDiscovery(self.bus)
        self.gateway = self.bus.proxy(NAME, PATH)
        self.state = os.path.join(self.bus.directory, "state")
        self.configuration = os.path.join(self.bus.directory, "gatewayd.conf")
        self.configure()
        self.give_key()

    def give_key(self):
        """One key for all: making it is the slowest step by far, and has its own tests."""
        os.mkdir(self.state, 0o700)
        path = os.path.join(self.state, "key.pem")
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(self.key)

    def configure(self, **options):
        options = {"api": self.api.url, "ca": self.authority.certificate,
                   "state_directory": self.state, "retry_longest": "1s", **options}
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.writelines(f"{key} = {value}\n" for key, value in options.items())

    # --- steps ---

    def start(self):
        self.daemon = self.bus.start([GATEWAYD, "--config", self.configuration, "--debug"])
        self.bus.wait_for_name(NAME)

    def kill(self):
        self.bus.stop(self.daemon, signal.SIGKILL)
        self.bus.wait_for_name(NAME, present=False)
        # Its last calls are not taken for the first ones of the next.
        for peer in (self.routed, self.vpnd, self.discoverd):
            peer.settle()

    def get(self, name):
        return self.gateway.get(NAME, name)

    def claim_code(self):
        return self.gateway.call(NAME, "GetClaimCode")

    def wait(self, what, condition):
        return self.bus.wait(what, condition)

    def wait_state(self, state):
        self.wait(f"State is {state}", lambda: self.get("State") == state)

    def wait_error(self, pattern):
        return self.wait(f"LastError has {pattern}",
                         lambda: re.search(pattern, self.get("LastError")))

    def wait_calm(self):
        self.wait("LastError is empty", lambda: self.get("LastError") == "")

    def wait_targets(self, targets):
        self.wait(f"routed has {targets}", lambda: self.routed.targets() == targets)

    def nudge(self, changed, call):
        """Tells the gateway that something has changed, and waits for one more call of a kind."""
        before = self.api.count(call)
        self.api.nudge(changed)
        self.wait(f"one more {call}", lambda: self.api.count(call) > before)

    def run_to(self, state, rules=(DEVICE_RULE,)):
        self.start()
        self.wait_state("pending")
        if state == "pending":
            return
        self.api.approve()
        self.wait_state("configuring")
        if state == "configuring":
            return
        self.api.provision()
        self.wait_state("running")
        self.wait("vpnd is configured", lambda: self.vpnd.settings)
        self.api.set_rules(list(rules))
        self.wait("rules are in force", lambda: len(self.get("Rules")) == len(rules)
                  and "waiting" not in self.states().values() and self.on_the_tunnel())
        self.wait_calm()

    def on_the_tunnel(self):
        """Whether the forwards listen on vpnd's interface: rules may come before its name does."""
        return {forward[4] for forward in self.routed.forwards or []} <= {"vpn_evercam"}

    def rule_report(self):
        last = self.api.last("rule_status")
        return last.json()["rules"] if last else []

    def states(self):
        """{rule id: state}"""
        return {entry[0]: entry[5] for entry in self.get("Rules")}

    def stored(self):
        return sorted(os.listdir(self.state))


class TestLife(GatewayCase):
    def test_main_job(self):
        """announce, approval, token, configuration, rules: vpnd, routed and the API are told"""
        shutil.rmtree(self.state)
        self.discoverd.add("aabbcc000001", **CAMERA)
        self.start()
        self.wait_state("pending")
        announcement = self.api.last("announce").json()
        self.assertEqual(announcement["mac_address"], self.get("MacAddress"))
        self.assertRegex(self.claim_code(), r"^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$")
        self.assertTrue(announcement["interfaces"])
        self.assertIn("verify OK", openssl("req", "-verify", "-noout", text=announcement["csr"])
                      or "verify OK")
        self.wait("token is asked for", lambda: self.api.last("token"))
        secret = announcement["m2m_secret"]
        self.assertEqual(self.api.last("token").headers["X-M2M-Secret"], secret)

        self.api.approve()
        self.wait_state("configuring")
        self.assertEqual(self.get("GatewayId"), 12)
        self.api.provision()
        self.wait_state("running")
        self.wait("vpnd is configured", lambda: self.vpnd.settings)
        settings = self.vpnd.settings
        self.assertEqual(settings["servers"], [("vpn.example", 80, 0)])
        self.assertEqual(settings["hub"], "EVERCAM")
        self.assertEqual(settings["username"], "gateway12")
        self.assertEqual(settings["hostname"], "gateway12")
        self.assertEqual((settings["address"], settings["prefix_length"]), ("10.44.0.12", 20))
        self.assertEqual(settings["mac_address"], "5e:00:00:00:00:0c")
        self.assertEqual(openssl("x509", "-noout", "-pubkey", text=settings["certificate"]),
                         openssl("pkey", "-pubout", text=self.vpnd.key))

        self.api.set_rules([DEVICE_RULE, rule(2, 10001, "192.168.1.11")])
        self.wait_targets({("tcp", 10000): "192.168.1.10:80", ("tcp", 10001): "192.168.1.11:80"})
        self.wait("they listen on the tunnel", self.on_the_tunnel)
        self.wait("rule states", lambda: {
            entry["rule_id"]: entry["state"]
            for entry in self.rule_report()} == {1: "active", 2: "active"})
        self.wait("devices", lambda: self.api.last("devices"))
        [camera] = self.api.last("devices").json()
        self.assertEqual(camera["mac_address"], "aa:bb:cc:00:00:01")
        self.assertEqual(camera["ports"], [{"port_id": 80, "service": "http"},
                                           {"port_id": 554, "service": "rtsp"}])
        self.vpnd.set(State="up", Address="10.44.0.12/20", ConnectedSince=1700000000)
        self.wait("status", lambda: self.api.last("status").json()["vpn"] == {
            "state": "up", "address": "10.44.0.12", "since": "2023-11-14T22:13:20Z"})
        self.assertEqual(self.api.last("status").json()["forwards"], {"active": 2})
        self.wait_calm()
        self.check_secrets(secret)

    def check_secrets(self, secret):
        for request in self.api.requests:
            self.assertNotIn(secret, request.path)
        self.assertNotIn(secret, self.bus.log())
        self.assertNotIn("token-1", self.bus.log())
        self.assertEqual(os.stat(self.state).st_mode & 0o777, 0o700)
        for name in self.stored():
            self.assertEqual(os.stat(os.path.join(self.state, name)).st_mode & 0o777, 0o600, name)

    def test_killed_in_every_state(self):
        """kill -9 while pending, configuring and running: it goes on where it was"""
        self.run_to("pending")
        code = self.claim_code()
        self.kill()
        self.start()
        self.wait_state("pending")
        self.assertEqual(self.claim_code(), code)
        self.assertEqual(len(self.api.gateways), 1)
        self.api.approve()
        self.wait_state("configuring")
        tokens = self.api.token_count
        self.kill()
        self.start()
        self.wait_state("configuring")
        self.api.provision()
        self.wait_state("running")
        self.api.set_rules([DEVICE_RULE])
        self.wait_targets({("tcp", 10000): "192.168.1.10:80"})
        self.kill()
        announcements, cleared = self.api.count("announce"), len(self.routed.called("Clear"))
        replaced = len(self.routed.called("Replace"))
        self.start()
        self.wait_state("running")
        self.wait("routed is told again", lambda: len(self.routed.called("Replace")) > replaced)
        self.wait_targets({("tcp", 10000): "192.168.1.10:80"})
        self.assertEqual(len(self.routed.called("Clear")), cleared)
        self.assertEqual(self.api.count("announce"), announcements)
        self.assertEqual(self.api.token_count, tokens)

    def test_killed_before_it_was_approved(self):
        """approved while it was not running: noticed at the next start"""
        self.run_to("pending")
        self.kill()
        self.api.approve()
        self.start()
        self.wait_state("configuring")

    def test_away_at_start(self):
        """the API is away at start: configuration and rules on disk are in force"""
        self.run_to("running")
        self.kill()
        self.api.stop()
        self.routed.forwards = self.vpnd.settings = None
        self.start()
        self.wait_state("running")
        self.wait_targets({("tcp", 10000): "192.168.1.10:80"})
        self.wait("vpnd is configured", lambda: self.vpnd.settings)
        self.wait_error("127.0.0.1")
        self.assertFalse(self.get("ApiReachable"))
        self.wait("routed's answer", lambda: self.states() == {1: "active"})
        self.api.start()
        self.wait_calm()
        self.assertTrue(self.get("ApiReachable"))
        self.assertIn("EVENT=api-found", self.bus.log())

    def test_away_during_run(self):
        """the API goes away and comes back: nothing is lost, and changes are followed again"""
        self.run_to("running")
        replaced = len(self.routed.called("Replace"))
        self.api.stop()
        self.wait_error("127.0.0.1")
        self.assertEqual(self.get("State"), "running")
        self.assertEqual(len(self.routed.called("Replace")), replaced)
        self.api.rules = [rule(7, 10007)]
        self.api.revision += 1
        self.api.rules_revision = self.api.revision
        self.api.changed.append((self.api.revision, ["rules"]))
        self.api.start()
        self.wait_targets({("tcp", 10007): "192.168.1.10:80"})
        self.wait_calm()
        self.assertRegex(self.bus.log(), "(?s)EVENT=api-lost.*EVENT=api-found")

    def test_token_expires(self):
        """401: a new token by the secret; forwards and tunnel are not touched"""
        self.run_to("running")
        calls = len(self.routed.calls), len(self.vpnd.calls)
        self.api.expire_tokens()
        self.wait("a new token", lambda: self.api.token_count == 2)
        self.wait_state("running")
        self.wait_calm()
        self.nudge("rules", "changes")
        self.assertEqual((len(self.routed.calls), len(self.vpnd.calls)), calls)

    def test_token_is_renewed(self):
        """at half of its life the token is replaced, and the new one is used and kept"""
        self.api.token_lifetime = -10
        self.run_to("configuring")
        self.wait("the token is replaced", lambda: self.api.token_count == 2)
        self.wait("it is kept", lambda: "token-2" in open(
            os.path.join(self.state, "token.json"), encoding="utf-8").read())
        self.api.provision()
        self.wait_state("running")

    def test_api_forgot_us(self):
        """404 for the pair: announced again; the VPN stays as it is"""
        self.run_to("running")
        self.api.gateways.clear()
        self.api.approved = False
        self.api.expire_tokens()
        self.wait_state("pending")
        self.assertIsNotNone(self.vpnd.settings)
        self.assertEqual(self.vpnd.called("Forget"), [])
        self.api.approve()
        self.wait_state("running")


class TestRevocation(GatewayCase):
    def check_gone(self):
        self.wait("vpnd has forgotten", lambda: self.vpnd.settings is None)
        self.wait_targets({})
        self.assertEqual(self.stored(), ["identity.json", "key.pem", "revoked"])

    def test_revoked_then_reset(self):
        """410: everything but the identity goes, also after a restart, until Reset"""
        self.run_to("running")
        code = self.claim_code()
        self.api.revoke()
        self.wait_state("revoked")
        self.check_gone()
        self.assertRegex(self.get("LastError"), "gatewayctl reset")
        self.kill()
        requests = self.api.count()
        self.start()
        self.wait_state("revoked")
        self.assertRegex(self.get("LastError"), "gatewayctl reset")
        self.check_gone()
        self.assertEqual(self.api.count(), requests)
        self.gateway.call(NAME, "Reset")
        self.wait_state("pending")
        self.assertNotEqual(self.claim_code(), code)
        self.assertEqual(self.stored(), ["identity.json", "key.pem"])
        self.wait_calm()

    def test_announcement_refused(self):
        """409 for the announcement: revoked"""
        self.run_to("pending")
        self.kill()
        self.api.revoke()
        self.start()
        self.wait_state("revoked")

    def test_reset_while_running(self):
        """Reset removes account, forwards and state, and announces a new gateway"""
        self.run_to("running")
        old = self.api.last("announce").json()
        self.gateway.call(NAME, "Reset")
        self.wait("a new announcement", lambda: self.api.count("announce") == 2)
        new = self.api.last("announce").json()
        self.assertNotEqual(old["m2m_secret"], new["m2m_secret"])
        self.assertNotEqual(old["csr"], new["csr"])
        self.wait("vpnd has forgotten", lambda: self.vpnd.called("Forget"))
        self.wait("routed has cleared", lambda: self.routed.targets() == {})

    def test_reset_is_finished_after_a_crash(self):
        """a reset that was interrupted is done again at the next start"""
        self.run_to("running")
        code = self.claim_code()
        self.kill()
        with open(os.path.join(self.state, "resetting"), "w", encoding="utf-8"):
            pass
        self.start()
        self.wait("vpnd has forgotten", lambda: self.vpnd.called("Forget"))
        self.wait_targets({})
        self.assertNotEqual(self.claim_code(), code)
        self.wait("the reset is finished", lambda: "resetting" not in self.stored())
        self.wait_state("pending")

    def test_killed_while_the_key_is_made(self):
        """Reset answers before its key is made; killed meanwhile, the next start does it again"""
        self.run_to("running")
        self.gateway.call(NAME, "Reset")
        self.kill()
        self.assertNotIn("configuration.json", self.stored())
        announced = self.api.count("announce")
        self.start()
        self.wait("a new announcement", lambda: self.api.count("announce") > announced)
        self.wait_state("pending")
        self.assertEqual(self.stored(), ["identity.json", "key.pem"])

    def test_vpnd_was_away(self):
        """revoked while vpnd and routed were not running: they are told when they come"""
        self.run_to("running")
        self.vpnd.close()
        self.routed.close()
        self.wait_error("vpnd is not running")
        self.api.revoke()
        self.wait_state("revoked")
        self.vpnd = FakeVpn(self.bus, State="connecting")
        self.routed = FakeRouting(self.bus)
        self.wait("vpnd is told to forget", lambda: self.vpnd.called("Forget"))
        self.wait("routed is told to clear", lambda: self.routed.called("Clear"))


class TestDevices(GatewayCase):
    def test_device_moves(self):
        """a camera gets another address: its forward follows at once, without the API"""
        device = self.discoverd.add("aabbcc000001", **CAMERA)
        self.run_to("running")
        self.api.stop()
        device.set(Address="192.168.1.77")
        self.wait_targets({("tcp", 10000): "192.168.1.77:80"})
        # … and stays there over a restart of everything that knew it.
        self.discoverd.close()
        self.wait("the address is on disk", lambda: "192.168.1.77" in open(
            os.path.join(self.state, "addresses.json"), encoding="utf-8").read())
        self.kill()
        self.routed.forwards = None
        self.start()
        self.wait_targets({("tcp", 10000): "192.168.1.77:80"})
        self.assertEqual([f[1][0][2] for f in self.routed.called("Replace")][-1], "192.168.1.77")

    def test_address_taken_by_another(self):
        """another device has the rule's address: the forward waits rather than lead there"""
        self.run_to("running")
        self.wait_targets({("tcp", 10000): "192.168.1.10:80"})
        stranger = self.discoverd.add("aabbcc000002", **{**CAMERA, "MacAddress": "aa:bb:cc:00:00:02"})
        self.wait_targets({})
        self.assertEqual(self.states(), {1: "waiting"})
        self.discoverd.add("aabbcc000001", **{**CAMERA, "Address": "192.168.1.20"})
        self.wait_targets({("tcp", 10000): "192.168.1.20:80"})
        self.assertIsNotNone(stranger)

    def test_discoverd_restarts(self):
        """discoverd goes and comes back empty: forwards stay, the API keeps its cameras"""
        self.discoverd.add("aabbcc000001", **CAMERA)
        self.run_to("running")
        self.wait("devices", lambda: self.api.last("devices"))
        calls = len(self.routed.calls)
        self.discoverd.close()
        self.wait_error("discoverd is not running")
        self.discoverd = FakeDiscovery(self.bus)
        self.wait_calm()
        self.discoverd.add("aabbcc000002", **{**CAMERA, "MacAddress": "aa:bb:cc:00:00:02",
                                              "Address": "192.168.1.30"})
        self.wait("two cameras", lambda: len(self.api.last("devices").json()) == 2)
        self.assertEqual(len(self.routed.calls), calls)
        for request in self.api.requests:
            if request.name == "devices":
                self.assertGreaterEqual(len(request.json()), 1)

    def test_what_is_reported(self):
        """only what is surely a camera; a removed one goes; strange texts do no harm"""
        self.discoverd.add("aabbcc000001", **CAMERA)
        self.discoverd.add("aabbcc000002", **{**CAMERA, "MacAddress": "aa:bb:cc:00:00:02",
                                              "Address": "192.168.1.11", "Confidence": 0.5})
        self.discoverd.add("aabbcc000003", **{
            **CAMERA, "MacAddress": "aa:bb:cc:00:00:03", "Address": "192.168.1.12",
            "Name": "x" * 5000, "Kind": "toaster", "Model": "é" * 200, "Ports": [(1, "s" * 100), (2, "http")]})
        self.run_to("running")
        self.wait("two cameras", lambda: self.api.last("devices")
                  and len(self.api.last("devices").json()) == 2)
        strange = self.api.last("devices").json()[1]
        self.assertEqual(strange["kind"], "video-source")
        self.assertEqual(strange["model_id"], "é" * 128)
        self.assertEqual(strange["ports"], [{"port_id": 2, "service": "http"}])
        self.discoverd.remove("aabbcc000001")
        self.wait("one camera", lambda: len(self.api.last("devices").json()) == 1)


class TestPeers(GatewayCase):
    def test_rules_do_not_flap(self):
        """while routed is given another list, the rules that it holds stay active"""
        self.run_to("running")
        signals = self.bus.signals(path=PATH)
        self.routed.holding = True
        self.api.set_rules([DEVICE_RULE, rule(2, 10001)])
        self.wait("routed is asked", lambda: self.routed.held)
        self.wait("both are known", lambda: self.states() == {1: "active", 2: "waiting"})
        self.routed.release()
        self.wait("both are active", lambda: self.states() == {1: "active", 2: "active"})

        def shown():
            return [{entry[0]: entry[5] for entry in values[1]["Rules"]}
                    for _p, _i, member, values in signals
                    if member == "PropertiesChanged" and "Rules" in values[1]]

        self.wait("that is signalled", lambda: {1: "active", 2: "active"} in shown())
        self.assertEqual({states[1] for states in shown()}, {"active"})

    def test_they_restart(self):
        """routed and vpnd come back without their state: both are told again"""
        self.run_to("running")
        self.routed.close()
        self.wait_error("routed is not running")
        self.assertEqual(self.states(), {1: "waiting"})
        self.routed = FakeRouting(self.bus)
        self.wait_targets({("tcp", 10000): "192.168.1.10:80"})
        self.vpnd.close()
        self.wait_error("vpnd is not running")
        self.vpnd = FakeVpn(self.bus)
        self.wait("vpnd is configured", lambda: self.vpnd.settings)
        self.wait_calm()

    def test_interface_of_the_tunnel(self):
        """forwards listen on vpnd's interface, on the configured one before it is known"""
        self.vpnd.close()
        self.start()
        self.wait_state("pending")
        self.api.approve()
        self.wait_state("configuring")
        self.api.provision()
        self.api.set_rules([DEVICE_RULE])
        self.wait("forwards", lambda: self.routed.targets())
        self.assertEqual(self.routed.forwards[0][4], "vpn_ether")
        self.vpnd = FakeVpn(self.bus, State="up", Interface="vpn_other")
        self.wait("the other interface", lambda: self.routed.forwards[0][4] == "vpn_other")

    def test_routed_refuses(self):
        """what routed refuses is told to the API and tried again"""
        self.run_to("running")
        self.routed.failure = ("io.evercam.Error.Exists", "port 10001 belongs to another set")
        self.api.set_rules([DEVICE_RULE, rule(2, 10001)])
        self.wait_error("port 10001 belongs to another set")
        self.wait("it is reported", lambda: any(
            "another set" in entry.get("error", "")
            for entry in self.rule_report()))
        self.routed.failure = None
        self.wait("both are active", lambda: self.states() == {1: "active", 2: "active"})
        self.wait_calm()

    def test_vpnd_refuses(self):
        """what vpnd refuses is told and tried again"""
        self.vpnd.failure = ("org.freedesktop.DBus.Error.InvalidArgs", "hub: too long")
        self.start()
        self.wait_state("pending")
        self.api.approve()
        self.wait_state("configuring")
        self.api.provision()
        self.wait_error("hub: too long")
        self.vpnd.failure = None
        self.wait("vpnd is configured", lambda: self.vpnd.settings)
        self.wait_calm()

    def test_rules_one_by_one(self):
        """rules that cannot be done fail alone; an expired one ends by itself"""
        others = [rule(1, 10000), rule(2, 10001, allow_from=["fd00::/8"]), rule(3, 10000),
                  rule(4, 10003, "10.44.0.99"), rule(6, 10005, expires_at="2020-01-01T00:00:00Z")]
        failed = {2: "failed", 3: "failed", 4: "failed", 6: "failed"}
        self.run_to("running", others)
        self.assertEqual(self.states(), {1: "active", **failed})
        # A busy machine may see the first of them only when it is over.
        for number, patience in ((7, 3), (8, 10), (9, 30)):
            expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + patience))
            self.api.set_rules([*others, rule(number, 10004, expires_at=expiry)])
            state = self.wait("the rule is known", lambda: {
                "active": "active", "failed": "failed"}.get(self.states().get(number)))  # noqa: B023
            if state == "active":
                break
        self.assertEqual(state, "active")
        self.api.stop()
        self.wait("the rule has ended", lambda: self.states() == {
            1: "active", number: "failed", **failed})
        self.wait("the forward ends", lambda: self.routed.targets()
                  == {("tcp", 10000): "192.168.1.10:80"})

    def test_key_rotation(self):
        """RotateKey: a new request, and the tunnel gets the new key with the new certificate"""
        self.run_to("running")
        old = self.vpnd.key
        self.gateway.call(NAME, "RotateKey")
        self.wait("vpnd has another key", lambda: self.vpnd.key != old)
        self.assertEqual(openssl("x509", "-noout", "-pubkey", text=self.vpnd.settings["certificate"]),
                         openssl("pkey", "-pubout", text=self.vpnd.key))
        self.assertNotIn("next-key.pem", self.stored())
        self.wait_calm()

    def stored_text(self, name, text=None):
        """What a file of the state has; with text, that is written."""
        path = os.path.join(self.state, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            return file.read()

    def configured_again(self):
        """Started, without its API: vpnd gets a key that its certificate is for."""
        self.vpnd.settings = None
        self.start()
        self.wait("vpnd is configured", lambda: self.vpnd.settings)
        self.assertEqual(openssl("x509", "-noout", "-pubkey", text=self.vpnd.settings["certificate"]),
                         openssl("pkey", "-pubout", text=self.vpnd.key))
        self.kill()

    def test_power_cut_in_a_rotation(self):
        """whenever it is cut, and without the API: the certificate in force has its key"""
        self.run_to("running")
        old = {name: self.stored_text(name) for name in ("key.pem", "configuration.json")}
        self.gateway.call(NAME, "RotateKey")
        self.wait("the new key is in force", lambda: self.stored_text("key.pem") != old["key.pem"])
        self.kill()
        self.api.stop()
        new = {name: self.stored_text(name) for name in old}
        # Before the new configuration was stored, …
        for name, text in old.items():
            self.stored_text(name, text)
        self.stored_text("next-key.pem", new["key.pem"])
        self.configured_again()
        self.assertEqual(self.stored_text("next-key.pem"), new["key.pem"])
        # … and right after that.
        self.stored_text("configuration.json", new["configuration.json"])
        self.configured_again()
        self.assertEqual(self.stored_text("key.pem"), new["key.pem"])
        self.assertNotIn("next-key.pem", self.stored())

    def test_killed_before_the_configuration_is_stored(self):
        """a new certificate that cannot be written down does not cost the old one its key"""
        self.run_to("running")
        path = os.path.join(self.state, "configuration.json")
        configuration, key = self.stored_text("configuration.json"), self.stored_text("key.pem")
        os.unlink(path)
        os.mkdir(path)
        self.gateway.call(NAME, "RotateKey")
        self.wait_error("cannot write")
        self.kill()
        self.api.stop()
        os.rmdir(path)
        self.stored_text("configuration.json", configuration)
        self.assertEqual(self.stored_text("key.pem"), key)
        self.configured_again()

    def test_key_was_lost(self):
        """the certificate is for a key that is gone: a new one is asked for by itself"""
        self.run_to("running")
        self.kill()
        os.unlink(os.path.join(self.state, "key.pem"))
        self.api.answers["announce"] = (500, b"")
        self.start()
        self.wait("a new certificate is in force", lambda: self.vpnd.key and openssl(
            "x509", "-noout", "-pubkey", text=self.vpnd.settings["certificate"])
            == openssl("pkey", "-pubout", text=self.vpnd.key) and self.api.count("csr"))
        self.wait_calm()


WRONG = {
    "malformed JSON": (200, b'{"revision": 7,'),
    "not JSON at all": (200, b"<html>captive portal</html>"),
    "wrong types": (200, b'{"revision":"x","gateway_id":[],"changed":7,"status":1,"token":{}}'),
    "another shape": (200, b'[1,2,3]'),
    "empty": (200, b""),
    "deeply nested": (200, b"[" * 5000),
    "not UTF-8": (200, b'[{"rule_id":1,"protocol":"\xff"}]'),
    "oversize": (200, b"[" + b" " * (2 * 1024 * 1024) + b"]"),
    "server error": (500, b"oops"),
    "redirect": (302, b""),
    "teapot": (418, b'{"title":"I am a teapot"}'),
}


class TestMisbehaviour(GatewayCase):
    def misbehave(self, call, prepare):
        for name, answer in WRONG.items():
            self.api.answers[call] = answer
            if prepare:
                prepare()
            self.wait(f"{call}: {name}: LastError", lambda: self.get("LastError"))
            self.assertEqual(self.daemon.poll(), None, name)
            self.api.answers.pop(call)
            self.wait_calm()

    def test_rules(self):
        """wrong answers to rules: refused with a reason, the last good ones stay in force"""
        self.run_to("running")
        calls = len(self.routed.calls)
        self.misbehave("rules", lambda: self.api.nudge("rules"))
        self.assertEqual(self.states(), {1: "active"})
        self.assertEqual(len(self.routed.calls), calls)

    def test_configuration(self):
        """wrong answers to configuration: likewise"""
        self.run_to("running")
        settings, calls = self.vpnd.settings, len(self.vpnd.calls)
        self.misbehave("configuration", lambda: self.api.nudge("configuration"))
        self.assertEqual(self.vpnd.settings, settings)
        self.assertEqual(len(self.vpnd.calls), calls)

    def test_changes(self):
        """wrong answers to changes: likewise"""
        self.run_to("running")
        self.misbehave("changes", lambda: self.api.nudge("rules"))

    def test_announce(self):
        """wrong answers to the announcement: told, and tried again"""
        for name, answer in WRONG.items():
            self.api.answers["announce"] = answer
            self.start()
            self.wait_error(".")
            self.assertEqual(self.get("State"), "announcing", name)
            self.api.answers.pop("announce")
            self.wait_state("pending")
            self.wait_calm()
            self.kill()

    def test_token(self):
        """wrong answers instead of a token: told, and tried again"""
        for name, answer in WRONG.items():
            self.api.answers["token"] = answer
            self.start()
            self.wait_error(".")
            self.assertEqual(self.get("State"), "pending", name)
            self.api.answers.pop("token")
            self.wait_calm()
            self.kill()

    def test_reports(self):
        """reports that are refused do no harm"""
        for call in ("devices", "status", "rule_status"):
            self.api.answers[call] = (500, b"")
        self.discoverd.add("aabbcc000001", **CAMERA)
        self.run_to_running_with_errors()
        self.api.answers.clear()
        self.wait_calm()
        self.wait("devices", lambda: self.api.last("devices"))

    def run_to_running_with_errors(self):
        self.start()
        self.wait_state("pending")
        self.api.approve()
        self.wait_state("configuring")
        self.api.provision()
        self.wait_state("running")
        self.wait_error("500")

    def test_reason_is_told(self):
        """the API's own words reach LastError"""
        self.run_to("running")
        self.api.answers["rules"] = self.api.problem(400, "the moon is full")
        self.api.nudge("rules")
        self.wait_error("GET /gateways/12/rules was answered with 400: Refused: the moon is full")

    def test_document_of_another(self):
        """a configuration with another gateway's number is refused"""
        self.run_to("running")
        self.api.provision(gateway_id=13)
        self.wait_error("another gateway")
        self.api.provision(gateway_id=12)
        self.wait_calm()

    def test_hanging_call(self):
        """a call that is never answered stops nothing else"""
        self.run_to("running")
        self.api.hang.add("rules")
        self.nudge("rules", "rules")
        self.api.provision(vpn_hub="OTHER")
        self.wait("the configuration is followed", lambda: self.vpnd.settings["hub"] == "OTHER")
        self.api.hang.clear()
        with self.api.condition:
            self.api.condition.notify_all()
        self.api.set_rules([rule(5, 10005)])
        self.wait_targets({("tcp", 10005): "192.168.1.10:80"})

    def test_retry_after(self):
        """429 and 503 with Retry-After: not asked again before"""
        self.configure(retry_longest="60s")
        self.run_to("running")
        for status in (429, 503):
            self.api.answers["rules"] = self.api.problem(status, "busy", retry_after=3)
            self.api.nudge("rules")
            self.wait_error(str(status))
            refused = self.api.last("rules").time
            self.api.answers.clear()
            self.api.nudge("rules")
            self.wait("asked again", lambda: self.api.last("rules").time > refused)
            self.assertGreaterEqual(self.api.last("rules").time - refused, 2.9)
            self.wait_calm()


class TestNoHotLoop(GatewayCase):
    """Gaps have a lower bound only: a slow machine makes them longer."""

    def gaps(self, name):
        times = [request.time for request in self.api.requests if request.name == name]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def test_endless_changes(self):
        """an API that always has changes gets a burst of calls, then a slow trickle"""
        self.configure(retry_longest="60s")
        self.run_to("running")
        before = self.api.count("changes")

        def always(_request):
            self.api.revision += 1
            return 200, {"revision": self.api.revision, "changed": ["rules"]}

        self.api.answers["changes"] = always
        self.api.nudge("rules")
        self.wait("the budget is used up",
                  lambda: any(gap > 3 for gap in self.gaps("changes")[before:]))
        self.assertLess(self.api.count("changes") - before, 30)

    def test_changes_without_revision(self):
        """an API that answers changes at once with nothing new is asked slowly"""
        self.configure(retry_longest="60s")
        self.run_to("running")
        self.api.answers["changes"] = lambda _request: (
            200, {"revision": self.api.revision, "changed": []})
        self.api.nudge("rules")
        self.wait_error("without a revision")
        self.assertLess(self.api.count("changes"), 10)

    def test_tokens_that_do_not_work(self):
        """an API that gives tokens and refuses them is asked ever more slowly"""
        self.configure(retry_longest="60s")
        self.run_to("pending")
        for call in ("configuration", "rules", "changes", "devices", "status", "rule_status"):
            self.api.answers[call] = self.api.problem(401, "token expired or replaced")
        self.api.approve()
        self.wait("several tokens", lambda: self.api.token_count >= 4)
        gaps = self.gaps("token")[-3:]
        self.assertGreater(sum(gaps), 2.5)
        self.assertLess(self.api.count(), 40)

    def test_pending_without_patience(self):
        """an API that does not hold the token call is polled at its own pace"""
        self.api.answers["token"] = (202, b"", [("Retry-After", "1")])
        self.start()
        self.wait_state("pending")
        self.wait("three polls", lambda: self.api.count("token") >= 3)
        self.assertGreater(min(self.gaps("token")), 0.9)

    def test_refused_connections(self):
        """while the API is away, few connections are tried"""
        self.configure(retry_longest="60s")
        self.run_to("running")
        self.api.answers.update({call: (503, b"") for call in (
            "configuration", "rules", "changes", "devices", "status", "rule_status")})
        before = self.api.count("changes")
        self.api.nudge("rules")
        self.wait("four tries", lambda: self.api.count("changes") >= before + 4)
        self.assertGreater(sum(self.gaps("changes")[-3:]), 3)


class TestCertificates(GatewayCase):
    def refused(self, pair, pattern):
        self.api.use(pair)
        self.start()
        self.wait_error("certificate")
        self.assertRegex(self.get("LastError"), pattern)
        self.assertEqual(self.get("State"), "announcing")
        self.assertEqual(self.api.count(), 0)
        self.assertFalse(self.get("ApiReachable"))
        self.api.use(self.good)
        self.wait_state("pending")
        self.wait_calm()

    def test_unknown_authority(self):
        """a certificate of another authority is refused, with a clear reason"""
        self.refused(self.vpn_authority.server("127.0.0.1"), "not accepted")

    def test_expired(self):
        """an expired certificate is refused, with a clear reason"""
        self.refused(self.authority.server("127.0.0.1", expired=True), "expired|clock")

    def test_other_host(self):
        """a certificate of another host is refused, with a clear reason"""
        self.refused(self.authority.server("api.example"), "not accepted")

    def test_during_run(self):
        """a certificate that turns bad during the run: the last good state stays"""
        self.configure(retry_longest="30s")
        self.run_to("running")
        self.api.use(self.vpn_authority.server("127.0.0.1"))
        self.api.stop()
        self.api.start()
        accepted = self.api.accepted
        self.wait_error("certificate")
        self.assertEqual(self.states(), {1: "active"})
        self.assertEqual(self.get("State"), "running")
        self.assertLess(self.api.accepted - accepted, 30)


class TestBus(GatewayCase):
    def test_errors(self):
        """not approved yet, unknown members, wrong arguments: the right errors"""
        self.run_to("pending")
        for method in ("Sync", "RotateKey"):
            with self.assertRaises(BusError) as raised:
                self.gateway.call(NAME, method)
            self.assertEqual(raised.exception.name, "io.evercam.Error.NotReady")
            self.assertIn("gatewayctl status", raised.exception.text)
        with self.assertRaises(BusError) as raised:
            self.gateway.call(NAME, "Sync", "(s)", "now")
        self.assertEqual(raised.exception.name, "org.freedesktop.DBus.Error.InvalidArgs")
        with self.assertRaises(BusError) as raised:
            self.get("ConfigurationRevision")
        self.assertRegex(raised.exception.name, "^org.freedesktop.DBus.Error")

    def test_properties_changed(self):
        """states are signalled as they change"""
        signals = self.bus.signals(path=PATH)
        self.run_to("running")
        states = [values[1]["State"] for _p, _i, member, values in signals
                  if member == "PropertiesChanged" and "State" in values[1]]
        states = [state for number, state in enumerate(states) if states[number - 1:number] != [state]]
        self.assertEqual(states[-3:], ["pending", "configuring", "running"])

    def test_sync(self):
        """Sync fetches and reports now"""
        self.run_to("running")
        before = {name: self.api.count(name) for name in ("configuration", "rules", "status")}
        self.gateway.call(NAME, "Sync")
        for name, count in before.items():
            self.wait(f"{name} again", lambda name=name, count=count: self.api.count(name) > count)

    def test_sync_does_not_wait(self):
        """what waits for its next try, here for most of an hour, is tried at once"""
        self.configure(retry_longest="1h")
        self.api.answers["announce"] = (503, b"", [("Retry-After", "3000")])
        self.start()
        self.wait_error("503")
        del self.api.answers["announce"]
        self.gateway.call(NAME, "Sync")
        self.wait_state("pending")
        self.wait_calm()

    def test_wrong_configuration_files(self):
        """a configuration that cannot work: exit code 2 and the reason"""
        for options, reason in (({"api": "http://api.example"}, "api: must be https"), ({"api": ""}, "api"),
                                ({"api": "https://api.example/v1"}, "api"),
                                ({"api": "https://api.example:99999"}, "api"),
                                ({"proxy": "socks5://proxy.example"}, "proxy"),
                                ({"vpn_interface": "a/b"}, "vpn_interface"),
                                ({"retry_longest": "soon"}, "retry_longest"),
                                ({"ca": "/nonexistent.pem"}, "ca: /nonexistent.pem cannot be read"),
                                ({"ca": "/etc/passwd"}, "ca: /etc/passwd holds no certificate"),
                                ({"unknown": "1"}, "unknown")):
            self.configure(**options)
            done = subprocess.run([GATEWAYD, "--config", self.configuration, "--check-config"],
                                  capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 2, options)
            self.assertRegex(done.stderr, rf"\.conf(:\d+)?: {reason}")
        self.configure()
        done = subprocess.run([GATEWAYD, "--config", self.configuration, "--check-config"],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_damaged_state(self):
        """damaged files: what the API can give again is fetched, the identity is not replaced"""
        self.run_to("running")
        self.kill()
        for name in ("configuration.json", "rules.json", "addresses.json"):
            with open(os.path.join(self.state, name), "w", encoding="utf-8") as file:
                file.write("{garbage")
        self.start()
        self.wait_state("running")
        self.wait("rules are in force", lambda: self.states() == {1: "active"})
        self.assertEqual(self.vpnd.called("Forget"), [])
        self.kill()
        with open(os.path.join(self.state, "identity.json"), "w", encoding="utf-8") as file:
            file.write("{}")
        process = self.bus.start([GATEWAYD, "--config", self.configuration])
        self.wait("it ends", lambda: process.poll() is not None)
        self.assertEqual(process.returncode, 1)
        self.bus.processes.remove(process)
        self.assertIn("identity.json is damaged", self.bus.log())


@unittest.skipIf(os.geteuid() != 0, "needs another user to be")
class TestPrivileges(GatewayCase):
    def test_no_capability(self):
        """an ordinary user without any capability is enough"""
        for path in (self.bus.directory, self.pki.directory):
            os.chmod(path, 0o755)
        for path in (self.state, os.path.join(self.state, "key.pem")):
            os.chown(path, NOBODY, NOBODY)
        self.daemon = self.bus.start(
            ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
             "--no-new-privs", "--inh-caps", "-all", "--bounding-set", "-all", "--", GATEWAYD,
             "--config", self.configuration])
        self.bus.wait_for_name(NAME)
        self.wait_state("pending")
        self.api.approve()
        self.wait_state("configuring")
        self.api.provision()
        self.wait("vpnd is configured", lambda: self.vpnd.settings)
        self.wait_calm()


@unittest.skipIf(os.geteuid() != 0, "needs another user to be")
class TestPolicy(unittest.TestCase):
    def test_policy(self):
        """by the installed bus policy everybody may look, and root may act"""
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        bus = PrivateBus([os.path.join(root, "dbus", NAME + ".conf")])
        self.addCleanup(bus.close)
        os.chmod(bus.directory, 0o755)
        configuration = os.path.join(bus.directory, "gatewayd.conf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"api = https://127.0.0.1:1\nstate_directory = {bus.directory}/state\n")
        bus.start([GATEWAYD, "--config", configuration])
        bus.wait_for_name(NAME)

        gateway = bus.proxy(NAME, PATH)
        bus.wait("its key is made", lambda: gateway.get(NAME, "State") == "announcing")

        # The build may lie where others may not look: in root's home.
        command = shutil.copy(GATEWAYCTL, bus.directory)

        def as_nobody(*arguments):
            return subprocess.run(
                arguments, user=NOBODY, group=NOBODY, capture_output=True, text=True, check=False,
                env={"PATH": os.environ["PATH"], "DBUS_SYSTEM_BUS_ADDRESS": bus.address})

        def call(member, *arguments):
            return as_nobody("dbus-send", f"--bus={bus.address}", "--print-reply",
                             f"--dest={NAME}", PATH, member, *arguments)

        for member, *arguments in (
                ("org.freedesktop.DBus.Introspectable.Introspect",),
                ("org.freedesktop.DBus.Properties.GetAll", f"string:{NAME}"),
                ("org.freedesktop.DBus.Properties.Get", f"string:{NAME}", "string:State")):
            done = call(member, *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
        for method in ("Sync", "Reset", "RotateKey", "GetClaimCode"):
            self.assertIn("AccessDenied", call(f"{NAME}.{method}").stderr)
        done = as_nobody(command, "reset", "--yes")
        self.assertEqual(done.returncode, 5)
        done = as_nobody(command, "status")
        self.assertEqual(done.returncode, 3)
        self.assertIn("announcing", done.stdout)
        self.assertIn("members of the group evercam", done.stdout)
        gateway.call(NAME, "Reset")


class TestGatewayctl(GatewayCase):
    def gatewayctl(self, *arguments, address=None):
        environment = self.bus.environment()
        if address:
            environment["DBUS_SYSTEM_BUS_ADDRESS"] = address
        process = subprocess.Popen([GATEWAYCTL, *arguments], env=environment, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.wait("gatewayctl ends", lambda: process.poll() is not None)
        out, error = process.communicate()
        return process.returncode, out, error

    def test_pending(self):
        """the claim code, prominently, with what to do"""
        self.run_to("pending")
        code, out, _error = self.gatewayctl("status")
        self.assertEqual(code, 3)
        self.assertRegex(out, rf"\n\n +Claim code +{self.claim_code()}\n\n")
        self.assertIn("waits for its owner's approval", out)

    def test_running(self):
        """everything in order: exit code 0, one screen, and the same as JSON"""
        self.discoverd.add("aabbcc000001", **CAMERA, Name="Gate \x1b[31m\x9b")
        self.run_to("running")
        self.vpnd.set(State="up", Address="10.44.0.12/20", Server="vpn.example:80",
                      ConnectedSince=int(time.time()) - 4000)
        code, out, error = self.gatewayctl("status")
        self.assertEqual((code, error), (0, ""))
        for text in ("running, gateway 12", "reachable", "up, 10.44.0.12/20 on vpn_evercam, server "
                     "vpn.example:80", "1 found", "1 of 1 active", "192.168.1.10:80", "P1448"):
            self.assertIn(text, out)
        self.assertNotIn("\x1b", out)
        self.assertNotIn("Claim code", out)
        code, out, _error = self.gatewayctl("--json", "status")
        snapshot = json.loads(out)
        self.assertEqual((code, snapshot["ok"], snapshot["problems"]), (0, True, []))
        self.assertEqual(snapshot["gateway"]["state"], "running")
        self.assertEqual(snapshot["gateway"]["rules"][0]["target_address"], "192.168.1.10")
        self.assertEqual(snapshot["discovery"]["devices"][0]["mac_address"], "aa:bb:cc:00:00:01")

    def test_daemons_are_missing(self):
        """a daemon that is not running: said, with what to do, exit code 3"""
        self.vpnd.close()
        self.discoverd.close()
        code, out, _error = self.gatewayctl("status")
        self.assertEqual(code, 3)
        self.assertIn("systemctl start evercam-gatewayd", out)
        self.assertIn("systemctl start evercam-vpnd", out)
        code, out, _error = self.gatewayctl("status", "--json")
        self.assertEqual(code, 3)
        self.assertIsNone(json.loads(out)["vpn"])

    def test_reset(self):
        """reset wants to be confirmed; then there is a new claim code"""
        self.run_to("pending")
        before = self.claim_code()
        code, _out, error = self.gatewayctl("reset")
        self.assertEqual(code, 2)
        self.assertIn("--yes", error)
        self.assertEqual(self.claim_code(), before)
        code, out, _error = self.gatewayctl("reset", "--yes")
        self.assertEqual(code, 0)
        self.assertIn("gatewayctl status", out)
        self.assertNotEqual(self.claim_code(), before)
        self.kill()
        code, _out, error = self.gatewayctl("reset", "--yes")
        self.assertEqual(code, 4)
        self.assertIn("cannot reset", error)

    def test_usage(self):
        """unknown verbs and options: exit code 2; no bus: 1"""
        for arguments in ((), ("dance",), ("status", "now"), ("--loud", "status")):
            code, out, error = self.gatewayctl(*arguments)
            self.assertEqual((code, out), (2, ""), arguments)
            self.assertIn("Usage:", error)
        self.assertEqual(self.gatewayctl("--help")[0], 0)
        code, _out, error = self.gatewayctl("status", address="unix:path=/nonexistent")
        self.assertEqual(code, 1)
        self.assertIn("system bus", error)


if __name__ == "__main__":
    tap.main(TestLife, TestRevocation, TestDevices, TestPeers, TestMisbehaviour, TestNoHotLoop,
             TestCertificates, TestBus, TestPrivileges, TestPolicy, TestGatewayctl)
