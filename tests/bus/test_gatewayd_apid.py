#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real gatewayd and the real apid, with nobody between them: both ends agree on the protocol."""

import os
import signal
import sys
import unittest

import tap
from apienv import ApiSite
from busenv import PrivateBus

PASSWORD = "correct horse battery"
NAME = "io.evercam.Gateway1"
PATH = "/io/evercam/Gateway1"


class TestTogether(unittest.TestCase):
    def setUp(self):
        self.site = ApiSite(sys.argv[2])
        self.bus = PrivateBus()
        try:
            self.start()
        except BaseException:
            self.tearDown()
            raise

    def start(self):
        self.site.start_vpn_service()
        self.site.add_user("owner", PASSWORD, "--admin")
        self.site.start()
        self.owner = self.site.login("owner", PASSWORD)
        os.makedirs(self.site.path("gatewayd"))
        with open(self.site.path("gatewayd.conf"), "w", encoding="ascii") as file:
            file.write(f"api = https://127.0.0.1:{self.site.port}\n"
                       f"ca = {self.site.path('ca.crt')}\nretry_longest = 1\n"
                       f"state_directory = {self.site.path('gatewayd')}\n")
        self.process = self.start_gatewayd()
        self.wait_for_state("pending")

    def start_gatewayd(self):
        process = self.bus.start([sys.argv[1], "--config", self.site.path("gatewayd.conf")])
        self.bus.wait_for_name(NAME)
        return process

    def tearDown(self):
        try:
            self.bus.close()
        finally:
            self.site.close()

    def get(self, name):
        return self.bus.proxy(NAME, PATH).get(NAME, name)

    def wait_for_state(self, state):
        self.bus.wait(f"State is {state}", lambda: self.get("State") == state)

    def approve(self):
        code = self.bus.proxy(NAME, PATH).call(NAME, "GetClaimCode")
        answer = self.owner.call("POST", "/v1/claims", {"claim_code": code})
        self.assertEqual(answer.status, 201)
        self.wait_for_state("running")
        return f"/v1/gateways/{self.get('GatewayId')}"

    def test_the_whole_way(self):
        """announce, approve, configure, rule, report, revoke"""
        path = self.approve()
        rule = self.owner.call("POST", path + "/rules",
                                         {"port_id": 80, "ip_address": "192.168.1.9"}).json
        self.bus.wait("the rule arrives", lambda: [r[0] for r in self.get("Rules")] == [
            rule["rule_id"]])
        self.bus.wait("its state is reported", lambda: self.owner.call(
            "GET", path + "/rules").json[0]["state"] == "waiting")
        self.bus.wait("status is reported", lambda: "status" in self.owner.call("GET", path).json)
        self.assertEqual(self.owner.call("DELETE", path).status, 204)
        self.wait_for_state("revoked")

    def test_both_come_back(self):
        """kill -9 of either end loses nothing"""
        path = self.approve()
        self.bus.stop(self.process, signal.SIGKILL)
        self.bus.wait_for_name(NAME, False)
        self.process = self.start_gatewayd()
        self.wait_for_state("running")
        self.site.stop(signal.SIGKILL)
        self.site.start()
        made = self.owner.call("POST", path + "/rules",
                               {"port_id": 80, "ip_address": "192.168.1.9"}).json
        self.bus.wait("the rule arrives", lambda: [r[0] for r in self.get("Rules")] == [
            made["rule_id"]])

    def test_key_rotation(self):
        """RotateKey brings another certificate"""
        self.approve()
        before = self.get("ConfigurationRevision")
        self.bus.proxy(NAME, PATH).call(NAME, "RotateKey")
        self.bus.wait("a newer configuration", lambda: self.get("ConfigurationRevision") > before)
        self.wait_for_state("running")


if __name__ == "__main__":
    tap.main(TestTogether)
