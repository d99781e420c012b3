# SPDX-License-Identifier: GPL-3.0-or-later
"""The first process of a host: starts its services, starts again what dies, keeps their logs.

It is a fork of the site's process and is told what to do through a socket, one JSON line each way.
A service is to it what a unit with Restart=on-failure and RestartSec=200ms is to systemd.
"""

import datetime
import json
import os
import select
import signal
import socket
import sys
import time
import traceback

RESTART_DELAY = 0.2
RESTART_WINDOW, RESTART_LIMIT = 10.0, 10
LOG_DIRECTORY = "/var/log/lab"


def command_line(argv, user, capabilities):
    """argv as the given user with exactly these capabilities, as a systemd unit would run it."""
    if user is None:
        return argv
    added = "".join(f",+{name}" for name in capabilities)
    line = ["/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    line += [f"--bounding-set=-all{added}", f"--inh-caps=-all{added}"]
    if capabilities:
        line += [f"--ambient-caps=-all{added}"]
    return line + ["--no-new-privs", "--"] + argv


class Service:
    def __init__(self, name, argv, environment, restart):
        self.name, self.argv, self.environment = name, argv, environment
        self.restart = restart
        self.pid = None
        self.starts = []  # times of the last starts
        self.start_count = 0
        self.last_end = None
        self.due = None  # when it is to be started again
        self.wanted = True

    def log(self, text):
        stamp = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        with open(f"{LOG_DIRECTORY}/{self.name}.log", "a") as log:
            log.write(f"{stamp.replace('+00:00', 'Z')} lab: {text}\n")

    def start(self):
        self.due = None
        self.starts = [at for at in self.starts if at > time.monotonic() - RESTART_WINDOW]
        if len(self.starts) >= RESTART_LIMIT:
            self.log(f"ended {RESTART_LIMIT} times within {RESTART_WINDOW:.0f} s; left alone")
            return
        self.starts.append(time.monotonic())
        self.start_count += 1
        self.log("starting")
        self.pid = os.fork()
        if self.pid == 0:
            self._execute()

    def _execute(self):
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            log = os.open(
                f"{LOG_DIRECTORY}/{self.name}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644
            )
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.closerange(3, 256)
            os.execvpe(self.argv[0], self.argv, self.environment)
        except OSError as error:
            os.write(2, f"lab: {self.argv[0]}: {error}\n".encode())
        os._exit(127)

    def on_end(self, status):
        code = os.waitstatus_to_exitcode(status)
        self.last_end = f"status {code}" if code >= 0 else f"signal {-code}"
        self.pid = None
        self.log(f"ended with {self.last_end}")
        if self.wanted and self.restart and code != 0:
            self.due = time.monotonic() + RESTART_DELAY

    def describe(self):
        return {
            "pid": self.pid,
            "start_count": self.start_count,
            "last_end": self.last_end,
            "argv": self.argv,
        }


def _signal_group(group, number):
    """Whether there was anybody left to get it."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


class Init:
    def __init__(self, channel):
        self.channel = channel
        self.services = {}
        self.stop_waiters = {}

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for service in self.services.values():
                if service.pid == pid:
                    service.on_end(status)

    def handle(self, request):
        name = request.get("name")
        service = self.services.get(name)
        match request["do"]:
            case "start":
                if service and service.pid:
                    return {"error": f"{name} runs already"}
                argv = command_line(request["argv"], request["user"], request["capabilities"])
                service = Service(name, argv, request["environment"], request["restart"])
                self.services[name] = service
                service.start()
                return service.describe()
            case "stop":
                return self._stop(service)
            case "kill" if service and service.pid:
                os.kill(service.pid, request["signal"])
                return service.describe()
            case "kill":
                return {"error": f"{name} does not run"}
            case "services":
                return {name: service.describe() for name, service in self.services.items()}
        return {"error": f"cannot {request['do']}"}

    def _stop(self, service):
        if service is None:
            return {}
        service.wanted = False
        service.due = None
        group = service.pid  # SoftEther's services are two processes, one watching the other
        deadline = time.monotonic() + 10
        for number in (signal.SIGTERM, signal.SIGKILL):
            signalled = group and _signal_group(group, number)
            while signalled and time.monotonic() < deadline and _signal_group(group, 0):
                time.sleep(0.01)
                self.reap()
            deadline += 5
        self.reap()
        return service.describe()

    def run(self):
        wakeup_read, wakeup_write = os.pipe()
        os.set_blocking(wakeup_write, False)
        os.set_blocking(wakeup_read, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        buffer = b""
        while True:
            dues = [service.due for service in self.services.values() if service.due]
            timeout = max(0, min(dues) - time.monotonic()) if dues else None
            readable, _, _ = select.select([self.channel, wakeup_read], [], [], timeout)
            if wakeup_read in readable:
                os.read(wakeup_read, 4096)
            self.reap()
            for service in self.services.values():
                if service.due and service.due <= time.monotonic():
                    service.start()
            if self.channel not in readable:
                continue
            received = self.channel.recv(65536)
            if not received:
                return  # the site is gone, and so will we be
            buffer += received
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                self.channel.sendall(json.dumps(self.handle(json.loads(line))).encode() + b"\n")


def run(channel: socket.socket):
    """Never returns."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        Init(channel).run()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(1)
