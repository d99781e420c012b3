#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site leaves this machine as it was, however it ends, and several can run at once; and so does a
./check. In TAP."""

import fcntl
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import check, isolation, lan, neighbours, prepare, runs  # noqa: E402
from lab.cases import Cases  # noqa: E402
from lab.progress import Progress  # noqa: E402
from lab.site import Site  # noqa: E402
from support import lifetime  # noqa: E402

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
    """(pid, parent, start time), or None for one that has ended: a pid alone may be another process
    a moment later."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    # Not everywhere does somebody collect the orphans.
    return None if fields[0] == "Z" else (int(pid), int(fields[1]), int(fields[19]))


def descendants(pid):
    everybody = [process(name) for name in os.listdir("/proc") if name.isdigit()]
    found, parents = [], {pid}
    while parents:
        children = [one for one in everybody if one and one[1] in parents]
        found += children
        parents = {child for child, _, _ in children}
    return found


class Program:
    """One of the below as a program of its own, with all that it has started."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", os.path.abspath(__file__), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def end(self, number):
        """Returns its exit status, when all of it has ended."""
        processes = descendants(self.process.pid)
        self.process.send_signal(number)
        self.process.communicate(timeout=90)
        deadline = time.monotonic() + 60
        while alive := [pid for pid, _, start in processes if self._lives(pid, start)]:
            assert time.monotonic() < deadline, f"still there: {alive}"
            time.sleep(0.1)
        return self.process.returncode

    @staticmethod
    def _lives(pid, start):
        found = process(pid)
        return found is not None and found[2] == start


class OtherSite(Program):
    def __init__(self):
        super().__init__("site")
        assert self.process.stdout.readline() == "up\n", "the site does not come up"
        found = descendants(self.process.pid)
        assert len(found) > 20, f"only {len(found)} processes"


# --- ./check ---

TESTS = os.path.join(prepare.SOURCE, "tests")
PROJECT = f"""project('waiting')
test('waiting', find_program('/usr/bin/python3'), args: ['@0@'.format(meson.current_source_dir() / 'waiting.py')],
     env: ['PYTHONPATH={TESTS}/support', 'PYTHONDONTWRITEBYTECODE=1'])
"""
WAITING = """
import unittest
import tap
from busenv import PrivateBus

class Test(unittest.TestCase):
    def test(self):
        bus = PrivateBus()
        bus.start(["sleep", "1000"])
        open({up!r}, "w").close()
        bus.wait("what never comes", lambda: False, deadline=1000)

tap.main(Test)
"""


def run_check(directory):
    """What ./check does around its tests, with one test that waits, and a kernel of paper."""
    check.end_in_order()
    with neighbours.room(f"{directory}/record", f"{directory}/tables"):
        prepare.run_with_progress(
            Progress(), "testing",
            ["meson", "test", "-C", f"{directory}/build", "--no-rebuild", "--timeout-multiplier", "0"],
        )  # fmt: skip


class OtherCheck(Program):
    def __init__(self, directory):
        self.directory = directory
        up = f"{directory}/up"
        if not os.path.exists(f"{directory}/build"):
            self._prepare(up)
        if os.path.exists(up):
            os.unlink(up)
        super().__init__("check", directory)
        deadline = time.monotonic() + 60
        while not os.path.exists(up):
            assert self.process.poll() is None, f"ended: {self.process.stdout.read()}"
            assert time.monotonic() < deadline, "the test does not come up"
            time.sleep(0.02)
        assert self.thresholds() == [8192, 16384], self.thresholds()

    def _prepare(self, up):
        os.mkdir(f"{self.directory}/tables")
        for name, value in (("gc_thresh2", 512), ("gc_thresh3", 1024)):
            self.write(f"tables/{name}", f"{value}\n")
        self.write("meson.build", PROJECT)
        self.write("waiting.py", WAITING.format(up=up))
        subprocess.run(["meson", "setup", f"{self.directory}/build", self.directory], check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip

    def write(self, name, text):
        with open(f"{self.directory}/{name}", "w") as file:
            file.write(text)

    def thresholds(self):
        return [int(open(f"{self.directory}/tables/gc_thresh{n}").read()) for n in (2, 3)]


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


@cases.add("a ./check that is told to end ends its tests and gives back what it changed")
def check_is_ended(before):
    directory = lifetime.directory("check")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        one = OtherCheck(directory)
        status = one.end(number)
        assert status == 128 + number, status
        assert one.thresholds() == [512, 1024], one.thresholds()


@cases.add("of a ./check that is killed no test lives on, and the next one gives back what it changed")
def check_is_killed(before):
    directory = lifetime.directory("check")
    OtherCheck(directory).end(signal.SIGKILL)
    one = OtherCheck(directory)
    one.end(signal.SIGTERM)
    assert one.thresholds() == [512, 1024], one.thresholds()


@cases.add("of two ./check at once the one that ends last gives back what both changed")
def two_checks(before):
    directory = lifetime.directory("check")
    first, second = OtherCheck(directory), OtherCheck(directory)
    first.end(signal.SIGTERM)
    assert second.thresholds() == [8192, 16384], second.thresholds()
    second.end(signal.SIGTERM)
    assert second.thresholds() == [512, 1024], second.thresholds()


@cases.add("two ./package in one clone follow one another")
def two_packages(before):
    path = os.path.join(prepare.SOURCE, "build/package.lock")
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with prepare.running(
            [os.path.join(prepare.SOURCE, "package")], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as package:  # fmt: skip
            said = package.stdout.readline()
    assert said == "Waiting for another ./package that is at work in this clone\n", said


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
    if sys.argv[1:2] == ["check"]:
        sys.exit(run_check(sys.argv[2]))
    be_alone()
    sys.exit(cases.run(machine(), lambda: None))
