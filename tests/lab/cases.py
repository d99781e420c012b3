# SPDX-License-Identifier: GPL-3.0-or-later
"""Test cases that follow one another on one site, told as TAP.

    cases = Cases()

    @cases.add("the gateway announces itself")
    def announce(lab): …

Cases run in the order of their definition. After the failure of one that others stand on (vital),
those others are not run, and count as failed.
"""

import sys
import time
import traceback


class Cases:
    def __init__(self):
        self.cases = []

    def add(self, title, vital=False):
        def decorate(function):
            self.cases.append((title, function, vital))
            return function

        return decorate

    def run(self, lab, on_failure):
        """Returns the exit status. on_failure() prints what may explain a failure."""
        print("TAP version 13", f"1..{len(self.cases)}", sep="\n", flush=True)
        failed, missing = 0, None
        for number, (title, function, vital) in enumerate(self.cases, 1):
            started = time.monotonic()
            if missing:
                print(f"not ok {number} - {title}\n# not reached: {missing}", flush=True)
                failed += 1
                continue
            try:
                function(lab)
                print(f"ok {number} - {title}", flush=True)
                print(f"# {time.monotonic() - started:.1f} s", flush=True)
            except Exception as error:
                failed += 1
                print(f"not ok {number} - {title}", flush=True)
                if type(error) in (AssertionError, KeyError, TypeError):
                    comment(traceback.format_exc())
                else:
                    comment(str(error))
                on_failure()
                if vital:
                    missing = title
        return 1 if failed else 0


def comment(text):
    for line in text.splitlines():
        print("# " + line, flush=True)
    sys.stdout.flush()
