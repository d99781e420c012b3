# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what on the bus: every method of every interface in dbus/*.xml, tried as each kind of
user on a system bus with our policy files, and compared with the table below.

The names are owned by connections without any object: what the policy lets through reaches them and
is answered with UnknownMethod. The users are made in a mount namespace of this process alone.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests"))

import tap  # noqa: E402
from busenv import DEADLINE, Gio, GLib, PrivateBus  # noqa: E402
from lab import isolation  # noqa: E402

GATEWAYD, DISCOVERD, ROUTED, VPND, VPN_SERVICE, APID = DAEMONS = (
    "evercam-gatewayd", "evercam-discoverd", "evercam-routed", "evercam-vpnd",
    "evercam-vpn-service", "evercam-apid",
)  # fmt: skip
STRANGER, OPERATOR, ROOT = "stranger", "operator", "root"  # operator is in the group evercam
EVERYBODY = {STRANGER, OPERATOR, ROOT, *DAEMONS}
OPERATORS = {OPERATOR, ROOT}
FIRST_ID = 60100  # of the users that are made here

# --- the table ---

OWNERS = {
    "io.evercam.Gateway1": {ROOT, GATEWAYD},
    "io.evercam.Discovery1": {ROOT, DISCOVERD},
    "io.evercam.Routing1": {ROOT, ROUTED},
    "io.evercam.Vpn1": {ROOT, VPND},
    "io.evercam.VpnService1": {ROOT, VPN_SERVICE},
}

CALLERS = {
    "io.evercam.Gateway1": {
        "Sync": OPERATORS,
        "Reset": OPERATORS,
        "RotateKey": OPERATORS,
        "GetClaimCode": OPERATORS,
    },
    "io.evercam.Discovery1": {
        "Scan": OPERATORS | {GATEWAYD},
        "Explain": EVERYBODY,
        "AddAddress": OPERATORS | {GATEWAYD},
        "RemoveAddress": OPERATORS | {GATEWAYD},
    },
    "io.evercam.Discovery1.Device": {},
    "io.evercam.Routing1": {
        "Replace": OPERATORS | {GATEWAYD, VPN_SERVICE},
        "Add": OPERATORS | {GATEWAYD, VPN_SERVICE},
        "Remove": OPERATORS | {GATEWAYD, VPN_SERVICE},
        "Clear": OPERATORS | {GATEWAYD, VPN_SERVICE},
        "List": EVERYBODY,
    },
    "io.evercam.Vpn1": {
        "Configure": OPERATORS | {GATEWAYD},
        "Connect": OPERATORS | {GATEWAYD},
        "Disconnect": OPERATORS | {GATEWAYD},
        "Forget": OPERATORS | {GATEWAYD},
    },
    "io.evercam.VpnService1": {
        "Provision": OPERATORS,
        "Deprovision": OPERATORS,
        "Reconcile": OPERATORS,
        "ListGateways": EVERYBODY,
        "ListSessions": EVERYBODY,
    },
}

# Who may do to a service what is none of the above; of daemons, those that call its methods.
ALSO = {
    "io.evercam.Gateway1": OPERATORS,
    "io.evercam.Discovery1": OPERATORS | {GATEWAYD},
    "io.evercam.Routing1": OPERATORS | {GATEWAYD, VPN_SERVICE},
    "io.evercam.Vpn1": OPERATORS | {GATEWAYD},
    "io.evercam.VpnService1": OPERATORS,
}

# What every object has.
STANDARD = {
    ("org.freedesktop.DBus.Introspectable", "Introspect"): EVERYBODY,
    ("org.freedesktop.DBus.Peer", "Ping"): EVERYBODY,
    ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects"): EVERYBODY,
    ("org.freedesktop.DBus.Properties", "Get"): EVERYBODY,
    ("org.freedesktop.DBus.Properties", "GetAll"): EVERYBODY,
    ("org.freedesktop.DBus.Properties", "Set"): None,  # ALSO
}

# --- one user, in a process of its own ---


def act(address):
    """Does what standard input asks for, one JSON list per line, and tells the error's name."""
    connection = Gio.DBusConnection.new_for_address_sync(
        address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)  # fmt: skip
    heard = []
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        if what == "listen":
            connection.signal_subscribe(
                arguments[0], "org.freedesktop.DBus.Properties", "PropertiesChanged", None, None,
                Gio.DBusSignalFlags.NONE, lambda *_: heard.append(True))  # fmt: skip
            answer = call(connection, "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetId")
        elif what == "heard":
            end = GLib.timeout_add_seconds(DEADLINE, lambda: heard.append(False))
            while not heard:
                GLib.MainContext.default().iteration(True)
            answer = heard.pop(0)
            if answer:
                GLib.source_remove(end)
        elif what == "own":
            answer = call(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                          "org.freedesktop.DBus", "RequestName",
                          GLib.Variant("(su)", (arguments[0], 4)))  # fmt: skip
        else:
            answer = call(connection, *arguments)
        print(json.dumps(answer), flush=True)


def call(connection, name, path, interface, method, parameters=None):
    """interface may be None, as D-Bus allows. Returns the error's name, or nothing."""
    message = Gio.DBusMessage.new_method_call(name, path, interface, method)
    if parameters:
        message.set_body(parameters)
    reply, _serial = connection.send_message_with_reply_sync(
        message, Gio.DBusSendMessageFlags.NONE, DEADLINE * 1000, None)  # fmt: skip
    return reply.get_error_name() or ""


class Actor:
    """allowed(…): whether the bus let it through."""

    def __init__(self, bus, user, number, groups):
        self.bus, self.user = bus, user
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--act", bus.address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            user=number, group=number, extra_groups=groups, env=bus.environment())  # fmt: skip

    def do(self, *request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def allowed(self, *request):
        error = self.do(*request)
        # Reached the owner, which has no such thing; or there was nothing to refuse.
        assert error in ("", "org.freedesktop.DBus.Error.AccessDenied",
                         "org.freedesktop.DBus.Error.UnknownMethod"), error  # fmt: skip
        return error != "org.freedesktop.DBus.Error.AccessDenied"

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def add_users(numbers):
    """The users of an installation, for this process and its children only."""
    isolation.unshare(isolation.CLONE_NEWNS)
    isolation.mount(None, "/", flags=isolation.MS_REC | isolation.MS_PRIVATE)
    lines = {
        "/etc/passwd": [f"{user}:x:{number}:{number}::/:/usr/sbin/nologin"
                        for user, number in numbers.items()],
        "/etc/group": [f"{user}:x:{number}:" for user, number in numbers.items()]
        + [f"evercam:x:{FIRST_ID}:{OPERATOR}"],
    }  # fmt: skip
    for path, added in lines.items():
        names = {line.split(":")[0] for line in added}
        with open(path, encoding="utf-8") as file:
            kept = [line for line in file.read().splitlines() if line.split(":")[0] not in names]
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write("\n".join(kept + added) + "\n")
        os.chmod(file.name, 0o644)
        isolation.bind(file.name, path)
        os.unlink(file.name)


def contracts():
    """interface -> names of its methods"""
    found = {}
    for path in glob.glob(os.path.join(SOURCE, "dbus/io.evercam.*.xml")):
        for interface in ElementTree.parse(path).getroot().iter("interface"):
            found[interface.get("name")] = {m.get("name") for m in interface.iter("method")}
    return found


def services():
    return {os.path.basename(path)[: -len(".conf")]
            for path in glob.glob(os.path.join(SOURCE, "dbus/io.evercam.*.conf"))}  # fmt: skip


def path_of(service):
    return "/" + service.replace(".", "/")


@unittest.skipIf(os.geteuid() != 0, "needs to be many users")
class TestPolicy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        others = sorted(EVERYBODY - {ROOT})
        numbers = {user: FIRST_ID + 1 + index for index, user in enumerate(others)}
        add_users(numbers)
        cls.bus = PrivateBus(sorted(glob.glob(os.path.join(SOURCE, "dbus/io.evercam.*.conf"))))
        os.chmod(cls.bus.directory, 0o755)
        # One connection each: a rule for a name holds for every name of its owner.
        cls.owners = {service: cls.bus.connect() for service in OWNERS}
        for service, owner in cls.owners.items():
            error = call(owner, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                         "org.freedesktop.DBus", "RequestName",
                         GLib.Variant("(su)", (service, 4)))  # fmt: skip
            assert error == "", error
        cls.actors = [
            Actor(cls.bus, user, 0 if user == ROOT else numbers[user],
                  [FIRST_ID] if user == OPERATOR else [])
            for user in sorted(EVERYBODY)
        ]  # fmt: skip

    @classmethod
    def tearDownClass(cls):
        for actor in cls.actors:
            actor.close()
        cls.bus.close()

    def compare(self, what, expected, *request):
        allowed = {actor.user for actor in self.actors if actor.allowed(*request)}
        self.assertEqual(sorted(allowed), sorted(expected), what)

    def test_table_is_complete(self):
        """the table has every interface and method there is, and every service with a policy"""
        self.assertEqual({name: set(methods) for name, methods in CALLERS.items()}, contracts())
        self.assertEqual(set(OWNERS), services())
        self.assertEqual(set(ALSO), services())

    def test_owners(self):
        """only a daemon's own user, and root, may have its name"""
        for service, owners in OWNERS.items():
            self.compare(f"own {service}", owners, "own", service)

    def test_methods(self):
        """every method, called by everybody"""
        for interface, methods in CALLERS.items():
            service = next(name for name in OWNERS if (interface + ".").startswith(name + "."))
            for method, callers in methods.items():
                self.compare(f"{interface}.{method}", callers,
                             "call", service, path_of(service), interface, method)  # fmt: skip

    def test_standard_methods(self):
        """everybody may introspect and read; setting is for those who may change"""
        for service in OWNERS:
            for (interface, method), callers in STANDARD.items():
                self.compare(f"{interface}.{method} of {service}",
                             ALSO[service] if callers is None else callers,
                             "call", service, path_of(service), interface, method)  # fmt: skip

    def test_nothing_else(self):
        """what no contract has, and calls that name no interface, are for those who may change"""
        for service in OWNERS:
            path = path_of(service)
            self.compare(f"{service}.Unheard", ALSO[service],
                         "call", service, path, service, "Unheard")  # fmt: skip
            self.compare(f"an unheard interface of {service}", ALSO[service],
                         "call", service, path, "com.example.Other", "Get")  # fmt: skip
            for method in sorted(CALLERS[service]):
                self.compare(f"{service}: {method} without an interface", ALSO[service],
                             "call", service, path, None, method)  # fmt: skip

    def test_listening(self):
        """everybody hears what changes"""
        for service in OWNERS:
            for actor in self.actors:
                self.assertEqual(actor.do("listen", service), "")
            self.owners[service].emit_signal(
                None, path_of(service), "org.freedesktop.DBus.Properties", "PropertiesChanged",
                GLib.Variant("(sa{sv}as)", (service, {}, [])))  # fmt: skip
            self.owners[service].flush_sync(None)
            for actor in self.actors:
                self.assertIs(actor.do("heard"), True, f"{actor.user} of {service}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--act"]:
        act(sys.argv[2])
    else:
        tap.main(TestPolicy)
