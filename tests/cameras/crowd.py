# SPDX-License-Identifier: GPL-3.0-or-later
"""Hundreds of devices in one namespace and one process: a macvlan each on one uplink.

What they cannot have of their own: loss, IPv6, and anything else that is the namespace's. They do not
hear each other, as little as on a switch that isolates its ports.
"""

import subprocess

SETTINGS = (
    "net.ipv4.igmp_max_memberships=4096", "net.ipv4.conf.all.arp_ignore=1",
    "net.ipv4.conf.all.arp_announce=2", "net.ipv6.conf.all.disable_ipv6=1",
)  # fmt: skip


def interface(number):
    return f"c{number}"


def make_interfaces(command, uplink, places):
    """places: (MAC address, address with its prefix) by number; command: enters the namespace."""
    lines = []
    for number, (mac_address, address) in enumerate(places):
        name = interface(number)
        lines += [f"link add {name} link {uplink} address {mac_address} type macvlan mode private",
                  f"address add {address} dev {name}", f"link set {name} up"]  # fmt: skip
    subprocess.run([*command, "sysctl", "-qw", *SETTINGS], check=True)
    subprocess.run([*command, "ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def devices(settings):
    """What device.py is to be told, of personalities or tables by number."""
    return [{"interface": interface(number), "settings": one, "quiet": True}
            for number, one in enumerate(settings)]  # fmt: skip
