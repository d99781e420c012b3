#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays doc/operating.md on the site: what it shows must be what an operator sees.

In its ```console blocks, a line "gateway# COMMAND" or "vpnhost# COMMAND" is run by a shell on that
host; the lines after it are its output. "…" stands for anything within a line; a line of "…" alone
for any lines, also none. How many blanks are between words does not matter.
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import gateway, isolation, prepare, runs, vpn_host  # noqa: E402
from lab.cases import Cases, comment  # noqa: E402
from lab.main_job import VPN_SERVICE, MainJob  # noqa: E402
from lab.progress import Progress  # noqa: E402
from lab.site import build_site  # noqa: E402

DOCUMENT = os.path.join(prepare.SOURCE, "doc/operating.md")
PROMPT = re.compile(r"(gateway|vpnhost)# (.*)")


class Step:
    def __init__(self, host, command, line):
        self.host, self.command, self.line, self.expected = host, command, line, []


def read_steps(text):
    """All commands of all console blocks, in their order."""
    steps, in_block = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            in_block = line == "```console"
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


class Lab:
    def __init__(self, site):
        self.site, self.job = site, MainJob(site)

    def replay(self, step):
        """A state may need a moment: what is shown is waited for."""
        expected = without_blank_ends(step.expected)
        seen = []

        def is_shown():
            done = self.site.host(step.host).run(["sh", "-c", "exec 2>&1; " + step.command], check=False)
            seen[:] = without_blank_ends(done.stdout.splitlines())
            return matches(expected, seen)

        try:
            self.site.wait_until(
                f"line {step.line}: {step.command}", is_shown, deadline=60, interval=1
            )
        except Exception:
            shown, wanted = "\n".join(seen), "\n".join(expected)
            raise LookupError(f"line {step.line}: {step.command}\n--- shows:\n{shown}\n"
                              f"--- instead of:\n{wanted}") from None  # fmt: skip


cases = Cases()


@cases.add("the main job", vital=True)
def main_job(lab):
    gateway.plug_in(lab.site)
    lab.job.approve(lab.job.announced())
    lab.job.configuration()
    lab.job.joined()
    lab.job.cameras()
    lab.job.forwards()
    lab.site.wait_until(
        "the account is there", lambda: lab.job.vpn_bus.call(VPN_SERVICE, "ListGateways"), 30
    )


def add_step(step):
    cases.add(f"doc/operating.md, line {step.line}: {step.command}")(lambda lab: lab.replay(step))


with open(DOCUMENT, encoding="utf-8") as document:
    for found in read_steps(document.read()):
        add_step(found)


def test(directory):
    site = build_site(directory, Progress(prefix="# "))

    def tell_logs():
        for host, names in (("gateway", gateway.DAEMONS), ("vpnhost", vpn_host.DAEMONS)):
            for name in names:
                lines = site.host(host).log(name).splitlines()[-4:]
                comment(f"--- {name} on {host}:\n" + "\n".join(lines))

    return cases.run(Lab(site), tell_logs)


def main():
    progress = Progress(prefix="# ")
    run = runs.Run("test")
    prepare.install(progress, os.path.join(run.directory, "install"))
    status = isolation.run_isolated(lambda: test(run.directory), run.started)
    if status == 0:
        run.remove()
    return status


if __name__ == "__main__":
    sys.exit(main())
