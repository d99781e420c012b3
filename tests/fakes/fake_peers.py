# SPDX-License-Identifier: GPL-3.0-or-later
"""The other daemons of a gateway, from their XML: they record calls and show properties.

    routed = FakeRouting(bus); vpnd = FakeVpn(bus); discoverd = FakeDiscovery(bus)
    routed.forwards                      # the list of the last Replace
    vpnd.set("State", "up")              # PropertiesChanged
    discoverd.add("aabbcc000001", MacAddress="aa:bb:cc:00:00:01", Address="192.168.1.10", …)
    routed.close(); routed = FakeRouting(bus)     # a restart

They live on the test's GLib main context: they answer while bus.wait() runs.
"""

import os

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

XML = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "dbus")

OBJECT_MANAGER = """<node><interface name="org.freedesktop.DBus.ObjectManager">
<method name="GetManagedObjects"><arg type="a{oa{sa{sv}}}" direction="out"/></method>
<signal name="InterfacesAdded"><arg type="o"/><arg type="a{sa{sv}}"/></signal>
<signal name="InterfacesRemoved"><arg type="o"/><arg type="as"/></signal></interface></node>"""


def interface_info(name):
    with open(os.path.join(XML, name + ".xml"), encoding="utf-8") as file:
        return Gio.DBusNodeInfo.new_for_xml(file.read()).lookup_interface(name)


HELD = object()  # an answer that comes later


class FakeError(Exception):
    def __init__(self, name, text):
        super().__init__(text)
        self.name, self.text = name, text


class FakeObject:
    """One object with one interface; properties that are not set are absent."""

    def __init__(self, connection, path, interface, properties, on_call=None):
        self.connection, self.path, self.interface = connection, path, interface
        self.info = interface_info(interface)
        self.signatures = {p.name: p.signature for p in self.info.properties}
        self.properties = dict(properties)
        self.on_call = on_call
        self.registration = connection.register_object(
            path, self.info, self._on_call, self._on_get, None)

    def variants(self):
        return {name: GLib.Variant(self.signatures[name], value)
                for name, value in self.properties.items()}

    def _on_get(self, _connection, _sender, _path, _interface, name):
        value = self.properties.get(name)
        return None if value is None else GLib.Variant(self.signatures[name], value)

    def _on_call(self, _connection, _sender, _path, _interface, method, parameters, invocation):
        try:
            result = self.on_call(method, parameters.unpack(), invocation)
        except FakeError as error:
            invocation.return_dbus_error(error.name, error.text)
            return
        if result is not HELD:
            invocation.return_value(result)

    def set(self, **values):
        """None takes a value away."""
        changed, gone = {}, []
        for name, value in values.items():
            if value is None:
                self.properties.pop(name, None)
                gone.append(name)
            else:
                self.properties[name] = value
                changed[name] = GLib.Variant(self.signatures[name], value)
        self.connection.emit_signal(
            None, self.path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
            GLib.Variant("(sa{sv}as)", (self.interface, changed, gone)))

    def unregister(self):
        self.connection.unregister_object(self.registration)


class FakeService:
    def __init__(self, bus, name, properties):
        self.name, self.path = name, "/" + name.replace(".", "/")
        self.connection = bus.connect()
        self.calls, self.failure = [], None
        self.objects = {}
        self.manager = self.connection.register_object(
            self.path, Gio.DBusNodeInfo.new_for_xml(OBJECT_MANAGER).interfaces[0],
            self._on_manager, None, None)
        self.root = FakeObject(self.connection, self.path, name, properties, self._on_root)
        self._bus_call("RequestName", "(su)", name, 4)

    def _bus_call(self, method, signature, *arguments):
        self.connection.call_sync(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method,
            GLib.Variant(signature, arguments), None, Gio.DBusCallFlags.NONE, 60000, None)

    def _on_manager(self, _connection, _sender, _path, _interface, _method, _parameters, invocation):
        managed = {path: {item.interface: item.variants()} for path, item in self.objects.items()}
        invocation.return_value(GLib.Variant("(a{oa{sa{sv}}})", (managed,)))

    def _on_root(self, method, arguments, invocation):
        self.calls.append((method, arguments))
        if self.failure:
            raise FakeError(*self.failure)
        return self.answer(method, arguments, invocation)

    def answer(self, method, arguments, invocation):
        return None

    def set(self, **values):
        self.root.set(**values)

    def called(self, method):
        return [arguments for name, arguments in self.calls if name == method]

    def settle(self):
        """Answers all that has been sent to it until now, also by who is gone meanwhile."""
        if self.connection.is_closed():
            return
        self._bus_call("GetNameOwner", "(s)", self.name)
        while GLib.MainContext.default().iteration(False):
            pass

    def close(self):
        # What was said before has been said: GLib closes ahead of what it has yet to send.
        self.connection.flush_sync(None)
        self.connection.close_sync(None)


class FakeRouting(FakeService):
    def __init__(self, bus):
        self.forwards, self.revision = None, 0
        self.holding, self.held = False, []
        super().__init__(bus, "io.evercam.Routing1",
                         {"ForwardCount": 0, "ForwardingEnabled": True, "LastError": ""})

    def answer(self, method, arguments, invocation):
        assert arguments[0] == "gateway", arguments
        self.forwards = arguments[1] if method == "Replace" else []
        self.revision += 1
        if self.holding:
            self.held.append((invocation, GLib.Variant("(t)", (self.revision,))))
            return HELD
        return GLib.Variant("(t)", (self.revision,))

    def release(self):
        """Gives the answers that were held."""
        self.holding = False
        while self.held:
            invocation, result = self.held.pop(0)
            invocation.return_value(result)

    def targets(self):
        """{(protocol, port): "address:port"}"""
        return {(f[0], f[1]): f"{f[2]}:{f[3]}" for f in self.forwards or []}


class FakeVpn(FakeService):
    def __init__(self, bus, **properties):
        self.settings, self.key = None, None
        super().__init__(bus, "io.evercam.Vpn1",
                         {"State": "unconfigured", "LastError": "", "BytesIn": 0, "BytesOut": 0,
                          **properties})

    def answer(self, method, arguments, invocation):
        if method == "Configure":
            self.settings = arguments[0]
            descriptor = invocation.get_message().get_unix_fd_list().get(arguments[1])
            with os.fdopen(descriptor, encoding="ascii") as file:
                self.key = file.read()
            if self.root.properties["State"] == "unconfigured":
                self.set(State="connecting", Interface="vpn_evercam")
        elif method == "Forget":
            self.settings = self.key = None
            self.set(State="unconfigured", Interface=None, Address=None, Server=None,
                     ConnectedSince=None)
        return None


class FakeDiscovery(FakeService):
    DEVICE = "io.evercam.Discovery1.Device"

    def __init__(self, bus):
        self.explanations = {}  # id -> values of Explain's answer
        super().__init__(bus, "io.evercam.Discovery1",
                         {"Scanning": False, "ScanProgress": 100, "Interfaces": ["eth0"],
                          "DeviceCount": 0})

    def answer(self, method, arguments, invocation):
        if method != "Explain":
            return None
        if arguments[0] not in self.explanations:
            raise FakeError("io.evercam.Error.NotFound", f'Nothing was heard of "{arguments[0]}".')
        signatures = {"Id": "s", "Verdict": "s", "Sum": "d", "CandidateFrom": "d", "CameraFrom": "d",
                      **{p.name: p.signature for p in interface_info(self.DEVICE).properties}}
        values = self.explanations[arguments[0]].items()
        return GLib.Variant("(a{sv})", ({name: GLib.Variant(signatures[name], value)
                                         for name, value in values},))

    def add(self, identifier, **properties):
        path = f"{self.path}/device/{identifier}"
        values = {"Kind": "camera", "Confidence": 0.9, "Online": True, "Evidence": ["wsd"],
                  "FirstSeen": 1700000000, "LastSeen": 1700000000, **properties}
        self.objects[path] = FakeObject(self.connection, path, self.DEVICE, values)
        self._emit("InterfacesAdded", "(oa{sa{sv}})", path,
                   {self.DEVICE: self.objects[path].variants()})
        return self.objects[path]

    def remove(self, identifier):
        path = f"{self.path}/device/{identifier}"
        self.objects.pop(path).unregister()
        self._emit("InterfacesRemoved", "(oas)", path, [self.DEVICE])

    def _emit(self, signal, signature, *arguments):
        self.connection.emit_signal(None, self.path, "org.freedesktop.DBus.ObjectManager", signal,
                                    GLib.Variant(signature, arguments))
