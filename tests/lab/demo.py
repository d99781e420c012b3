#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the main job in a whole site on this machine: cameras behind a closed firewall, reached
over the VPN.

    ./demo                    builds the site, tells the story, stays up until Ctrl-C
    ./demo --once             ends after the story: status 0 when everything was reached
    ./demo enter HOST [CMD]   runs CMD (a shell without one) on a host of the running site

Nothing of this machine's own network, services or /etc is changed.
"""

import argparse
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import (  # noqa: E402
    addresses, api_host, daemons, gateway, isolation, lan, prepare, runs, vpn_host,
)  # fmt: skip
from lab.host import CommandFailed  # noqa: E402
from lab.main_job import MainJob  # noqa: E402
from lab.progress import Progress  # noqa: E402
from lab.site import NotReached, Unsupported, build_site  # noqa: E402

EXPECTED = (NotReached, Unsupported, CommandFailed, AssertionError, prepare.PreparationFailed)
LOOK = """
The site stays up until Ctrl-C. In another terminal:

  ./demo enter gateway gatewayctl status
  ./demo enter gateway busctl --system introspect io.evercam.Gateway1 /io/evercam/Gateway1
  ./demo enter gateway busctl --system call io.evercam.Discovery1 /io/evercam/Discovery1 \\
      org.freedesktop.DBus.ObjectManager GetManagedObjects
  ./demo enter gateway busctl --system introspect io.evercam.Vpn1 /io/evercam/Vpn1
  ./demo enter gateway busctl --system call io.evercam.Routing1 /io/evercam/Routing1 \\
      io.evercam.Routing1 List s ""
  ./demo enter gateway nft list table inet evercam
  ./demo enter vpnhost busctl --system call io.evercam.VpnService1 /io/evercam/VpnService1 \\
      io.evercam.VpnService1 ListGateways
  ./demo enter platform curl {picture} -o {directory}/picture.jpg
  ./demo enter platform ffprobe -hide_banner -rtsp_transport tcp {stream}

API: https://{api} from host platform, user {owner}, password "{password}":
  ./demo enter platform curl --cacert /etc/lab-ca.pem https://{api}/healthz
Hosts: {hosts}
Logs: {logs}"""


def describe_device(camera, properties):
    ports = " ".join(f"{service} {port}" for port, service in properties["Ports"])
    model = properties.get("Model", "")
    evidence = " ".join(properties["Evidence"])
    return (f"{camera.name:13} {properties['Address']:15} {properties['Vendor']} {model}"
            f" · {ports} · {evidence}")  # fmt: skip


def tell_story(site, progress):
    """Returns the forwards, each with what came back; raises when something is missing."""
    job = MainJob(site)
    gateway.plug_in(site)
    code = job.announced()
    progress.say(f"gateway plugged in: announces itself, claim code {code}")
    progress.print("            $ gatewayctl status")
    for line in job.status_screen.splitlines():
        progress.print("            " + line)
    job.approve(code)
    progress.say("owner logs in over HTTPS and approves the gateway by that code")
    state = job.configuration()
    progress.say(f"configuration: gateway {state['GatewayId']},"
                 f" revision {state['ConfigurationRevision']}")  # fmt: skip
    account = job.account()
    progress.say(f"account provisioned: {account['vpn_username']}, {account['vpn_mac_address']},"
                 f" {account['vpn_ip_address']}")  # fmt: skip
    tunnel = job.joined()
    progress.say(f"VPN joined through {tunnel['Server']}: {tunnel['Interface']} has leased"
                 f" {tunnel['Address']}")  # fmt: skip
    progress.say(f"{job.name} resolves to {job.resolve()} on the platform's side")
    devices = job.cameras()
    lines = [describe_device(camera, devices[camera.name]) for camera in site.cameras]
    found = f"{len(lines)} cameras found, and nothing else taken for one:"
    progress.say("\n".join([found] + lines))
    job.move()
    progress.say(f"DHCP has moved {lan.MOVING_CAMERA} to {lan.MOVED_ADDRESS};"
                 " the gateway has seen it")  # fmt: skip
    forwards = job.forwards()
    progress.say(f"{len(forwards)} forwards in force;"
                 " the platform now fetches through each of them")  # fmt: skip
    for forward in forwards:
        started = time.monotonic()
        job.fetch(forward)
        progress.waiting(f"fetching from {forward.camera.name}", time.monotonic() - started)
    return job, forwards


def print_table(job, devices, forwards, progress):
    rows = [("camera", "vendor and model", "on the LAN", f"through {job.name}", "what came back")]
    for forward in forwards:
        known = devices[forward.camera.name]
        rows.append((
            forward.camera.name, f"{known['Vendor']} {known.get('Model', '')}".strip(),
            f"{forward.address}:{forward.port}", f"{forward.service} :{forward.local_port}",
            forward.result,
        ))  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    progress.print()
    for number, row in enumerate(rows):
        progress.print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if number == 0:
            progress.print("  ".join("-" * width for width in widths))


def print_memory(site, progress):
    parts = []
    for host, names in (("gateway", gateway.DAEMONS), ("vpnhost", vpn_host.DAEMONS),
                        ("apihost", ("apid",))):  # fmt: skip
        sizes = [f"{name} {daemons.pss_kilobytes(site.host(host), name)}" for name in names]
        parts.append(f"{host}: " + ", ".join(sizes))
    progress.print("\nResident memory (PSS, kB): " + "; ".join(parts))


def tell_failure(error, site, progress):
    progress.print()
    progress.print(f"FAILED: {error}")
    if site is None:
        return
    for host, names in (("gateway", gateway.DAEMONS), ("vpnhost", vpn_host.DAEMONS),
                        ("apihost", ("apid",))):  # fmt: skip
        for name in names:
            lines = site.host(host).log(name).splitlines()[-12:] if host in site.hosts else []
            if lines:
                progress.print(f"\n--- {name} on {host}, last lines of its log:")
                progress.print("\n".join(lines))
    progress.print(f"\nAll logs: {site.directory}/logs")


def show_site(run, options, progress):
    """Inside the site's namespaces. Returns the exit status."""
    site = None
    started = time.monotonic()
    try:
        site = build_site(run.directory, progress)
        progress.say(f"site: all of it is up ({time.monotonic() - started:.1f} s)")
        job, forwards = tell_story(site, progress)
    except EXPECTED as error:
        tell_failure(error, site, progress)
        return 1
    print_table(job, job.devices(), forwards, progress)
    print_memory(site, progress)
    cameras = {forward.camera.name for forward in forwards}
    progress.print(f"\n{len(cameras)} cameras, {len(forwards)} forwards reachable over the VPN")
    if options.once:
        return 0
    stay(site, job, forwards, progress)
    return 0


def stay(site, job, forwards, progress):
    # To try by hand: those of a camera that asks for no password.
    urls = {
        forward.service: job.picture_url(forward) if forward.service == "http"
        else job.stream_url(forward)
        for forward in forwards if "user" not in forward.camera.service("http")
    }  # fmt: skip
    progress.print(LOOK.format(
        picture=urls["http"], stream=urls["rtsp"], api=addresses.API_NAME, owner=api_host.OWNER,
        password=api_host.OWNER_PASSWORD, hosts=" ".join(site.hosts),
        directory=site.directory, logs=f"{site.directory}/logs",
    ))  # fmt: skip
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        progress.print("\nThe site is taken down.")


def main():
    if sys.argv[1:2] == ["enter"]:
        if len(sys.argv) < 3:
            raise SystemExit("usage: ./demo enter HOST [COMMAND…]")
        return runs.enter(sys.argv[2], sys.argv[3:] or ["bash"])
    parser = argparse.ArgumentParser(
        prog="./demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--once", action="store_true", help="end after the story")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("./demo makes network namespaces: run it as root")
    progress = Progress()
    progress.print("Evercam Gateway: five cameras behind a closed firewall, reached over the VPN\n")
    run = runs.Run("demo")
    try:
        prepare.everything(progress)
        prepare.install(progress, os.path.join(run.directory, "install"))
    except EXPECTED as error:
        tell_failure(error, None, progress)
        return 1
    except KeyboardInterrupt:
        return 130
    status = isolation.run_isolated(lambda: show_site(run, options, progress), run.started)
    if status == 0:
        run.remove()
    else:
        shutil.rmtree(os.path.join(run.directory, "install"), ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
