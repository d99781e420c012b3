# SPDX-License-Identifier: GPL-3.0-or-later
"""How each daemon is run: what its unit file says, in the words of the lab."""

import pathlib

from lab.host import add_accounts

LIBEXEC = "/usr/libexec/evercam-gateway"
CONFIGURATION = "/etc/evercam-gateway"
STATE = "/var/lib/evercam-gateway"
OPERATORS = "evercam"

CAPABILITIES = {
    "gatewayd": (),
    "discoverd": ("net_raw",),
    "routed": ("net_admin",),
    "vpnd": ("net_admin", "net_raw", "net_bind_service"),  # the latter two for its DHCP client
    "vpn-service": ("net_admin",),
    "apid": ("net_bind_service",),
}


def user_of(daemon):
    return f"evercam-{daemon}"


def add_users(host):
    """Ours from packaging/sysusers, and those that the distribution's packages would make."""
    accounts = []
    directory = pathlib.Path(host.site.source, "packaging/sysusers")
    for path in sorted(directory.glob("*.conf")):
        for line in path.read_text().splitlines():
            fields = line.split()
            if fields and fields[0] == "g":
                accounts.append((None, fields[1], "/"))
            elif fields and fields[0] == "u":
                accounts.append((fields[1], fields[1], "/"))
    accounts += [
        ("messagebus", "messagebus", "/nonexistent"),
        ("avahi", "avahi", "/run/avahi-daemon"),
        ("dnsmasq", "dnsmasq", "/var/lib/misc"),
        (None, "netdev", "/"),
    ]
    add_accounts(host, accounts)


def start_bus(host):
    host.make_directory("/run/dbus")
    host.start("dbus-daemon", ["dbus-daemon", "--system", "--nofork", "--nopidfile"])
    host.site.wait_until(
        f"the system bus of {host.name}",
        lambda: host.run(["busctl", "--system", "--timeout=20", "list"]), deadline=60,
    )  # fmt: skip


def configure(host, daemon, text):
    """Configuration, and the directories that a unit's StateDirectory= would make."""
    user = user_of(daemon)
    host.make_directory(STATE)
    host.make_directory(f"{STATE}/{daemon}", 0o700, user)
    host.make_directory(CONFIGURATION)
    host.write(f"{CONFIGURATION}/{daemon}.conf", text.lstrip(), 0o640, user)


def start(host, daemon):
    host.start(
        daemon, [f"{LIBEXEC}/{daemon}"],
        user=user_of(daemon), capabilities=CAPABILITIES[daemon],
    )  # fmt: skip


def pss_kilobytes(host, daemon):
    """What the daemon costs: its proportional set size."""
    pid = host.service(daemon)["pid"]
    for line in host.read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
