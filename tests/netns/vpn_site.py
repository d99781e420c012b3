# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts for vpnd's tests: a VPN host with SoftEther's server and dnsmasq, and a gateway."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import daemons, network, prepare  # noqa: E402
from lab.site import Site  # noqa: E402

PACKAGES = os.environ.get("LAB_PACKAGES", prepare.PACKAGES)
SERVER, GATEWAY = "192.0.2.1", "192.0.2.2"
HUB, USER, MAC, ADDRESS, PREFIX = "GW", "gateway7", "02:ac:00:00:00:07", "10.44.0.7", 20
SERVER_INSIDE = "10.44.0.1"
TAP, INTERFACE = "tap_gw", "vpn_ether"
SOFTETHER = "/usr/libexec/softether"
DNSMASQ = f"""
port=0
interface={TAP}
bind-dynamic
user=root
dhcp-range=10.44.0.0,static,255.255.240.0,2m
dhcp-host={MAC},{ADDRESS}
dhcp-option=3,{SERVER_INSIDE}
dhcp-option=6,{SERVER_INSIDE}
dhcp-leasefile=/run/dnsmasq.leases
"""


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def control(host, service, verb):
    """start or stop, as the package's unit does: the service goes to the background by itself.
    Stopping takes SoftEther up to a minute while it tries to reach a server."""
    host.spawn([f"{SOFTETHER}/{service}/{service}", verb], stdout=subprocess.DEVNULL,
               stderr=subprocess.DEVNULL).wait(180)  # fmt: skip


class VpnSite:
    def __init__(self, directory, programs):
        """programs: what is installed in libexec on the gateway, by path."""
        self.directory = directory
        self.site = Site(prepare.SOURCE, directory, [self._stage(programs), PACKAGES])
        self.make_certificates("server", "next", "stranger", "gateway")
        self.server = self.site.add_host("vpnhost")
        self.gateway = self.site.add_host("gateway")
        network.connect_directly(self.server, "wan", self.gateway, "eth0")
        network.set_address(self.server, "wan", f"{SERVER}/24")
        network.set_address(self.gateway, "eth0", f"{GATEWAY}/24")
        self._start_server()
        self._start_gateway()

    def _stage(self, programs):
        stage = f"{self.directory}/stage"
        libexec = stage + daemons.LIBEXEC
        policies = f"{stage}/usr/share/dbus-1/system.d"
        os.makedirs(libexec)
        os.makedirs(policies)
        for program in programs:
            shutil.copy(program, libexec)
        shutil.copy(f"{prepare.SOURCE}/dbus/io.evercam.Vpn1.conf", policies)
        return stage

    # --- certificates ---

    def path(self, name):
        return f"{self.directory}/{name}"

    def pem(self, name):
        with open(self.path(name + ".crt"), encoding="ascii") as file:
            return file.read()

    def make_certificates(self, *names):
        for name in names:
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-keyout", self.path(name + ".key"), "-out", self.path(name + ".crt"),
                    "-subj", f"/CN={name}")  # fmt: skip

    # --- VPN host ---

    def vpncmd(self, *lines):
        self.server.write("/run/commands", "".join(line + "\n" for line in lines), 0o600)
        return self.server.output(
            ["vpncmd", "localhost:5555", "/SERVER", "/CSV", "/IN:/run/commands"], check=False
        )

    def use_server_certificate(self, name):
        for kind in ("crt", "key"):
            with open(self.path(f"{name}.{kind}"), encoding="ascii") as file:
                self.server.write(f"/run/{name}.{kind}", file.read(), 0o600)
        self.vpncmd(f"ServerCertSet /LOADCERT:/run/{name}.crt /LOADKEY:/run/{name}.key")

    def _start_server(self):
        self.server.make_directory("/run/softether")
        self.server.make_directory("/var/log/softether")
        self._run_server("start")
        self.use_server_certificate("server")
        self.server.write("/run/gateway.crt", self.pem("gateway"))
        self.vpncmd("ListenerCreate 80", f"HubCreate {HUB} /PASSWORD:hub",
                    f"BridgeCreate {HUB} /DEVICE:gw /TAP:yes")  # fmt: skip
        self.add_user()
        self.vpncmd("Flush")
        self._await_tap()
        self.server.write("/etc/dnsmasq.conf", DNSMASQ)
        self.start_dhcp()

    def add_user(self):
        self.vpncmd(f"Hub {HUB}", f"UserCreate {USER} /GROUP:none /REALNAME:none /NOTE:none",
                    f"UserCertSet {USER} /LOADCERT:/run/gateway.crt")  # fmt: skip

    def delete_user(self):
        self.vpncmd(f"Hub {HUB}", f"UserDelete {USER}")

    def cut_sessions(self):
        """Those of the gateway; DeleteUser alone leaves them."""
        sessions = self.vpncmd(f"Hub {HUB}", "SessionList")
        for line in sessions.splitlines():
            if line.startswith("SID-GATEWAY7"):
                self.vpncmd(f"Hub {HUB}", "SessionDisconnect " + line.split(",")[0])

    def start_dhcp(self):
        self.server.start("dnsmasq", ["dnsmasq", "--keep-in-foreground", "--log-facility=-",
                                      "--conf-file=/etc/dnsmasq.conf"])  # fmt: skip

    def _run_server(self, verb):
        control(self.server, "vpnserver", verb)
        self.site.wait_until(
            f"SoftEther's server after {verb}",
            lambda: (":5555 " in self.server.output(["ss", "-Hlnt"])) == (verb == "start"),
        )

    def _await_tap(self):
        def is_there():
            self.server.run(["ip", "address", "replace", f"{SERVER_INSIDE}/{PREFIX}", "dev", TAP])
            self.server.run(["ip", "link", "set", TAP, "up"])
            return True

        self.site.wait_until("the server's TAP", is_there)

    def restart_server(self):
        self._run_server("stop")
        self._run_server("start")
        self._await_tap()

    # --- gateway ---

    def _start_gateway(self):
        daemons.add_users(self.gateway)
        daemons.start_bus(self.gateway)
        self.gateway.make_directory("/run/softether")
        self.gateway.make_directory("/var/log/softether")
        self.start_client()
        daemons.configure(self.gateway, "vpnd", "")

    def start_client(self):
        control(self.gateway, "vpnclient", "start")

    def stop_client(self):
        control(self.gateway, "vpnclient", "stop")

    def kill_client(self):
        """It is two processes, of which one would start the other again."""
        self.gateway.run(["pkill", "-KILL", "-x", "vpnclient"])

    def bus_address(self):
        return f"unix:path={self.gateway.root}/run/dbus/system_bus_socket"

    def client(self, *lines):
        self.gateway.write("/run/commands", "".join(line + "\n" for line in lines), 0o600)
        return self.gateway.output(
            ["vpncmd", "localhost", "/CLIENT", "/CSV", "/IN:/run/commands"], check=False
        )

    def routes(self):
        return self.gateway.output(["ip", "route"])

    def logs(self):
        return "".join(
            f"--- {host.name}: {name} ---\n{host.log(name)[-4000:]}\n"
            for host, name in ((self.gateway, "vpnd"), (self.server, "dnsmasq"))
        )  # fmt: skip
