# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures with those of their peers: printed as they come and as one table, and written as JSON.

Each is {bench, case, unit, ours, peers: {name: value}}.
"""

import fnmatch
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


def spread(values):
    """How far apart the middle half of the values is, in percent of their median."""
    if len(values) < 4:
        return None
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / median(values) * 100


def show(value):
    return f"{value:.5f}" if value < 1 else f"{value:.3f}" if value < 100 else f"{value:.0f}"


class Results:
    """Of the cases whose names fit the pattern."""

    def __init__(self, pattern="*"):
        self.items, self.spreads, self.pattern = [], [], pattern

    def wants(self, *cases):
        """Whether there is anything to measure; a suite that does not ask measures everything."""
        return any(fnmatch.fnmatch(case, self.pattern) for case in cases)

    def add(self, bench, case, unit, ours, peers=None, note=""):
        """ours and the peers' are single values, or lists of which the median counts."""
        if not self.wants(case):
            return
        samples = ours if isinstance(ours, list) else [ours]
        peers = {name: median(value) if isinstance(value, list) else value
                 for name, value in (peers or {}).items()}
        ours = median(samples)
        self.items.append({"bench": bench, "case": case, "unit": unit, "ours": ours,
                           "peers": peers})
        self.spreads.append(spread(samples))
        print(f"{bench} {case}: {show(ours)} {unit}{note and f' ({note})'}")
        for name, value in peers.items():
            print(f"    {name}: {show(value)} {unit}, ours is {ours / value:.3f} of it")
        print(end="", flush=True)

    def print_table(self):
        rows = [("CASE", "OURS", "UNIT", "SPREAD", "OURS / PEER")]
        for item, percent in zip(self.items, self.spreads):
            rows.append((f"{item['bench']} {item['case']}", show(item["ours"]), item["unit"],
                         "-" if percent is None else f"{percent:.0f} %",
                         ", ".join(f"{item['ours'] / value:.3f} {name}"
                                   for name, value in item["peers"].items()) or "-"))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        print()
        for row in rows:
            print("  ".join([row[0].ljust(widths[0]), row[1].rjust(widths[1]),
                             row[2].ljust(widths[2]), row[3].rjust(widths[3]), row[4]]))
        print("Medians; spread: the distance of the quartiles.", flush=True)

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.items, file, indent=2)
            file.write("\n")
