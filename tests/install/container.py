# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with its own systemd, booted by systemd-nspawn, as one more host of the site.

Its disk is an overlay over the image and stays when it is rebooted; network and processes do not.
Its cables are plugged in when it is switched on.
"""

import os
import subprocess
import time

from lab import isolation
from lab.host import CommandFailed, Host

CGROUPS = "/sys/fs/cgroup"
CGROUP_PREFIX = "evercam-install-"
BOOT_SECONDS = 180


def cgroup_hierarchies():
    if os.path.exists(f"{CGROUPS}/cgroup.procs"):
        return [CGROUPS]
    found = [f"{CGROUPS}/{name}" for name in os.listdir(CGROUPS)]
    return [path for path in found if os.path.exists(f"{path}/cgroup.procs")
            and not os.path.islink(path)]  # fmt: skip


def remove_cgroups(owner):
    """Those of a test that has ended: they are not in any namespace, and stay."""
    for hierarchy in cgroup_hierarchies():
        for name in os.listdir(hierarchy):
            if name.startswith(f"{CGROUP_PREFIX}{owner}-"):
                for path, _, _ in os.walk(f"{hierarchy}/{name}", topdown=False):
                    try:
                        os.rmdir(path)
                    except OSError:
                        pass  # somebody is still in it


def processes():
    """(pid, parent, name) of all."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                head, rest = file.read().rsplit(")", 1)
        except OSError:
            continue
        yield int(pid), int(rest.split()[1]), head.split("(", 1)[1]


class Container(Host):
    def __init__(self, site, name, image, owner, plug_in):
        """owner: a number of this test. plug_in(container) makes its cables, at each boot."""
        self.site, self.name, self.owner, self.plug_in = site, name, owner, plug_in
        self.directory = f"{site.scratch}/{name}"
        self.log_directory = f"{site.directory}/logs/{name}"
        self.disk = f"{self.directory}/root"
        self.process = self.pid = self.namespaces = None
        os.makedirs(self.log_directory, exist_ok=True)
        for path in ("upper", "work", "root"):
            os.makedirs(f"{self.directory}/{path}")
        isolation.mount(
            "overlay", self.disk, "overlay", 0,
            f"lowerdir={image},upperdir={self.directory}/upper,workdir={self.directory}/work",
        )  # fmt: skip

    @property
    def root(self):
        return f"/proc/{self.pid}/root" if self.pid else self.disk

    def boot(self):
        command = [
            "systemd-nspawn", "--quiet", "--directory", self.disk, "--boot", "--private-network",
            "--register=no", "--keep-unit", f"--machine={self.name}", "--bind=/dev/net/tun",
            "--capability=CAP_NET_ADMIN", "--console=pipe", "--resolv-conf=off", "--timezone=off",
            "--link-journal=no",
        ]  # fmt: skip
        self.switched_on = time.monotonic()
        with open(f"{self.log_directory}/console.log", "a") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=self._enter_cgroups,
            )  # fmt: skip
        self.pid = self.site.wait_until(f"{self.name} boots", self._find_init, BOOT_SECONDS)
        self.namespaces = isolation.NamespaceSet(self.pid)
        self.plug_in(self)
        self.site.wait_until(f"{self.name} is up", self._is_up, BOOT_SECONDS)

    def _enter_cgroups(self):
        """Of its own: without, the systemds of all machines would fight for the same one."""
        for hierarchy in cgroup_hierarchies():
            path = f"{hierarchy}/{CGROUP_PREFIX}{self.owner}-{self.name}"
            os.makedirs(path, exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if os.path.exists(f"{path}/{name}"):
                    with open(f"{hierarchy}/{name}") as above, open(f"{path}/{name}", "w") as file:
                        file.write(above.read())
            with open(f"{path}/cgroup.procs", "w") as file:
                file.write(str(os.getpid()))

    def _find_init(self):
        if self.process.poll() is not None:
            raise CommandFailed(f"{self.name} does not boot: {self.console()[-1000:]}")
        own = os.readlink("/proc/self/ns/net")
        for pid, parent, name in processes():
            if parent == self.process.pid and name == "systemd":
                if os.readlink(f"/proc/{pid}/ns/net") != own:
                    return pid
        return None

    def _is_up(self):
        state = self.run(["systemctl", "is-system-running"], check=False).stdout.strip()
        if state not in ("running", "degraded"):
            raise LookupError(f"it is {state or 'not answering'}")
        return True

    def console(self):
        with open(f"{self.log_directory}/console.log", errors="replace") as log:
            return log.read()

    def reboot(self):
        self.run(["systemctl", "reboot"], check=False)
        self.process.wait(BOOT_SECONDS)
        self.namespaces.close()
        self.pid = None
        self.boot()

    # --- what an administrator does ---

    def shell(self, commands, input=None, timeout=300):
        """As typed by root, one after the other, up to the first that fails."""
        self.write("/run/commands", f"cd /root\n{commands}")
        return self.run(["bash", "-e", "/run/commands"], input=input, timeout=timeout).stdout

    def unit(self, name, *properties):
        output = self.output(["systemctl", "show", f"--property={','.join(properties)}", name])
        return dict(line.split("=", 1) for line in output.splitlines())

    def log(self, name):
        command = ["journalctl", "--no-pager", "--output=cat", "--unit", f"evercam-{name}"]
        return self.run(command, check=False).stdout

    def start(self, name, *_, **__):
        self.run(["systemctl", "start", f"evercam-{name}"])

    def stop(self, name):
        self.run(["systemctl", "stop", f"evercam-{name}"])
