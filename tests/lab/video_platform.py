# SPDX-License-Identifier: GPL-3.0-or-later
"""The video platform: what wants the cameras' pictures. It sits on the VPN's segment, where names
are told by the VPN host's dnsmasq; the API it reaches as everybody does."""

from lab import addresses, network, vpn_host


def add_platform(site):
    host, server = site.add_host("platform"), site.host("vpnhost")
    network.connect_directly(host, "vpn", server, "platform")
    server.run(["ip", "link", "set", "platform", "master", vpn_host.BRIDGE])
    network.set_address(host, "vpn", f"{addresses.PLATFORM_INSIDE}/{addresses.VPN_PREFIX}")
    network.connect(site.INTERNET, host, "wan")
    network.set_address(host, "wan", f"{addresses.PLATFORM_PUBLIC}/{addresses.PUBLIC_PREFIX}")
    host.write("/etc/resolv.conf", f"nameserver {addresses.VPN_HOST_INSIDE}\n")
    host.write("/etc/hosts", "127.0.0.1 localhost\n"
               f"{addresses.API_HOST_PUBLIC} {addresses.API_NAME}\n")  # fmt: skip
    return host
