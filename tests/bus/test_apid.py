#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real apid over TLS on loopback, with a fake vpn-service: the gateway's way in and its day."""

import http.client
import pathlib
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import unittest

import tap
from apienv import DEADLINE, Answer, ApiSite, Gateway, Later, make_csr, openssl

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"


def device(number, address=None, **changes):
    return {
        "mac_address": f"00:11:22:33:44:{number:02x}",
        "ip_address": address or f"192.168.1.{100 + number}",
        "ports": [{"port_id": 80, "service": "http"}, {"port_id": 554, "service": "rtsp"},
                  {"port_id": 8000, "service": "sadp"}],
        "vendor_id": "acme", "model_id": "eye", "friendly_name": f"camera {number}",
        "kind": "camera", "confidence": 1, "evidence": ["onvif"], "http_jpg_path": "/snap.jpg",
        "rtsp_h264_path": "/live", "first_seen": "2026-11-20T10:00:00Z",
        "last_seen": "2026-11-20T10:00:00Z", "online": True, **changes,
    }


def ask(connection, request):
    """Any bytes as a request."""
    connection.sendall(request)
    response = http.client.HTTPResponse(connection)
    response.begin()
    return Answer(response, response.read())


class Site(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = ApiSite(sys.argv[1])
        cls.site.start_vpn_service()
        cls.site.add_user("owner", PASSWORD, "--admin")
        cls.site.add_user("guard", PASSWORD, "--viewer")
        cls.site.add_user("stranger", PASSWORD, "--admin", "--organisation", "other")
        cls.site.start()
        cls.owner = cls.site.login("owner", PASSWORD)
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.site.close()

    def new_gateway(self, **options):
        type(self).number += 1
        return Gateway(self.site, f"02:00:00:00:00:{self.number:02x}", **options)

    def until_refused(self, call):
        """Tries come back while a slow machine uses them up."""
        for _ in range(200):
            answer = call()
            if answer.status == 429:
                return answer
        raise AssertionError("nothing limits it")


class TestRegistration(Site):
    def test_announcement_is_idempotent(self):
        gateway = self.new_gateway()
        first, second = gateway.announce(), gateway.announce()
        self.assertEqual((first.status, second.status), (201, 200))
        self.assertEqual(first.json["status"], "pending")
        self.assertNotIn("gateway_id", first.json)
        self.assertGreater(first.json["retry_after"], 0)

    def test_repeated_announcements_are_limited(self):
        gateway, other = self.new_gateway(), self.new_gateway()
        statuses = [gateway.announce().status for _ in range(21)]
        self.assertEqual(statuses, [201] + 20 * [200])
        refused = self.until_refused(gateway.announce)
        self.assertEqual(refused.json["status"], 429)
        self.assertGreater(int(refused.headers["Retry-After"]), 0)
        self.assertEqual(other.announce().status, 201)
        self.assertEqual(gateway.get_token().status, 202)

    def test_token_needs_the_secret(self):
        gateway, other = self.new_gateway(), self.new_gateway()
        gateway.announce()
        self.assertEqual(gateway.get_token(secret=other.secret).status, 404)
        self.assertEqual(gateway.get_token(secret="short").status, 404)
        self.assertEqual(other.get_token().status, 404)
        pending = gateway.get_token()
        self.assertEqual(pending.status, 202)
        self.assertGreater(int(pending.headers["Retry-After"]), 0)

    def test_same_mac_is_another_flagged_gateway(self):
        gateway = self.new_gateway().join(self.owner)
        impostor = Gateway(self.site, gateway.mac)
        self.assertEqual(impostor.announce().status, 201)
        self.assertEqual(impostor.get_token().status, 202)
        shown = self.owner.call("GET", f"/v1/gateways/{gateway.id}").json
        self.assertTrue(shown["mac_is_shared"])
        alone = self.new_gateway().join(self.owner)
        self.assertFalse(self.owner.call("GET", f"/v1/gateways/{alone.id}").json["mac_is_shared"])

    def test_claim_code(self):
        gateway = self.new_gateway()
        gateway.announce()
        claim = lambda who, code: who.call("POST", "/v1/claims", {"claim_code": code}).status
        self.assertEqual(claim(self.owner, "0000-0000"), 404)
        self.assertEqual(claim(self.owner, "nonsense!"), 400)
        typed = gateway.claim_code.lower().replace("-", " ")
        self.assertEqual(claim(self.owner, typed), 201)
        self.assertEqual(claim(self.owner, typed), 200)
        stranger = self.site.login("stranger", PASSWORD)
        self.assertEqual(claim(stranger, typed), 404)
        self.assertEqual(gateway.get_token().status, 201)

    def test_waiting_for_approval_ends_at_once(self):
        gateway = self.new_gateway()
        gateway.announce()
        waiting = Later(gateway.get_token, wait=55)
        self.assertEqual(self.site.call("GET", "/healthz").status, 200)  # others are served
        self.owner.call("POST", "/v1/claims", {"claim_code": gateway.claim_code})
        self.assertEqual(waiting.get().status, 201)

    def test_waiting_for_approval_times_out(self):
        gateway = self.new_gateway()
        gateway.announce()
        self.assertEqual(gateway.get_token(wait=1).status, 202)

    def test_wrong_announcements(self):
        gateway = self.new_gateway()
        for changes in (
            {"mac_address": "nonsense"}, {"mac_address": "ff:ff:ff:ff:ff:ff"}, {"mac_address": 7},
            {"m2m_secret": None}, {"m2m_secret": "short"}, {"csr": "nonsense"}, {"csr": None},
            {"csr": make_csr(self.site.directory, 2048)}, {"hostname": 7},
            {"hostname": "x" * 300}, {"interfaces": {}}, {"interfaces": [7]},
            {"interfaces": [{"name": "x" * 20}]}, {"interfaces": [{"ip_address": "1.2.3"}]},
        ):
            answer = gateway.announce(**changes)
            self.assertEqual(answer.status, 400, changes)
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            self.assertEqual(answer.json["status"], 400)
            self.assertIn(next(iter(changes)), answer.json["detail"])
        self.assertEqual(gateway.announce(unknown=[1]).status, 201)

    def test_token_renewal(self):
        gateway = self.new_gateway().join(self.owner)
        old = gateway.token
        new = gateway.call("POST", "token").json["token"]
        self.assertEqual(gateway.call("GET", "rules", token=old).status, 200)
        self.assertEqual(gateway.call("GET", "rules", token=new).status, 200)
        refused = gateway.call("GET", "rules", token=old)
        self.assertEqual(refused.status, 401)
        self.assertEqual(refused.headers["WWW-Authenticate"], "Token")

    def test_tokens_are_for_one_gateway(self):
        one, other = self.new_gateway().join(self.owner), self.new_gateway().join(self.owner)
        self.assertEqual(one.call("GET", "rules", gateway_id=other.id).status, 403)
        self.assertEqual(one.call("GET", "rules", gateway_id=999999).status, 403)
        self.assertEqual(one.call("GET", "rules", token=one.secret).status, 401)
        self.assertEqual(self.site.call("GET", f"/v1/gateways/{one.id}/changes").status, 401)


class TestConfiguration(Site):
    def test_configuration_comes_and_is_complete(self):
        self.site.vpn_service.held = True
        gateway = self.new_gateway().join(self.owner)
        early = gateway.call("GET", "configuration")
        self.assertEqual(early.status, 202)
        self.assertGreater(int(early.headers["Retry-After"]), 0)
        since = gateway.revision()
        waiting = Later(gateway.call, "GET", f"changes?since={since}&wait=55")
        self.site.vpn_service.release()
        self.assertIn("configuration", waiting.get().json["changed"])
        answer = gateway.call("GET", "configuration")
        self.assertEqual(answer.status, 200)
        account = self.site.vpn_service.account(gateway.id, gateway.csr)
        for name, value in account.items():
            self.assertEqual(answer.json[name], value)
        self.assertEqual(answer.json["gateway_id"], gateway.id)
        self.assertEqual(answer.json["vpn_servers"], [
            {"vpn_hostname": "vpn.example", "vpn_port": 80, "priority": 0}])
        self.assertEqual(answer.json["expose"], {"auto": True, "services": ["http", "rtsp"]})
        self.assertEqual(answer.json["api_endpoints"], ["https://api.example"])
        same = gateway.call("GET", "configuration", If_None_Match=answer.headers["ETag"])
        self.assertEqual((same.status, same.body), (304, b""))

    def test_key_rotation(self):
        gateway = self.new_gateway().join(self.owner)
        before = gateway.wait_for_configuration().json
        gateway.csr = make_csr(self.site.directory)
        self.assertEqual(gateway.call("PUT", "csr", {"csr": "nonsense"}).status, 400)
        self.assertEqual(gateway.call("PUT", "csr", {"csr": gateway.csr}).status, 202)
        changes = gateway.call("GET", f"changes?since={before['revision']}&wait=55").json
        self.assertEqual(changes["changed"], ["configuration"])
        after = gateway.wait_for_configuration().json
        self.assertGreater(after["revision"], before["revision"])
        self.assertNotEqual(after["vpn_certificate"], before["vpn_certificate"])

    def test_vpn_service_away_and_back(self):
        self.site.vpn_service.stop()
        gateway = self.new_gateway().join(self.owner)
        self.site.wait_for_log("gateways wait for their accounts")
        self.assertEqual(gateway.call("GET", "configuration").status, 202)
        self.site.vpn_service.start()
        self.assertEqual(gateway.wait_for_configuration().status, 200)

    def test_vpn_service_refuses(self):
        service = self.site.vpn_service
        for failure in ({"error": "exhausted", "detail": "no address"}, {"surprise": 1},
                        service.account(1, make_csr(self.site.directory)) | {"vpn_mac_address": "nonsense"},
                        b"9:not json!,"):
            service.failure = failure
            gateway = self.new_gateway().join(self.owner)
            service.wait_for(lambda s: any(r["gateway_id"] == gateway.id for r in s.requests))
            shown = {}
            while "provision_error" not in shown:
                shown = self.owner.call("GET", f"/v1/gateways/{gateway.id}").json
            self.assertFalse(shown["provisioned"])
            service.failure = None
            # The others are served meanwhile.
            self.new_gateway().join(self.owner).wait_for_configuration()


class TestVpnServiceLink(Site):
    """How vpn-service is reached, and what is said when it cannot be."""

    def restart(self, **settings):
        """Starts apid anew with an order in its queue."""
        if self.site.process:
            self.site.stop()
        self.site.settings = settings
        self.site.start()

    def order(self):
        owner = self.site.login("owner", PASSWORD)
        return self.new_gateway().join(owner)

    def test_by_name(self):
        self.restart(vpn_service=f"localhost:{self.site.vpn_service.port}")
        self.assertEqual(self.order().wait_for_configuration().status, 200)

    def test_failures_are_said(self):
        port = self.site.vpn_service.port
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.site.path("other.key"), "-out", self.site.path("other.crt"),
                "-days", "2", "-subj", "/CN=somebody else")
        with open(self.site.path("wrong.token"), "w", encoding="ascii") as file:
            file.write("wrong\n")
        for settings, sentence in (
            ({"vpn_service_ca": self.site.path("other.crt")}, "its certificate is refused"),
            ({"vpn_service": f"127.0.0.2:{port}"}, "Connection refused"),
            ({"vpn_service": f"no.such.name.invalid:{port}"}, "does not resolve"),
            ({"vpn_service_certificate": self.site.path("missing")}, "certificate .*missing"),
            ({"vpn_service_certificate": self.site.path("other.crt"),
              "vpn_service_key": self.site.path("other.key")}, "TLS|closed"),
            ({"vpn_service_token_file": self.site.path("missing")}, "token cannot be read"),
            ({"vpn_service_token_file": self.site.path("wrong.token")}, "authentication_failed"),
        ):
            self.restart(**settings)
            gateway = self.order()
            self.site.wait_for_log(sentence)
            self.assertEqual(gateway.call("GET", "configuration").status, 202)
        # All of them get their accounts when everything is right again, unless told to wait.
        self.restart()
        self.assertEqual(self.order().wait_for_configuration().status, 200)

    def test_a_wrong_setting_keeps_it_from_starting(self):
        for settings in ({"vpn_service": "nonsense"}, {"listen": "nonsense"},
                         {"certificate": self.site.path("missing")}, {"unknown": "1"},
                         {"database": self.site.path("missing/api.db")},
                         {"listen": f"127.0.0.1:{self.site.vpn_service.port}"}):
            self.site.settings = settings
            result = self.site.run()
            self.assertIn(result.returncode, (1, 2), settings)
            self.assertTrue(result.stderr, settings)
        self.site.settings = {}


class TestRules(Site):
    def setUp(self):
        self.gateway = self.new_gateway().join(self.owner)
        self.gateway.wait_for_configuration()  # it moves the revision, too

    def post(self, *devices):
        answer = self.gateway.call("POST", "devices", list(devices))
        self.assertEqual(answer.status, 200, answer.body)

    def rules(self):
        return self.gateway.call("GET", "rules").json

    def test_cameras_become_rules_and_wake_the_gateway(self):
        since = self.gateway.revision()
        waiting = Later(self.gateway.call, "GET", f"changes?since={since}&wait=55")
        self.post(device(1), device(2))
        changes = waiting.get().json
        self.assertEqual(changes["changed"], ["rules"])
        self.assertGreater(changes["revision"], since)
        rules = self.rules()
        self.assertEqual([(r["ip_address"], r["port_id"], r["mac_address"]) for r in rules], [
            ("192.168.1.101", 80, "00:11:22:33:44:01"),
            ("192.168.1.101", 554, "00:11:22:33:44:01"),
            ("192.168.1.102", 80, "00:11:22:33:44:02"),
            ("192.168.1.102", 554, "00:11:22:33:44:02")])
        ports = [r["local_port_id"] for r in rules]
        self.assertEqual(len(set(ports)), 4)
        self.assertTrue(all(10000 <= port <= 59999 for port in ports))
        self.assertTrue(all(r["protocol"] == "tcp" for r in rules))
        shown = self.owner.call("GET", f"/v1/gateways/{self.gateway.id}/devices").json
        self.assertEqual([d["friendly_name"] for d in shown], ["camera 1", "camera 2"])

    def test_ports_are_kept_for_life(self):
        self.post(device(1), device(2))
        before = {(r["mac_address"], r["port_id"]): r["local_port_id"] for r in self.rules()}
        since = self.gateway.revision()
        self.post()  # gone, as after a restart of discoverd
        self.assertEqual(len(self.rules()), 4)
        self.post(device(2, "192.168.1.77"), device(1))
        rules = self.rules()
        self.assertEqual({(r["mac_address"], r["port_id"]): r["local_port_id"] for r in rules},
                         before)
        self.assertEqual({r["ip_address"] for r in rules if r["mac_address"].endswith("02")},
                         {"192.168.1.77"})
        self.assertEqual(self.gateway.revision(), since + 1)

    def test_rules_have_an_etag(self):
        self.post(device(1))
        answer = self.gateway.call("GET", "rules")
        etag = answer.headers["ETag"]
        self.assertEqual(self.gateway.call("GET", "rules", If_None_Match=etag).status, 304)
        self.post(device(1))
        self.assertEqual(self.gateway.call("GET", "rules", If_None_Match=etag).status, 304)
        self.post(device(1), device(2))
        self.assertEqual(self.gateway.call("GET", "rules", If_None_Match=etag).status, 200)

    def test_only_sure_cameras_are_exposed(self):
        self.post(device(1, confidence=0.5), device(2, mac_address="00:00:00:00:00:00"),
                  device(6, kind="video-source"), device(7, mac_address=None),
                  device(3, ip_address="fe80::1"), device(4, ports=[]),
                  device(5, ports=[{"port_id": 8443, "service": "https"}]))
        self.assertEqual(self.rules(), [])
        self.post(device(1, confidence=0.8, ports=[{"port_id": 10554, "service": "rtsp"}]))
        self.assertEqual([r["port_id"] for r in self.rules()], [10554])

    def test_report_on_rules(self):
        self.post(device(1))
        answer = self.gateway.call("GET", "rules")
        revision = int(answer.headers["ETag"].strip('"'))
        first, second = (r["rule_id"] for r in answer.json)
        report = {"revision": revision, "rules": [
            {"rule_id": first, "state": "active"},
            {"rule_id": second, "state": "failed", "error": "no route"}]}
        self.assertEqual(self.gateway.call("PUT", "rules/status", report).status, 204)
        shown = self.owner.call("GET", f"/v1/gateways/{self.gateway.id}/rules").json
        self.assertEqual([r["state"] for r in shown], ["active", "failed"])
        self.assertEqual(shown[1]["error"], "no route")
        report["revision"] -= 1
        report["rules"] = [{"rule_id": first, "state": "waiting"}]
        self.assertEqual(self.gateway.call("PUT", "rules/status", report).status, 204)
        shown = self.owner.call("GET", f"/v1/gateways/{self.gateway.id}/rules").json
        self.assertEqual(shown[0]["state"], "active")
        report["rules"] = [{"rule_id": first, "state": "nonsense"}]
        self.assertEqual(self.gateway.call("PUT", "rules/status", report).status, 400)

    def test_rules_of_people(self):
        path = f"/v1/gateways/{self.gateway.id}/rules"
        wanted = {"port_id": 8080, "ip_address": "192.168.1.9", "allow_from": ["10.0.0.7/8"],
                  "expires_at": "2099-01-01T00:00:00Z", "name": "recorder"}
        since = self.gateway.revision()
        waiting = Later(self.gateway.call, "GET", f"changes?since={since}&wait=55")
        made = self.owner.call("POST", path, wanted)
        self.assertEqual(made.status, 201, made.body)
        self.assertEqual(waiting.get().json["changed"], ["rules"])
        rule = self.rules()[0]
        self.assertEqual(rule["allow_from"], ["10.0.0.0/8"])
        self.assertEqual(rule["expires_at"], "2099-01-01T00:00:00Z")
        again = self.owner.call("POST", path, wanted | {"local_port_id": rule["local_port_id"]})
        self.assertEqual(again.status, 409)
        expired = self.owner.call("POST", path, wanted | {"expires_at": "2020-01-01T00:00:00Z"})
        self.assertEqual(expired.status, 201)
        self.assertEqual(len(self.rules()), 1)
        for wrong in ({"port_id": 0}, {"ip_address": "127.0.0.1"}, {"ip_address": "::1"},
                      {"protocol": "icmp"}, {"local_port_id": 80}, {"allow_from": ["x"]},
                      {"expires_at": "tomorrow"}, {"mac_address": "x"}):
            self.assertEqual(self.owner.call("POST", path, wanted | wrong).status, 400, wrong)
        gone = self.owner.call("DELETE", f"{path}/{rule['rule_id']}")
        self.assertEqual(gone.status, 204)
        self.assertEqual(self.rules(), [])
        self.assertEqual(self.owner.call("DELETE", f"{path}/{rule['rule_id']}").status, 404)

    def test_removed_automatic_rule_stays_away(self):
        self.post(device(1))
        rule = self.rules()[0]
        path = f"/v1/gateways/{self.gateway.id}/rules/{rule['rule_id']}"
        self.assertEqual(self.owner.call("DELETE", path).status, 204)
        self.post(device(1, "192.168.1.55"))
        self.assertEqual([r["port_id"] for r in self.rules()], [554])

    def test_wrong_devices(self):
        for wrong in ({}, [7], [{}], [device(1, ports=7)], [device(1, kind="toaster")],
                      [device(1, ports=[{"port_id": 70000, "service": "http"}])],
                      [device(1, confidence=2)], [device(1, ipv6_addresses=["1.2.3.4"])],
                      [device(1, friendly_name="x" * 1025)], [device(1, last_seen="now")],
                      [device(n % 256) for n in range(1025)]):
            self.assertEqual(self.gateway.call("POST", "devices", wrong).status, 400, wrong)
        self.post(device(1, unknown={"a": 1}, default_password="secret"))
        shown = self.owner.call("GET", f"/v1/gateways/{self.gateway.id}/devices").json
        self.assertNotIn("unknown", shown[0])
        self.assertNotIn("default_password", shown[0])

    def test_status(self):
        status = {"uptime_seconds": 12, "sw_version": "0.2.0", "devices": 5,
                  "vpn": {"state": "up", "since": "2026-11-20T10:00:00Z", "server": "vpn.example",
                          "address": "10.44.208.48/20", "rtt_ms": 1.5},
                  "forwards": {"active": 10, "connections": 3}}
        self.assertEqual(self.gateway.call("POST", "status", status).status, 204)
        shown = self.owner.call("GET", f"/v1/gateways/{self.gateway.id}").json
        status["vpn"]["address"] = "10.44.208.48"
        self.assertEqual(shown["status"], status)
        self.assertEqual(shown["sw_version"], "0.2.0")
        self.assertIn("seen_at", shown)
        self.assertEqual(self.gateway.call("POST", "status", {"vpn": 7}).status, 400)

    def test_changes(self):
        answer = self.gateway.call("GET", "changes?since=0")
        self.assertEqual(set(answer.json["changed"]), {"rules", "configuration"})
        revision = answer.json["revision"]
        self.assertEqual(self.gateway.call("GET", f"changes?since={revision}").status, 204)
        self.assertEqual(self.gateway.call("GET", f"changes?since={revision}&wait=1").status, 204)
        newer = self.gateway.call("GET", f"changes?since={revision + 7}&wait=55").json
        self.assertEqual((newer["revision"], len(newer["changed"])), (revision, 2))
        for wrong in ("since=x", "since=-1", "since=0&wait=56", "since=0&wait=1.5"):
            self.assertEqual(self.gateway.call("GET", f"changes?{wrong}").status, 400, wrong)


class TestRevocation(Site):
    def test_revocation_is_seen_at_once(self):
        gateway = self.new_gateway().join(self.owner)
        gateway.wait_for_configuration()
        waiting = Later(gateway.call, "GET", f"changes?since={gateway.revision()}&wait=55")
        self.assertEqual(self.owner.call("DELETE", f"/v1/gateways/{gateway.id}").status, 204)
        self.assertEqual(waiting.get().status, 410)
        self.assertEqual(gateway.call("GET", "rules").status, 410)
        self.assertEqual(gateway.get_token().status, 410)
        self.assertEqual(gateway.announce().status, 409)
        self.assertEqual(self.owner.call("GET", f"/v1/gateways/{gateway.id}").status, 404)
        claim = self.owner.call("POST", "/v1/claims", {"claim_code": gateway.claim_code})
        self.assertEqual(claim.status, 404)
        self.site.vpn_service.wait_for(lambda s: gateway.id not in s.accounts)
        # After a reset it is another one.
        self.assertEqual(Gateway(self.site, gateway.mac).announce().status, 201)

    def test_revocation_waits_for_vpn_service(self):
        gateway = self.new_gateway().join(self.owner)
        gateway.wait_for_configuration()
        self.site.vpn_service.stop()
        self.owner.call("DELETE", f"/v1/gateways/{gateway.id}")
        self.site.stop(signal.SIGKILL)
        self.site.start()
        self.site.vpn_service.start()
        self.site.vpn_service.wait_for(lambda s: gateway.id not in s.accounts)
        type(self).owner = self.site.login("owner", PASSWORD)


class TestPeople(Site):
    def test_session(self):
        answer = self.site.call("POST", "/v1/session", {"user": "owner", "password": PASSWORD})
        cookie = answer.headers["Set-Cookie"]
        for part in ("__Host-", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(part, cookie)
        self.assertEqual(answer.json, {"user": "owner", "role": "admin"})
        person = self.site.login("owner", PASSWORD)
        self.assertEqual(person.call("GET", "/v1/session").json["user"], "owner")
        self.assertEqual(person.call("DELETE", "/v1/session").status, 204)
        self.assertEqual(person.call("GET", "/v1/session").status, 401)
        self.assertEqual(self.site.call("GET", "/v1/gateways").status, 401)

    def test_other_sites_are_refused(self):
        evil = self.owner.call("GET", "/v1/gateways", Origin="https://evil.example")
        self.assertEqual(evil.status, 403)
        own = self.owner.call("GET", "/v1/gateways", Origin=f"https://127.0.0.1:{self.site.port}")
        self.assertEqual(own.status, 200)

    def test_roles_and_organisations(self):
        gateway = self.new_gateway().join(self.owner)
        path = f"/v1/gateways/{gateway.id}"
        guard, stranger = (self.site.login(n, PASSWORD) for n in ("guard", "stranger"))
        self.assertEqual(guard.call("GET", path).status, 200)
        self.assertEqual(guard.call("DELETE", path).status, 403)
        self.assertEqual(guard.call("POST", "/v1/claims", {"claim_code": "0000-0000"}).status, 403)
        self.assertEqual(stranger.call("GET", "/v1/gateways").json, [])
        for what in ("", "/rules", "/devices"):
            self.assertEqual(stranger.call("GET", path + what).status, 404)
        self.assertEqual(stranger.call("DELETE", path).status, 404)
        self.assertIn(gateway.id,
                      [g["gateway_id"] for g in self.owner.call("GET", "/v1/gateways").json])

    def test_guessed_claim_codes_are_limited(self):
        stranger = self.site.login("stranger", PASSWORD)
        statuses = [stranger.call("POST", "/v1/claims", {"claim_code": "0000-0000"}).status
                    for _ in range(12)]
        self.assertEqual(statuses[:10], [404] * 10)
        self.assertEqual(statuses[-1], 429)

    def test_user_command(self):
        for arguments, password in ((("user", "add", "x"), "short"), (("user", "add"), PASSWORD),
                                    (("user", "add", "a b"), PASSWORD), (("nonsense",), "")):
            self.assertEqual(self.site.run(*arguments, stdin=password + "\n").returncode, 2)
        person = self.site.login("guard", PASSWORD)
        self.site.add_user("guard", "a new password", "--viewer")
        self.assertEqual(person.call("GET", "/v1/session").status, 401)
        self.site.login("guard", "a new password")
        self.site.add_user("guard", PASSWORD, "--viewer")


class TestPasswordGuessing(Site):
    def setUp(self):
        self.restart()  # which forgives

    def restart(self, **settings):
        self.site.stop()
        self.site.settings = settings
        self.site.start()

    def test_guessing_is_limited(self):
        wrong = lambda user: self.site.call("POST", "/v1/session",
                                            {"user": user, "password": "guess me"})
        self.assertEqual(wrong("owner").status, 401)
        self.assertEqual(wrong("nobody").status, 401)
        self.until_refused(lambda: wrong("owner"))
        self.assertGreater(int(wrong("nobody").headers["Retry-After"]), 0)
        right = lambda source: self.site.call(
            "POST", "/v1/session", {"user": "owner", "password": PASSWORD}, source=source)
        self.assertEqual(right("127.0.0.1").status, 429)
        # Nobody is locked out by the tries of somebody else.
        self.assertEqual(right("127.0.0.2").status, 200)

    def test_guessing_from_many_addresses(self):
        """is limited by account, and keeps nobody out but there where the person has never been"""
        call = lambda source, user="owner", password=PASSWORD: self.site.call(
            "POST", "/v1/session", {"user": user, "password": password}, source=source)
        self.assertEqual(call("127.0.0.2").status, 200)
        addresses = (f"127.0.{1 + n // 250}.{1 + n % 250}" for n in range(2000))
        # What all may cost comes back within a second; a try for one account takes a minute.
        for address in addresses:
            answer = call(address, password="guess me")
            if int(answer.headers.get("Retry-After", 0)) > 5:
                break
        self.assertEqual(answer.status, 429)
        self.assertEqual(call(next(addresses)).status, 429)
        self.assertEqual(call("127.0.0.2").status, 200)
        for address in addresses:
            answer = call(address, "guard")
            if answer.status != 429:
                break
            self.assertLess(int(answer.headers["Retry-After"]), 5)
        self.assertEqual(answer.status, 200)

    @unittest.skipUnless(pathlib.Path("/proc/net/if_inet6").exists(), "needs IPv6")
    def test_addresses_are_told_apart(self):
        """also by a socket of both families, where IPv4 addresses are given as IPv6"""
        self.restart(listen=f"[::]:{self.site.port}")
        call = lambda password, source: self.site.call(
            "POST", "/v1/session", {"user": "owner", "password": password}, source=source)
        self.assertEqual(call(PASSWORD, "127.0.0.2").status, 200)
        self.until_refused(lambda: call("guess me", "127.0.0.1"))
        self.assertEqual(call(PASSWORD, "127.0.0.2").status, 200)


class TestServer(Site):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site.stop()
        cls.site.settings = {"request_timeout": 2}
        cls.site.start()

    def test_paths_and_methods(self):
        for method, path, status in (
            ("GET", "/", 404), ("GET", "/v1/gateways/0", 404), ("GET", "/v1/gateways/01", 404),
            ("GET", "/v1/gateways/x/token", 404), ("GET", "/v1/../healthz", 404),
            ("GET", "/v1/gateways/%31%00", 400), ("DELETE", "/healthz", 405),
            ("PUT", "/v1/session", 405), ("GET", "/healthz?a=%zz", 200),
        ):
            self.assertEqual(self.site.call(method, path).status, status, path)
        self.assertEqual(self.site.call("PUT", "/v1/session").headers["Allow"],
                         "POST, GET, DELETE")
        self.assertEqual(self.site.call("GET", "/").headers["Content-Type"],
                         "application/problem+json")

    def test_malformed_bodies(self):
        for body in ("", "{", "[" * 100, '{"user":"\x00"}', b'{"user":"\xff"}', "7", "[]",
                     '{"user":7}', "nul", '{"user":"a","user":{}}'):
            self.assertEqual(self.site.call("POST", "/v1/session", body).status, 400, body)

    def assert_problem(self, answer, *statuses):
        self.assertIn(answer.status, statuses)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertEqual(set(answer.json), {"type", "title", "status", "detail"})
        self.assertEqual(answer.json["status"], answer.status)

    def test_oversize(self):
        """what is too long is refused, with a problem document"""
        for size in ((1 << 20) + 1, 8 << 20):
            answer = self.site.call("POST", "/v1/session", b"x" * size)
            self.assert_problem(answer, 413)
            self.assertEqual(answer.json["title"], "Content Too Large")
            self.assertIn("1 MiB", answer.json["detail"])
        self.assert_problem(self.site.call("GET", "/healthz", headers={"X-Big": "x" * 20000}), 400, 413)
        self.assertEqual(self.site.call("GET", "/healthz").status, 200)

    def test_what_is_no_request(self):
        """what cannot be read as a request is answered with a problem document"""
        for request, status in (
            (b"nonsense\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
            (b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", 501),
            (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
            (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ):  # fmt: skip
            with self.site.connect() as connection:
                self.assert_problem(ask(connection, request), status)

    def test_expecting_to_continue(self):
        """a client that asks first is told to go on, and only then is there an answer"""
        with self.site.connect() as connection:
            connection.sendall(b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                               b"Expect: 100-continue\r\n\r\n")
            self.assertEqual(connection.recv(4096), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(b"{}")
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 400"))

    def assert_closed(self, connection):
        connection.settimeout(DEADLINE)
        try:
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass

    def test_slow_clients_are_cut_off(self):
        silent = socket.create_connection(("127.0.0.1", self.site.port))
        connected = self.site.connect()
        trickling = self.site.connect()
        trickling.sendall(b"GET /healthz HTTP/1.1\r\n")
        body = self.site.connect()
        body.sendall(b"POST /v1/session HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        kept = self.site.connect()
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(kept.recv(4096).startswith(b"HTTP/1.1 200"))
        for connection in (silent, connected, trickling, body, kept):
            with connection:
                self.assert_closed(connection)

    def test_held_calls_outlive_the_timeout(self):
        owner = self.site.login("owner", PASSWORD)
        gateway = self.new_gateway().join(owner)
        gateway.wait_for_configuration()
        since = gateway.revision()
        self.assertEqual(gateway.call("GET", f"changes?since={since}&wait=5").status, 204)

    def test_connections_of_waiting_clients_that_leave_are_freed(self):
        owner = self.site.login("owner", PASSWORD)
        gateway = self.new_gateway().join(owner)
        gateway.wait_for_configuration()
        since = gateway.revision()
        request = (f"GET /v1/gateways/{gateway.id}/changes?since={since}&wait=55 HTTP/1.1\r\n"
                   f"Host: x\r\nAuthorization: Token {gateway.token}\r\n\r\n").encode()
        before = self.site.descriptors()
        reset, closed, halves, talks = (self.site.connect() for _ in range(4))
        for connection in (reset, closed, halves, talks):
            connection.sendall(request)
        talks.sendall(request)  # more than is read now
        self.assertEqual(self.site.call("GET", "/healthz").status, 200)
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()
        closed.close()
        halves.shutdown(socket.SHUT_WR)
        self.site.wait_for_descriptors(before + 1)
        gateway.call("POST", "devices", [device(1)])
        self.assertTrue(talks.recv(4096).startswith(b"HTTP/1.1 200"))
        talks.close()
        halves.close()

    def test_clients_that_leave_while_waiting(self):
        owner = self.site.login("owner", PASSWORD)
        gateway = self.new_gateway().join(owner)
        gateway.wait_for_configuration()
        since = gateway.revision()
        request = (f"GET /v1/gateways/{gateway.id}/changes?since={since}&wait=55 HTTP/1.1\r\n"
                   f"Host: x\r\nAuthorization: Token {gateway.token}\r\n\r\n").encode()
        held = [self.site.connect() for _ in range(6)]
        for connection in held:
            connection.sendall(request)
        # Four are held; the two oldest had to make room.
        for connection in held[:2]:
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 204"))
        for connection in held[:5]:
            connection.close()
        gateway.call("POST", "devices", [device(1)])
        self.assertTrue(held[5].recv(4096).startswith(b"HTTP/1.1 200"))
        held[5].close()

    def test_old_tls_is_refused(self):
        result = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.site.port}", "-tls1_1",
             "-cipher", "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False)
        self.assertIn("alert protocol version", result.stderr)


class TestCrowd(Site):
    def test_silent_connections_keep_nobody_out(self):
        gateway = self.new_gateway().join(self.owner)
        gateway.wait_for_configuration()
        self.site.stop()
        self.site.settings = {"request_timeout": 300, "max_connections": 4}
        self.site.start()
        since = gateway.revision()
        held = self.site.connect()
        held.sendall(f"GET /v1/gateways/{gateway.id}/changes?since={since}&wait=55 HTTP/1.1\r\n"
                     f"Host: x\r\nAuthorization: Token {gateway.token}\r\n\r\n".encode())
        self.assertEqual(self.site.call("GET", "/healthz").status, 200)  # so it has arrived
        crowd = [socket.create_connection(("127.0.0.1", self.site.port)) for _ in range(12)]
        self.assertEqual(self.site.call("GET", "/healthz").status, 200)
        crowd += [self.site.connect() for _ in range(6)]
        self.assertEqual(gateway.call("POST", "devices", [device(1)]).status, 200)
        self.assertTrue(held.recv(4096).startswith(b"HTTP/1.1 200"))
        for connection in [held, *crowd]:
            connection.close()


    def test_one_address_keeps_nobody_out(self):
        """of one address's connections the longest idle make room, those of others stay"""
        self.site.stop()
        self.site.settings = {"request_timeout": 300, "max_connections_per_address": 3}
        self.site.start()
        other = self.site.connect(source="127.0.0.2")
        crowd = [self.site.connect() for _ in range(3)]
        for connection in [other, *crowd]:
            self.assert_serves(connection)
        crowd += [self.site.connect() for _ in range(2)]
        for connection in crowd[:2]:
            self.assertEqual(connection.recv(4096), b"")
        for connection in [other, *crowd[2:]]:
            self.assert_serves(connection)
            connection.close()

    def assert_serves(self, connection):
        self.assertEqual(ask(connection, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status, 200)


class TestRestart(Site):
    def test_kill_keeps_everything(self):
        gateway, pending = self.new_gateway().join(self.owner), self.new_gateway()
        gateway.wait_for_configuration()
        gateway.call("POST", "devices", [device(1)])
        pending.announce()
        before = [gateway.call("GET", what) for what in ("configuration", "rules")]
        revision = gateway.revision()
        self.site.stop(signal.SIGKILL)
        self.site.start()
        after = [gateway.call("GET", what) for what in ("configuration", "rules")]
        self.assertEqual([a.json for a in after], [b.json for b in before])
        self.assertEqual(gateway.revision(), revision)
        self.assertEqual(pending.get_token().status, 202)
        claim = self.owner.call("POST", "/v1/claims", {"claim_code": pending.claim_code})
        self.assertEqual(claim.status, 201)

    def test_stop_while_calls_are_held(self):
        gateway = self.new_gateway().join(self.owner)
        gateway.wait_for_configuration()
        waiting = Later(gateway.call, "GET", f"changes?since={gateway.revision()}&wait=55")
        self.site.call("GET", "/healthz")
        self.site.stop()
        with self.assertRaises(OSError):
            waiting.get()
        self.site.start()

    def test_storage_that_fails_for_a_while(self):
        gateway, other = self.new_gateway().join(self.owner), self.new_gateway()
        database = sqlite3.connect(self.site.database, isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        refused = other.announce()
        self.assertEqual(refused.status, 503)
        self.assertGreater(int(refused.headers["Retry-After"]), 0)
        self.assertEqual(gateway.call("POST", "devices", [device(1)]).status, 503)
        self.assertEqual(gateway.call("GET", "rules").status, 200)
        database.execute("ROLLBACK")
        database.close()
        self.assertEqual(other.announce().status, 201)
        self.assertEqual(gateway.call("POST", "devices", [device(1)]).status, 200)
        self.assertEqual(len(gateway.call("GET", "rules").json), 2)

    def test_no_secret_in_the_log(self):
        gateway = self.new_gateway().join(self.owner)
        gateway.wait_for_configuration()
        log = self.site.log()
        for secret in (gateway.secret, gateway.token, PASSWORD, self.site.vpn_service.token):
            self.assertNotIn(secret, log)

    def test_wrong_configuration_files(self):
        """a configuration that cannot work: exit code 2 and the reason"""
        for key, value in (("listen", "localhost"), ("listen", "0.0.0.0:99999"),
                           ("listen", "[::]"), ("vpn_service", "vpn1.example"),
                           ("vpn_service", "vpn1.example:0"), ("vpn_service", ":6060"),
                           ("public_url", "http://api.example"),
                           ("public_url", "https://api.example/v1"), ("expose_auto", "maybe")):
            path = pathlib.Path(self.site.path("wrong.conf"))
            path.write_text(f"{key} = {value}\n", encoding="ascii")
            done = subprocess.run([self.site.program, "--config", path, "--check-config"],
                                  capture_output=True, text=True, timeout=DEADLINE, check=False)
            self.assertEqual(done.returncode, 2, (key, value))
            self.assertIn(f"wrong.conf:1: {key}: must be", done.stderr)
        done = self.site.run("--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_files_that_cannot_be_used(self):
        """--check-config opens what the configuration names, and says line and remedy"""
        broken = self.site.path("broken")
        pathlib.Path(broken).write_text("\n", encoding="ascii")
        missing = self.site.path("missing")
        self.addCleanup(setattr, self.site, "settings", {})
        for key, value, problem in (
            ("certificate", missing, 'cannot be read: .*; "apid init" makes it'),
            ("certificate", broken, "holds no certificate in PEM"),
            ("key", broken, "is not the private key of the certificate"),
            ("key", self.site.path("client.key"), "is not the private key of the certificate"),
            ("vpn_service_ca", broken, "holds no certificate in PEM"),
            ("vpn_service_certificate", missing, "cannot be read: .* comes from api-client"),
            ("vpn_service_key", broken, "is not the private key"),
            ("vpn_service_token_file", broken, "has an empty first line"),
        ):
            self.site.settings = {key: value}
            done = self.site.run("--check-config")
            self.assertEqual(done.returncode, 2, (key, value))
            self.assertRegex(done.stderr, rf"apid.conf:\d+: {key}: {value} {problem}")

    def test_openapi_names_every_call(self):
        text = (ROOT / "apid" / "openapi.yaml").read_text(encoding="utf-8")
        documented, path = set(), None
        for line in text.split("\npaths:\n")[1].split("\ncomponents:\n")[0].splitlines():
            found = re.fullmatch(r"  (/\S*):", line)
            if found:
                path = found.group(1)
            found = re.fullmatch(r"    (get|post|put|patch|delete):", line)
            if found:
                documented.add(f"{found.group(1).upper()} {path}")
        self.assertEqual(documented, set(self.site.run("routes").stdout.splitlines()))


if __name__ == "__main__":
    tap.main(TestRegistration, TestConfiguration, TestVpnServiceLink, TestRules, TestRevocation,
             TestPeople, TestPasswordGuessing, TestServer, TestCrowd, TestRestart)
