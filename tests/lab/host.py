# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the site: own network, processes, name and root.

Its root is an overlay: what it writes goes to a tmpfs; below that lie our daemons as installed, the
unpacked packages, and this machine's own root. So every host has /etc, /var and /run for itself at
their real places, and nothing reaches the machine's own.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from lab import init, isolation

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")
# Never what this machine happens to have there.
EMPTY_DIRECTORIES = (
    "/run", "/tmp", "/home", "/var/log", "/var/lib/softether", "/var/lib/evercam-gateway",
    "/etc/evercam-gateway", "/var/lib/misc", "/srv",
)  # fmt: skip


class CommandFailed(Exception):
    pass


class Host:
    def __init__(self, site, name):
        self.site = site
        self.name = name
        self.directory = f"{site.scratch}/{name}"
        self.log_directory = f"{site.directory}/logs/{name}"
        os.makedirs(self.log_directory, exist_ok=True)
        self._channel, remote = socket.socketpair()
        self._answers = self._channel.makefile("rb")
        self.pid = self._fork_init(remote)
        remote.close()
        self.namespaces = isolation.NamespaceSet(self.pid)
        self.root = f"/proc/{self.pid}/root"  # this host's files, seen from the site

    # --- being made ---

    def _fork_init(self, channel):
        """Two forks: one to make the namespaces, one to be the first process in them."""
        read_end, write_end = os.pipe()
        sys.stdout.flush()
        middle = os.fork()
        if middle == 0:
            try:
                os.close(read_end)
                isolation.unshare(isolation.ALL_NAMESPACES)
                pid = os.fork()
                if pid:
                    os.write(write_end, b"%d\n" % pid)
                    os._exit(0)
                self._become_host()
                os.write(write_end, b"ready\n")
                os.close(write_end)
                self._channel.close()
                init.run(channel)
            except BaseException as error:
                os.write(write_end, f"failed: {error}\n".encode())
            os._exit(1)
        os.close(write_end)
        with os.fdopen(read_end) as report:
            lines = report.read().split("\n")
        os.waitpid(middle, 0)
        if "ready" not in lines:
            raise CommandFailed(f"host {self.name} cannot be made: {' '.join(lines).strip()}")
        return int(next(line for line in lines if line.isdigit()))

    def _become_host(self):
        isolation.mount(None, "/", flags=isolation.MS_REC | isolation.MS_PRIVATE)
        os.umask(0o022)
        root = f"{self.directory}/root"
        for path in ("upper", "work", "root"):
            os.makedirs(f"{self.directory}/{path}")
        layers = ":".join(self.site.layers + ["/"])
        isolation.mount(
            "overlay", root, "overlay", 0,
            f"lowerdir={layers},upperdir={self.directory}/upper,workdir={self.directory}/work",
        )  # fmt: skip
        for path in EMPTY_DIRECTORIES:
            os.makedirs(root + path, exist_ok=True)
            isolation.mount("tmpfs", root + path, "tmpfs", options="mode=755")
        os.chmod(f"{root}/tmp", 0o1777)
        self._make_devices(root)
        isolation.mount("proc", f"{root}/proc", "proc")
        isolation.mount("sysfs", f"{root}/sys", "sysfs")
        isolation.bind(self.site.source, root + self.site.source, read_only=True)
        isolation.bind(self.log_directory, f"{root}/var/log/lab")
        isolation.change_root(root)
        socket.sethostname(self.name)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    def _make_devices(self, root):
        os.makedirs(f"{root}/dev", exist_ok=True)
        isolation.mount("tmpfs", f"{root}/dev", "tmpfs", options="mode=755")
        for name in DEVICES:
            if os.path.exists(f"/dev/{name}"):
                isolation.bind(f"/dev/{name}", f"{root}/dev/{name}")
        os.makedirs(f"{root}/dev/shm")
        os.chmod(f"{root}/dev/shm", 0o1777)
        for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"),
                             ("stderr", "fd/2")):  # fmt: skip
            os.symlink(target, f"{root}/dev/{name}")

    # --- files ---

    def path(self, path):
        return self.root + path

    def read(self, path):
        with open(self.path(path), errors="replace") as file:
            return file.read()

    def write(self, path, text, mode=0o644, owner=None):
        full = self.path(path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if os.path.lexists(full):
            os.unlink(full)  # it may be a link into a directory that this host does not have
        with open(os.open(full, os.O_CREAT | os.O_WRONLY | os.O_EXCL, mode), "w") as file:
            file.write(text)
        os.chmod(full, mode)
        if owner:
            os.chown(full, *self.ids(owner))

    def make_directory(self, path, mode=0o755, owner=None):
        os.makedirs(self.path(path), exist_ok=True)
        os.chmod(self.path(path), mode)
        if owner:
            os.chown(self.path(path), *self.ids(owner))

    def remove(self, path):
        shutil.rmtree(self.path(path), ignore_errors=True)

    def ids(self, user):
        for line in self.read("/etc/passwd").splitlines():
            fields = line.split(":")
            if fields[0] == user:
                return int(fields[2]), int(fields[3])
        raise KeyError(f"no user {user} on {self.name}")

    # --- commands ---

    def spawn(self, argv, env=None, **options):
        """subprocess.Popen inside this host."""
        options.setdefault("stdin", subprocess.DEVNULL)
        enter = self.namespaces.enter
        own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        isolation.setns(self.namespaces.pid_namespace, isolation.CLONE_NEWPID)
        try:
            return subprocess.Popen(
                argv, preexec_fn=enter, env=self.environment(env), **options
            )
        finally:
            isolation.setns(own, isolation.CLONE_NEWPID)
            os.close(own)

    def run(self, argv, check=True, timeout=60, input=None, text=True, env=None, **options):
        """subprocess.run inside this host, output captured; CommandFailed tells what it printed."""
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        with self.spawn(
            argv, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=text,
            **options,
        ) as process:  # fmt: skip
            output, errors = self._communicate(process, input, timeout)
        if check and process.returncode != 0:
            said = (errors or output) if text else (errors or output).decode(errors="replace")
            command = " ".join(argv)
            raise CommandFailed(
                f"{self.name}: {command}: status {process.returncode}: {said.strip()[-1000:]}"
            )
        return subprocess.CompletedProcess(argv, process.returncode, output, errors)

    def _communicate(self, process, input, timeout):
        """Tells the site's on_wait while it lasts."""
        started = time.monotonic()
        command = os.path.basename(process.args[0]) + " " + " ".join(process.args[1:])
        while True:
            try:
                return process.communicate(input, 1)
            except subprocess.TimeoutExpired as error:
                elapsed = time.monotonic() - started
                if elapsed >= timeout:
                    process.kill()
                    process.communicate()
                    raise CommandFailed(f"{self.name}: {command}: no end in {timeout} s") from error
                input = None  # it has it already
                self.site.on_wait(f"{self.name}: {command[:60]}", elapsed)

    def output(self, argv, **options):
        return self.run(argv, **options).stdout.strip()

    @staticmethod
    def environment(extra=None):
        base = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root"}
        return base | ({"TERM": os.environ["TERM"]} if "TERM" in os.environ else {}) | (extra or {})

    # --- services ---

    def _ask(self, request):
        self._channel.sendall(json.dumps(request).encode() + b"\n")
        line = self._answers.readline()
        if not line:
            raise CommandFailed(f"{self.name}: its first process is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise CommandFailed(f"{self.name}: {answer['error']}")
        return answer

    def start(self, name, argv, user=None, capabilities=(), env=None, restart=True):
        """A service that is started again when it dies; its output goes to logs/HOST/NAME.log."""
        return self._ask(
            {
                "do": "start", "name": name, "argv": argv, "user": user,
                "capabilities": list(capabilities), "environment": self.environment(env),
                "restart": restart,
            }
        )  # fmt: skip

    def stop(self, name):
        return self._ask({"do": "stop", "name": name})

    def kill(self, name, number=signal.SIGKILL):
        return self._ask({"do": "kill", "name": name, "signal": int(number)})

    def services(self):
        return self._ask({"do": "services"})

    def service(self, name):
        return self.services().get(name) or {"pid": None, "start_count": 0, "last_end": None}

    def log(self, name):
        try:
            with open(f"{self.log_directory}/{name}.log", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


def add_accounts(host, accounts):
    """accounts: (name, group, home) as packages' scripts or sysusers would make them."""
    passwd, group = host.read("/etc/passwd"), host.read("/etc/group")
    users = {line.split(":")[0] for line in passwd.splitlines()}
    groups = {line.split(":")[0]: line.split(":")[2] for line in group.splitlines()}
    number = 700
    for name, group_name, home in accounts:
        while str(number) in groups.values() or _uid_taken(passwd, number):
            number += 1
        if group_name not in groups:
            groups[group_name] = str(number)
            group += f"{group_name}:x:{number}:\n"
        if name and name not in users:
            users.add(name)
            passwd += f"{name}:x:{number}:{groups[group_name]}::{home}:/usr/sbin/nologin\n"
        number += 1
    host.write("/etc/passwd", passwd)
    host.write("/etc/group", group)


def _uid_taken(passwd, number):
    return any(line.split(":")[2] == str(number) for line in passwd.splitlines())


