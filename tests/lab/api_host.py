# SPDX-License-Identifier: GPL-3.0-or-later
"""The API host: apid on 443, with a private link to the VPN host."""

from lab import addresses, daemons, network, vpn_host

OWNER, OWNER_PASSWORD = "owner", "a password of the lab"


def add_api_host(site):
    host = site.add_host("apihost")
    network.connect(site.INTERNET, host, "wan")
    network.set_address(host, "wan", f"{addresses.API_HOST_PUBLIC}/{addresses.PUBLIC_PREFIX}")
    private = f"{addresses.API_HOST_PRIVATE}/{addresses.PRIVATE_PREFIX}"
    network.connect_directly(host, "private", site.host("vpnhost"), "private")
    network.set_address(host, "private", private)
    network.set_address(
        site.host("vpnhost"), "private",
        f"{addresses.VPN_HOST_PRIVATE}/{addresses.PRIVATE_PREFIX}",
    )  # fmt: skip
    host.write("/etc/hosts", "127.0.0.1 localhost\n"
               f"{addresses.VPN_HOST_PRIVATE} {addresses.VPN_SERVICE_NAME}\n")  # fmt: skip
    daemons.add_users(host)
    daemons.configure(host, "apid", f"""
public_url = https://{addresses.API_NAME}
vpn_service = {addresses.VPN_SERVICE_NAME}:{vpn_host.SERVICE_PORT}
""")
    user = daemons.user_of("apid")
    use_certificate(site, "api")
    for name, source in (("ca.crt", "ca.pem"), ("client.crt", "api-client.pem"),
                         ("client.key", "api-client.key")):  # fmt: skip
        path = f"{daemons.CONFIGURATION}/vpn-service-{name}"
        host.write(path, site.authority.read(source), 0o600, user)
    host.write(f"{daemons.CONFIGURATION}/vpn-service.token", vpn_host.API_TOKEN + "\n", 0o600, user)
    add_owner(host)
    return host


def use_certificate(site, name):
    """What apid will show from its next start on: api is right, wrong and expired are what they
    are called."""
    host, user = site.host("apihost"), daemons.user_of("apid")
    authority = site.other_authority if name == "wrong" else site.authority
    host.write(f"{daemons.CONFIGURATION}/apid.crt", authority.read(f"{name}.pem"), 0o644, user)
    host.write(f"{daemons.CONFIGURATION}/apid.key", authority.read(f"{name}.key"), 0o600, user)


def add_owner(host):
    """As its administrator would, on the host."""
    command = [f"{daemons.LIBEXEC}/apid", "user", "add", "--admin", OWNER]
    host.run(command, input=OWNER_PASSWORD + "\n")


def start_daemons(site):
    daemons.start(site.host("apihost"), "apid")
