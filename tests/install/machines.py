# SPDX-License-Identifier: GPL-3.0-or-later
"""The three machines that get packages: their network, as it is before anything is installed."""

import os
import shutil
import subprocess

from lab import addresses, lan, network, vpn_host

from install import image
from install.container import Container

# A machine that is rebooted keeps its addresses; the neighbours know them.
MAC_ADDRESSES = {
    "gateway": "52:54:00:00:10:01", "vpnhost": "52:54:00:00:10:02", "apihost": "52:54:00:00:10:03",
}  # fmt: skip
UNATTENDED = 'APT::Get::Assume-Yes "true";\nDPkg::Use-Pty "false";\n'


def _networkd(machine, name, text):
    machine.write(f"/etc/systemd/network/{name}", text)


def _static(machine, interface, address, extra=""):
    # No IPv6 router will answer, and networkd would wait twelve seconds for one.
    text = f"[Match]\nName={interface}\n[Network]\nAddress={address}\nIPv6AcceptRA=no\n{extra}"
    _networkd(machine, f"{interface}.network", text)


def _machine(site, name, owner, plug_in, names):
    machine = Container(site, name, image.ROOT, owner, plug_in)
    site.hosts[name] = machine
    machine.write("/etc/hostname", name + "\n")
    machine.write("/etc/hosts", "".join(f"{line}\n" for line in ("127.0.0.1 localhost", *names)))
    machine.write("/etc/apt/apt.conf.d/90unattended", UNATTENDED)
    subprocess.run(
        ["systemctl", "--quiet", f"--root={machine.disk}", "enable", "systemd-networkd"], check=True
    )
    return machine


def _cable(machine, switch, interface):
    port = f"{machine.name}-{interface}"[:15]
    # The end of the cable that was in a machine goes some time after the machine.
    subprocess.run(["ip", "link", "del", port], stderr=subprocess.DEVNULL)
    network.connect(switch, machine, interface, MAC_ADDRESSES[machine.name])


def add_platform(site):
    host = site.add_host("platform")
    network.connect(site.INTERNET, host, "wan")
    network.set_address(host, "wan", f"{addresses.PLATFORM_PUBLIC}/{addresses.PUBLIC_PREFIX}")
    host.write("/etc/resolv.conf", f"nameserver {addresses.VPN_HOST_INSIDE}\n")
    host.write("/etc/hosts", "127.0.0.1 localhost\n"
               f"{addresses.API_HOST_PUBLIC} {addresses.API_NAME}\n")  # fmt: skip
    return host


def add_vpn_host(site, owner):
    """With a bridge that has the platform's cable in it."""

    def plug_in(machine):
        platform = site.host("platform")
        _cable(machine, site.INTERNET, "wan")
        platform.run(["ip", "link", "del", "vpn"], check=False)
        network.connect_directly(platform, "vpn", machine, "platform")
        network.set_address(platform, "vpn", f"{addresses.PLATFORM_INSIDE}/{addresses.VPN_PREFIX}")

    machine = _machine(site, "vpnhost", owner, plug_in, [])
    _static(machine, "wan", f"{addresses.VPN_HOST_PUBLIC}/{addresses.PUBLIC_PREFIX}")
    bridge = vpn_host.BRIDGE
    _networkd(machine, "bridge.netdev", f"[NetDev]\nName={bridge}\nKind=bridge\n")
    _static(machine, bridge, f"{addresses.VPN_HOST_INSIDE}/{addresses.VPN_PREFIX}")
    _networkd(machine, "platform.network", f"[Match]\nName=platform\n[Network]\nBridge={bridge}\n")
    return machine


def add_api_host(site, owner):
    def plug_in(machine):
        _cable(machine, site.INTERNET, "wan")

    machine = _machine(site, "apihost", owner, plug_in,
                       [f"{addresses.VPN_HOST_PUBLIC} {addresses.VPN_HOST_NAME}"])  # fmt: skip
    _static(machine, "wan", f"{addresses.API_HOST_PUBLIC}/{addresses.PUBLIC_PREFIX}")
    return machine


def add_gateway(site, owner):
    def plug_in(machine):
        _cable(machine, lan.SWITCH, "eth0")

    machine = _machine(site, "gateway", owner, plug_in, [])
    _static(machine, "eth0", f"{addresses.LAN_GATEWAY}/{addresses.LAN_PREFIX}",
            f"Gateway={addresses.LAN_ROUTER}\n")  # fmt: skip
    machine.write("/etc/resolv.conf", f"nameserver {addresses.LAN_ROUTER}\n")
    return machine


def deliver(machine, directory):
    """The packages, and no others, in root's home."""
    home = machine.path("/root")
    for name in os.listdir(home):
        if name.endswith(".deb"):
            os.unlink(os.path.join(home, name))
    for package in image.packages(directory):
        shutil.copy(package, home)


def copy_directory(machine, path, target_machine, target):
    """As scp -r does."""
    shutil.copytree(machine.path(path), target_machine.path(target))
