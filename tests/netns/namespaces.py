# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as network namespaces inside one throw-away mount and network namespace.

    namespaces.isolate()                    # re-executes the script; the script's own host is "here"
    namespaces.add("client")
    namespaces.link(None, "vpn_ether", "client", "eth0")
    with namespaces.inside("client"):       # sockets made here stay in that host
        connection = socket.create_connection(...)

Everything vanishes with the process, however it ends.
"""

import contextlib
import ctypes
import os
import subprocess
import sys

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


def isolate():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root for namespaces")
        sys.exit(0)
    if os.environ.get("EVERCAM_TEST_ISOLATED") != "1":
        os.environ["EVERCAM_TEST_ISOLATED"] = "1"
        # Process 1 of a process namespace takes all others with it.
        os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
                              "--mount-proc", "--", sys.executable, *sys.argv])
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")


def add(name):
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")


def ip(host, *arguments):
    run("ip", *(("-n", host) if host else ()), *arguments)


def link(host_a, name_a, host_b, name_b):
    """A cable between two hosts; None is the script's own."""
    ends = []
    for host, name in ((host_a, name_a), (host_b, name_b)):
        ends.append(["name", name] + (["netns", host] if host else []))
    run("ip", "link", "add", *ends[0], "type", "veth", "peer", *ends[1])
    for host, name in ((host_a, name_a), (host_b, name_b)):
        ip(host, "link", "set", name, "up")


def address(host, name, *addresses):
    for one in addresses:
        extra = ["nodad"] if ":" in one else []
        ip(host, "address", "add", one, "dev", name, *extra)


@contextlib.contextmanager
def inside(host):
    """Moves this thread to a host for a while."""
    if host is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{host}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(there)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(there)
        os.close(home)


def _enter(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "setns")
