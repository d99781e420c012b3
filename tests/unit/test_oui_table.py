#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the makers' MAC address blocks, out of each kind of register."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

import tap  # noqa: E402

TOOL = sys.argv[1]
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/oui")
# By whole names of registrants, of 24, 28 and 36 bits.
EXPECTED = [
    '{ 0x00408C000000, 24, "Axis" },',
    '{ 0x0050C23B6000, 36, "Arecont Vision" },',
    '{ 0x1CCAE3700000, 28, "DoorBird" },',
    '{ 0x2CAA8E000000, 24, "Wyze" },',
    '{ 0x4419B6000000, 24, "Hikvision" },',
    '{ 0xA4DA22200000, 28, "Wyze" },',
]


class TestOuiTable(unittest.TestCase):
    def make(self, *registers):
        with tempfile.TemporaryDirectory() as directory:
            output = os.path.join(directory, "table.h")
            paths = [os.path.join(DATA, name) for name in registers]
            subprocess.run([sys.executable, TOOL, output, *paths], check=True)
            with open(output, encoding="utf-8") as file:
                return [line.strip() for line in file if not line.startswith("/*")]

    def test_csv(self):
        """the IEEE's own registers, as Debian's ieee-data has them"""
        self.assertEqual(self.make("oui.csv"), EXPECTED)

    def test_hwdb(self):
        """udev's hwdb gives the same"""
        self.assertEqual(self.make("20-OUI.hwdb"), EXPECTED)

    def test_both(self):
        """of several registers, each block once"""
        self.assertEqual(self.make("20-OUI.hwdb", "oui.csv"), EXPECTED)

    def test_none(self):
        """without a register there are no makers"""
        self.assertEqual(self.make(), [])


if __name__ == "__main__":
    tap.main(TestOuiTable)
