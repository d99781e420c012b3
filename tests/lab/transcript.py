# SPDX-License-Identifier: GPL-3.0-or-later
"""What doc/operating.md shows, run again.

In its console blocks, a line "gateway# COMMAND" (or another host's name) is run by a shell on that
host; the lines after it are its output. "…" stands for anything within a line; a line of "…" alone
for any lines, also none. How many blanks are between words does not matter.
"""

import os
import re

from lab import prepare

DOCUMENT = os.path.join(prepare.SOURCE, "doc/operating.md")
PROMPT = re.compile(r"(gateway|vpnhost|apihost)# (.*)")


class Step:
    def __init__(self, host, command, line):
        self.host, self.command, self.line, self.expected = host, command, line, []

    def title(self):
        return f"doc/operating.md, line {self.line}: {self.command}"


def read_steps(block):
    """All commands of the document's blocks that begin with this line, in their order."""
    steps, in_block = [], False
    with open(DOCUMENT, encoding="utf-8") as document:
        for number, line in enumerate(document.read().splitlines(), 1):
            if line.startswith("```"):
                in_block = line == block
            elif in_block and (prompt := PROMPT.fullmatch(line)):
                steps.append(Step(*prompt.groups(), number))
            elif in_block:
                if not steps:
                    raise AssertionError(f"line {number}: a console block begins with a command")
                steps[-1].expected.append(line)
    return steps


def pattern_of(line):
    words = [r".*".join(re.escape(part) for part in word.split("…")) for word in line.split()]
    return r"\s*" + r"\s+".join(words) + r"\s*"


def matches(expected, actual):
    """Whether the lines of output are what was expected."""
    if not expected:
        return not actual
    if expected[0].strip() == "…":
        return any(matches(expected[1:], actual[i:]) for i in range(len(actual) + 1))
    return (bool(actual) and re.fullmatch(pattern_of(expected[0]), actual[0]) is not None
            and matches(expected[1:], actual[1:]))  # fmt: skip


def without_blank_ends(lines):
    lines = [line.rstrip() for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def replay(site, step):
    """A state may need a moment: what is shown is waited for."""
    expected = without_blank_ends(step.expected)
    seen = []

    def is_shown():
        done = site.host(step.host).run(["sh", "-c", "exec 2>&1; " + step.command], check=False)
        seen[:] = without_blank_ends(done.stdout.splitlines())
        return matches(expected, seen)

    try:
        site.wait_until(f"line {step.line}: {step.command}", is_shown, deadline=60, interval=1)
    except Exception:
        shown, wanted = "\n".join(seen), "\n".join(expected)
        raise LookupError(f"line {step.line}: {step.command}\n--- shows:\n{shown}\n"
                          f"--- instead of:\n{wanted}") from None  # fmt: skip
