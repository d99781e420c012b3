# SPDX-License-Identifier: GPL-3.0-or-later
"""vpnd with SoftEther's real client and server, real DHCP, and the faults that a site sees."""

import os
import stat
import sys
import unittest

import lifetime
import tap
import vpn_site
from busenv import DEADLINE, BusError, Gio, GLib, Proxy, wait_until
from lab import daemons, isolation
from lab.host import CommandFailed

PROGRAMS = sys.argv[1:]
NAME = "io.evercam.Vpn1"
PATH = "/io/evercam/Vpn1"
INVALID = "org.freedesktop.DBus.Error.InvalidArgs"
PATIENCE = 2 * DEADLINE  # SoftEther dials again every 5 to 8 s, and looks 12 s before it is diagnosed
STATE = f"{daemons.STATE}/vpnd"
directory = None  # of this run


class LinkWatch:
    """What the gateway's interface does meanwhile."""

    def __init__(self, host):
        self.process = host.spawn(["ip", "monitor", "link", "address"],
                                  stdout=open(f"{directory}/links", "wb"))  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        with open(f"{directory}/links", encoding="utf-8") as file:
            self.lines = [line for line in file if vpn_site.INTERFACE in line]

    def downs(self):
        return [line for line in self.lines if "inet" not in line and "LOWER_UP" not in line]


class TestVpnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = vpn_site.VpnSite(directory, PROGRAMS)
        cls.connection = Gio.DBusConnection.new_for_address_sync(
            cls.site.bus_address(),
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)  # fmt: skip
        cls.vpn = Proxy(cls.connection, NAME, PATH)
        cls.states = []
        cls.connection.signal_subscribe(
            None, "org.freedesktop.DBus.Properties", "PropertiesChanged", PATH, None,
            Gio.DBusSignalFlags.NONE,
            lambda *arguments: cls.states.append(arguments[5].unpack()[1].get("State")))  # fmt: skip
        cls.start_vpnd()

    def setUp(self):
        del self.states[:]

    def run(self, result=None):
        failures = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > failures:
            for line in self.site.logs().splitlines():
                print("# " + line)

    # --- helpers ---

    @classmethod
    def start_vpnd(cls):
        daemons.start(cls.site.gateway, "vpnd")
        cls.wait("vpnd on the bus", lambda: cls.state() is not None)

    @classmethod
    def wait(cls, what, condition, deadline=PATIENCE):
        return wait_until(what, condition, deadline)

    @classmethod
    def state(cls):
        try:
            return cls.vpn.get(NAME, "State")
        except BusError:
            return None

    def properties(self):
        return self.vpn.get_all(NAME)

    def wait_for_state(self, *states, deadline=PATIENCE):
        self.wait(f"state {' or '.join(states)}", lambda: self.state() in states, deadline)

    def settings(self, **changes):
        text = lambda value: GLib.Variant("s", value)
        settings = {
            "servers": GLib.Variant("a(sqi)", [(vpn_site.SERVER, 80, 10)]),
            "hub": text(vpn_site.HUB),
            "username": text(vpn_site.USER),
            "certificate": text(self.site.pem("gateway")),
            "server_certificates": self.pins("server"),
            "mac_address": text(vpn_site.MAC),
            "hostname": text(vpn_site.USER),
            "address": text(vpn_site.ADDRESS),
            "prefix_length": GLib.Variant("u", vpn_site.PREFIX),
            "something_of_the_future": text("ignored"),
        }
        settings.update(changes)
        return {key: value for key, value in settings.items() if value is not None}

    def pins(self, *names):
        return GLib.Variant("as", [self.site.pem(name) for name in names])

    def configure(self, key="gateway", **changes):
        fds = Gio.UnixFDList.new()
        fd = os.open(key if "/" in key else self.site.path(key + ".key"), os.O_RDONLY)
        index = fds.append(fd)
        os.close(fd)
        self.vpn.call(NAME, "Configure", "(a{sv}h)", self.settings(**changes), index, fds=fds)

    def assert_up(self):
        self.wait_for_state("up")
        found = self.properties()
        self.assertEqual(found["Address"], f"{vpn_site.ADDRESS}/{vpn_site.PREFIX}")
        self.assertEqual(found["LastError"], "")
        self.site.gateway.run(["ping", "-c1", f"-w{DEADLINE - 5}", vpn_site.SERVER_INSIDE])

    def assert_refused(self, name, words, function, *arguments, **keywords):
        with self.assertRaises(BusError) as caught:
            function(*arguments, **keywords)
        self.assertEqual(caught.exception.name, name)
        self.assertIn(words, caught.exception.text)

    # --- the tests, in order: each goes on where the one before ended ---

    def test_01_unconfigured(self):
        """without settings it is unconfigured, and says so"""
        found = self.properties()
        self.assertEqual(found["State"], "unconfigured")
        self.assertEqual(found["LastError"], "")
        for absent in ("Server", "Interface", "Address", "ConnectedSince"):
            self.assertNotIn(absent, found)
        self.assert_refused("io.evercam.Error.NotReady", "Configure", self.vpn.call, NAME, "Connect")
        self.assert_refused("io.evercam.Error.NotReady", "configured",
                            self.vpn.call, NAME, "Disconnect")  # fmt: skip
        self.vpn.call(NAME, "Forget")

    def test_02_wrong_settings(self):
        """each wrong setting is refused by name and nothing is kept"""
        text = lambda value: GLib.Variant("s", value)
        for setting, value in (
            ("hub", text("a b")), ("hub", None), ("username", text("x\nAccountDelete y")),
            ("servers", GLib.Variant("a(sqi)", [])), ("servers", text("x")),
            ("servers", GLib.Variant("a(sqi)", [("a;b", 80, 1)])),
            ("certificate", text("no")), ("server_certificates", GLib.Variant("as", [])),
            ("mac_address", text("01:00:5e:00:00:01")), ("hostname", text("a.b")),
            ("prefix_length", None), ("address", text("::1")),
        ):  # fmt: skip
            with self.subTest(setting=setting, value=value):
                self.assert_refused(INVALID, setting, self.configure, **{setting: value})
        self.assert_refused(INVALID, "does not belong", self.configure, key="server")
        self.assert_refused(INVALID, "regular file", self.configure, key="/dev/zero")
        self.assertEqual(self.state(), "unconfigured")
        self.assertFalse(os.path.exists(self.site.gateway.path(f"{STATE}/settings.json")))

    def test_03_up(self):
        """configured, it joins: interface, MAC, leased address, and no route or DNS of the VPN"""
        resolver = self.site.gateway.read("/etc/resolv.conf")
        self.configure()
        self.assert_up()
        found = self.properties()
        self.assertEqual(found["Server"], f"{vpn_site.SERVER}:80")
        self.assertEqual(found["Interface"], vpn_site.INTERFACE)
        self.assertGreater(found["ConnectedSince"], 1_700_000_000)
        self.assertGreater(found["BytesIn"], 0)
        self.assertGreater(found["BytesOut"], 0)
        link = self.site.gateway.output(["ip", "address", "show", vpn_site.INTERFACE])
        self.assertIn(vpn_site.MAC, link)
        self.assertIn("dynamic", link)
        self.assertNotIn("inet6", link)
        self.assertNotIn("default", self.site.routes())
        self.assertEqual(self.site.gateway.read("/etc/resolv.conf"), resolver)

    def test_04_secrets(self):
        """the key is readable by vpnd only, and on no command line or log"""
        for name in os.listdir(self.site.gateway.path(STATE)):
            status = os.stat(self.site.gateway.path(f"{STATE}/{name}"))
            self.assertEqual(stat.S_IMODE(status.st_mode), 0o600, name)
        self.assertNotIn("PRIVATE KEY", self.site.gateway.log("vpnd"))

    def test_05_same_settings(self):
        """the same settings again change nothing"""
        self.configure()
        self.assertEqual(self.state(), "up")
        self.assertEqual(self.states, [])

    def test_05b_policy(self):
        """everybody may look, gatewayd may also tell it what to do, others may not"""
        look = ["get-property", NAME, PATH, NAME, "State"]
        act = ["call", NAME, PATH, NAME, "Connect"]
        self.assertEqual(self.as_user("nobody", *look), 's "up"')
        self.assertEqual(self.as_user("evercam-gatewayd", *look), 's "up"')
        self.as_user("evercam-gatewayd", *act)
        with self.assertRaisesRegex(CommandFailed, "Access denied"):
            self.as_user("nobody", *act)

    def as_user(self, user, *arguments):
        return self.site.gateway.output(
            ["setpriv", f"--reuid={user}", "--clear-groups", "busctl", "--system", *arguments])

    def test_06_killed(self):
        """killed, it comes back to the same without touching the tunnel, and leaves no child"""
        since = self.properties()["ConnectedSince"]
        with LinkWatch(self.site.gateway) as links:
            self.site.gateway.kill("vpnd")
            self.wait("vpnd is back", lambda: self.site.gateway.service("vpnd")["start_count"] == 2)
            self.assert_up()
            self.wait("one DHCP client", lambda: self.clients() == 1)
        self.assertEqual(links.downs(), [])
        self.assertNotIn("Deleted", "".join(links.lines))
        # SoftEther tells whole seconds, and the address came after the session.
        self.assertLessEqual(self.properties()["ConnectedSince"], since + 1)

    def clients(self):
        return len(self.site.gateway.output(["pgrep", "-x", "udhcpc"], check=False).split())

    def test_07_another_pin(self):
        """a further pinned certificate is taken without cutting the tunnel"""
        with LinkWatch(self.site.gateway) as links:
            self.configure(server_certificates=self.pins("next", "server"))
            self.assert_up()
        self.assertEqual(links.downs(), [])

    def test_08_new_server_certificate(self):
        """the server changes to the next pinned certificate: found by itself"""
        self.site.use_server_certificate("next")
        self.site.cut_sessions()
        self.wait_for_state("connecting", "failed")
        self.assert_up()
        self.site.use_server_certificate("server")
        self.site.cut_sessions()
        self.wait_for_state("connecting", "failed")
        self.assert_up()

    def test_09_server_restarts(self):
        """the server restarts: up again by itself"""
        self.site.restart_server()
        self.wait("the loss is seen", lambda: "connecting" in self.states)
        self.assert_up()

    def test_10_client_restarts(self):
        """SoftEther's client is killed, stays away, and comes back"""
        self.site.kill_client()
        self.wait_for_state("failed")
        self.site.start_client()
        self.assert_up()
        self.site.stop_client()
        self.wait_for_state("failed")
        found = self.properties()
        self.assertIn("softether-vpnclient", found["LastError"])
        self.assertNotIn("Interface", found)
        self.assertNotIn("Address", found)
        self.site.start_client()
        self.assert_up()

    def test_11_stranger(self):
        """a server with another certificate is refused, and said so; the right pin mends it"""
        self.configure(server_certificates=self.pins("stranger"))
        self.wait_for_state("failed")
        found = self.properties()
        self.assertIn("certificate that is not among the pinned ones", found["LastError"])
        self.assertNotIn("ConnectedSince", found)
        self.assertIn("evercam,Offline", self.site.client("AccountList"))
        self.configure()
        self.assert_up()

    def test_12_second_server(self):
        """a server that does not answer is passed over"""
        self.configure(servers=GLib.Variant("a(sqi)", [(vpn_site.SERVER, 80, 20),
                                                       (vpn_site.SERVER, 81, 10)]))  # fmt: skip
        self.assert_up()
        self.assertEqual(self.properties()["Server"], f"{vpn_site.SERVER}:80")
        self.configure()

    def test_13_no_account(self):
        """an account that the server does not know: said so, and mended when it does"""
        self.assert_up()
        self.site.delete_user()
        self.site.cut_sessions()
        self.wait_for_state("failed")
        self.assertIn("does not let this gateway in", self.properties()["LastError"])
        self.site.add_user()
        self.assert_up()

    def test_14_no_lease(self):
        """a VPN without DHCP: it waits for an address, says so, and takes it when it comes"""
        self.site.server.stop("dnsmasq")
        self.site.gateway.run(["ip", "address", "flush", "dev", vpn_site.INTERFACE])
        self.wait_for_state("addressing")
        self.assertNotIn("Address", self.properties())
        self.wait("it says so", lambda: "DHCP" in self.properties()["LastError"])
        self.site.start_dhcp()
        self.assert_up()

    def test_14b_other_address(self):
        """an address other than the configured one is used, and the disagreement told"""
        self.configure(address=GLib.Variant("s", "10.44.0.9"))
        self.wait("it says so", lambda: "10.44.0.9" in self.properties()["LastError"])
        self.assertEqual(self.state(), "up")
        self.assertEqual(self.properties()["Address"], f"{vpn_site.ADDRESS}/{vpn_site.PREFIX}")
        self.configure()
        self.assert_up()

    def test_15_disconnect(self):
        """disconnected it stays away, over a restart too, until told otherwise"""
        self.vpn.call(NAME, "Disconnect")
        self.assertEqual(self.state(), "disconnected")
        self.assertNotIn("Address", self.properties())
        self.configure()
        self.assertEqual(self.state(), "disconnected")
        self.site.gateway.kill("vpnd")
        self.wait_for_state("disconnected")
        self.vpn.call(NAME, "Connect")
        self.assert_up()

    def test_16_stopped(self):
        """stopped in good order, it leaves the tunnel standing"""
        self.site.gateway.stop("vpnd")
        self.site.gateway.run(["ping", "-c1", f"-w{DEADLINE - 5}", vpn_site.SERVER_INSIDE])
        self.assertEqual(self.clients(), 0)
        self.start_vpnd()
        self.assert_up()

    def test_17_forget(self):
        """forgotten: account, adapter, address, key and settings are gone"""
        self.vpn.call(NAME, "Forget")
        self.test_01_unconfigured()
        self.assertNotIn("evercam,", self.site.client("AccountList"))
        self.assertNotIn("ether,", self.site.client("NicList"))
        self.assertNotIn(vpn_site.INTERFACE, self.site.gateway.output(["ip", "link"]))
        self.assertEqual(os.listdir(self.site.gateway.path(STATE)), [])
        self.assertEqual(self.clients(), 0)

    def test_18_no_client_at_all(self):
        """without a client service it fails with a hint, and Forget answers that it is not done"""
        self.configure()
        self.assert_up()
        self.site.stop_client()
        self.wait_for_state("failed")
        self.assert_refused("io.evercam.Error.NotReady", "tried again", self.vpn.call, NAME, "Forget")
        self.assertFalse(os.path.exists(self.site.gateway.path(f"{STATE}/settings.json")))
        self.site.start_client()
        self.wait_for_state("unconfigured")
        self.assertNotIn("evercam,", self.site.client("AccountList"))

    def test_19_end(self):
        """it ends well"""
        self.assertEqual(self.site.gateway.stop("vpnd")["last_end"], "status 0")


def main():
    tap.main(TestVpnd)


if __name__ == "__main__":
    if not os.path.exists(vpn_site.PACKAGES + vpn_site.SOFTETHER):
        print("1..0 # SKIP SoftEther is not unpacked: run tools/install-dependencies")
        sys.exit(0)
    directory = lifetime.directory("vpnd")
    sys.exit(isolation.run_isolated(main))
