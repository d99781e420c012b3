#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes discoverd's table of the camera makers' MAC address blocks out of the IEEE's registers.

Usage: oui-table.py OUTPUT [CSV...]    without a register the table is empty

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


def blocks(paths):
    """(first address, bits, maker) of each block, once."""
    makers = {plain(name): maker for maker, names in MAKERS.items() for name in names}
    found = set()
    for path in paths:
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                if len(row) < 3 or not re.fullmatch(r"[0-9A-F]{6}([0-9A-F](..)?)?", row[1]):
                    continue
                maker = makers.get(plain(row[2]))
                if maker:
                    found.add((row[1].ljust(12, "0"), 4 * len(row[1]), maker))
    return sorted(found)


def main():
    output, *paths = sys.argv[1:]
    lines = [f'\t{{ 0x{first}, {bits}, "{maker}" }},\n' for first, bits, maker in blocks(paths)]
    with open(output, "w", encoding="utf-8") as file:
        file.write("/* Made by tools/oui-table.py: blocks of MAC addresses, by first address. */\n")
        file.writelines(lines)


main()
