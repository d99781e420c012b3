#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole site and what can befall it, as test cases in TAP: the main job, a missing API, wrong
certificates, daemons that are killed while the streams run, a VPN server that restarts."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import api_host, daemons, gateway, isolation, lan, prepare, runs, vpn_host  # noqa: E402
from lab.cases import Cases, comment  # noqa: E402
from lab.main_job import (  # noqa: E402
    CAMERA_CONFIDENCE, DEVICE, DISCOVERY, GATEWAY, ROUTING, VPN, VPN_SERVICE, MainJob,
)  # fmt: skip
from lab.progress import Progress  # noqa: E402
from lab.site import build_site  # noqa: E402
from lab.streams import Stream, Streams  # noqa: E402

# Counters and clocks, and what a restarted daemon cannot know yet at once.
VOLATILE = {
    "LastContact", "LastSeen", "FirstSeen", "BytesIn", "BytesOut", "ConnectedSince",
    "LastReconcile", "Scanning", "ScanProgress", "Evidence", "Facts", "Confidence",
    "Ipv6Addresses",
    "OnvifUrl",  # of a camera that answers at two: the one that was asked first
}  # fmt: skip

cases = Cases()


class Lab:
    def __init__(self, site):
        self.site = site
        self.job = MainJob(site)
        self.gateway, self.vpn_host = site.host("gateway"), site.host("vpnhost")
        self.api_host, self.platform = site.host("apihost"), site.host("platform")
        self.forwards = []
        self.streams = None

    # --- states to compare ---

    def stable(self, properties):
        return {name: value for name, value in properties.items() if name not in VOLATILE}

    def gateway_state(self):
        state = self.stable(self.job.bus.get_all(GATEWAY))
        assert state["State"] == "running" and state["LastError"] == "", state
        return state

    def devices_state(self):
        return {
            properties.get("MacAddress"): self.stable(properties)
            for properties in self.job.bus.objects(DISCOVERY, DEVICE).values()
            if properties["Confidence"] >= CAMERA_CONFIDENCE
        }

    def vpn_state(self):
        return self.stable(self.job.bus.get_all(VPN))

    @staticmethod
    def forwards_of(bus):
        """Without their counters."""
        return [
            [*forward[:-1], {key: value for key, value in forward[-1].items()
                             if key not in ("connections", "live", "bytes")}]
            for forward in bus.call(ROUTING, "List", "s", "")
        ]  # fmt: skip

    def gateway_forwards(self):
        return self.forwards_of(self.job.bus)

    def vpn_host_forwards(self):
        return self.forwards_of(self.job.vpn_bus)

    def accounts(self):
        return self.job.vpn_bus.call(VPN_SERVICE, "ListGateways")

    def api_state(self):
        gateways = self.job.api.gateways()
        return len(gateways), self.job.api.rules(self.job.gateway_id)

    # --- faults ---

    def scan_again(self):
        """A busy machine may have lost the one answer that said something."""
        if not self.job.bus.get(DISCOVERY, "Scanning"):
            self.job.bus.call(DISCOVERY, "Scan", "a{sv}", "0")

    def kill_and_compare(self, host, daemon, get_state, deadline=90, meanwhile=lambda: None):
        """kill -9: the streams go on, the daemon comes back, and to the state it had."""
        before = self.site.wait_until(f"{daemon} is well", lambda: [get_state()], 60)[0]
        starts = host.service(daemon)["start_count"]
        host.kill(daemon)
        self.streams.check_going_on()
        self.site.wait_until(
            f"{daemon} runs again", lambda: host.service(daemon)["start_count"] > starts, 60
        )

        def is_as_before():
            now = get_state()
            if now != before:
                meanwhile()
                raise LookupError(f"is {now}\ninstead of {before}")
            return True

        self.site.wait_until(f"{daemon} is as before", is_as_before, deadline)
        self.streams.check_going_on()

    def fetch_all(self):
        self.forwards = self.job.forwards()
        for forward in self.forwards:
            self.job.fetch(forward)


def connection_attempts(site):
    """New connections that the firewall has let out so far."""
    output = site.host("firewall").output(["nft", "list", "table", "ip", "attempts"])
    return int(output.split("packets ")[1].split()[0])


COUNT_ATTEMPTS = """
table ip attempts {
	chain forward {
		type filter hook forward priority -10;
		iifname "lan" tcp flags & (syn | ack) == syn counter
	}
}
"""


# --- before the gateway is known ---


@cases.add("the firewall lets out web ports only, and nothing in")
def firewall_is_closed(lab):
    out = ["curl", "--silent", "--max-time", "3", "--output", "/dev/null"]
    server, outside = vpn_host.addresses.VPN_HOST_PUBLIC, vpn_host.addresses.FIREWALL_PUBLIC
    lab.vpn_host.start("listener", ["busybox", "httpd", "-f", "-p", "5555", "-h", "/tmp"])
    lab.site.wait_until(
        "a listener outside", lambda: lab.vpn_host.run(out + ["http://127.0.0.1:5555/"]), 10
    )
    refused = lab.gateway.run(out + [f"http://{server}:5555/"], check=False).returncode
    lab.vpn_host.stop("listener")
    assert refused == 28, f"port 5555 is not silently dropped: {refused}"
    for port in (22, 80, 443, 554, 10000):
        refused = lab.platform.run(out + [f"http://{outside}:{port}/"], check=False).returncode
        assert refused == 28, f"the firewall answers on port {port}: {refused}"


@cases.add("without an API the gateway waits, and asks gently")
def api_away_at_start(lab):
    lab.site.host("firewall").run(["nft", "-f", "-"], input=COUNT_ATTEMPTS)
    lab.api_host.stop("apid")
    gateway.plug_in(lab.site)
    lab.site.wait_until(
        "the gateway has tried, in vain",
        lambda: lab.job.bus.get(GATEWAY, "State") == "announcing"
        and lab.job.bus.get(GATEWAY, "LastError"), deadline=60,
    )  # fmt: skip
    assert not lab.job.bus.get(GATEWAY, "ApiReachable")
    first, started = connection_attempts(lab.site), time.monotonic()
    lab.site.wait_until("ten seconds", lambda: time.monotonic() - started > 10, deadline=20)
    attempts = connection_attempts(lab.site) - first
    assert attempts <= 20, f"{attempts} connections within ten seconds"


def refuses(lab, certificate):
    """The gateway meets this certificate: it says so, and does not go on."""
    api_host.use_certificate(lab.site, certificate)
    daemons.start(lab.api_host, "apid")
    lab.gateway.stop("gatewayd")
    daemons.start(lab.gateway, "gatewayd")
    lab.site.wait_until(
        "the gateway complains about the certificate",
        lambda: "certificate" in lab.job.bus.get(GATEWAY, "LastError").lower(), deadline=60,
    )  # fmt: skip
    assert lab.job.bus.get(GATEWAY, "State") == "announcing"
    assert not lab.job.bus.get(GATEWAY, "ApiReachable")
    lab.api_host.stop("apid")


@cases.add("a server certificate of another authority is refused, and the operator told")
def wrong_certificate(lab):
    refuses(lab, "wrong")


@cases.add("an expired server certificate is refused, and the operator told")
def expired_certificate(lab):
    refuses(lab, "expired")


# --- the main job ---


@cases.add("once the API is there, the gateway announces itself", vital=True)
def announce(lab):
    api_host.use_certificate(lab.site, "api")
    api_host.start_daemons(lab.site)
    # After a wrong certificate it asks again only slowly; this is not about how slowly.
    lab.gateway.stop("gatewayd")
    daemons.start(lab.gateway, "gatewayd")
    lab.code = lab.job.announced()


@cases.add("a wrong claim code approves nothing")
def wrong_claim_code(lab):
    lab.job.api.log_in(api_host.OWNER, api_host.OWNER_PASSWORD)
    wrong = "0000-0000" if lab.code != "0000-0000" else "1111-1111"
    try:
        lab.job.api.approve(wrong, "nobody's")
    except Exception as error:
        assert "HTTP 404" in str(error), error
    else:
        raise AssertionError("it was accepted")


@cases.add("the owner approves it, and it gets its configuration", vital=True)
def approve(lab):
    lab.job.approve(lab.code)
    lab.job.configuration()
    account = lab.job.account()
    assert account["state"] == "provisioned", account


@cases.add("it joins the VPN and leases its address; its name resolves", vital=True)
def join(lab):
    address = lab.job.joined()["Address"].split("/")[0]
    assert lab.job.resolve() == address


@cases.add("five cameras are found, with vendor and ports, and nothing else", vital=True)
def find_cameras(lab):
    lab.job.cameras()


@cases.add("a camera that DHCP moves is followed")
def move_camera(lab):
    lab.job.move()


@cases.add("ten forwards are in force, and bring each camera's own picture and stream", vital=True)
def forwards(lab):
    lab.fetch_all()
    assert len(lab.forwards) == 10


@cases.add("the owner sees five cameras and ten rules in force")
def owner_sees(lab):
    devices = lab.job.api.devices(lab.job.gateway_id)
    assert {device["mac_address"] for device in devices} == set(lab.job.by_mac), devices
    lab.site.wait_until(
        "the API knows ten active rules",
        lambda: [rule["state"] for rule in lab.job.api.rules(lab.job.gateway_id)]
        == ["active"] * 10, deadline=60,
    )  # fmt: skip


@cases.add("nothing but the forwards passes from the VPN")
def nothing_else_passes(lab):
    lab.platform.run(["ip", "route", "replace", "192.168.1.0/24", "via", lab.job.resolve()])
    probe = ["curl", "--silent", "--max-time", "3", "--output", "/dev/null"]
    for place in (f"{lan.FIRST_ADDRESSES['yard']}:80", f"{lan.addresses.LAN_ROUTER}:53",
                  f"{lab.job.name}:9931", f"{lab.job.name}:9999"):  # fmt: skip
        status = lab.platform.run(probe + [f"http://{place}/"], check=False).returncode
        assert status in (7, 28), f"{place} is reached from the VPN: {status}"
    lab.platform.run(["ip", "route", "del", "192.168.1.0/24"])


# --- faults while the streams run ---


@cases.add("five streams run", vital=True)
def start_streams(lab):
    streams = [
        Stream(lab.platform, forward.camera.name, lab.job.stream_url(forward))
        for forward in lab.forwards if forward.service == "rtsp"
    ]  # fmt: skip
    lab.streams = Streams(lab.site, streams)


@cases.add("kill -9 gatewayd: streams go on, same state again")
def kill_gatewayd(lab):
    lab.kill_and_compare(lab.gateway, "gatewayd", lab.gateway_state)


@cases.add("kill -9 discoverd: streams go on, same cameras again")
def kill_discoverd(lab):
    lab.site.wait_until(
        "all has been looked at", lambda: not lab.job.bus.get(DISCOVERY, "Scanning"), deadline=120
    )
    lab.kill_and_compare(lab.gateway, "discoverd", lab.devices_state, meanwhile=lab.scan_again)


@cases.add("kill -9 routed on the gateway: streams go on, same forwards again")
def kill_routed(lab):
    lab.kill_and_compare(lab.gateway, "routed", lab.gateway_forwards)


@cases.add("kill -9 vpnd: streams go on, same tunnel again")
def kill_vpnd(lab):
    lab.kill_and_compare(lab.gateway, "vpnd", lab.vpn_state)


@cases.add("kill -9 vpn-service: streams go on, same accounts again")
def kill_vpn_service(lab):
    lab.kill_and_compare(lab.vpn_host, "vpn-service", lab.accounts)


@cases.add("kill -9 routed on the VPN host: streams go on, same forwards again")
def kill_vpn_host_routed(lab):
    lab.kill_and_compare(lab.vpn_host, "routed", lab.vpn_host_forwards)


@cases.add("kill -9 apid: streams go on, same gateways and rules again")
def kill_apid(lab):
    lab.kill_and_compare(lab.api_host, "apid", lab.api_state)


@cases.add("after all that, every forward still works")
def forwards_after_kills(lab):
    lab.site.wait_until("the gateway is well", lambda: lab.gateway_state(), 60)
    lab.fetch_all()


@cases.add("API away during the run: streams and forwards stay, also over a restart of gatewayd")
def api_away_later(lab):
    before = lab.gateway_forwards()
    lab.api_host.stop("apid")
    lab.site.wait_until(
        "the gateway notices", lambda: not lab.job.bus.get(GATEWAY, "ApiReachable"), deadline=120
    )
    lab.gateway.stop("gatewayd")
    daemons.start(lab.gateway, "gatewayd")
    lab.site.wait_until(
        "gatewayd goes on from its disk",
        lambda: lab.job.bus.get(GATEWAY, "State") == "running"
        and lab.gateway_forwards() == before, deadline=60,
    )  # fmt: skip
    lab.streams.check_going_on()
    lab.fetch_all()


@cases.add("the API is back: the gateway finds it again")
def api_back(lab):
    daemons.start(lab.api_host, "apid")
    lab.site.wait_until("the gateway is well", lab.gateway_state, deadline=120)
    lab.streams.check_going_on()


@cases.add("kill -9 of the VPN server: the same streams go on when it is back")
def kill_vpn_server(lab):
    starts = lab.vpn_host.service("vpnserver")["start_count"]
    lab.vpn_host.run(["pkill", "-KILL", "vpnserver"])
    lab.site.wait_until(
        "SoftEther's server runs again",
        lambda: lab.vpn_host.service("vpnserver")["start_count"] > starts, deadline=60,
    )  # fmt: skip
    lab.site.wait_until(
        "the gateway is reached",
        lambda: lab.platform.run(["ping", "-c1", "-W1", lab.job.name]), deadline=90,
    )  # fmt: skip
    lab.streams.check_going_on()
    lab.fetch_all()


@cases.add("the VPN server is away for long: every forward works again when it is back")
def restart_vpn_server(lab):
    lab.streams.stop()
    lab.vpn_host.stop("vpnserver")
    lab.site.wait_until(
        "the gateway sees the tunnel down", lambda: lab.vpn_state()["State"] != "up", deadline=60
    )
    vpn_host.start_server(lab.vpn_host)
    lab.job.joined()
    lab.site.wait_until(
        "the gateway is reached",
        lambda: lab.platform.run(["ping", "-c1", "-W1", lab.job.name]), deadline=60,
    )  # fmt: skip
    lab.fetch_all()


@cases.add("the owner revokes the gateway: forwards and account are gone, a stream ends")
def revoke(lab):
    forward = next(f for f in lab.forwards if f.service == "rtsp")
    lab.streams = Streams(
        lab.site, [Stream(lab.platform, forward.camera.name, lab.job.stream_url(forward))]
    )
    stream = lab.streams.streams[0]
    lab.job.api.call("DELETE", f"/v1/gateways/{lab.job.gateway_id}")
    lab.site.wait_until(
        "the gateway has given up its forwards",
        lambda: lab.job.bus.get(GATEWAY, "State") == "revoked" and not lab.gateway_forwards(),
        deadline=60,
    )  # fmt: skip
    lab.site.wait_until("its account is gone", lambda: not lab.accounts(), deadline=60)
    lab.site.wait_until(
        "its tunnel is gone", lambda: lab.job.bus.get(VPN, "State") == "unconfigured", deadline=60
    )
    size = stream.size()
    quiet_until = time.monotonic() + 2
    lab.site.wait_until("two seconds", lambda: time.monotonic() > quiet_until, deadline=10)
    assert stream.size() == size, "the stream goes on"
    lab.streams.stop()


def test(directory):
    progress = Progress(prefix="# ")
    site = build_site(directory, progress)
    lab = Lab(site)

    def tell_logs():
        for host, names in (("gateway", gateway.DAEMONS), ("vpnhost", vpn_host.DAEMONS),
                            ("apihost", ("apid",))):  # fmt: skip
            for name in names:
                lines = site.host(host).log(name).splitlines()[-8:]
                comment(f"--- {name} on {host}:\n" + "\n".join(lines))

    return cases.run(lab, tell_logs)


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
