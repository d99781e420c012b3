# SPDX-License-Identifier: GPL-3.0-or-later
"""gatewayctl's verbs with daemons that only pretend; status with real ones: test_gatewayd.py."""

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest
from fcntl import ioctl

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests/fakes"))

import tap  # noqa: E402
from busenv import GLib, PrivateBus  # noqa: E402
from fake_peers import FakeDiscovery, FakeError, FakeRouting, FakeService, FakeVpn  # noqa: E402

GATEWAYCTL = sys.argv[1]
DONE, FAILED, USAGE, ATTENTION, NOT_RUNNING, DENIED = range(6)
VERBS = ("status", "devices", "forwards", "vpn", "scan", "add", "forget", "sync", "monitor", "reset",
         "gateways")  # fmt: skip
CAMERA = {"MacAddress": "aa:bb:cc:00:00:01", "Address": "192.168.1.10", "Name": "Gate",
          "Ports": [(80, "http"), (554, "rtsp")], "Vendor": "Axis", "Model": "P1448"}  # fmt: skip


class FakeGateway(FakeService):
    def __init__(self, bus):
        super().__init__(bus, "io.evercam.Gateway1", {
            "State": "running", "GatewayId": 12, "LastError": "",
            "MacAddress": "02:00:00:00:00:01", "ApiReachable": True,
            "Rules": [(1, "tcp", 10000, "192.168.1.10", 80, "active", "")]})  # fmt: skip


class FakeRoutes(FakeRouting):
    def answer(self, method, arguments, invocation):
        if method != "List":
            return super().answer(method, arguments, invocation)
        text = lambda value: GLib.Variant("s", value)
        return GLib.Variant("(a(sqsqsa{sv}))", ([
            ("tcp", 10000, "192.168.1.10", 80, "vpn_0", {"set": text("gateway"), "state": text("active")}),
            ("udp", 7, "192.168.1.9", 7, "eth1",
             {"set": text("mine"), "name": text("echo"), "state": text("waiting")}),
        ],))  # fmt: skip


class ScanningDiscovery(FakeDiscovery):
    def answer(self, method, arguments, invocation):
        self.set(Scanning=True)
        return None


class FakeVpnService(FakeService):
    def __init__(self, bus):
        self.sessions = [{"gateway_id": GLib.Variant("t", 7),
                          "connected_since": GLib.Variant("x", int(time.time()) - 300),
                          "client_address": GLib.Variant("s", "192.0.2.7"),
                          "bytes_in": GLib.Variant("t", 1200000),
                          "bytes_out": GLib.Variant("t", 5000)}]  # fmt: skip
        super().__init__(bus, "io.evercam.VpnService1",
                         {"GatewayCount": 2, "PoolFree": 4000, "LastError": ""})  # fmt: skip

    def gateway(self, number):
        text = lambda value: GLib.Variant("s", value)
        return {"gateway_id": GLib.Variant("t", number), "vpn_username": text(f"gateway{number}"),
                "vpn_local_hostname": text(f"gateway{number}.vpn"),
                "vpn_ip_address": text(f"10.44.0.{number}"), "state": text("provisioned")}  # fmt: skip

    def answer(self, method, arguments, invocation):
        if method == "ListGateways":
            return GLib.Variant("(aa{sv})", ([self.gateway(7), self.gateway(8)],))
        if self.sessions is None:
            raise FakeError("io.evercam.Error.Unreachable", "SoftEther does not answer in time")
        return GLib.Variant("(aa{sv})", (self.sessions,))


class Case(unittest.TestCase):
    def setUp(self):
        self.bus = PrivateBus()
        self.addCleanup(self.bus.close)

    def spawn(self, *arguments, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                   "stderr": subprocess.PIPE, "text": True, **options}  # fmt: skip
        # Who started the tests in the background has made them, and all below, deaf to SIGINT.
        process = subprocess.Popen(
            [GATEWAYCTL, *arguments], env=self.bus.environment(),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options)  # fmt: skip
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def finish(self, process):
        self.bus.wait(f"{process.args} ends", lambda: process.poll() is not None)
        out, error = process.communicate()
        return process.returncode, out, error

    def ctl(self, *arguments):
        return self.finish(self.spawn(*arguments))

    def json(self, *arguments, code=DONE):
        status, out, error = self.ctl("--json", *arguments)
        self.assertEqual(status, code, error)
        return json.loads(out)


class TestVerbs(Case):
    def test_devices(self):
        """devices: a table, and the same as JSON"""
        discovery = FakeDiscovery(self.bus)
        code, out, _error = self.ctl("devices")
        self.assertEqual(code, DONE)
        self.assertIn("gatewayctl scan", out)
        discovery.add("aabbcc000001", **CAMERA)
        discovery.add("aabbcc000002", Address="192.168.1.9", Confidence=0.3)
        code, out, error = self.ctl("devices")
        self.assertEqual((code, error), (DONE, ""))
        self.assertRegex(
            out, r"(?m)^  Gate +Axis +P1448 +192\.168\.1\.10 +aa:bb:cc:00:00:01 +80 554")
        self.assertRegex(out, r"(?m)192\.168\.1\.9 .* unsure$")
        discovery.add("aabbcc000003", Address="192.0.0.64", Confidence=0.9,
                      Unreachable="not of eth0's network; give it another address")
        out = self.ctl("devices")[1]
        self.assertRegex(out, r"(?m)192\.0\.0\.64 .* unreachable$")
        self.assertIn("\n192.0.0.64: not of eth0's network; give it another address\n", out)
        devices = self.json("devices")["devices"]
        self.assertEqual({device["path"] for device in devices},
                         {f"/io/evercam/Discovery1/device/aabbcc00000{i}" for i in (1, 2, 3)})  # fmt: skip

    def test_forwards(self):
        """forwards: rules and what others have set; also with gatewayd or routed away"""
        gateway, routed = FakeGateway(self.bus), FakeRoutes(self.bus)
        FakeDiscovery(self.bus).add("aabbcc000001", **CAMERA)
        code, out, error = self.ctl("forwards")
        self.assertEqual((code, error), (DONE, ""))
        self.assertRegex(out, r"(?m)^  tcp 10000 +192\.168\.1\.10:80 +Gate +gateway +active$")
        self.assertRegex(out, r"(?m)^  udp 7 +192\.168\.1\.9:7 +echo +mine +waiting$")
        self.assertEqual(len(self.json("forwards")["forwards"]), 2)
        gateway.close()
        self.bus.wait_for_name(gateway.name, present=False)
        self.assertEqual([f["set"] for f in self.json("forwards")["forwards"]], ["gateway", "mine"])
        routed.close()
        self.bus.wait_for_name(routed.name, present=False)
        code, out, error = self.ctl("forwards")
        self.assertEqual((code, out), (NOT_RUNNING, ""))
        self.assertIn("systemctl start evercam-routed", error)

    def test_vpn(self):
        """vpn: exit code 3 unless it is up"""
        vpn = FakeVpn(self.bus, State="connecting", Server="vpn.example:80")
        code, out, _error = self.ctl("vpn")
        self.assertEqual(code, ATTENTION)
        self.assertIn("connecting", out)
        vpn.set(State="up", Address="10.44.0.7/20", ConnectedSince=int(time.time()) - 300)
        code, out, _error = self.ctl("vpn")
        self.assertEqual(code, DONE)
        self.assertRegex(out, r"Address +10\.44\.0\.7/20\n.*Connected +5 min")
        self.assertEqual(self.json("vpn")["server"], "vpn.example:80")

    def test_why(self):
        """devices --why: what was told, what it weighs, and what is made of it; also as JSON"""
        discovery = FakeDiscovery(self.bus)
        now = int(time.time())
        discovery.explanations["192.168.1.7"] = {
            "Id": "525400aa0001", "Verdict": "rejected", "Sum": -0.5, "CandidateFrom": 0.4,
            "CameraFrom": 0.8, "MacAddress": "52:54:00:aa:00:01", "Address": "192.168.1.7",
            "Name": "Office\x1b[2J", "Facts": [
                ("rtsp", "service", 554, "rtsp", now - 5, 0.0, 0.0),
                ("rtsp", "trait", 0, "rtsp-answers", now - 5, 0.3, 0.0),
                ("wsd", "trait", 0, "computer", now - 300, -0.8, 0.0)]}  # fmt: skip
        code, out, error = self.ctl("devices", "--why", "192.168.1.7")
        self.assertEqual((code, error), (DONE, ""))
        self.assertIn("Office?[2J, at 192.168.1.7, MAC 52:54:00:aa:00:01: not a camera", out)
        self.assertRegex(out, r"ADDS .*\n"
                              r" +-0\.80 +wsd +trait +- +computer +5 min\n"
                              r" +\+0\.30 +rtsp +trait +- +rtsp-answers +\d+ s\n"
                              r" +- +rtsp +service +554 +rtsp +\d+ s\n")  # fmt: skip
        self.assertIn("adds up to -0.50. From 0.40", out)
        explanation = self.json("devices", "--why", "192.168.1.7")
        self.assertEqual(explanation["verdict"], "rejected")
        self.assertEqual(explanation["facts"][2], {
            "source": "wsd", "field": "trait", "port": 0, "value": "computer", "time": now - 300,
            "weight": -0.8, "alone": 0})  # fmt: skip
        discovery.explanations["192.168.1.7"].update({"Verdict": "camera", "Facts": [
            ("wsd", "trait", 0, "onvif-device", now, 0.9, 0.9)]})  # fmt: skip
        out = self.ctl("devices", "--why", "192.168.1.7")[1]
        self.assertIn(": a camera.", out)
        self.assertIn("but onvif-device alone is worth 0.90", out)
        code, out, error = self.ctl("devices", "--why", "192.168.1.8")
        self.assertEqual((code, out), (FAILED, ""))
        self.assertIn("Nothing was heard", error)
        code, out, error = self.ctl("status", "--why", "192.168.1.8")
        self.assertEqual((code, out), (USAGE, ""))

    def test_scan(self):
        """scan: what is known at once, then each camera as it comes, then the count"""
        discovery = ScanningDiscovery(self.bus)
        discovery.add("aabbcc000001", **CAMERA)
        process = self.spawn("scan")
        self.bus.wait("Scan is called", lambda: discovery.called("Scan"))
        discovery.add("aabbcc000002", **{**CAMERA, "Name": "Yard", "Address": "192.168.1.11"})
        seen = ""
        while "Yard" not in seen:  # before the end
            line = process.stdout.readline()
            self.assertTrue(line, seen)
            seen += line
        discovery.set(Scanning=False)
        code, out, error = self.finish(process)
        self.assertEqual((code, error), (DONE, ""))
        self.assertRegex(seen, "NAME.*\n.*Gate.*\n.*Yard")
        self.assertEqual(out, "\n2 cameras\n")

    def test_scan_progress(self):
        """scan on a terminal: how far it has come, wiped away before each camera and at the end"""
        discovery = ScanningDiscovery(self.bus)
        terminal, end = os.openpty()
        self.addCleanup(os.close, terminal)
        process = self.spawn("scan", stderr=end)
        os.close(end)
        self.bus.wait("Scan is called", lambda: discovery.called("Scan"))
        discovery.set(ScanProgress=42)
        seen = b""
        while b"42 %, 0 so far" not in seen:
            seen += os.read(terminal, 4096)
        discovery.add("aabbcc000001", **CAMERA)
        discovery.set(ScanProgress=100, Scanning=False)
        self.assertIn("1 camera\n", process.stdout.read())
        self.assertEqual(process.wait(), DONE)
        while not seen.endswith(b"\r\x1b[K"):
            seen += os.read(terminal, 4096)

    def test_scan_json(self):
        """scan --json: one document at the end; nothing on the way"""
        discovery = FakeDiscovery(self.bus)  # has nothing to do: Scanning stays false
        discovery.add("aabbcc000001", **CAMERA)
        self.assertEqual(self.json("scan")["devices"][0]["name"], "Gate")

    def test_scan_refused(self):
        """scan: who may not is told so, and shown nothing"""
        discovery = FakeDiscovery(self.bus)
        discovery.add("aabbcc000001", **CAMERA)
        discovery.failure = ("org.freedesktop.DBus.Error.AccessDenied", "no")
        for arguments in (("scan",), ("--json", "scan")):
            code, out, error = self.ctl(*arguments)
            self.assertEqual((code, out), (DENIED, ""))
            self.assertIn("cannot scan: that is for root and members of the group evercam", error)

    def test_scan_loses_discoverd(self):
        """scan: a discoverd that ends meanwhile is no result"""
        discovery = ScanningDiscovery(self.bus)
        process = self.spawn("scan")
        self.bus.wait("Scan is called", lambda: discovery.called("Scan"))
        discovery.close()
        code, _out, error = self.finish(process)
        self.assertEqual(code, NOT_RUNNING)
        self.assertIn("discoverd ended", error)

    def test_sync_and_reset(self):
        """sync and reset call gatewayd; its refusal is told"""
        gateway = FakeGateway(self.bus)
        self.assertEqual(self.ctl("sync")[0], DONE)
        self.assertEqual(self.json("sync"), {"ok": True})
        code, _out, error = self.ctl("reset")
        self.assertEqual(code, USAGE)
        self.assertIn("--yes", error)
        self.assertEqual(gateway.called("Reset"), [])
        self.assertEqual(self.ctl("--yes", "reset")[0], DONE)
        self.assertEqual((len(gateway.called("Sync")), len(gateway.called("Reset"))), (2, 1))
        gateway.failure = ("io.evercam.Error.NotReady", "Not approved yet")
        code, _out, error = self.ctl("sync")
        self.assertEqual((code, error), (FAILED, "gatewayctl: cannot sync: Not approved yet\n"))
        gateway.failure = ("org.freedesktop.DBus.Error.AccessDenied", "no")
        code, _out, error = self.ctl("sync")
        self.assertEqual(code, DENIED)
        self.assertIn("group evercam", error)

    def test_add_and_forget(self):
        """add and forget: one address each, and what discoverd says of it"""
        discovery = FakeDiscovery(self.bus)
        code, out, _error = self.ctl("add", "10.1.0.20")
        self.assertEqual(code, DONE)
        self.assertIn("Looking for a camera at 10.1.0.20;", out)
        self.assertEqual(self.json("forget", "10.1.0.20"), {"ok": True})
        self.assertEqual(discovery.calls,
                         [("AddAddress", ("10.1.0.20",)), ("RemoveAddress", ("10.1.0.20",))])
        discovery.failure = ("io.evercam.Error.NotFound", "This address was not added.")
        code, _out, error = self.ctl("forget", "10.1.0.20")
        self.assertEqual((code, error), (
            FAILED, "gatewayctl: cannot forget the address: This address was not added.\n"))

    def test_gateways(self):
        """gateways: the VPN host's accounts and who is connected; elsewhere a sentence"""
        code, out, error = self.ctl("gateways")
        self.assertEqual((code, out), (NOT_RUNNING, ""))
        self.assertIn("vpn-service is not running: start it", error)
        gateway = FakeGateway(self.bus)
        code, out, error = self.ctl("gateways")
        self.assertEqual((code, out, error.count("\n")), (NOT_RUNNING, "", 1))
        self.assertIn("is for the VPN host", error)
        gateway.close()
        self.bus.wait_for_name(gateway.name, present=False)
        service = FakeVpnService(self.bus)
        code, out, _error = self.ctl("gateways")
        self.assertEqual(code, DONE)
        self.assertRegex(out, r"(?m)^  7 +gateway7\.vpn +10\.44\.0\.7 +- +provisioned +5 min +"
                              r"192\.0\.2\.7 +1\.2 MB +5\.0 kB$")  # fmt: skip
        self.assertRegex(out, r"(?m)^  8 +gateway8\.vpn +10\.44\.0\.8 +- +provisioned +- ")
        self.assertIn("2 gateways, 1 connected, 4000 addresses left", out)
        first, second = self.json("gateways")["gateways"]
        self.assertEqual((first["gateway_id"], first["connected"], first["bytes_in"]),
                         (7, True, 1200000))  # fmt: skip
        self.assertEqual((second["connected"], second.get("bytes_in")), (False, None))
        self.assertIn("2 gateways, 1 connected", self.ctl("status")[1])
        service.set(LastError="SoftEther does not answer")
        self.assertEqual(self.ctl("gateways")[0], ATTENTION)

    def test_gateways_without_sessions(self):
        """gateways: the accounts are shown when SoftEther does not say who is connected"""
        FakeVpnService(self.bus).sessions = None
        code, out, error = self.ctl("gateways")
        self.assertEqual((code, error), (ATTENTION, ""))
        self.assertRegex(out, r"(?m)^  7 +gateway7\.vpn .* provisioned +\? ")
        self.assertIn("not known: SoftEther does not answer in time", out)
        document = self.json("gateways", code=ATTENTION)
        self.assertEqual([g["connected"] for g in document["gateways"]], [None, None])
        self.assertIn("does not answer", document["sessions_problem"])

    def test_not_running(self):
        """a daemon that is not running: which, what to do, exit code 4"""
        for verb, daemon in (("devices", "discoverd"), ("scan", "discoverd"), ("vpn", "vpnd"),
                             ("forwards", "routed"), ("sync", "gatewayd")):  # fmt: skip
            code, out, error = self.ctl(verb)
            self.assertEqual((code, out), (NOT_RUNNING, ""), verb)
            self.assertIn(f"systemctl start evercam-{daemon}", error)


class TestMonitor(Case):
    def lines(self, process):
        """What it has printed so far, without waiting."""
        while select.select([process.stdout], [], [], 0)[0]:
            part = os.read(process.stdout.fileno(), 65536)
            if not part:
                break
            self.seen += part.decode()
        return self.seen

    def expect(self, process, pattern):
        self.bus.wait(f"monitor tells {pattern}", lambda: re.search(pattern, self.lines(process)))

    def start(self, *arguments):
        self.seen = ""
        self.gateway, self.vpn = FakeGateway(self.bus), FakeVpn(self.bus)
        self.discovery = FakeDiscovery(self.bus)
        self.discovery.add("aabbcc000001", **CAMERA)
        return self.spawn(*arguments, "monitor", text=False, bufsize=0)

    def test_stream(self):
        """monitor: one line for each thing that happens"""
        process = self.start()
        for text in ("gatewayd +running", "vpnd +unconfigured", "discoverd +1 devices",
                     "routed +not running"):  # fmt: skip
            self.expect(process, text)
        self.vpn.set(State="up", Address="10.44.0.7/20")
        self.expect(process, r"vpnd +up, 10\.44\.0\.7/20 \(was unconfigured\)")
        self.discovery.add("aabbcc000002", **{**CAMERA, "Name": "Yard \x1b[2J"})
        self.expect(process, r"discoverd +found Yard \?\[2J, Axis P1448 at 192\.168\.1\.10")
        gate = self.discovery.objects["/io/evercam/Discovery1/device/aabbcc000001"]
        gate.set(Address="192.168.1.20")
        self.expect(process, r"Gate moved from 192\.168\.1\.10 to 192\.168\.1\.20")
        self.discovery.remove("aabbcc000001")
        self.expect(process, r"lost Gate at 192\.168\.1\.20")
        self.gateway.set(Rules=[(1, "tcp", 10000, "192.168.1.20", 80, "active", "")])
        self.expect(process, r"gatewayd +tcp 10000 -> 192\.168\.1\.20:80 is active")
        self.gateway.set(State="pending", LastError="something")
        self.expect(process, r"pending \(was running\)\n.*'gatewayctl status' shows the claim code\n.*something")
        self.discovery.close()
        self.expect(process, r"discoverd +not running")
        self.assertNotIn("lost Yard", self.seen)
        routed = FakeRouting(self.bus)
        self.expect(process, r"routed +0 forwards")
        routed.connection.emit_signal(
            None, routed.path, routed.name, "ForwardExpired", GLib.Variant(
                "(s(sqsqsa{sv}))",
                ("gateway", ("tcp", 10000, "192.168.1.10", 80, "vpn_0", {}))))  # fmt: skip
        self.expect(process, r"routed +tcp 10000 has expired")
        routed.close()
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.bus.wait("it ends", lambda: process.poll() == -signal.SIGINT)

    def test_json(self):
        """monitor --json: one object per line"""
        process = self.start("--json")
        for daemon in ("discoverd", "vpnd"):
            self.expect(process, f'"daemon":"{daemon}","event":"present"')
        self.vpn.set(State="up")
        self.expect(process, '"event":"state".*\n')
        events = [json.loads(line) for line in self.seen.splitlines()]
        self.assertTrue(all({"time", "daemon", "event", "text"} <= set(event) for event in events))
        self.assertEqual([(e["old"], e["new"]) for e in events if e["event"] == "state"],
                         [("unconfigured", "up")])  # fmt: skip

    def test_bus_lost(self):
        """monitor: ends when the bus does"""
        process = self.start()
        self.expect(process, "vpnd")
        self.bus.daemon.terminate()
        code, _out, error = self.finish(process)
        self.assertEqual(code, FAILED)
        self.assertIn("bus is gone", error.decode())


class TestTerminal(Case):
    def on_terminal(self, *arguments, columns=60, **environment):
        """Its output on a terminal of that width."""
        master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [GATEWAYCTL, *arguments], stdin=slave, stdout=slave, stderr=slave,
            env=self.bus.environment(TERM="xterm", **environment))  # fmt: skip
        os.close(slave)
        self.bus.wait("it ends", lambda: process.poll() is not None)
        out = b""
        try:
            while part := os.read(master, 4096):
                out += part
        except OSError:
            pass  # the other end is closed
        os.close(master)
        return out.decode().replace("\r\n", "\n")

    def test_width_and_colour(self):
        """a table fits its terminal; colours only there, and not with NO_COLOR"""
        discovery = FakeDiscovery(self.bus)
        discovery.add("aabbcc000001", **{**CAMERA, "Name": "A camera with a very long name indeed"})
        out = self.on_terminal("devices", columns=90)
        self.assertIn("\x1b[32monline\x1b[0m", out)
        plain = self.on_terminal("devices", columns=90, NO_COLOR="1")
        self.assertNotIn("\x1b", plain)
        self.assertTrue(all(len(line) <= 90 for line in plain.splitlines()), plain)
        self.assertIn("~", plain)
        code, out, _error = self.ctl("devices")
        self.assertNotIn("\x1b", out)
        self.assertIn("A camera with a very long name indeed", out)

    def test_every_width(self):
        """nothing is wider than the terminal, however narrow, and what matters most is there"""
        daemons = [FakeGateway(self.bus), FakeRoutes(self.bus), FakeVpnService(self.bus)]
        daemons.append(FakeVpn(
            self.bus, State="up", Server="vpn.example:80", Address="10.44.0.7/20",
            Interface="vpn_0", ConnectedSince=int(time.time()) - 300))  # fmt: skip
        discovery = FakeDiscovery(self.bus)
        discovery.add("aabbcc000001", **{**CAMERA, "Name": "A camera with a very long name indeed",
                                         "Model": "AN-EXTREMELY-LONG-MODEL-NUMBER-1234",
                                         "Ports": [(p, "http") for p in (80, 443, 554, 8000)],
                                         "LastSeen": int(time.time())})  # fmt: skip
        for columns in (40, 60, 80, 132):
            for verb, seen in (("status", "A came"), ("devices", "online"), ("scan", "192.168"),
                               ("forwards", "active"), ("vpn", "10.44.0.7"),
                               ("gateways", "provi")):  # fmt: skip
                out = self.on_terminal(verb, columns=columns, NO_COLOR="1")
                lines = re.sub("looking for [^\r\n\x1b]*|\r|\x1b\\[K", "", out).splitlines()
                self.assertTrue(all(len(line) <= columns for line in lines), out)
                self.assertIn(seen, out)

    def test_confirmation(self):
        """reset asks on a terminal; anything but yes is no"""
        gateway = FakeGateway(self.bus)
        for answer, calls in ((b"y\n", 0), (b"yes\n", 1)):
            master, slave = pty.openpty()
            process = subprocess.Popen([GATEWAYCTL, "reset"], stdin=slave, stdout=slave,
                                       stderr=slave, env=self.bus.environment())  # fmt: skip
            os.close(slave)
            os.write(master, answer)
            self.bus.wait("it ends", lambda: process.poll() is not None)
            os.close(master)
            self.assertEqual(len(gateway.called("Reset")), calls)
            self.assertEqual(process.returncode, DONE if calls else USAGE)


class TestUsage(Case):
    def test_help_does_nothing(self):
        """VERB --help explains, and does nothing"""
        gateway, discovery = FakeGateway(self.bus), FakeDiscovery(self.bus)
        code, general, _error = self.ctl("--help")
        self.assertEqual(code, DONE)
        for verb in VERBS:
            self.assertRegex(general, rf"(?m)^  {verb} ")
            code, out, error = self.ctl(verb, "--help", "--yes")
            self.assertEqual((code, error), (DONE, ""))
            self.assertIn(f"{verb}:", out)
        self.assertEqual(gateway.calls + discovery.calls, [])

    def test_wrong_usage(self):
        """unknown verbs and options, and too many"""
        for arguments, reason in (((), "a verb is missing"), (("--json",), "a verb is missing"),
                                  (("dance",), "'dance' is not a verb"),
                                  (("status", "now"), "'now' is too much"),
                                  (("--loud", "status"), "--loud"),
                                  (("add",), "add what?"), (("add", "1", "2"), "'2' is too much"),
                                  (("dance", "--help"), "'dance' is not a verb"),
                                  (("--why", "x", "vpn"), "--why")):  # fmt: skip
            code, out, error = self.ctl(*arguments)
            self.assertEqual((code, out), (USAGE, ""), arguments)
            self.assertIn(reason, error)
            self.assertIn("Usage:", error)

    def test_completion_and_manual(self):
        """the completion and the manual page know the verbs and options of --help"""
        help_text = self.ctl("--help")[1]
        verbs = set(re.findall(r"(?m)^  ([a-z]+) ", help_text))
        options = set(re.findall(r"(?m)^  (--[a-z]+) ", help_text))
        self.assertEqual(verbs, set(VERBS))
        script = os.path.join(SOURCE, "packaging/completion/gatewayctl")
        for line, words in (("gatewayctl ''", verbs), ("gatewayctl --json ''", verbs),
                            ("gatewayctl -", options), ("gatewayctl status ''", set())):  # fmt: skip
            shell = (f"source {script}; COMP_WORDS=({line}); "
                     "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gatewayctl; echo ${COMPREPLY[@]}")
            done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
            self.assertEqual(set(done.stdout.split()), words, line)
        with open(os.path.join(SOURCE, "doc/gatewayctl.1.rst"), encoding="utf-8") as file:
            manual = file.read()
        for word in verbs:
            self.assertRegex(manual, rf"(?m)^{word}$")
        for word in options:
            self.assertIn(word, manual)

    def test_output_that_fails(self):
        """a full disk is a failure, and said"""
        discovery = FakeDiscovery(self.bus)
        for i in range(200):  # more than is kept back before it is written
            discovery.add(f"aabbcc{i:06x}", **CAMERA)
        for arguments in (("status",), ("devices",), ("--json", "devices"), ("scan",), ("monitor",),
                          ("--help",), ("--version",)):  # fmt: skip
            with open("/dev/full", "w", encoding="ascii") as full:
                process = self.spawn(*arguments, stdout=full)
                self.bus.wait(f"{arguments} ends", lambda p=process: p.poll() is not None)
            self.assertEqual(process.returncode, FAILED, arguments)
            self.assertIn("gatewayctl: cannot write the output", process.stderr.read(), arguments)


if __name__ == "__main__":
    tap.main(TestVerbs, TestMonitor, TestTerminal, TestUsage)
