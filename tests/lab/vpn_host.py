# SPDX-License-Identifier: GPL-3.0-or-later
"""The VPN host: SoftEther's server on port 80, dnsmasq, vpn-service and routed."""

from lab import addresses, daemons, network

DAEMONS = ("routed", "vpn-service")
BRIDGE = "br-vpn"
SERVICE_PORT = 6060
API_TOKEN = "lab-token-between-api-and-vpn-service"
DNSMASQ_CONFIGURATION = "/etc/dnsmasq.d/evercam-gateway.conf"


def add_vpn_host(site):
    host = site.add_host("vpnhost")
    network.connect(site.INTERNET, host, "wan")
    network.set_address(host, "wan", f"{addresses.VPN_HOST_PUBLIC}/{addresses.PUBLIC_PREFIX}")
    # The VPN's segment: here the TAP of SoftEther and the cable to the platform come together.
    host.run(["ip", "link", "add", BRIDGE, "type", "bridge", "mcast_snooping", "0"])
    network.set_address(host, BRIDGE, f"{addresses.VPN_HOST_INSIDE}/{addresses.VPN_PREFIX}")
    network.set_link(host, BRIDGE, True)
    daemons.add_users(host)
    daemons.start_bus(host)
    host.make_directory("/run/softether")
    host.make_directory("/var/log/softether")
    start_server(host)
    _configure(site, host)
    return host


def _configure(site, host):
    directory = daemons.CONFIGURATION
    daemons.configure(host, "routed", "")
    daemons.configure(host, "vpn-service", f"""
listen = {addresses.VPN_HOST_PRIVATE}
listen_port = {SERVICE_PORT}
certificate = {directory}/vpn-service.crt
key = {directory}/vpn-service.key
client_ca = {directory}/vpn-service-client-ca.crt
token_file = {directory}/vpn-service.token
vpn_hostname = {addresses.VPN_HOST_NAME}
vpn_port = 80
vpn_domain = {addresses.VPN_DOMAIN}
pool = {addresses.VPN_NETWORK}
address = {addresses.VPN_HOST_INSIDE}
bridge = {BRIDGE}
dnsmasq_configuration = {DNSMASQ_CONFIGURATION}
""")
    user = daemons.user_of("vpn-service")
    for name, text in (
        ("vpn-service.crt", site.authority.read("vpn-service.pem")),
        ("vpn-service.key", site.authority.read("vpn-service.key")),
        ("vpn-service-client-ca.crt", site.authority.read("ca.pem")),
        ("vpn-service.token", API_TOKEN + "\n"),
    ):
        host.write(f"{directory}/{name}", text, 0o600, user)


def start_server(host):
    """SoftEther as its package starts it: stock, with no password, until setup."""
    host.start("vpnserver", ["/usr/libexec/softether/vpnserver/vpnserver", "execsvc"])
    host.site.wait_until(
        "SoftEther's server", lambda: "vpnserver" in host.output(["ss", "-Hlntp"]), deadline=60
    )


def start_daemons(site):
    host = site.host("vpnhost")
    host.run([f"{daemons.LIBEXEC}/vpn-service", "setup"], timeout=120)
    host.start("dnsmasq", ["dnsmasq", "--keep-in-foreground", "--log-facility=-", "--user=dnsmasq",
                           f"--conf-file={DNSMASQ_CONFIGURATION}"])  # fmt: skip
    for daemon in DAEMONS:
        daemons.start(host, daemon)
