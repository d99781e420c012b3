# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures with those of their peers: printed as they come, and written as JSON.

Each is {bench, case, unit, ours, peers: {name: value}}.
"""

import json
import statistics
import time


def spend(function, *arguments):
    """Seconds that one call takes."""
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def median(values):
    return statistics.median(values)


def show(value):
    return f"{value:.5f}" if value < 1 else f"{value:.3f}" if value < 100 else f"{value:.0f}"


class Results:
    def __init__(self):
        self.items = []

    def add(self, bench, case, unit, ours, peers=None, note=""):
        peers = peers or {}
        self.items.append({"bench": bench, "case": case, "unit": unit, "ours": ours,
                           "peers": peers})
        print(f"{bench} {case}: {show(ours)} {unit}{note and f' ({note})'}")
        for name, value in peers.items():
            print(f"    {name}: {show(value)} {unit}, ours is {ours / value:.3f} of it")
        print(end="", flush=True)

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.items, file, indent=2)
            file.write("\n")
