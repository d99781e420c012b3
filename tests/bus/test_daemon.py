# SPDX-License-Identifier: GPL-3.0-or-later
"""What every daemon gets from common/daemon.h: command line, configuration, readiness, ends."""

import os
import signal
import socket
import subprocess
import sys
import unittest

import lifetime
import tap
from busenv import DEADLINE, PrivateBus

FIXTURE = sys.argv[1]
NAME = "io.evercam.Test1"


def run(*arguments, **environment):
    return subprocess.run([FIXTURE, *arguments], env={**os.environ, **environment}, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=DEADLINE,
                          check=False)


class WithDirectory(unittest.TestCase):
    def setUp(self):
        self.directory = lifetime.directory("test")
        self.addCleanup(lifetime.remove, self.directory)

    def config(self, text):
        path = os.path.join(self.directory, "fixtured.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


class TestCommandLine(WithDirectory):
    def test_version_and_help(self):
        result = run("--version")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"^fixtured \d+\.\d+\.\d+\n$")
        result = run("--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for text in ("Usage: fixtured", "--check-config", "/etc/evercam-gateway/fixtured.conf",
                     "What to do: run, fail, or stop at once. (default: run)"):
            self.assertIn(text, result.stdout)

    def test_wrong_usage(self):
        for arguments in (["--nonsense"], ["--config"], ["--check-config=yes"]):
            result = run(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertTrue(result.stderr)

    def test_check_config(self):
        good = self.config("mode = x\n")
        result = run("--config", good, "--check-config")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        bad = self.config("mode = x\nlow = many\n")
        result = run("--config", bad, "--check-config")
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"{bad}:2: low: must be a whole number", result.stderr)

    def test_check_between_options(self):
        path = self.config("high = 10\n\nlow = 11\n")
        result = run("--config", path, "--check-config")
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"{path}:3: low: must not be larger than high", result.stderr)

    def test_check_before_the_start(self):
        """what the daemon needs is checked for it, and not for its commands"""
        path = self.config("mode = unprepared\n")
        for arguments in ((), ("--check-config",)):
            result = run("--config", path, *arguments)
            self.assertEqual(result.returncode, 2)
            self.assertIn(f'{path}:1: mode: run "fixtured show" first', result.stderr)
        self.assertEqual(run("--config", path, "show").stdout, "unprepared 1 \n")

    def test_named_file_must_exist(self):
        result = run("--config", "/nonexistent/file.conf", "--check-config")
        self.assertEqual(result.returncode, 2)
        self.assertIn("/nonexistent/file.conf: No such file", result.stderr)

    def test_command(self):
        path = self.config("mode = from-file\n")
        result = run("--config", path, "show", "--option")
        self.assertEqual((result.returncode, result.stdout), (0, "from-file 2 --option\n"))
        self.assertEqual(run("show", "--fail").returncode, 1)
        self.assertEqual(run("nonsense").returncode, 2)

    def test_no_bus(self):
        result = run(DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={self.directory}/none")
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot connect to the message bus", result.stderr)


class TestRunning(WithDirectory):
    def setUp(self):
        super().setUp()
        self.bus = PrivateBus()
        self.addCleanup(self.bus.close)

    def start(self, text="", *arguments, **environment):
        return self.bus.start([FIXTURE, "--config", self.config(text), *arguments], **environment)

    def finish(self, process):
        self.bus.processes.remove(process)
        return process.wait(DEADLINE)

    def test_runs_until_asked_to_stop(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start()
            self.bus.wait_for_name(NAME)
            self.assertEqual(self.bus.stop(process, number), 0)
            self.bus.wait_for_name(NAME, present=False)
        self.assertIn("umask 077", self.bus.log())
        self.assertNotIn("a detail", self.bus.log())

    def test_debug(self):
        self.start("", "--debug")
        self.bus.wait_for_name(NAME)
        self.assertIn("debug: a detail", self.bus.log())

    def test_failures(self):
        self.assertEqual(self.finish(self.start("mode = fail\n")), 1)
        self.assertIn("no luck: No such device", self.bus.log())

    def test_stopped_as_soon_as_it_is_there(self):
        """told to end the moment its name is on the bus, it ends in order"""
        for _ in range(10):
            process = self.start()
            while not self.bus.has_owner(NAME):
                self.assertIsNone(process.poll(), self.bus.log())
            process.send_signal(signal.SIGTERM)
            self.assertEqual(self.finish(process), 0)

    def test_stopped_before_it_runs(self):
        self.assertEqual(self.finish(self.start("mode = stop\n")), 0)
        self.assertEqual(self.finish(self.start("mode = stop-badly\n")), 1)

    def test_twice(self):
        self.start()
        self.bus.wait_for_name(NAME)
        self.assertEqual(self.finish(self.start()), 1)
        self.assertIn("fixtured is already running", self.bus.log())

    def test_bus_lost(self):
        """The service manager restarts it."""
        process = self.start()
        self.bus.wait_for_name(NAME)
        self.bus.connection.set_exit_on_close(False)
        self.bus.daemon.kill()
        self.assertEqual(self.finish(process), 1)
        self.assertIn("lost the message bus", self.bus.log())

    def test_standard_descriptors_closed(self):
        """What it opens must not become its standard error."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'exec "$0" --config "$1" <&- >&- 2>&-', FIXTURE, self.config("")],
            env=self.bus.environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.bus.wait_for_name(NAME)
        for number in range(3):
            self.assertEqual(os.readlink(f"/proc/{process.pid}/fd/{number}"), "/dev/null")

    def notified(self, listener, environment, states):
        listener.settimeout(DEADLINE)
        process = self.start("", **environment)
        for state in states:
            self.assertEqual(listener.recv(100), state)
        # Listening goes on while it ends: a queue that is full would hold it up.
        process.send_signal(signal.SIGTERM)
        state = listener.recv(100)
        while state == b"WATCHDOG=1":
            state = listener.recv(100)
        self.assertEqual(state, b"STOPPING=1")
        self.assertEqual(self.finish(process), 0)

    def test_readiness_by_path(self):
        path = os.path.join(self.directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(path)
            self.notified(listener, {"NOTIFY_SOCKET": path}, [b"READY=1"])

    def test_readiness_abstract_and_watchdog(self):
        name = f"evercam-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind("\0" + name)
            self.notified(listener, {"NOTIFY_SOCKET": "@" + name, "WATCHDOG_USEC": "100000"},
                          [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"])

    def test_watchdog_of_another_process(self):
        name = f"evercam-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind("\0" + name)
            self.notified(listener, {"NOTIFY_SOCKET": "@" + name, "WATCHDOG_USEC": "1000",
                                     "WATCHDOG_PID": "1"}, [b"READY=1"])

    def test_unusable_notify_socket(self):
        for path in ("/nonexistent/notify", "relative", "@" + 200 * "x", ""):
            process = self.start("", NOTIFY_SOCKET=path)
            self.bus.wait_for_name(NAME)
            self.assertEqual(self.bus.stop(process), 0)
            self.bus.wait_for_name(NAME, present=False)


if __name__ == "__main__":
    tap.main(TestCommandLine, TestRunning)
