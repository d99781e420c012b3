# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole site in namespaces: cameras on a LAN, gateway, firewall, VPN host, API host, platform.

    def main():
        site = Site(source, layers)
        site.add_lan()
        site.host("gateway").run(["ip", "address"])
        site.wait_until("the door is open", lambda: is_open(), deadline=30)

    sys.exit(isolation.run_isolated(main))

Everything of it ends with its process (isolation.py); its logs stay in its directory.
"""

import os
import shutil
import subprocess
import time

from lab import (
    addresses, api_host, gateway, isolation, lan, network, pki, runs, video_platform, vpn_host,
)  # fmt: skip
from lab.host import Host
from lab.prepare import PACKAGES, PICTURES, SOURCE

SCRATCH = "/run/site"


class NotReached(Exception):
    """What was waited for did not come about."""


class Unsupported(Exception):
    """This machine lacks something that a site is made of."""


class Site:
    INTERNET = "internet"

    def __init__(self, source, directory, layers, on_wait=None):
        """source: the repository. directory: for logs. layers: trees laid over every host's root.

        on_wait(what, seconds) is called now and then while something is waited for.
        """
        self.source, self.directory, self.scratch = source, directory, SCRATCH
        self.on_wait = on_wait or (lambda what, seconds: None)
        self.hosts = {}
        self.cameras = lan.cameras()
        self.picture_directory = PICTURES
        if not os.path.exists("/dev/net/tun"):
            raise Unsupported("there is no /dev/net/tun here: in a container, pass it in; on a"
                              " machine, load the module tun")  # fmt: skip
        # The machine's own /run is not ours to use, nor to show.
        isolation.mount("tmpfs", "/run", "tmpfs", options="mode=755")
        os.makedirs(self.scratch)
        os.makedirs(self.picture_directory, exist_ok=True)
        self._check_overlay()
        self.layers = [self._copy_layer(number, layer) for number, layer in enumerate(layers)]
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        network.add_switch(lan.SWITCH)
        network.add_switch(self.INTERNET)

    def _check_overlay(self):
        """Before any host is made of one, with a reason that helps."""
        for name in ("upper", "work", "root"):
            os.makedirs(f"{self.scratch}/trial/{name}")
        trial = f"{self.scratch}/trial"
        options = f"lowerdir=/,upperdir={trial}/upper,workdir={trial}/work"
        try:
            isolation.mount("overlay", f"{trial}/root", "overlay", 0, options)
        except OSError as error:
            raise Unsupported(
                "the hosts of the site are overlays of this machine's root, and this kernel or"
                f" container does not allow such a mount: {error}"
            ) from error
        isolation.unmount(f"{trial}/root")

    def _copy_layer(self, number, layer):
        """overlayfs refuses a layer that lies below another one, and below / everything lies."""
        copy = f"{self.scratch}/layer{number}"
        shutil.copytree(layer, copy, symlinks=True)
        return copy

    def add_host(self, name):
        self.hosts[name] = Host(self, name)
        return self.hosts[name]

    def host(self, name):
        return self.hosts[name]

    def add_lan(self):
        lan.add_firewall(self)
        for camera in self.cameras:
            lan.add_camera(self, camera)
        for kind in lan.BYSTANDERS:
            lan.add_bystander(self, kind)

    def wait_until(self, what, condition, deadline=60, interval=0.1):
        """Waits until condition() is true and returns its value; NotReached after the deadline.

        A condition may raise while what it looks at is not there yet; the last reason is told.
        """
        started = time.monotonic()
        reason = None
        while True:
            try:
                value = condition()
                if value:
                    return value
                reason = None
            except NotReached:
                raise
            except Exception as error:
                reason = error
            elapsed = time.monotonic() - started
            if elapsed >= deadline:
                why = f" ({reason})" if reason else ""
                raise NotReached(f"{what}: not within {deadline} s{why}")
            self.on_wait(what, elapsed)
            time.sleep(interval)


def build_site(directory, progress):
    """The whole of it, up to the point where the gateway could be plugged in."""
    install = os.path.join(directory, "install")
    site = Site(SOURCE, directory, [install, PACKAGES], progress.waiting)
    make_certificates(site)
    site.add_lan()
    progress.say(f"LAN: {len(site.cameras)} cameras, {len(lan.BYSTANDERS)} other devices, firewall")
    vpn_host.add_vpn_host(site)
    api_host.add_api_host(site)
    video_platform.add_platform(site)
    gateway.add_gateway(site)
    progress.say("hosts: vpnhost, apihost, platform, gateway")
    vpn_host.start_daemons(site)
    progress.say("VPN host: SoftEther and dnsmasq set up by vpn-service setup; vpn-service runs")
    api_host.start_daemons(site)
    progress.say(f"API host: apid serves https://{addresses.API_NAME}")
    runs.write_hosts(site)
    return site


def make_certificates(site):
    """One authority for all of the site, and another one that nobody trusts."""
    site.authority = pki.Authority(os.path.join(site.directory, "pki"))
    site.authority.issue("api", addresses.API_NAME)
    site.authority.issue("expired", addresses.API_NAME, days=-1)
    site.authority.issue("vpn-service", addresses.VPN_SERVICE_NAME)
    site.authority.issue("api-client", addresses.API_NAME, usage="clientAuth")
    site.other_authority = pki.Authority(os.path.join(site.directory, "other-pki"), "Nobody's CA")
    site.other_authority.issue("wrong", addresses.API_NAME)
