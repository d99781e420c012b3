# SPDX-License-Identifier: GPL-3.0-or-later
"""What is going on, with the time since the start; nothing takes over two seconds in silence."""

import shutil
import sys
import time

QUIET_SECONDS = 2  # what takes longer is said while it goes on
REPEAT_SECONDS = 5  # again, where lines cannot be overwritten


class Progress:
    def __init__(self, output=None, started=None, prefix=""):
        self.output = output or sys.stdout
        self.started = started or time.monotonic()
        self.prefix = prefix  # "# " makes every line a TAP comment
        self.is_terminal = self.output.isatty()
        self.last_told = (None, 0.0)
        self.is_line_open = False

    def _write(self, text, end="\n"):
        if self.is_line_open:
            self.output.write("\r\033[K")
        self.output.write(self.prefix + text + end)
        self.output.flush()
        self.is_line_open = end == ""

    def elapsed(self):
        return time.monotonic() - self.started

    def say(self, text=""):
        """One thing that is done or known now."""
        lines = text.split("\n")
        self._write(f"{self.elapsed():6.1f} s  {lines[0]}" if text else "")
        for line in lines[1:]:
            self._write(f"          {line}")

    def print(self, text=""):
        for line in text.split("\n"):
            self._write(line)

    def waiting(self, what, seconds, detail=""):
        """Called now and then while something is under way."""
        if seconds < QUIET_SECONDS:
            return
        if self.is_terminal:
            width = shutil.get_terminal_size().columns - 1
            line = f"{self.elapsed():6.1f} s  … {what}{detail}, {seconds:.0f} s"
            self._write(line[:width], end="")
            return
        told, at = self.last_told
        if told != what or time.monotonic() - at >= REPEAT_SECONDS:
            self.last_told = (what, time.monotonic())
            self._write(f"{self.elapsed():6.1f} s  … {what}{detail}, {seconds:.0f} s so far")
