# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures parts of the system, each beside its peers in the same run. A suite is a module of this
directory with PACKAGES, TARGETS and run(build, results)."""

import argparse
import importlib
import os
import subprocess
import sys

import results

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(SOURCE, "build-bench")
SUITES = ("routing", "discovery", "provisioning")
PREPARED = "EVERCAM_BENCH_PREPARED"  # set in the process that has been moved into namespaces


def quietly(*command):
    done = subprocess.run(command, cwd=SOURCE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)} failed:\n{done.stdout[-3000:]}")


def prepare(suites):
    """A release build of what the suites measure, and the peers' packages."""
    missing = [package for suite in suites for package in suite.PACKAGES
               if subprocess.run(["dpkg-query", "-W", package], capture_output=True,
                                 check=False).returncode]
    if missing:
        print(f"bench: installing {' '.join(missing)}", flush=True)
        quietly("tools/install-dependencies", *missing)
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        quietly("tools/install-dependencies")
        quietly("meson", "setup", BUILD, "--buildtype=release", "-Db_ndebug=false",
                "-Dwerror=false")
    print("bench: building", flush=True)
    quietly("ninja", "-C", BUILD, *[target for suite in suites for target in suite.TARGETS])


def main():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("suite", nargs="*", help=f"what to measure: {', '.join(SUITES)} (all)")
    parser.add_argument("--case", metavar="PATTERN", default="*",
                        help="only the cases of these names, as 22-* (with * and ?)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as a list of objects")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    options = parser.parse_args()
    for name in options.suite:
        if name not in SUITES:
            parser.error(f"unknown suite {name}")
    if os.geteuid() != 0:
        sys.exit("bench: needs root, for namespaces")
    sys.path[:0] = [os.path.join(SOURCE, "tests", name) for name in ("support", "netns", "")]
    suites = [importlib.import_module(name) for name in options.suite or SUITES]
    if os.environ.get(PREPARED) != "1":
        prepare(suites)
        os.environ[PREPARED] = "1"
    collected = results.Results(options.case)
    for suite in suites:
        suite.run(BUILD, collected, options.quick)
    collected.print_table()
    if options.json:
        collected.write(options.json)


if __name__ == "__main__":
    main()
