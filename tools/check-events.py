#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the events that the C sources log with the list in doc/operating.md. Prints TAP."""

import pathlib
import re
import sys

DAEMONS = ("gatewayd", "discoverd", "routed", "vpnd", "vpn-service", "apid")
CALL = re.compile(r"log_event\(([^;]*?)LOG_FIELDS\(\"EVENT=([a-z-]+)\"(?P<rest>[^;]*);", re.S)
OTHER = re.compile(r"LOG_FIELDS\(\"EVENT=([a-z-]+)\"")
LEVELS = {"LOG_ERR": "error", "LOG_WARNING": "warning", "LOG_INFO": "info"}


def logged(root):
    """(daemon, event) -> the levels that its calls name"""
    found = {}
    for daemon in DAEMONS:
        for path in sorted((root / daemon).glob("*.c")):
            for call in CALL.finditer(path.read_text(encoding="utf-8")):
                named = re.findall(r"LOG_(?:ERR|WARNING|INFO)", call[1])
                levels = {LEVELS[level] for level in named}
                names = {call[2], *OTHER.findall(call["rest"])}
                for name in names:
                    found.setdefault((daemon, name), set()).update(levels)
    return found


def documented(root):
    """(daemon, event) -> its levels, its fields"""
    found = {}
    for line in (root / "doc/operating.md").read_text(encoding="utf-8").splitlines():
        row = re.fullmatch(r"\| `([a-z-]+)` \| ([a-z-]+) \| ([a-z, ]+) \| ([^|]*)\|.*\|", line)
        if row:
            levels = set(row[3].strip().split(", "))
            found[row[2], row[1]] = (levels, re.findall(r"`([A-Z]+)`", row[4]))
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    in_sources, in_list = logged(root), documented(root)
    problems = [f"{daemon}: event {event} is not in doc/operating.md"
                for daemon, event in sorted(set(in_sources) - set(in_list))]
    problems += [f"{daemon}: event {event} of doc/operating.md is never logged"
                 for daemon, event in sorted(set(in_list) - set(in_sources))]
    for (daemon, event), (levels, fields) in sorted(in_list.items()):
        unlisted = in_sources.get((daemon, event), set()) - levels
        problems += [f"{daemon}: event {event} is also logged as {level}" for level in unlisted]
        text = "".join(path.read_text(encoding="utf-8") for path in (root / daemon).glob("*.c"))
        problems += [f"{daemon}: event {event} has no field {field}"
                     for field in fields if f'"{field}=' not in text]
    print("1..1")
    print("not ok 1 - events are documented" if problems else "ok 1 - events are documented")
    for problem in problems:
        print("# " + problem)
    return 1 if problems or not in_sources else 0


if __name__ == "__main__":
    sys.exit(main())
