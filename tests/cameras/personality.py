# SPDX-License-Identifier: GPL-3.0-or-later
"""What a simulated camera is: one readable file each, in personalities/."""

import glob
import os
import tomllib

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "personalities")


class Personality:
    def __init__(self, path):
        with open(path, "rb") as file:
            values = tomllib.load(file)
        self.name = values["name"]
        self.vendor = values["vendor"]
        self.model = values["model"]
        self.serial = values["serial"]
        self.firmware = values["firmware"]
        self.mac_address = values["mac_address"]
        self.picture = values["picture"]
        self.http = values["http"]
        self.rtsp = values["rtsp"]
        self.wsd = values.get("wsd")
        self.mdns = values.get("mdns", [])
        self.ssdp = values.get("ssdp")
        self.onvif = values.get("onvif")


def load(name):
    return Personality(os.path.join(DIRECTORY, f"{name}.toml"))


def load_all():
    return [Personality(path) for path in sorted(glob.glob(os.path.join(DIRECTORY, "*.toml")))]
