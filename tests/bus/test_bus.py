# SPDX-License-Identifier: GPL-3.0-or-later
"""The bus layer: what every daemon of this project can rely on, seen from a client."""

import os
import signal
import sys
import tempfile
import unittest

import tap
from busenv import DEADLINE, BusError, PrivateBus
from gi.repository import Gio, GLib

FIXTURE = sys.argv[1]
NAME, ROOT = "io.evercam.Test1", "/io/evercam/Test1"
STANDARD = "org.freedesktop.DBus.Error."


class TestBus(unittest.TestCase):
    def setUp(self):
        self.bus = PrivateBus()
        self.addCleanup(self.bus.close)
        self.fixture = self.bus.start([FIXTURE])
        self.bus.wait_for_name(NAME)
        self.root = self.bus.proxy(NAME, ROOT)

    def call(self, method, signature="()", *arguments, **options):
        return self.root.call(NAME, method, signature, *arguments, **options)

    def assert_error(self, name, function, *arguments):
        with self.assertRaises(BusError) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.name, name)
        self.assertTrue(caught.exception.text)
        return caught.exception.text

    def test_values_round_trip(self):
        self.assertEqual(self.call("Echo", "(s)", "kamera ü 📷"), "kamera ü 📷")
        values = {"s": GLib.Variant("s", "x"), "b": GLib.Variant("b", True),
                  "q": GLib.Variant("q", 65535), "u": GLib.Variant("u", 2**32 - 1),
                  "t": GLib.Variant("t", 2**64 - 1), "x": GLib.Variant("x", -2**63),
                  "d": GLib.Variant("d", 0.25), "as": GLib.Variant("as", ["a", ""]),
                  "other": GLib.Variant("(su)", ("left out", 1))}
        expected = {key: value.unpack() for key, value in values.items() if key != "other"}
        self.assertEqual(self.call("EchoAll", "(a{sv})", values), expected)

    def test_nested_arguments(self):
        forwards = [("tcp", port, "192.168.1.2", 80, "vpn", {"name": GLib.Variant("s", "x")})
                    for port in range(10000, 20000)]
        self.assertEqual(self.call("SumPorts", "(a(sqsqsa{sv}))", forwards),
                         sum(range(10000, 20000)) + 10000 * 80)
        self.assertEqual(self.call("SumPorts", "(a(sqsqsa{sv}))", []), 0)

    def test_descriptor(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"a key")
            file.seek(0)
            fds = Gio.UnixFDList.new_from_array([os.dup(file.fileno())])
            self.assertEqual(self.call("ReadDescriptor", "(h)", 0, fds=fds), "a key")

    def test_bad_text_is_repaired(self):
        self.assertEqual(self.call("WriteBadText"),
                         "caf\ufffd \ufffd\ufffd\ufffd é 📷 \ufffd")

    def test_wrong_signature_is_invalid_args(self):
        for signature, arguments in (("()", ()), ("(u)", (1,)), ("(ss)", ("a", "b"))):
            text = self.assert_error(STANDARD + "InvalidArgs", self.call, "Echo", signature,
                                     *arguments)
            self.assertIn("'s'", text)

    def test_unknown_members(self):
        self.assert_error(STANDARD + "UnknownMethod", self.call, "Nothing")
        self.assert_error(STANDARD + "UnknownInterface", self.root.call, "no.such", "Echo")
        other = self.bus.proxy(NAME, ROOT + "/none")
        self.assert_error(STANDARD + "UnknownObject", other.call, NAME, "Echo", "(s)", "x")
        properties = "org.freedesktop.DBus.Properties"
        for method, signature, extra in (("Get", "(ss)", ()),
                                         ("Set", "(ssv)", (GLib.Variant("u", 1),))):
            self.assert_error(STANDARD + "UnknownProperty", self.root.call, properties, method,
                              signature, NAME, "None", *extra)
            self.assert_error(STANDARD + "UnknownInterface", self.root.call, properties, method,
                              signature, "no.such", "Number", *extra)
        self.assert_error(STANDARD + "UnknownInterface", self.root.get_all, "no.such")

    def test_errno_has_a_name(self):
        for number, name in ((22, STANDARD + "InvalidArgs"), (13, STANDARD + "AccessDenied"),
                             (110, STANDARD + "Timeout"), (2, "io.evercam.Error.NotFound"),
                             (17, "io.evercam.Error.Exists"), (16, "io.evercam.Error.Busy"),
                             (11, "io.evercam.Error.NotReady"),
                             (28, "io.evercam.Error.LimitReached"),
                             (5, "io.evercam.Error.Failed")):
            self.assert_error(name, self.call, "Fail", "(i)", -number)

    def test_set_checks_access_type_and_range(self):
        def set_property(name, value):
            self.root.call("org.freedesktop.DBus.Properties", "Set", "(ssv)", NAME, name, value)

        set_property("Number", GLib.Variant("u", 42))
        self.assertEqual(self.root.get(NAME, "Number"), 42)
        self.assert_error(STANDARD + "InvalidArgs", set_property, "Number", GLib.Variant("s", "x"))
        self.assert_error(STANDARD + "InvalidArgs", set_property, "Number", GLib.Variant("u", 1001))
        self.assert_error(STANDARD + "PropertyReadOnly", set_property, "Maybe",
                          GLib.Variant("s", "x"))
        self.assertEqual(self.root.get(NAME, "Number"), 42)

    def test_absent_property(self):
        self.assertEqual(self.root.get_all(NAME),
                         {"Number": 7, "Quiet": "quiet", "Big": ["one", "two"]})
        self.assert_error(STANDARD + "UnknownProperty", self.root.get, NAME, "Maybe")
        self.call("SetTwice", "(u)", 9)
        self.assertEqual(self.root.get(NAME, "Maybe"), "here")

    def test_changes_are_coalesced_and_precede_the_reply(self):
        seen = self.bus.signals(NAME)
        order = []
        self.bus.connection.signal_subscribe(
            NAME, None, "PropertiesChanged", None, None, Gio.DBusSignalFlags.NONE,
            lambda *_: order.append("signal"))
        self.bus.connection.call(NAME, ROOT, NAME, "SetTwice", GLib.Variant("(u)", (9,)), None, 0,
                                 int(DEADLINE * 1000), None, lambda *_: order.append("reply"))
        self.bus.wait("signal and reply", lambda: len(order) == 2)
        self.assertEqual(order, ["signal", "reply"])
        self.assertEqual(seen, [(ROOT, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                 (NAME, {"Number": 9, "Maybe": "here"}, ["Big"]))])
        self.call("SetTwice", "(u)", 8)
        self.bus.wait("second signal", lambda: len(seen) == 2)
        self.assertEqual(seen[1][3], (NAME, {"Number": 8}, ["Maybe", "Big"]))

    def test_changes_precede_own_signals(self):
        seen = self.bus.signals(NAME)
        self.call("EmitPulse", "(u)", 3)
        self.bus.wait("two signals", lambda: len(seen) == 2)
        self.assertEqual([entry[2] for entry in seen], ["PropertiesChanged", "Pulse"])
        self.assertEqual(seen[1], (ROOT, NAME, "Pulse", (3,)))

    def test_object_manager(self):
        seen = self.bus.signals(NAME)
        self.call("AddChild", "(s)", "b")
        self.call("AddChild", "(s)", "a")
        self.assert_error("io.evercam.Error.Exists", self.call, "AddChild", "(s)", "a")
        self.assert_error(STANDARD + "InvalidArgs", self.call, "AddChild", "(s)", "not-a-path")
        properties = {NAME: {"Number": 7, "Quiet": "quiet", "Big": ["one", "two"]}}
        self.assertEqual(self.root.managed_objects(),
                         {ROOT + "/a": properties, ROOT + "/b": properties})
        self.call("RemoveChild", "(s)", "b")
        manager = "org.freedesktop.DBus.ObjectManager"
        self.bus.wait("three signals", lambda: len(seen) == 3)
        self.assertEqual(seen, [
            (ROOT, manager, "InterfacesAdded", (ROOT + "/b", properties)),
            (ROOT, manager, "InterfacesAdded", (ROOT + "/a", properties)),
            (ROOT, manager, "InterfacesRemoved", (ROOT + "/b", [NAME])),
        ])
        self.assertEqual(list(self.root.managed_objects()), [ROOT + "/a"])

    def test_introspection_leads_to_every_object(self):
        self.call("AddChild", "(s)", "x")
        self.call("AddChild", "(s)", "x/deep")
        found, open_paths = [], ["/"]
        while open_paths:
            path = open_paths.pop()
            node = Gio.DBusNodeInfo.new_for_xml(self.bus.proxy(NAME, path).introspect())
            if any(interface.name == NAME for interface in node.interfaces):
                found.append(path)
            open_paths += [path.rstrip("/") + "/" + child.path for child in node.nodes]
        self.assertEqual(sorted(found), [ROOT, ROOT + "/x", ROOT + "/x/deep"])

    def test_introspection_is_the_xml_without_its_documentation(self):
        xml = self.root.introspect()
        self.assertNotIn("must not be seen", xml)
        node = Gio.DBusNodeInfo.new_for_xml(xml)
        names = [interface.name for interface in node.interfaces]
        for name in (NAME, "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager",
                     "org.freedesktop.DBus.Introspectable"):
            self.assertIn(name, names)
        path = os.path.join(os.path.dirname(__file__), NAME + ".xml")
        with open(path, encoding="utf-8") as file:
            written = Gio.DBusNodeInfo.new_for_xml(file.read()).lookup_interface(NAME)
        served = node.lookup_interface(NAME)
        for kind in ("methods", "signals", "properties"):
            self.assertEqual([member.name for member in getattr(served, kind)],
                             [member.name for member in getattr(written, kind)])

    def test_kept_calls(self):
        answers = []

        def on_answer(connection, result):
            try:
                connection.call_finish(result)
                answers.append("answered")
            except GLib.Error as error:
                answers.append(Gio.DBusError.get_remote_error(error))

        def keep():
            self.bus.connection.call(NAME, ROOT, NAME, "Keep", None, None, 0,
                                     int(DEADLINE * 1000), None, on_answer)

        self.assert_error("io.evercam.Error.NotFound", self.call, "AnswerKept")
        keep()
        self.call("AnswerKept")
        self.bus.wait("the kept call's answer", lambda: answers == ["answered"])
        keep()
        self.call("DropKept")
        self.bus.wait("cancellation", lambda: answers[1:] == ["io.evercam.Error.Cancelled"])
        keep()
        self.assert_error("io.evercam.Error.Busy", self.call, "Keep")
        self.assertEqual(self.bus.stop(self.fixture), 0)
        self.bus.wait("cancellation at the end", lambda: len(answers) == 3)
        self.assertEqual(answers[2], "io.evercam.Error.Cancelled")

    def test_second_instance_is_refused(self):
        self.assertEqual(self.bus.start([FIXTURE]).wait(DEADLINE), 3)
        self.bus.processes.pop()

    def test_mirror_follows_a_service(self):
        self.call("AddChild", "(s)", "a")
        mirror = self.bus.start([FIXTURE, "--mirror"])
        log = lambda: self.bus.log().splitlines()
        self.bus.wait("presence", lambda: "present" in log())
        self.assertIn(f"property {ROOT} Number=7", log())
        self.assertIn(f"property {ROOT}/a Number=7", log())
        self.call("SetTwice", "(u)", 9)
        self.call("AddChild", "(s)", "b")
        self.call("RemoveChild", "(s)", "a")
        self.call("EmitPulse", "(u)", 5)
        self.bus.wait("the pulse", lambda: f"signal {ROOT} Pulse 5" in log())
        expected = [f"property {ROOT} Number=9", f"property {ROOT} Maybe",
                    f"invalidated {ROOT} Big", f"property {ROOT}/b Number=9",
                    f"removed {ROOT}/a {NAME}", f"property {ROOT} Number=5"]
        lines = log()[log().index("present"):]
        self.assertEqual([line for line in lines if line in expected], expected)
        self.bus.stop(self.fixture, signal.SIGKILL)
        self.bus.wait("absence", lambda: log()[-1] == "absent")
        self.assertIn(f"removed {ROOT}/b {NAME}", log())
        self.bus.start([FIXTURE])
        self.bus.wait("presence again", lambda: log()[-1] == "present")
        self.assertEqual(self.bus.stop(mirror), 0)

    def test_loss_of_the_bus_is_told(self):
        self.bus.daemon.kill()
        self.assertEqual(self.fixture.wait(DEADLINE), 3)
        self.bus.processes.clear()
        self.assertIn("bus lost", self.bus.log())

    def test_flood_does_not_starve(self):
        answers = []
        for number in range(2000):
            self.bus.connection.call(NAME, ROOT, NAME, "Echo", GLib.Variant("(s)", (str(number),)),
                                     None, 0, int(DEADLINE * 1000), None,
                                     lambda c, r: answers.append(c.call_finish(r).unpack()[0]))
        self.bus.wait("2000 answers", lambda: len(answers) == 2000)
        self.assertEqual(answers, [str(number) for number in range(2000)])


if __name__ == "__main__":
    tap.main(TestBus)
