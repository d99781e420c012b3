# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a unittest.TestCase's tests and prints TAP, so that ./check can count single cases.

    if __name__ == "__main__":
        tap.main(TestRouting)

TESTS=PATTERN in the environment runs only the tests whose name has the regular expression.
"""

import os
import re
import signal
import sys
import traceback
import unittest

import lifetime

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)

from lab import isolation  # noqa: E402

lifetime.die_with_parent()  # here, since some programs move into other namespaces before main()


class _TapResult(unittest.TestResult):
    def __init__(self, total):
        super().__init__()
        self.number = 0
        print("TAP version 13", f"1..{total}", sep="\n", flush=True)

    def _report(self, verdict, test, details=""):
        self.number += 1
        name = test.shortDescription() or test.id().split(".", 1)[-1]
        print(f"{verdict} {self.number} - {name}", flush=True)
        for line in details.splitlines():
            print("# " + line, flush=True)

    def addSuccess(self, test):
        self._report("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._report("not ok", test, "".join(traceback.format_exception(*err)))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.number += 1
        name = test.shortDescription() or test.id().split(".", 1)[-1]
        print(f"ok {self.number} - {name} # SKIP {reason}", flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self._report("not ok", test, "".join(traceback.format_exception(*err)))


def _end(number, frame):
    """Who runs us gives up: says where we are, and cleans up. No exception: one that is raised inside
    a callback of GLib is printed and forgotten there. What we have started dies with us."""
    traceback.print_stack(frame)
    lifetime.remove_own()
    os._exit(128 + number)


def main(*cases):
    signal.signal(signal.SIGTERM, _end)
    if os.geteuid() == 0:  # root's tests act as several users
        isolation.make_reachable(os.path.dirname(TESTS))
    pattern = os.environ.get("TESTS", "")
    suite = unittest.TestSuite(
        test
        for case in cases
        for test in unittest.defaultTestLoader.loadTestsFromTestCase(case)
        if re.search(pattern, test.id())
    )
    result = _TapResult(suite.countTestCases())
    suite.run(result)
    # A failed setUpClass is one error for all its cases: the plan is then not met, which fails too.
    sys.exit(0 if result.wasSuccessful() else 1)
