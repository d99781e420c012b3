#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds everything, plain and with sanitizers, and runs every test; ends with one line,
"N passed, N failed". Each case of each test counts as one.

    ./check             everything: unit, fuzz corpus, bus and namespace tests with sanitizers, all
                        but the namespaces also without, then the whole site and its faults, then
                        the packages
    ./check --no-site   without the site and the packages
    ./check install     only the packages: built, installed on booted machines as README.md says,
                        rebooted, upgraded, removed
"""

import argparse
import glob
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import isolation, neighbours, prepare  # noqa: E402
from lab.progress import Progress  # noqa: E402

SANITIZERS = ("--buildtype=debug", "-Db_sanitize=address,undefined", "-Db_lundef=false")
# Tests wait more than they work.
WORKERS = (os.cpu_count() or 1) + 1
SITE_TESTS = ("lab/test_traces.py", "lab/test_site.py", "lab/test_operating.py")
INSTALL_TEST = "install/test_install.py"


class Tally:
    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skipped = 0

    def fail(self, name):
        self.failures.append(name)


def count_junit(path, build, tally):
    """meson lists every TAP case; a test that died without telling its cases is one failure."""
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        cases = list(suite.iter("testcase"))
        for case in cases:
            name = f"{build}: {suite.get('name')}: {case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                tally.fail(name)
            elif case.find("skipped") is not None:
                tally.skipped += 1
            else:
                tally.passed += 1


def run_meson_tests(progress, build, tally, multiplier, *extra):
    def show(line):
        bad = re.search(r"\d+/\d+ .* (FAIL|TIMEOUT|ERROR|UNEXPECTEDPASS)\b", line)
        return line.strip() if bad else None

    for old in glob.glob(os.path.join(prepare.SOURCE, build, "meson-logs/testlog.junit.xml")):
        os.unlink(old)
    started, failed_before, passed_before = time.monotonic(), len(tally.failures), tally.passed
    status = 0
    try:
        prepare.run_with_progress(
            progress, f"testing {build}",
            ["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs",
             "--timeout-multiplier", str(multiplier), "--num-processes", str(WORKERS), *extra],
            show, log=os.path.join(prepare.SITE_DIRECTORY, f"check-{build}.log"),
        )  # fmt: skip
    except prepare.PreparationFailed as error:
        status = 1
        progress.print(str(error))
    path = os.path.join(prepare.SOURCE, build, "meson-logs/testlog.junit.xml")
    if os.path.exists(path):
        count_junit(path, build, tally)
    failed = len(tally.failures) - failed_before
    if status and not failed:
        tally.fail(f"{build}: a test ended badly, see {build}/meson-logs/testlog.txt")
        failed = 1
    progress.say(f"{build}: {tally.passed - passed_before} passed, {failed} failed"
                 f" ({time.monotonic() - started:.0f} s)")  # fmt: skip


def run_tap(progress, script, tally):
    """A test outside of meson's list, that tells its story in comments."""
    path = os.path.join(prepare.SOURCE, "tests", script)
    command = ["/usr/bin/python3", path]
    planned, seen = None, 0
    with prepare.running(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            line = line.rstrip("\n")
            if plan := re.match(r"1\.\.(\d+)", line):
                planned = int(plan.group(1))
                continue
            case = re.match(r"(not )?ok \d+ - (.*)", line)
            if not case:
                progress.print("  " + line)
                continue
            seen += 1
            progress.say(line)
            if case.group(1):
                tally.fail(f"{script}: {case.group(2)}")
            elif "# SKIP" in line:
                tally.skipped += 1
            else:
                tally.passed += 1
        process.wait()
    if process.returncode not in (0, 1) or planned is None or planned != seen:
        tally.fail(f"{script}: ended after {seen} of {planned} cases, status {process.returncode}")


def build_and_test(progress, tally):
    prepare.everything(progress)
    prepare.build(progress, "build-asan", SANITIZERS)
    progress.say("build with sanitizers")
    # The real paths through the plain build are the site's and the packages' tests, below.
    run_meson_tests(progress, "build", tally, 3, "--no-suite", "netns")
    with neighbours.room():
        run_meson_tests(progress, "build-asan", tally, 5)


def end_in_order():
    """A signal ends us like an exception: what runs is ended first, what was changed is put back."""

    def end(number, _):
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def main():
    parser = argparse.ArgumentParser(
        prog="./check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--no-site", action="store_true", help="without the site's tests")
    parser.add_argument("only", nargs="?", choices=["install"], help="only the packages' test")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("./check makes network namespaces: run it as root")
    end_in_order()
    isolation.make_reachable(prepare.SOURCE)
    progress, tally = Progress(), Tally()
    scripts = [INSTALL_TEST] if options.only else [*SITE_TESTS, INSTALL_TEST]
    try:
        if not options.only:
            build_and_test(progress, tally)
    except prepare.PreparationFailed as error:
        progress.print(str(error))
        print("0 passed, 1 failed")
        return 1
    for script in [] if options.no_site else scripts:
        run_tap(progress, script, tally)
    for name in tally.failures:
        progress.print(f"failed: {name}")
    if tally.skipped:
        progress.print(f"skipped: {tally.skipped}")
    print(f"{tally.passed} passed, {len(tally.failures)} failed")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
