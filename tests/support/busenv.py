# SPDX-License-Identifier: GPL-3.0-or-later
"""A private system bus, daemons on it, and waiting for events with a deadline.

    bus = PrivateBus()                      # its own dbus-daemon; bus.address
    daemon = bus.start([path, "--config", file])
    proxy = bus.proxy("io.evercam.Routing1", "/io/evercam/Routing1")
    proxy.call("io.evercam.Routing1", "List", "(s)", "gateway")
    bus.wait("State is running", lambda: proxy.get("io.evercam.Gateway1", "State") == "running")
    bus.close()                             # stops what was started, by pid

Waiting iterates the GLib main context, so signals are delivered meanwhile; nothing sleeps.
"""

import os
import signal
import subprocess
import time

import gi
import lifetime

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

DEADLINE = 60  # seconds; generous, since sanitizers and two busy cores are slow
LAST_LINES = 40  # of a log; a sanitizer's report is about as long

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{kind}</type>
  <listen>unix:path={directory}/bus</listen>
  <auth>EXTERNAL</auth>
  <limit name="max_replies_per_connection">50000</limit>
  <policy context="default">
    <allow user="*"/>
    {policy}
  </policy>
  {includes}
</busconfig>
"""
OPEN_POLICY = """<allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>"""
# What Debian's system.conf says by default: nothing but replies and signals.
SYSTEM_POLICY = """<deny own="*"/><deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus"
           send_interface="org.freedesktop.DBus.Introspectable"/>"""


class Timeout(AssertionError):
    pass


class Ended(AssertionError):
    """A daemon that should be running, with the end of its log."""

    def __init__(self, process, when, log):
        last = "\n".join(log.splitlines()[-LAST_LINES:])
        super().__init__(f"{' '.join(process.args)} ended with {process.returncode} {when}"
                         f"\n--- log ---\n{last}")


def wait_until(what, condition, deadline=DEADLINE):
    """Iterates the main context until condition() is true; returns its value."""
    end = time.monotonic() + deadline
    wake = GLib.timeout_add(20, lambda: True)  # re-evaluates conditions that no event announces
    try:
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise Timeout(f"waited {deadline:.0f} s for: {what}")
            GLib.MainContext.default().iteration(True)
    finally:
        GLib.source_remove(wake)


class BusError(Exception):
    """A D-Bus error reply: .name and .text."""

    def __init__(self, error):
        self.name = Gio.DBusError.get_remote_error(error)
        Gio.DBusError.strip_remote_error(error)
        self.text = error.message
        super().__init__(f"{self.name}: {self.text}")


class Proxy:
    """Calls to one object, with values as plain Python ones."""

    def __init__(self, connection, name, path):
        self.connection, self.name, self.path = connection, name, path

    def call(self, interface, method, signature="()", *arguments, fds=None, timeout=DEADLINE):
        variant = GLib.Variant(signature, arguments) if signature != "()" else None
        try:
            reply, _ = self.connection.call_with_unix_fd_list_sync(
                self.name, self.path, interface, method, variant, None,
                Gio.DBusCallFlags.NONE, int(timeout * 1000), fds, None)
        except GLib.Error as error:
            raise BusError(error) from None
        values = reply.unpack()
        return values[0] if len(values) == 1 else values

    def get(self, interface, name):
        return self.call("org.freedesktop.DBus.Properties", "Get", "(ss)", interface, name)

    def get_all(self, interface):
        return self.call("org.freedesktop.DBus.Properties", "GetAll", "(s)", interface)

    def managed_objects(self):
        return self.call("org.freedesktop.DBus.ObjectManager", "GetManagedObjects")

    def introspect(self):
        return self.call("org.freedesktop.DBus.Introspectable", "Introspect")


class PrivateBus:
    """policy_files: bus policy files to obey, on top of the system bus's own defaults."""

    def __init__(self, policy_files=()):
        self.directory = lifetime.directory("bus")
        self.log_path = os.path.join(self.directory, "log")
        self.processes = []
        configuration = os.path.join(self.directory, "bus.conf")
        includes = "".join(f"<include>{os.path.abspath(f)}</include>" for f in policy_files)
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(
                kind="system" if policy_files else "session", directory=self.directory,
                policy=SYSTEM_POLICY if policy_files else OPEN_POLICY, includes=includes))
        self.address = f"unix:path={self.directory}/bus"
        # Our daemons must not cause libdbus's warnings; the bus itself warns of users that only an
        # installation makes.
        environment = {k: v for k, v in os.environ.items() if k != "DBUS_FATAL_WARNINGS"}
        self.daemon = subprocess.Popen(
            ["dbus-daemon", "--nofork", f"--config-file={configuration}", "--nopidfile",
             "--print-address=1"], stdout=subprocess.PIPE, env=environment,
            preexec_fn=lifetime.die_with_parent)
        if not self.daemon.stdout.readline():
            raise RuntimeError("dbus-daemon did not start")
        self.connection = self.connect()

    def connect(self):
        return Gio.DBusConnection.new_for_address_sync(
            self.address,
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)

    def environment(self, **extra):
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address, **extra}

    def start(self, arguments, **environment):
        """Starts a daemon on this bus; its log is in self.log()."""
        with open(self.log_path, "ab") as log:
            process = subprocess.Popen(arguments, env=self.environment(**environment),
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       preexec_fn=lifetime.die_with_parent)
        self.processes.append(process)
        return process

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def proxy(self, name, path):
        return Proxy(self.connection, name, path)

    def has_owner(self, name):
        return Proxy(self.connection, "org.freedesktop.DBus", "/org/freedesktop/DBus").call(
            "org.freedesktop.DBus", "NameHasOwner", "(s)", name)

    def wait(self, what, condition, deadline=DEADLINE):
        try:
            return wait_until(what, condition, deadline)
        except Timeout as timeout:
            raise Timeout(f"{timeout}\n--- log ---\n{self.log()}") from None

    def wait_for_name(self, name, present=True):
        """Not for the name of one that has ended: who was started last is who it is waited for."""
        def is_so():
            if self.has_owner(name) == present:
                return True
            if present and self.processes and self.processes[-1].poll() is not None:
                raise Ended(self.processes[-1], f"before {name} was on the bus", self.log())
            return False

        self.wait(f"{name} {'on' if present else 'off'} the bus", is_so)

    def signals(self, sender=None, path=None):
        """Records signals from now on: a list of (path, interface, member, values)."""
        seen = []
        self.connection.signal_subscribe(
            sender, None, None, path, None, Gio.DBusSignalFlags.NONE,
            lambda _c, _s, where, interface, member, values: seen.append(
                (where, interface, member, values.unpack())))
        # The subscription is a message to the bus: one round trip makes sure that it is in force.
        self.has_owner("org.freedesktop.DBus")
        return seen

    def stop(self, process, how=signal.SIGTERM):
        """Ends a process and returns its exit status (negative signal)."""
        if process.poll() is None:
            process.send_signal(how)
        try:
            status = process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Timeout(f"{process.args[0]} did not end by signal {how}\n{self.log()}") from None
        if process in self.processes:
            self.processes.remove(process)
        return status

    def close(self):
        """Stops everything. A daemon that does not end well (sanitizer report) is a failure."""
        failures = []
        for process in list(self.processes):
            status = self.stop(process)
            if status not in (0, -signal.SIGTERM, -signal.SIGKILL):
                failures.append(f"{process.args[0]} ended with {status}")
        if not self.connection.is_closed():
            self.connection.close_sync(None)
        self.daemon.terminate()
        self.daemon.wait(DEADLINE)
        self.daemon.stdout.close()
        log = self.log()
        lifetime.remove(self.directory)
        if failures:
            raise AssertionError("; ".join(failures) + "\n" + log)
