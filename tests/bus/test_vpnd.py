# SPDX-License-Identifier: GPL-3.0-or-later
"""vpnd with a SoftEther that misbehaves. With the real one: tests/netns/test_vpnd.py."""

import os
import shutil
import subprocess
import sys
import unittest

import lifetime
import tap
from busenv import DEADLINE, BusError, Gio, GLib, PrivateBus

VPND = sys.argv[1]
LIBEXEC = os.path.dirname(VPND)
FAKE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                    "fakes/fake_vpncmd.py")
NAME = "io.evercam.Vpn1"
PATH = "/io/evercam/Vpn1"
PATIENCE = DEADLINE + 22  # a vpncmd that hangs gets 20 s, and two more to end


def make_certificate(directory):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-keyout", f"{directory}/key.pem", "-out", f"{directory}/certificate.pem",
                    "-subj", "/CN=test"], check=True, capture_output=True)  # fmt: skip


class TestVpnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pki = lifetime.directory("vpnd")
        make_certificate(cls.pki)

    @classmethod
    def tearDownClass(cls):
        lifetime.remove(cls.pki)

    def setUp(self):
        self.directory = lifetime.directory("vpnd")
        self.addCleanup(lifetime.remove, self.directory)
        shutil.copy(FAKE, f"{self.directory}/vpncmd")
        self.bus = PrivateBus()
        self.vpn = self.bus.proxy(NAME, PATH)
        self.process = None

    def tearDown(self):
        self.bus.close()

    def start(self, mode="empty", vpncmd=None):
        self.be(mode)
        with open(f"{self.directory}/vpnd.conf", "w", encoding="ascii") as file:
            file.write(f"vpncmd = {vpncmd or self.directory + '/vpncmd'}\n"
                       f"libexec_directory = {LIBEXEC}\n"
                       f"state_directory = {self.directory}/state\n"
                       "nic = nosuch\n")  # fmt: skip
        self.process = self.bus.start([VPND, "--config", f"{self.directory}/vpnd.conf"])
        self.bus.wait_for_name(NAME)

    def be(self, mode):
        with open(f"{self.directory}/mode", "w", encoding="ascii") as file:
            file.write(mode)

    def calls(self):
        with open(f"{self.directory}/calls", encoding="ascii") as file:
            return file.read()

    def configure(self):
        with open(f"{self.pki}/certificate.pem", encoding="ascii") as file:
            pem = file.read()
        text = lambda value: GLib.Variant("s", value)
        settings = {
            "servers": GLib.Variant("a(sqi)", [("127.0.0.1", 9, 1)]),
            "hub": text("GW"), "username": text("gateway7"), "hostname": text("gateway7"),
            "certificate": text(pem), "server_certificates": GLib.Variant("as", [pem]),
            "mac_address": text("02:ac:00:00:00:07"),
        }  # fmt: skip
        fds = Gio.UnixFDList.new()
        fd = os.open(f"{self.pki}/key.pem", os.O_RDONLY)
        index = fds.append(fd)
        os.close(fd)
        self.vpn.call(NAME, "Configure", "(a{sv}h)", settings, index, fds=fds)

    def state(self):
        return self.vpn.get(NAME, "State")

    def fails_with(self, words):
        self.bus.wait("state failed", lambda: self.state() == "failed", PATIENCE)
        self.assertIn(words, self.vpn.get(NAME, "LastError"))

    def test_not_installed(self):
        """a vpncmd that is not there is told by its path, and what to install"""
        self.start(vpncmd="/nonexistent/vpncmd")
        self.configure()
        self.fails_with("/nonexistent/vpncmd")
        self.assertIn("softether-vpncmd", self.vpn.get(NAME, "LastError"))

    def test_crash(self):
        """a vpncmd that crashes"""
        self.start("crash")
        self.configure()
        self.fails_with("killed by signal 11")

    def test_garbage(self):
        """a vpncmd that answers with any bytes at all"""
        self.start("garbage")
        self.configure()
        self.fails_with("not understood")

    def test_flood(self):
        """a vpncmd that never stops talking"""
        self.start("flood")
        self.configure()
        self.fails_with("not understood")

    def test_prompt(self):
        """a vpncmd that asks gets no answer, and is not waited for"""
        self.start("prompt")
        self.configure()
        self.fails_with("not understood")

    def test_hang(self):
        """a vpncmd that hangs is ended; meanwhile vpnd answers"""
        self.start("hang")
        self.configure()
        self.assertEqual(self.state(), "preparing")
        self.fails_with("timed out")

    def test_refusal(self):
        """a command that is refused is told with its name and the client's words"""
        self.start("refuse")
        self.configure()
        self.fails_with("refuses NicCreate (code 31): The name is no good.")

    def test_no_interface(self):
        """an adapter that makes no interface"""
        self.start()
        self.configure()
        self.fails_with("made no interface vpn_nosuch")
        self.assertIn("NicCreate nosuch\nNicSetSetting nosuch /MAC:02:ac:00:00:00:07\n",
                      self.calls())  # fmt: skip

    def test_new_request_ends_old(self):
        """a vpncmd that hangs does not hold up what is asked next"""
        self.start("hang")
        self.configure()
        self.bus.wait("it runs", lambda: os.path.exists(f"{self.directory}/calls"))
        self.be("empty")
        self.vpn.call(NAME, "Forget")
        self.assertEqual(self.state(), "unconfigured")
        self.assertIn("NicDelete nosuch", self.calls())

    def test_killed_children(self):
        """a vpncmd ends with a vpnd that is killed"""
        self.start("hang")
        self.configure()
        self.bus.wait("it runs", lambda: os.path.exists(f"{self.directory}/calls"))
        self.process.kill()
        self.bus.wait("no vpncmd", lambda: subprocess.run(
            ["pgrep", "-f", f"{self.directory}/vpncmd"], capture_output=True,
            check=False).returncode == 1)  # fmt: skip

    def test_damaged_settings(self):
        """settings that the disk has damaged: told, not guessed, and replaced by new ones"""
        os.mkdir(f"{self.directory}/state", 0o700)
        with open(f"{self.directory}/state/settings.json", "w", encoding="ascii") as file:
            file.write('{"servers":[')
        self.start()
        self.assertEqual(self.state(), "unconfigured")
        self.assertIn("configure the VPN again", self.vpn.get(NAME, "LastError"))
        self.configure()
        self.bus.wait("it goes on", lambda: self.state() != "unconfigured")

    def test_stored_settings(self):
        """settings survive, and are taken up without anybody asking"""
        self.start()
        self.configure()
        self.bus.stop(self.process)
        self.start()
        self.bus.wait("it has begun", lambda: self.state() in ("preparing", "failed"))
        self.assertEqual(self.vpn.get(NAME, "Server"), "127.0.0.1:9")

    def test_arguments(self):
        """wrong types and unknown members get the standard errors"""
        self.start()
        for method, signature, arguments, error in (
            ("Configure", "(s)", ("x",), "org.freedesktop.DBus.Error.InvalidArgs"),
            ("Nothing", "()", (), "org.freedesktop.DBus.Error.UnknownMethod"),
        ):
            with self.assertRaises(BusError) as caught:
                self.vpn.call(NAME, method, signature, *arguments)
            self.assertEqual(caught.exception.name, error)
        with self.assertRaises(BusError) as caught:
            self.vpn.get(NAME, "Nothing")
        self.assertEqual(caught.exception.name, "org.freedesktop.DBus.Error.UnknownProperty")

    def test_bad_configuration(self):
        """values that would break a command file are refused at start"""
        for line in ("nic = Ether", "account = a b", "state_directory = /a b", "tcp_connections = 0"):
            with open(f"{self.directory}/bad.conf", "w", encoding="ascii") as file:
                file.write(line + "\n")
            done = subprocess.run([VPND, "--config", f"{self.directory}/bad.conf", "--check-config"],
                                  capture_output=True, text=True, check=False)  # fmt: skip
            self.assertEqual(done.returncode, 2, line)
            key = line.split(" ", maxsplit=1)[0]
            self.assertIn(f"/bad.conf:1: {key}: must be", done.stderr)

    def test_check_config_finds_programs(self):
        """--check-config: the programs it needs are there, and which package has them"""
        programs = {"vpncmd": "/bin/true", "dhcp_client": "/bin/true"}
        for key, path, problem in (("vpncmd", "/nonexistent", "is softether-vpncmd installed"),
                                   ("dhcp_client", "/nonexistent", "is udhcpc installed"),
                                   ("vpncmd", "/tmp", "is not a program"),
                                   ("vpncmd", "/bin/true", None)):  # fmt: skip
            with open(f"{self.directory}/programs.conf", "w", encoding="ascii") as file:
                for name, value in {**programs, key: path}.items():
                    file.write(f"{name} = {value}\n")
            done = subprocess.run(
                [VPND, "--config", f"{self.directory}/programs.conf", "--check-config"],
                capture_output=True, text=True, check=False)  # fmt: skip
            self.assertEqual(done.returncode, 2 if problem else 0, done.stderr)
            if problem:
                self.assertRegex(done.stderr, rf"programs.conf:\d: {key}: {path} .*{problem}")


if __name__ == "__main__":
    tap.main(TestVpnd)
