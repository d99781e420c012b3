# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the site: each has a directory (logs, who is where) that lives as long as it is wanted.

A directory whose owner is gone, however it ended, is removed by the next run. What else a run makes
(processes, mounts, interfaces) is in its namespaces, and these end with its process.
"""

import glob
import json
import os

from lab import isolation, prepare
from support import lifetime

RUNS = os.path.join(prepare.SITE_DIRECTORY, "runs")


class Run:
    def __init__(self, kind="test"):
        os.makedirs(RUNS, exist_ok=True)
        lifetime.remove_dead(os.path.join(RUNS, "*"))
        self.directory = os.path.join(RUNS, f"{kind}-{os.getpid()}")
        os.makedirs(self.directory)
        lifetime.hold(self.directory)

    def started(self, pid):
        """pid: the first process of the site, as seen from outside."""
        with open(os.path.join(self.directory, "pid"), "w") as file:
            file.write(str(pid))

    def remove(self):
        lifetime.remove(self.directory)


def write_hosts(site):
    """For enter(): the hosts' first processes, as seen inside the site."""
    path = os.path.join(site.directory, "hosts.json")
    with open(path + ".new", "w") as file:
        json.dump({name: host.pid for name, host in site.hosts.items()}, file)
    os.replace(path + ".new", path)


def _newest_alive():
    """The newest demo, or without one the newest of the tests."""
    alive = []
    for directory in glob.glob(os.path.join(RUNS, "*")):
        hosts = os.path.join(directory, "hosts.json")
        if os.path.exists(hosts) and lifetime.is_alive(directory):
            is_demo = os.path.basename(directory).startswith("demo-")
            alive.append((is_demo, os.path.getmtime(hosts), directory))
    return max(alive)[2] if alive else None


def enter(host_name, argv):
    """Runs argv inside a host of the running site (the newest one); returns its exit status."""
    directory = _newest_alive()
    if directory is None:
        raise SystemExit("no site is running: start one with ./demo in another terminal")
    with open(os.path.join(directory, "hosts.json")) as file:
        hosts = json.load(file)
    if host_name not in hosts:
        raise SystemExit(f"no host {host_name}: there are {' '.join(sorted(hosts))}")
    with open(os.path.join(directory, "pid")) as file:
        site = isolation.NamespaceSet(int(file.read()))
    # Into the site first: only there do the hosts' process numbers mean anything.
    status = _in_namespaces(site, lambda: _in_namespaces(
        isolation.NamespaceSet(hosts[host_name]), lambda: _execute(argv)))  # fmt: skip
    return status


def _in_namespaces(namespaces, function):
    """Calls function in a child that is in these namespaces; returns the child's exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            lifetime.die_with_parent()
            isolation.setns(namespaces.pid_namespace, isolation.CLONE_NEWPID)
            namespaces.enter()
            status = _in_child(function)
        except OSError as error:
            print(f"cannot enter: {error}", flush=True)
        finally:
            os._exit(status)
    while True:
        try:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF
        except KeyboardInterrupt:
            pass  # meant for the command, which got it as well


def _in_child(function):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = function() or 0
        finally:
            os._exit(status)
    while True:
        try:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF
        except KeyboardInterrupt:
            pass


def _execute(argv):
    from lab.host import Host

    try:
        os.chdir("/")
        os.execvpe(argv[0], argv, Host.environment())
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", flush=True)
    return 127
