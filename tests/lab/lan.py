# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's LAN: cameras, two devices that are none, and the firewall with its DHCP and DNS."""

import os
import shutil

from cameras import personality, picture
from lab import addresses, network
from lab.host import add_accounts

SWITCH = "lan"
DEVICE = "tests/cameras/device.py"
# Where DHCP puts each device first, and where the one that moves goes.
FIRST_ADDRESSES = {
    "entrance": "192.168.1.101",
    "yard": "192.168.1.102",
    "parking": "192.168.1.103",
    "loading-dock": "192.168.1.104",
    "roof": "192.168.1.105",
}
MOVING_CAMERA, MOVED_ADDRESS = "roof", "192.168.1.155"
BYSTANDERS = {
    # name: personality, MAC address, address
    "pc": ("windows", "52:54:00:00:aa:01", "192.168.1.111"),
    "speaker": ("airplay-speaker", "52:54:00:00:aa:02", "192.168.1.112"),
    "media": ("media-server", "52:54:00:00:aa:03", "192.168.1.113"),
}
# Out: web ports and nothing else. In: nothing.
FIREWALL_RULES = """
table ip filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		iifname "lan" oifname "wan" tcp dport { 80, 443 } accept
		counter
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iifname "lo" accept
		iifname "lan" udp dport { 53, 67 } accept
		iifname "lan" tcp dport 53 accept
		iifname "lan" icmp type echo-request accept
		counter
	}
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname "wan" masquerade
	}
}
"""
DNSMASQ = f"""
interface=lan
bind-interfaces
no-resolv
no-hosts
user=dnsmasq
dhcp-range={addresses.LAN_NETWORK.split("/")[0]},static,2m
dhcp-authoritative
dhcp-hostsdir=/etc/dhcp-hosts
dhcp-leasefile=/run/dnsmasq.leases
address=/{addresses.API_NAME}/{addresses.API_HOST_PUBLIC}
address=/{addresses.VPN_HOST_NAME}/{addresses.VPN_HOST_PUBLIC}
log-dhcp
"""
# What busybox's DHCP client runs. Its own would write /etc/resolv.conf and more.
DHCP_SCRIPT = """#!/bin/sh
case "$1" in
deconfig)
	ip address flush dev "$interface"
	;;
bound|renew)
	ip address replace "$ip/$mask" dev "$interface"
	ip -brief address show dev "$interface" | tr ' ' '\\n' | grep / | grep -v "^$ip/" | grep -v : |
		while read -r old; do ip address del "$old" dev "$interface"; done
	[ -z "$router" ] || ip route replace default via "$router"
	;;
esac
"""


def add_firewall(site):
    host = site.add_host("firewall")
    network.connect(SWITCH, host, "lan")
    network.connect(site.INTERNET, host, "wan")
    network.set_address(host, "lan", f"{addresses.LAN_ROUTER}/{addresses.LAN_PREFIX}")
    network.set_address(host, "wan", f"{addresses.FIREWALL_PUBLIC}/{addresses.PUBLIC_PREFIX}")
    host.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    host.run(["nft", "-f", "-"], input=FIREWALL_RULES)
    add_accounts(host, [("dnsmasq", "nogroup", "/var/lib/misc")])
    host.write("/etc/lab-dnsmasq.conf", DNSMASQ)
    host.make_directory("/etc/dhcp-hosts")
    for name, address in FIRST_ADDRESSES.items():
        reserve(host, name, personality.load(name).mac, address)
    for name, (_, mac_address, address) in BYSTANDERS.items():
        reserve(host, name, mac_address, address)
    host.start("dnsmasq", ["dnsmasq", "--keep-in-foreground", "--log-facility=-",
                           "--conf-file=/etc/lab-dnsmasq.conf"])  # fmt: skip
    return host


def reserve(firewall, name, mac_address, address):
    firewall.write(f"/etc/dhcp-hosts/{name}", f"{mac_address},{address},{name}\n")


def _add_device(site, name, mac_address):
    host = site.add_host(name)
    network.connect(SWITCH, host, "eth0", mac_address)
    host.write("/etc/lab-dhcp", DHCP_SCRIPT, mode=0o755)
    host.start("udhcpc", ["busybox", "udhcpc", "-f", "-R", "-i", "eth0", "-s", "/etc/lab-dhcp",
                          "-x", f"hostname:{name}", "-t", "30", "-T", "1", "-A", "1"])  # fmt: skip
    return host


def cameras():
    """The personalities that the site has."""
    return [personality.load(name) for name in sorted(FIRST_ADDRESSES)]


def add_camera(site, camera):
    host = _add_device(site, camera.name, camera.mac)
    host.start("camera", [os.path.join(site.source, DEVICE), camera.name, "eth0",
                          site.picture_directory], env=rtsp_environment(site))  # fmt: skip
    return host


def add_bystander(site, name):
    kind, mac_address, _ = BYSTANDERS[name]
    host = _add_device(site, name, mac_address)
    host.start("bystander", [os.path.join(site.source, DEVICE), kind, "eth0"])
    return host


def make_pictures(directory):
    for camera in cameras():
        picture.make(directory, camera)


def rtsp_environment(site):
    """What GStreamer knows of its plugins, found out once: a scan costs seconds."""
    kept, load = f"{site.picture_directory}/registry.bin", "import gi; gi.require_version"
    if not os.path.exists(kept):
        host = site.host("firewall")
        program = f"{load}('Gst', '1.0'); from gi.repository import Gst; Gst.init(None)"
        host.run(["/usr/bin/python3", "-c", program], env={"GST_REGISTRY": "/tmp/registry.bin"})
        shutil.copyfile(host.path("/tmp/registry.bin"), kept + ".new")
        os.replace(kept + ".new", kept)
    return {"GST_REGISTRY": kept, "GST_REGISTRY_UPDATE": "no"}


def move_camera(site, name, address):
    """The DHCP server now has another address for it; the camera gives its own back and asks."""
    firewall, host = site.host("firewall"), site.host(name)
    camera = personality.load(name)
    reserve(firewall, name, camera.mac, address)
    firewall.run(["pkill", "-HUP", "dnsmasq"])
    site.wait_until(
        f"{name} has the address {address}",
        lambda: _ask_again(host, address), deadline=60, interval=0.5,
    )  # fmt: skip


def _ask_again(host, address):
    if f" {address}/" in host.output(["ip", "-brief", "address", "show", "dev", "eth0"]):
        return True
    host.run(["pkill", "-USR2", "busybox"])  # release
    host.run(["pkill", "-USR1", "busybox"])  # discover
    return False
