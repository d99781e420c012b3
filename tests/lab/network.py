# SPDX-License-Identifier: GPL-3.0-or-later
"""Cables and switches: bridges in the site's own network namespace, veth pairs to the hosts."""

import subprocess


def _ip(*lines):
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def add_switch(name):
    _ip(f"link add {name} type bridge mcast_snooping 0", f"link set {name} up")


def connect(switch, host, interface, mac_address=None):
    """One cable from a switch to a host's new interface."""
    port = f"{host.name}-{interface}"[:15]
    mac = f"address {mac_address}" if mac_address else ""
    _ip(
        f"link add {port} type veth peer name {interface} {mac} netns {host.pid}",
        f"link set {port} master {switch} up",
    )
    host.run(["ip", "link", "set", interface, "up"])


def connect_directly(host, interface, other, other_interface):
    """A cable between two hosts."""
    _ip(
        f"link add {interface} netns {host.pid} type veth"
        f" peer name {other_interface} netns {other.pid}"
    )
    host.run(["ip", "link", "set", interface, "up"])
    other.run(["ip", "link", "set", other_interface, "up"])


def set_address(host, interface, address, gateway=None):
    host.run(["ip", "address", "add", address, "dev", interface])
    if gateway:
        host.run(["ip", "route", "add", "default", "via", gateway])


def set_link(host, interface, up):
    host.run(["ip", "link", "set", interface, "up" if up else "down"])
