#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes discoverd's table of the camera makers' MAC address blocks out of the IEEE's registers.

Usage: oui-table.py OUTPUT [REGISTER...]    without a register the table is empty

A register is a CSV of the IEEE's, as in Debian's ieee-data, or udev's 20-OUI.hwdb, which is made of them.

Registrants are compared exactly (but for case, spaces and punctuation): in part of a name, "Pelco" is
in "Opelcomm". Makers of much besides cameras are left out: their blocks say nothing.
"""

import csv
import re
import sys

MAKERS = {
    "ACTi": ["ACTi Corporation"],
    "Amcrest": ["Amcrest Technologies"],
    "Arecont Vision": ["Arecont Vision"],
    "Axis": ["Axis Communications AB"],
    "Bosch": ["Bosch Security Systems", "Bosch Security Systems BV", "Bosch Security Systems, Inc."],
    "Dahua": ["Zhejiang Dahua Technology Co., Ltd."],
    "DoorBird": ["Bird Home Automation GmbH"],
    "EZVIZ": ["Hangzhou Ezviz Software Co.,Ltd."],
    "GeoVision": ["GeoVision Inc."],
    "Hanwha": ["Hanwha Techwin Security Vietnam", "SAMSUNG TECHWIN CO.,LTD"],
    "Hikvision": [
        "Hangzhou Hikvision Digital Technology Co.,Ltd.", "Prama Hikvision India Private Limited",
    ],
    "IDIS": ["IDIS Co., Ltd."],
    "Infinova": ["Infinova LLC"],
    "IQinVision": ["IQinVision"],
    "Jovision": ["Jinan Jovision Science & Technology Co., Ltd.", "Jovision Technology Co., Ltd."],
    "Lorex": ["Lorex Technology Inc."],
    "Milesight": ["MileSight Technology Co., Ltd.", "Xiamen Milesight IoT Co., Ltd."],
    "Mobotix": ["Mobotix AG"],
    "Reolink": ["Reolink Innovation Limited"],
    "Sunell": ["Sunell Electronics Co."],
    "Swann": ["Swann communications Pty Ltd"],
    "Tiandy": ["Tiandy Technologies CO.,LTD"],
    "Uniview": ["Zhejiang Uniview Technologies Co., Ltd."],
    "Verkada": ["Verkada Inc"],
    "Vivotek": ["Vivotek, Inc."],
    "Wyze": ["Wyze Labs Inc"],
    "i-PRO": ["i-PRO Co., Ltd."],
}  # fmt: skip


def plain(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def read_csv(file):
    for row in csv.reader(file):
        if len(row) >= 3:
            yield row[1], row[2]


def read_hwdb(file):
    """A match line, "OUI:4419B6*", and the properties of what matches, indented."""
    prefix = ""
    for line in file:
        if line.startswith("OUI:"):
            prefix = line.strip().removeprefix("OUI:").removesuffix("*")
        elif line.startswith(" ID_OUI_FROM_DATABASE="):
            yield prefix, line.strip().partition("=")[2]


def blocks(paths):
    """(first address, bits, maker) of each block, once."""
    makers = {plain(name): maker for maker, names in MAKERS.items() for name in names}
    found = set()
    for path in paths:
        read = read_hwdb if path.endswith(".hwdb") else read_csv
        with open(path, encoding="utf-8", newline="") as file:
            for prefix, registrant in read(file):
                maker = makers.get(plain(registrant))
                if maker and re.fullmatch(r"[0-9A-F]{6}([0-9A-F]([0-9A-F]{2})?)?", prefix):
                    found.add((prefix.ljust(12, "0"), 4 * len(prefix), maker))
    return sorted(found)


def main():
    output, *paths = sys.argv[1:]
    lines = [f'\t{{ 0x{first}, {bits}, "{maker}" }},\n' for first, bits, maker in blocks(paths)]
    with open(output, "w", encoding="utf-8") as file:
        file.write("/* Made by tools/oui-table.py: blocks of MAC addresses, by first address. */\n")
        file.writelines(lines)


main()
