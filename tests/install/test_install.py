#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages as their users get them: installed on three booted machines with the commands of
README.md, rebooted, upgraded while a stream runs, removed. In TAP; numbers are in its comments."""

import os
import re
import secrets
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from install import container, image, machines, readme  # noqa: E402  (first: it names the site)
from install.counted_stream import CountedStream  # noqa: E402
from lab import addresses, api_host, isolation, prepare, runs, transcript  # noqa: E402
from lab.bus import Bus  # noqa: E402
from lab.cases import Cases, comment  # noqa: E402
from lab.host import CommandFailed  # noqa: E402
from lab.main_job import GATEWAY, ROUTING, VPN, VPN_SERVICE, MainJob  # noqa: E402
from lab.progress import Progress  # noqa: E402
from lab.site import Site  # noqa: E402

DAEMONS = {
    "gateway": ("routed", "vpnd", "discoverd", "gatewayd"),
    "vpnhost": ("routed", "vpn-service"),
    "apihost": ("apid",),
}
# Host, daemon, the option that names the secret's file, and the file.
SECRETS = (
    ("vpnhost", "vpn-service", "token_file", "/var/lib/evercam-gateway/vpn-service/token"),
    ("apihost", "apid", "vpn_service_token_file", "/etc/evercam-gateway/vpn-service.token"),
)
API_CA = "/etc/evercam-gateway/api-ca.crt"
MAX_EXPOSURE = 2.0

api_host.OWNER = "alice"
cases = Cases()


class Files:
    """Stands where the lab has its authority: what people at the API trust is a machine's file."""

    def __init__(self, machine, path):
        self.machine, self.path = machine, path

    def read(self, _):
        return self.machine.read(self.path)


class Lab:
    def __init__(self, site, owner):
        self.site, self.owner = site, owner
        self.gateway = self.vpn_host = self.api_host = self.job = self.stream = None
        self.forwards = []

    def machines(self):
        return [machine for machine in (self.gateway, self.vpn_host, self.api_host) if machine]

    def install(self, machine, directory=image.PACKAGES):
        machines.deliver(machine, directory)

    def check_daemons(self, machine):
        """All run as their own users, and nothing on this machine has failed."""
        for daemon in DAEMONS[machine.name]:
            unit = machine.unit(f"evercam-{daemon}", "ActiveState", "User", "MainPID", "NRestarts")
            assert unit["ActiveState"] == "active", f"{daemon} is {unit}:\n{machine.log(daemon)}"
            assert unit["User"] == f"evercam-{daemon}", unit
            uid = machine.output(["stat", "--format=%U", f"/proc/{unit['MainPID']}"])
            assert uid == f"evercam-{daemon}", f"{daemon} runs as {uid}"
        failed = machine.output(["systemctl", "--failed", "--plain", "--no-legend"])
        assert not failed, failed

    def gateway_state(self):
        state = self.job.bus.get_all(GATEWAY)
        assert state["State"] == "running" and not state["LastError"], state
        return state

    def fetch_all(self):
        self.forwards = self.job.forwards()
        assert len(self.forwards) == 10
        for forward in self.forwards:
            self.job.fetch(forward)

    def all_is_well(self):
        self.site.wait_until("the gateway is well", self.gateway_state, deadline=90)
        self.job.joined()
        self.job.cameras()
        self.fetch_all()

    def first_packet(self):
        """Asks one forward until it answers."""
        forward = next(f for f in self.forwards if f.service == "http")
        url = f"http://{self.vpn_address}:{forward.local_port}/"
        command = ["curl", "--silent", "--max-time", "2", "--output", "/dev/null", url]
        self.site.wait_until(
            "a forward answers", lambda: self.job.platform.run(command), deadline=120
        )


# --- the machines ---


@cases.add("the VPN host is installed", vital=True)
def install_vpn_host(lab):
    machine = lab.vpn_host = machines.add_vpn_host(lab.site, lab.owner)
    machine.boot()
    lab.install(machine)
    machine.shell(readme.commands("VPN host"))
    lab.check_daemons(machine)


@cases.add("the API host is installed", vital=True)
def install_api_host(lab):
    machine = lab.api_host = machines.add_api_host(lab.site, lab.owner)
    machine.boot()
    lab.install(machine)
    directory = "/etc/evercam-gateway/vpn-service/api-client"
    machines.copy_directory(lab.vpn_host, directory, machine, "/root/api-client")
    machine.shell(readme.commands("API host"), input=api_host.OWNER_PASSWORD + "\n")
    lab.check_daemons(machine)


@cases.add("the gateway is installed", vital=True)
def install_gateway(lab):
    machine = lab.gateway = machines.add_gateway(lab.site, lab.owner)
    machine.boot()
    lab.before = traces(machine)
    lab.install(machine)
    machine.write("/root/api-ca.crt", lab.api_host.read(API_CA))
    machine.shell(readme.commands("Gateway"))
    lab.check_daemons(machine)
    assert machine.output(["cat", "/proc/sys/net/ipv4/ip_forward"]) == "1"
    lab.site.authority = Files(lab.api_host, API_CA)
    lab.job = MainJob(lab.site)
    runs.write_hosts(lab.site)


@cases.add("every unit is confined, also by systemd's own measure")
def exposure(lab):
    for machine in lab.machines():
        for daemon in DAEMONS[machine.name]:
            if daemon == "routed" and machine is lab.vpn_host:
                continue
            command = ["systemd-analyze", "security", "--no-pager", f"evercam-{daemon}.service"]
            said = machine.run(command, check=False).stdout
            level = float(re.search(r"exposure level for .*: ([\d.]+)", said).group(1))
            comment(f"exposure of evercam-{daemon}: {level}")
            assert level <= MAX_EXPOSURE, said


# --- the main job ---


@cases.add("the gateway announces itself, is approved and joins the VPN", vital=True)
def join(lab):
    lab.job.approve(lab.job.announced())
    lab.job.configuration()
    lab.vpn_address = lab.job.joined()["Address"].split("/")[0]
    assert lab.job.resolve() == lab.vpn_address


@cases.add("five cameras, ten forwards reachable over the VPN", vital=True)
def main_job(lab):
    lab.job.cameras()
    lab.fetch_all()


@cases.add("nobody but root and the group evercam may change anything")
def strangers(lab):
    machine = lab.gateway
    machine.run(["useradd", "--create-home", "stranger"])
    machine.run(["useradd", "--create-home", "--groups", "evercam", "oscar"])
    call = ["busctl", "--system", "call", GATEWAY, "/io/evercam/Gateway1", GATEWAY, "Sync"]
    read = ["busctl", "--system", "get-property", GATEWAY, "/io/evercam/Gateway1", GATEWAY, "State"]
    for user, may in (("stranger", False), ("oscar", True)):
        enter = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"]
        machine.run(enter + read)
        status = machine.run(enter + call, check=False)
        assert (status.returncode == 0) == may, f"{user}: {status}"


@cases.add("a wrong configuration is told with file, line and remedy, and not tried again and again")
def wrong_configuration(lab):
    machine, path = lab.gateway, "/etc/evercam-gateway/gatewayd.conf"
    right = machine.read(path)
    machine.write(path, right + "apo = nonsense\n")
    status = machine.run(["systemctl", "restart", "evercam-gatewayd"], check=False).returncode
    unit = machine.unit("evercam-gatewayd", "ActiveState", "NRestarts")
    machine.write(path, right)
    machine.start("gatewayd")
    assert status != 0 and unit == {"ActiveState": "failed", "NRestarts": "0"}, unit
    assert f"{path}:3: " in machine.log("gatewayd"), machine.log("gatewayd")
    lab.site.wait_until("the gateway is well", lab.gateway_state, deadline=60)


def add_recipe(step):
    cases.add(step.title())(lambda lab: transcript.replay(lab.site, step))


for recipe in transcript.read_steps("```console journal"):
    add_recipe(recipe)


@cases.add("secrets by LoadCredential: the daemons use them, and need no file")
def secrets_as_credentials(lab):
    """API and VPN host get another token, each as a credential that only root could read as a file.
    The API then has to tell the VPN host of a key."""
    token = secrets.token_urlsafe(32)
    revision = lab.gateway_state()["ConfigurationRevision"]
    for name, daemon, option, path in SECRETS:
        machine, unit = lab.site.host(name), f"evercam-{daemon}.service"
        machine.shell(f"install --directory --mode=700 secrets\nmv {path} secrets/file")
        machine.write("/root/secrets/credential", token + "\n")
        machine.write(f"/etc/systemd/system/{unit}.d/credential.conf",
                      f"[Service]\nLoadCredential={option}:/root/secrets/credential\n")  # fmt: skip
        machine.shell(f"systemctl daemon-reload\nsystemctl restart {unit}")
        lab.check_daemons(machine)
    lab.job.bus.call(GATEWAY, "RotateKey")
    lab.site.wait_until(
        "the certificate of the new key is in force",
        lambda: lab.gateway_state()["ConfigurationRevision"] > revision, deadline=90,
    )  # fmt: skip
    for name, daemon, _, path in SECRETS:
        machine, unit = lab.site.host(name), f"evercam-{daemon}.service"
        assert machine.run(["test", "-e", path], check=False).returncode != 0
        machine.shell(f"rm -r /etc/systemd/system/{unit}.d\nmv secrets/file {path}\n"
                      f"rm -r secrets\nsystemctl daemon-reload\nsystemctl restart {unit}")  # fmt: skip
    lab.all_is_well()


# --- reboots ---


def reboot(lab, machine):
    machine.reboot()
    runs.write_hosts(lab.site)
    comment(f"{machine.name}: booted in {time.monotonic() - machine.switched_on:.1f} s")
    lab.first_packet()
    seconds = time.monotonic() - machine.switched_on
    comment(f"from switching it on to the first forwarded packet: {seconds:.1f} s")
    lab.check_daemons(machine)
    lab.all_is_well()


@cases.add("the gateway is rebooted: all is back by itself")
def reboot_gateway(lab):
    reboot(lab, lab.gateway)


@cases.add("the VPN host is rebooted: all is back by itself")
def reboot_vpn_host(lab):
    reboot(lab, lab.vpn_host)


@cases.add("the API host is rebooted: all is back by itself")
def reboot_api_host(lab):
    reboot(lab, lab.api_host)


# --- an upgrade ---


@cases.add("a stream runs", vital=True)
def start_stream(lab):
    forward = next(
        f for f in lab.forwards if f.service == "rtsp" and "user" not in f.camera.service("rtsp")
    )
    lab.stream = CountedStream(
        lab.job.platform, lab.vpn_address, forward.local_port, forward.camera.service("rtsp")["path"]
    )
    lab.site.wait_until("the stream runs", lambda: lab.stream.packets() > 10, deadline=60)


def upgrade(lab, machine, heading):
    before = lab.stream.packets()
    settings = machine.output(["sh", "-c", "cd /etc/evercam-gateway && find . -type f | sort | "
                               "xargs sha256sum"])  # fmt: skip
    pids = [machine.unit(f"evercam-{daemon}", "MainPID") for daemon in DAEMONS[machine.name]]
    lab.install(machine, image.UPGRADE)
    machine.shell(readme.commands(heading))
    version = machine.output(["dpkg-query", "--show", "--showformat=${Version}", "evercam-routed"])
    assert version == image.UPGRADE_VERSION
    lab.check_daemons(machine)
    assert settings == machine.output(["sh", "-c", "cd /etc/evercam-gateway && find . -type f | "
                                       "sort | xargs sha256sum"])  # fmt: skip
    for old, daemon in zip(pids, DAEMONS[machine.name]):
        assert machine.unit(f"evercam-{daemon}", "MainPID") != old, f"{daemon} is still the old one"
    lab.site.wait_until(
        "the stream goes on", lambda: lab.stream.packets() > before + 10, deadline=60
    )
    lab.site.wait_until("the gateway is well", lab.gateway_state, deadline=90)
    lab.site.wait_until(
        "the stream goes on", lambda: lab.stream.packets() > before + 30, deadline=60
    )
    lab.stream.check()


@cases.add("the gateway is upgraded: the stream does not miss a packet")
def upgrade_gateway(lab):
    upgrade(lab, lab.gateway, "Upgrading a gateway")


@cases.add("the VPN host is upgraded: the stream does not miss a packet")
def upgrade_vpn_host(lab):
    upgrade(lab, lab.vpn_host, "Upgrading a VPN host")


@cases.add("after the upgrades, every forward works")
def after_upgrades(lab):
    comment(lab.stream.stop())
    lab.all_is_well()


@cases.add("what the daemons cost")
def costs(lab):
    for machine in lab.machines():
        sizes = []
        for daemon in DAEMONS[machine.name]:
            pid = machine.unit(f"evercam-{daemon}", "MainPID")["MainPID"]
            rollup = machine.output(["cat", f"/proc/{pid}/smaps_rollup"])
            sizes.append(f"{daemon} {re.search(r'Pss: +([0-9]+)', rollup).group(1)} kB")
        comment(f"PSS on {machine.name}: {', '.join(sizes)}")


# --- the end ---


def traces(machine):
    """What removal must not leave: files, tables, interfaces, SoftEther's accounts."""
    seen = {
        "tables": machine.output(["nft", "list", "tables"]),
        "files": machine.output(
            ["find", "/etc", "/usr", "/lib", "/var", "-xdev", "-name", "*evercam*",
             "-not", "-path", "/var/log/*"]
        ),
    }  # fmt: skip
    links = machine.output(["ip", "-oneline", "link"])
    seen["interfaces"] = sorted(re.findall(r"^\d+: ([^:@]+)", links, flags=re.M))
    return seen


@cases.add("the gateway's packages are removed: as if they had never been there")
def remove_gateway(lab):
    machine = lab.gateway
    assert "vpn_ether" in traces(machine)["interfaces"]
    machine.shell("apt remove evercam-gateway evercam-routed")
    after = traces(machine)
    for kind in ("tables", "interfaces"):
        assert after[kind] == lab.before[kind], f"{after}\ninstead of {lab.before}"
    # Installed again, it would be the same gateway.
    assert "/var/lib/evercam-gateway" in after["files"]
    assert "https://api.example.com" in machine.read("/etc/evercam-gateway/gatewayd.conf")
    machine.shell(readme.commands("Removing"))
    after = traces(machine)
    assert after == lab.before, f"{after}\ninstead of {lab.before}"
    # Its DHCP lease may have a user without a process, but no daemon of ours is left.
    left = machine.run(["pgrep", "-a", "-f", "libexec/evercam-gateway"], check=False).stdout
    assert not left, left
    accounts = machine.run(["vpncmd", "localhost", "/CLIENT", "/CMD", "AccountList"]).stdout
    assert "evercam" not in accounts, accounts


@cases.add("the other hosts' packages are purged: no file of ours is left")
def purge_others(lab):
    for machine, packages in ((lab.vpn_host, "evercam-vpn-service evercam-routed"),
                              (lab.api_host, "evercam-gateway-api")):  # fmt: skip
        machine.shell(f"apt purge {packages}")
        after = traces(machine)
        assert not after["files"] and "evercam" not in after["tables"], after


def sizes():
    for package in image.packages():
        installed = image.field(package, "Installed-Size")
        comment(f"{os.path.basename(package)}: {os.path.getsize(package) // 1024} kB,"
                f" {installed} kB installed")  # fmt: skip


def test(directory, owner):
    progress = Progress(prefix="# ")
    site = Site(prepare.SOURCE, directory, [prepare.PACKAGES], progress.waiting)
    site.add_lan()
    machines.add_platform(site)
    runs.write_hosts(site)
    lab = Lab(site, owner)

    def tell_logs():
        for machine in lab.machines():
            if not machine.pid:
                comment(f"--- console of {machine.name}:\n{machine.console()[-2000:]}")
                continue
            for daemon in DAEMONS[machine.name]:
                try:
                    lines = machine.log(daemon).splitlines()[-12:]
                except (CommandFailed, OSError) as error:
                    lines = [str(error)]
                comment(f"--- {daemon} on {machine.name}:\n" + "\n".join(lines))

    return cases.run(lab, tell_logs)


def main():
    progress = Progress(prefix="# ")
    run = runs.Run("install")
    owner = os.getpid()
    os.makedirs(image.DIRECTORY, exist_ok=True)
    prepare.install_dependencies(progress)
    image.install_tools(progress)
    prepare.make_pictures(progress)
    if "--no-build" not in sys.argv[1:]:
        image.build_packages(progress)
    image.make_root(progress)
    sizes()
    try:
        status = isolation.run_isolated(lambda: test(run.directory, owner), run.started)
    finally:
        container.remove_cgroups(owner)
    if status == 0:
        run.remove()
    return status


if __name__ == "__main__":
    sys.exit(main())
