# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' own means: nothing of a test outlives it, and a daemon that has died is not waited for."""

import os
import select
import signal
import subprocess
import sys
import unittest

import lifetime
import tap
from busenv import DEADLINE, Ended, PrivateBus

# A test as a program of its own: it has a bus and a daemon, and would wait for long.
PROGRAM = """
import os, sys, unittest
import tap
from busenv import GLib, PrivateBus

class Test(unittest.TestCase):
    def test(self):
        bus = PrivateBus()
        self.addCleanup(bus.close)
        daemon = bus.start(["sleep", "1000"])
        print("#", bus.directory, bus.daemon.pid, daemon.pid, flush=True)
        if os.environ["WAITS"]:
            # Mostly inside a callback.
            GLib.idle_add(lambda: sum(range(50000)) > 0)
            bus.wait("what never comes", lambda: False, deadline=1000)

tap.main(Test)
"""


class Program:
    def __init__(self, temporary, waits=True):
        environment = {**os.environ, "TMPDIR": temporary, "WAITS": "yes" if waits else ""}
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = next(line for line in self.process.stdout if line.startswith("# /"))
        _, self.directory, *pids = line.split()
        self.daemons = [os.pidfd_open(int(pid)) for pid in pids] if waits else []

    def end(self, number=0):
        if number:
            self.process.send_signal(number)
        self.process.communicate(timeout=DEADLINE)
        for daemon in self.daemons:
            assert select.select([daemon], [], [], DEADLINE)[0], "a daemon lives on"
            os.close(daemon)
        return self.process.returncode


class TestLifetime(unittest.TestCase):
    def setUp(self):
        self.directory = lifetime.directory("support")
        self.addCleanup(lifetime.remove, self.directory)

    def names(self):
        return [name for name in os.listdir(self.directory) if name != lifetime.LOCK]

    def test_end(self):
        """a test that has ended leaves nothing behind"""
        self.assertEqual(Program(self.directory, waits=False).end(), 0)
        self.assertEqual(self.names(), [])

    def test_terminated(self):
        """nor does one that is told to end, and it says where it was"""
        program = Program(self.directory)
        self.assertEqual(program.end(signal.SIGTERM), 128 + signal.SIGTERM)
        self.assertEqual(self.names(), [])

    def test_killed(self):
        """the directory of one that was killed is removed by the next; those of the living are not"""
        killed, alive = Program(self.directory), Program(self.directory)
        killed.end(signal.SIGKILL)
        self.assertTrue(os.path.exists(killed.directory))
        self.assertEqual(Program(self.directory, waits=False).end(), 0)
        self.assertEqual(self.names(), [os.path.basename(alive.directory)])
        alive.end(signal.SIGTERM)

    def test_late_writer(self):
        """what somebody writes after the end is found by the next"""
        left = os.path.join(self.directory, "evercam-bus-left")
        os.mkdir(left)
        lifetime.hold(left)
        os.close(lifetime.locks.pop(left))
        os.mkdir(os.path.join(left, "state"))
        lifetime.remove_dead(os.path.join(self.directory, "*"))
        self.assertEqual(self.names(), [])


class TestBus(unittest.TestCase):
    def test_dead_daemon(self):
        """who waits for the name of a daemon that has died hears it, with the end of its log"""
        bus = PrivateBus()
        self.addCleanup(bus.close)
        bus.start(["sh", "-c", "echo line 1; echo the reason; exit 3"])
        with self.assertRaises(Ended) as caught:
            bus.wait_for_name("io.evercam.Test1")
        self.assertIn("ended with 3 before io.evercam.Test1 was on the bus", str(caught.exception))
        self.assertIn("the reason", str(caught.exception))
        bus.processes.clear()


if __name__ == "__main__":
    tap.main(TestLifetime, TestBus)
