#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""apid init: what it makes, that it keeps what is there, and what it says of wrong words."""

import os
import subprocess
import sys
import tempfile
import unittest

import lifetime
import namespaces
import tap

APID = sys.argv[1]
ETC = "/etc/evercam-gateway"
STATE = "/var/lib/evercam-gateway"
PASSWORD = "a long enough password"
FROM_VPN_SERVICE = {
    "vpn-service.token": "token\n", "vpn-service.address": "vpn1.example.com:6060\n",
}  # fmt: skip


def init(*words, password=""):
    return subprocess.run(
        [APID, "init", *words], input=password, capture_output=True, text=True, timeout=60
    )


def read(path):
    with open(f"{ETC}/{path}") as file:
        return file.read()


def hide_directories():
    """The machine's own are not ours to write to: these are gone with the test."""
    for path in ("/etc", "/var/lib"):
        upper = tempfile.mkdtemp(dir="/run")
        os.mkdir(f"{upper}/work")
        os.mkdir(f"{upper}/up")
        namespaces.run("mount", "-t", "overlay", "overlay", "-o",
                       f"lowerdir={path},upperdir={upper}/up,workdir={upper}/work", path)  # fmt: skip


class TestInit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        hide_directories()

    def setUp(self):
        for path in (ETC, STATE):
            os.makedirs(path, exist_ok=True)
            namespaces.run("mount", "-t", "tmpfs", "tmpfs", path)
            self.addCleanup(namespaces.run, "umount", path)
        self.client = lifetime.directory("apid-init")
        self.addCleanup(lifetime.remove, self.client)
        for name, text in FROM_VPN_SERVICE.items():
            with open(f"{self.client}/{name}", "w") as file:
                file.write(text)
        for name in ("ca", "client"):
            namespaces.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                           "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-days", "2",
                           "-keyout", f"{self.client}/vpn-service-{name}.key",
                           "-out", f"{self.client}/vpn-service-{name}.crt")  # fmt: skip

    def whole(self):
        return init("--name", "api.example.com", "--vpn-service", self.client, "--admin", "alice",
                    password=PASSWORD + "\n")  # fmt: skip

    def everything(self):
        found = {}
        for directory, _, names in os.walk(ETC):
            for name in names:
                path = os.path.join(directory, name)
                with open(path) as file:
                    found[path] = (file.read(), os.stat(path).st_mode)
        return found

    def test_makes_all(self):
        """one command makes all that apid needs, and says what gateways need"""
        done = self.whole()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("api = https://api.example.com", done.stdout)
        self.assertIn(f"ca = {ETC}/api-ca.crt", done.stdout)
        self.assertNotIn(PASSWORD, done.stdout + done.stderr)
        self.assertEqual(read("vpn-service.token"), "token\n")
        self.assertIn("vpn_service = vpn1.example.com:6060", read("apid.conf.d/50-init.conf"))
        for path in ("apid.key", "vpn-service.token", "vpn-service-client.key", "apid/api-ca.key"):
            self.assertEqual(os.stat(f"{ETC}/{path}").st_mode & 0o777, 0o600, path)
        checked = subprocess.run([APID, "--check-config"], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_certificate(self):
        """the certificate is the host's, by the authority that gateways get"""
        self.assertEqual(self.whole().returncode, 0)
        namespaces.run("openssl", "verify", "-CAfile", f"{ETC}/api-ca.crt", "-purpose", "sslserver",
                       "-verify_hostname", "api.example.com", f"{ETC}/apid.crt")  # fmt: skip

    def test_again(self):
        """run again without a word, it changes nothing"""
        self.assertEqual(self.whole().returncode, 0)
        before = self.everything()
        done = init()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.everything(), before)

    def test_other_name(self):
        """another name: another certificate, the same authority"""
        self.assertEqual(self.whole().returncode, 0)
        authority, certificate = read("api-ca.crt"), read("apid.crt")
        self.assertEqual(init("--name", "api2.example.com").returncode, 0)
        self.assertEqual(read("api-ca.crt"), authority)
        self.assertNotEqual(read("apid.crt"), certificate)
        self.assertIn("https://api2.example.com", read("apid.conf.d/50-init.conf"))

    def test_own_certificate(self):
        """the operator's own certificate is kept, and no authority is made"""
        with open(f"{ETC}/apid.crt", "w") as file:
            file.write("mine\n")
        done = init("--name", "api.example.com")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(read("apid.crt"), "mine\n")
        self.assertFalse(os.path.exists(f"{ETC}/api-ca.crt"))
        self.assertNotIn("ca = ", done.stdout)

    def test_wrong_words(self):
        """wrong words change nothing"""
        for words in ((), ("--name", "not a name"), ("--name", "a..b"), ("--nonsense",),
                      ("--name", "api.example.com", "superfluous"),
                      ("--name", "api.example.com", "--admin", "al/ice")):  # fmt: skip
            self.assertEqual(init(*words, password=PASSWORD + "\n").returncode, 2, words)
        short = init("--name", "api.example.com", "--admin", "alice", password="short\n")
        self.assertEqual(short.returncode, 2)
        missing = init("--name", "api.example.com", "--vpn-service", "/nonexistent")
        self.assertEqual(missing.returncode, 1)
        self.assertIn("/nonexistent/vpn-service.address", missing.stderr)
        self.assertEqual(self.everything(), {})


if __name__ == "__main__":
    namespaces.isolate()
    tap.main(TestInit)
