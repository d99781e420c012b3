#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays doc/operating.md on the site: what it shows must be what an operator sees."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import gateway, isolation, prepare, runs, transcript, vpn_host  # noqa: E402
from lab.cases import Cases, comment  # noqa: E402
from lab.main_job import VPN_SERVICE, MainJob  # noqa: E402
from lab.progress import Progress  # noqa: E402
from lab.site import build_site  # noqa: E402


class Lab:
    def __init__(self, site):
        self.site, self.job = site, MainJob(site)


cases = Cases()


@cases.add("the main job", vital=True)
def main_job(lab):
    gateway.plug_in(lab.site)
    lab.job.approve(lab.job.announced())
    lab.job.configuration()
    lab.job.joined()
    lab.job.cameras()
    lab.job.forwards()
    lab.site.wait_until(
        "the account is there", lambda: lab.job.vpn_bus.call(VPN_SERVICE, "ListGateways"), 30
    )


def add_step(step):
    cases.add(step.title())(lambda lab: transcript.replay(lab.site, step))


for found in transcript.read_steps("```console"):
    add_step(found)


def test(directory):
    site = build_site(directory, Progress(prefix="# "))

    def tell_logs():
        for host, names in (("gateway", gateway.DAEMONS), ("vpnhost", vpn_host.DAEMONS)):
            for name in names:
                lines = site.host(host).log(name).splitlines()[-4:]
                comment(f"--- {name} on {host}:\n" + "\n".join(lines))

    return cases.run(Lab(site), tell_logs)


def main():
    progress = Progress(prefix="# ")
    run = runs.Run("test")
    prepare.install(progress, os.path.join(run.directory, "install"))
    status = isolation.run_isolated(lambda: test(run.directory), run.started)
    if status == 0:
        run.remove()
    return status


if __name__ == "__main__":
    sys.exit(main())
