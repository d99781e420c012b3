#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site leaves this machine as it was, however it ends, and several can run at once. In TAP."""

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import isolation, lan, prepare, runs  # noqa: E402
from lab.cases import Cases  # noqa: E402
from lab.site import Site  # noqa: E402

FILES = ("/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname",
         "/proc/sys/net/ipv4/ip_forward")  # fmt: skip
COMMANDS = (
    ["ip", "-brief", "address"], ["ip", "rule"], ["ip", "route"], ["ip", "netns"],
    ["nft", "list", "ruleset"], ["hostname"],
)  # fmt: skip

cases = Cases()


def inside(directory):
    """The site under test: its LAN is enough."""
    lan.make_pictures(prepare.PICTURES)
    site = Site(prepare.SOURCE, directory, [prepare.PACKAGES])
    site.add_lan()
    runs.write_hosts(site)
    site.wait_until("an address", lambda: "192.168.1.101" in site.host("entrance").output(
        ["ip", "-brief", "address"]), deadline=60)  # fmt: skip
    print("up", flush=True)
    while True:
        time.sleep(60)


def run_site():
    run = runs.Run("test")
    status = isolation.run_isolated(lambda: inside(run.directory), run.started)
    run.remove()
    return status


def machine():
    """What of this machine must not change."""
    seen = {path: open(path).read() for path in FILES if os.path.exists(path)}
    seen["mounts"] = open("/proc/self/mounts").read()
    for command in COMMANDS:
        seen[" ".join(command)] = subprocess.run(command, capture_output=True, text=True).stdout
    return seen


def assert_unchanged(before):
    now = machine()
    changed = {name: (before[name], now[name]) for name in before if before[name] != now[name]}
    assert not changed, f"not as it was: {changed}"


def process(pid):
    """(pid, parent, start time), or None: a pid alone may be another process a moment later."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return int(pid), int(fields[1]), int(fields[19])


def descendants(pid):
    everybody = [process(name) for name in os.listdir("/proc") if name.isdigit()]
    found, parents = [], {pid}
    while parents:
        children = [one for one in everybody if one and one[1] in parents]
        found += children
        parents = {child for child, _, _ in children}
    return found


class OtherSite:
    def __init__(self):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", os.path.abspath(__file__), "site"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout.readline() == "up\n", "the site does not come up"
        self.processes = descendants(self.process.pid)
        assert len(self.processes) > 20, f"only {len(self.processes)} processes"

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(timeout=60)
        deadline = time.monotonic() + 60
        while alive := [pid for pid, _, start in self.processes if self._lives(pid, start)]:
            assert time.monotonic() < deadline, f"still there: {alive}"
            time.sleep(0.1)

    @staticmethod
    def _lives(pid, start):
        found = process(pid)
        return found is not None and found[2] == start


@cases.add("after kill -9 nothing of a site is left")
def killed(before):
    OtherSite().end(signal.SIGKILL)
    assert_unchanged(before)


@cases.add("after SIGTERM nothing of a site is left, nor its directory")
def terminated(before):
    site = OtherSite()
    site.end(signal.SIGTERM)
    assert not os.path.exists(os.path.join(runs.RUNS, f"test-{site.process.pid}"))
    assert_unchanged(before)


@cases.add("the next run removes the directory of one that was killed")
def directory_is_removed(before):
    site = OtherSite()
    site.end(signal.SIGKILL)
    assert os.path.exists(os.path.join(runs.RUNS, f"test-{site.process.pid}"))
    OtherSite().end(signal.SIGTERM)
    assert not os.path.exists(os.path.join(runs.RUNS, f"test-{site.process.pid}"))


@cases.add("two sites run at once, and the newer one can be entered")
def two_sites(before):
    sites = [OtherSite(), OtherSite()]
    entered = subprocess.run(
        [os.path.join(prepare.SOURCE, "demo"), "enter", "entrance", "hostname"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    for site in sites:
        site.end(signal.SIGTERM)
    assert entered.stdout == "entrance\n", entered
    assert_unchanged(before)


def be_alone():
    """What else goes on on this machine is none of ours: a mount and a network namespace that only
    our sites could change. Its mounts are shared, so that one that leaks out of a site is seen."""
    isolation.unshare(isolation.CLONE_NEWNS | isolation.CLONE_NEWNET)
    isolation.mount(None, "/", flags=isolation.MS_REC | isolation.MS_PRIVATE)
    # The names of ip netns are there: one that another program deletes would go from here, too.
    for path in [line.split()[1] for line in open("/proc/self/mounts")][::-1]:
        if path.startswith("/run/"):
            isolation.unmount(path, isolation.MNT_DETACH)
    isolation.mount("tmpfs", "/run", "tmpfs", options="mode=755")
    isolation.mount(None, "/", flags=isolation.MS_REC | isolation.MS_SHARED)


if __name__ == "__main__":
    if sys.argv[1:] == ["site"]:
        sys.exit(run_site())
    be_alone()
    sys.exit(cases.run(machine(), lambda: None))
