# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site needs before it can be built: packages, our daemons, the cameras' pictures."""

import contextlib
import os
import re
import select
import subprocess
import time

from support import lifetime

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SITE_DIRECTORY = os.path.join(SOURCE, "build/site")
PACKAGES = os.path.join(SITE_DIRECTORY, "packages")
PICTURES = os.path.join(SITE_DIRECTORY, "pictures")
END_SECONDS = 30  # what a child that is told to end may take for it


class PreparationFailed(Exception):
    pass


@contextlib.contextmanager
def running(argv, **options):
    """A child that does not outlive us: when we are ended it is told to end, when we are killed it
    is killed."""
    process = subprocess.Popen(argv, preexec_fn=lifetime.die_with_parent, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run_with_progress(progress, what, argv, show=None, log=None):
    """Runs argv, telling every few seconds how far it is; its output goes to the file log.

    show(line) returns what of a line of output to tell at once, or None.
    """
    started = time.monotonic()
    latest = ""
    lines = []
    with running(
        argv, cwd=SOURCE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        os.set_blocking(process.stdout.fileno(), False)
        rest = b""
        while True:
            readable, _, _ = select.select([process.stdout], [], [], 0.5)
            received = process.stdout.read() if readable else None
            if received == b"":
                break
            *complete, rest = (rest + (received or b"")).split(b"\n")
            for line in (part.decode(errors="replace") for part in complete):
                lines.append(line)
                shown = show(line) if show else None
                if shown:
                    progress.say(shown)
                if re.match(r"\[\d+/\d+\]", line):
                    latest = " " + line.split("]")[0] + "]"
            progress.waiting(what, time.monotonic() - started, latest)
        status = process.wait()
    if log:
        with open(log, "w") as file:
            file.write("\n".join(lines) + "\n")
    if status != 0:
        tail = "\n".join(lines[-30:])
        raise PreparationFailed(f"{what} failed: {' '.join(argv)}\n{tail}")
    return lines


def install_dependencies(progress):
    def show(line):
        return line if line.startswith("dependencies:") else None

    run_with_progress(progress, "dependencies", ["tools/install-dependencies"], show)


def build(progress, directory="build", options=()):
    if not os.path.exists(os.path.join(SOURCE, directory, "build.ninja")):
        command = ["meson", "setup", directory, *options]
        run_with_progress(progress, f"setting up {directory}", command)
    run_with_progress(progress, f"building {directory}", ["ninja", "-C", directory])


def install(progress, target, directory="build"):
    run_with_progress(
        progress, "installing",
        ["meson", "install", "-C", directory, "--no-rebuild", "--quiet", "--destdir", target],
    )  # fmt: skip
    return target


def make_pictures(progress):
    code = f"import sys; sys.path.insert(0, {SOURCE + '/tests'!r}); from lab import lan; "
    code += f"lan.make_pictures({PICTURES!r})"
    run_with_progress(progress, "making the cameras' pictures", ["/usr/bin/python3", "-c", code])


def everything(progress):
    started = progress.elapsed()
    install_dependencies(progress)
    progress.say(f"dependencies: all there ({progress.elapsed() - started:.1f} s)")
    started = progress.elapsed()
    build(progress)
    progress.say(f"build: gatewayd discoverd routed vpnd vpn-service apid gatewayctl"
                 f" ({progress.elapsed() - started:.1f} s)")  # fmt: skip
    make_pictures(progress)
