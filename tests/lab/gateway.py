# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway: the box that is plugged into the LAN."""

from lab import addresses, daemons, lan, network

DAEMONS = ("routed", "vpnd", "discoverd", "gatewayd")


def add_gateway(site):
    host = site.add_host("gateway")
    network.connect(lan.SWITCH, host, "eth0", "52:54:00:00:10:01")
    network.set_address(
        host, "eth0", f"{addresses.LAN_GATEWAY}/{addresses.LAN_PREFIX}", addresses.LAN_ROUTER
    )
    host.write("/etc/resolv.conf", f"nameserver {addresses.LAN_ROUTER}\n")
    host.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    daemons.add_users(host)
    daemons.start_bus(host)
    host.make_directory("/run/avahi-daemon", owner="avahi")
    host.start("avahi-daemon", ["avahi-daemon", "--no-rlimits"])
    host.make_directory("/run/softether")
    host.make_directory("/var/log/softether")
    host.start("vpnclient", ["/usr/libexec/softether/vpnclient/vpnclient", "execsvc"])
    host.write(f"{daemons.CONFIGURATION}/api-ca.pem", site.authority.read("ca.pem"))
    daemons.configure(host, "gatewayd", f"""
api = https://{addresses.API_NAME}
ca = {daemons.CONFIGURATION}/api-ca.pem
""")
    for daemon in ("routed", "vpnd", "discoverd"):
        daemons.configure(host, daemon, "")
    return host


def plug_in(site):
    for daemon in DAEMONS:
        daemons.start(site.host("gateway"), daemon)
