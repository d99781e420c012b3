# SPDX-License-Identifier: GPL-3.0-or-later
"""Names by which tests know tests/cameras/lan.py."""

import os
import sys

from gi.repository import GLib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from cameras import programs  # noqa: E402
from cameras.lan import Lan, clean_up, ip  # noqa: E402,F401


def packages():
    return programs.tree() if programs.are_there("avahi") else None


def start_avahi(bus, host, directory):
    """avahi-daemon on the private bus."""
    return bus.start(host.command(*programs.avahi(directory, bus=True)), **programs.libraries())


def end(process):
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def say(host, line):
    host.say(line)


def output(host):
    return host.output()


def has_said(host, what, times):
    return host.has_said(what, times)


def variant(signature, value):
    return GLib.Variant(signature, value)
