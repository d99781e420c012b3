# SPDX-License-Identifier: GPL-3.0-or-later
"""vpn-service beside vpncmd, which the system before used: how fast gateways get their accounts.

A create is all that the API waits for: certificate, database, SoftEther's user, lease and name. The
peer makes the user alone.
"""

import os
import subprocess
import threading
import time

import vpn_host

PACKAGES = ()
TARGETS = ("vpn-service/vpn-service",)
WORKERS = 8  # connections of the API
PEER_USERS = 10


class Load:
    """So many creates or deletes over so many connections; seconds of each, and of all."""

    def __init__(self, numbers, workers, **request):
        self.numbers, self.request = iter(numbers), request
        self.lock, self.times = threading.Lock(), []
        connections = [vpn_host.Connection() for _ in range(workers)]
        threads = [threading.Thread(target=self.work, args=(one,)) for one in connections]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.seconds = time.perf_counter() - started
        for connection in connections:
            connection.close()
        if len(self.times) != len(numbers):
            raise RuntimeError(f"{len(self.times)} of {len(numbers)} were answered")

    def work(self, connection):
        while True:
            with self.lock:
                number = next(self.numbers, None)
            if number is None:
                return
            started = time.perf_counter()
            answer = connection.ask(gateway_id=number, **self.request)
            if "error" in answer:
                raise RuntimeError(answer)
            self.times.append(time.perf_counter() - started)

    def rate(self):
        return len(self.times) / self.seconds

    def percentile(self, percent):
        return sorted(self.times)[int(len(self.times) * percent / 100)]


def vpncmd_rate():
    with open(f"{vpn_host.STATE}/softether-password", encoding="ascii") as file:
        password = file.read().strip()
    started = time.perf_counter()
    for number in range(PEER_USERS):
        subprocess.run(
            ["vpncmd", "127.0.0.1:80", "/SERVER", f"/PASSWORD:{password}", "/ADMINHUB:gateways", "/CMD",
             "UserCreate", f"peer{number}", "/GROUP:none", "/REALNAME:none", "/NOTE:none"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60, check=True)
    return PEER_USERS / (time.perf_counter() - started)


def run(build, results, quick=False):
    vpn_host.isolate()
    host = vpn_host.VpnHost(os.path.join(build, "vpn-service/vpn-service"))
    host.start_server()
    done = host.setup("--hostname", "vpn.example.com", "--domain", "vpn.example",
                      "--api-name", "127.0.0.1")
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    host.start_dnsmasq()
    host.start_daemon()
    host.wait_reconciled()
    _, csr = vpn_host.make_request("gateway")
    count = 100 if quick else 1000
    alone = Load(range(1, count // 2 + 1), 1, csr=csr)
    results.add("provisioning", "create-p50", "s", alone.percentile(50))
    results.add("provisioning", "create-p99", "s", alone.percentile(99))
    many = Load(range(count + 1, 2 * count + 1), WORKERS, csr=csr)
    results.add("provisioning", "create-rate", "1/s", many.rate(), {"vpncmd": vpncmd_rate()},
                f"{WORKERS} at a time, p99 {many.percentile(99) * 1000:.0f} ms")
    gone = Load(range(count + 1, count + count // 5 + 1), 1, action="delete")
    results.add("provisioning", "delete-p99", "s", gone.percentile(99))
