# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's system bus, asked as an operator would: by busctl."""

import json


def _plain(value):
    """busctl's JSON tells the type of each variant; most readers only want what is in it."""
    if isinstance(value, dict):
        if set(value) == {"type", "data"}:
            return _plain(value["data"])
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value


class Bus:
    """path defaults to the service's root object: io.evercam.Gateway1 -> /io/evercam/Gateway1."""

    def __init__(self, host):
        self.host = host

    def _call(self, *arguments):
        command = ["busctl", "--system", "--json=short", "--timeout=50", *arguments]
        output = self.host.output(command)
        return _plain(json.loads(output)) if output else None

    def call(self, service, method, *arguments, path=None, interface=None):
        path = path or "/" + service.replace(".", "/")
        answer = self._call("call", service, path, interface or service, method, *arguments)
        return answer[0] if answer and len(answer) == 1 else answer

    def get(self, service, name, path=None, interface=None):
        path = path or "/" + service.replace(".", "/")
        return self._call("get-property", service, path, interface or service, name)

    def get_all(self, service, path=None, interface=None):
        return self.call(
            service, "GetAll", "s", interface or service,
            path=path, interface="org.freedesktop.DBus.Properties",
        )  # fmt: skip

    def objects(self, service, interface):
        """path -> properties of all objects with that interface."""
        objects = self.call(
            service, "GetManagedObjects", interface="org.freedesktop.DBus.ObjectManager"
        )
        return {path: found[interface] for path, found in objects.items() if interface in found}
