# SPDX-License-Identifier: GPL-3.0-or-later
"""What a simulated device is: one readable file each, in personalities/. README.md has the format.

A personality is a table; a device is a personality with a MAC address, which fills in {mac}, {MAC},
{mac:} (with colons) and {number} (the last two bytes of it) wherever they stand.
"""

import functools
import glob
import os
import re
import tomllib

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "personalities")
# Tables that device.py speaks; a personality without any is a program, or a mute interface.
SPOKEN = ("wsd", "ssdp", "mdns", "http", "rtsp", "tcp")


class Personality:
    """One file; settings are its tables. Several devices may be made of it."""

    def __init__(self, name, settings):
        self.name, self.settings = name, settings
        self.about = settings["about"]
        self.mac = settings["mac"]
        self.expected = settings["expected"]
        self.is_camera = self.expected["camera"]

    def mac_address(self, number):
        """Of the device of that number, in the block that the file names; the site's own are whole."""
        return f"{self.mac[:8]}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"

    def service(self, table):
        """Its first port for http or rtsp, and what is there."""
        port, settings = next(iter(self.settings[table].items()))
        return {"port": int(port), **settings}


@functools.lru_cache(maxsize=None)
def load(name):
    path = os.path.join(DIRECTORY, f"{name}.toml")
    if not os.path.exists(path):
        raise KeyError(f"there is no personality {name}: {path}")
    with open(path, "rb") as file:
        return Personality(name, tomllib.load(file))


def names():
    return sorted(
        os.path.basename(path).removesuffix(".toml")
        for path in glob.glob(os.path.join(DIRECTORY, "*.toml"))
    )


def load_all():
    return [load(name) for name in names()]


def fill_in(value, mac_address):
    if isinstance(value, dict):
        return {key: fill_in(one, mac_address) for key, one in value.items()}
    if isinstance(value, list):
        return [fill_in(one, mac_address) for one in value]
    if not isinstance(value, str):
        return value
    digits = mac_address.replace(":", "").lower()
    known = {"{mac}": digits, "{MAC}": digits.upper(), "{mac:}": mac_address.lower(),
             "{number}": str(int(digits[-4:], 16))}  # fmt: skip
    return re.sub(r"\{(mac|MAC|mac:|number)\}", lambda found: known[found.group(0)], value)
