# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job, step by step, as its people see it: the owner, an operator, the platform.

Each step waits until it is true and returns what it saw. The demo tells it, the tests check it.
"""

import re

from cameras import picture
from lab import addresses, api_host, lan
from lab.api_client import Api
from lab.bus import Bus

GATEWAY = "io.evercam.Gateway1"
DISCOVERY = "io.evercam.Discovery1"
DEVICE = "io.evercam.Discovery1.Device"
ROUTING = "io.evercam.Routing1"
VPN = "io.evercam.Vpn1"
VPN_SERVICE = "io.evercam.VpnService1"
CAMERA_CONFIDENCE = 0.8
STREAM_ENTRIES = "stream=codec_name,width,height"


class Forward:
    """One of the ten, and what came back through it."""

    def __init__(self, camera, service, local_port, address, port):
        self.camera, self.service = camera, service
        self.local_port, self.address, self.port = local_port, address, port
        self.result = None


class MainJob:
    def __init__(self, site):
        self.site = site
        self.gateway, self.vpn_host = site.host("gateway"), site.host("vpnhost")
        self.platform = site.host("platform")
        self.bus = Bus(self.gateway)
        self.vpn_bus = Bus(self.vpn_host)
        self.api = Api(self.platform)
        self.gateway_id = None
        self.by_mac = {camera.mac: camera for camera in site.cameras}

    # --- joining ---

    def announced(self):
        """The gateway waits for its owner: returns its claim code, as gatewayctl shows it."""
        self.site.wait_until(
            "the gateway announces itself",
            lambda: self.bus.get(GATEWAY, "State") == "pending", deadline=60,
        )  # fmt: skip
        # Its status is that of the gateway: not 0 while something is still to be done.
        self.status_screen = self.gateway.output(["gatewayctl", "status"], check=False)
        found = re.search(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b", self.status_screen)
        if not found:
            raise AssertionError(f"gatewayctl status tells no claim code:\n{self.status_screen}")
        return found.group(0)

    def approve(self, claim_code):
        """The owner logs in over HTTPS and approves by the code."""
        self.api.log_in(api_host.OWNER, api_host.OWNER_PASSWORD)
        self.api.approve(claim_code, "Lab site")

    def configuration(self):
        def is_running():
            state = self.bus.get_all(GATEWAY)
            return state if state["State"] == "running" else None

        state = self.site.wait_until("the gateway gets its configuration", is_running, deadline=60)
        self.gateway_id = state["GatewayId"]
        return state

    def account(self):
        """What vpn-service made for it."""
        accounts = self.vpn_bus.call(VPN_SERVICE, "ListGateways")
        return next(entry for entry in accounts if entry["gateway_id"] == self.gateway_id)

    def joined(self):
        def is_up():
            state = self.bus.get_all(VPN)
            return state if state["State"] == "up" and "Address" in state else None

        return self.site.wait_until("the gateway joins the VPN", is_up, deadline=90)

    @property
    def name(self):
        return f"gateway{self.gateway_id}.{addresses.VPN_DOMAIN}"

    def resolve(self):
        """The gateway's address, by name, from the platform's side of the VPN."""
        return self.site.wait_until(
            f"{self.name} resolves",
            lambda: self.platform.output(["getent", "ahostsv4", self.name]).split()[0],
            deadline=60,
        )  # fmt: skip

    # --- cameras ---

    def devices(self):
        """name of the camera (or MAC address of what is none of ours) -> properties."""
        found = {}
        for properties in self.bus.objects(DISCOVERY, DEVICE).values():
            mac_address = properties.get("MacAddress", "?")
            camera = self.by_mac.get(mac_address)
            found[camera.name if camera else mac_address] = properties
        return found

    def _found(self, properties, camera):
        ports = {service: port for port, service in properties["Ports"]}
        return (
            properties["Confidence"] >= CAMERA_CONFIDENCE
            and ports.get("http") == camera.service("http")["port"]
            and ports.get("rtsp") == camera.service("rtsp")["port"]
            and properties.get("Vendor")
            and ("mdns" not in camera.settings or "mdns" in properties["Evidence"])
        )

    def cameras(self):
        """Waits for all cameras with vendor and ports; nothing else may be taken for one."""

        def are_found():
            devices = self.devices()
            missing = [
                camera.name for camera in self.site.cameras
                if camera.name not in devices or not self._found(devices[camera.name], camera)
            ]  # fmt: skip
            if missing:
                raise LookupError(f"still missing or incomplete: {', '.join(missing)}")
            return devices

        devices = self.site.wait_until("all cameras are found", are_found, deadline=60)
        for name, properties in devices.items():
            known = name in lan.FIRST_ADDRESSES
            if not known and properties["Confidence"] >= CAMERA_CONFIDENCE:
                raise AssertionError(f"{name} is no camera, but taken for one: {properties}")
        return devices

    def move(self, name=lan.MOVING_CAMERA, address=lan.MOVED_ADDRESS):
        lan.move_camera(self.site, name, address)
        self.site.wait_until(
            f"the gateway sees {name} at {address}",
            lambda: self.devices()[name]["Address"] == address, deadline=60,
        )  # fmt: skip

    # --- forwards ---

    def forwards(self):
        """The rules of the gateway, when all of them are in force and lead to the right places."""
        wanted = {}
        devices = self.devices()
        for camera in self.site.cameras:
            for service in ("http", "rtsp"):
                port = camera.service(service)["port"]
                wanted[(devices[camera.name]["Address"], port)] = (camera, service)

        def are_active():
            rules = self.bus.get(GATEWAY, "Rules")
            active = {}
            for _, _, local_port, address, port, state, _ in rules:
                if state == "active" and (address, port) in wanted:
                    active[(address, port)] = local_port
            missing = [f"{place[0]}:{place[1]}" for place in wanted if place not in active]
            if missing:
                raise LookupError(f"no forward yet to {', '.join(missing)}")
            return active

        active = self.site.wait_until("ten forwards are in force", are_active, deadline=90)
        return [
            Forward(camera, service, active[place], *place)
            for place, (camera, service) in wanted.items()
        ]

    def fetch(self, forward):
        """From the platform, through the gateway's name and port: the camera's own picture?"""
        if forward.service == "http":
            forward.result = self._fetch_picture(forward)
        else:
            forward.result = self._probe_stream(forward)
        return forward.result

    def picture_url(self, forward):
        path = forward.camera.service("http")["snapshot"]
        return f"http://{self.name}:{forward.local_port}{path}"

    def _fetch_picture(self, forward):
        http, url = forward.camera.service("http"), self.picture_url(forward)
        command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "50", url]
        if "user" in http:
            command += ["--user", f"{http['user']}:{http['password']}"]
        fetched = self.platform.run(command, text=False).stdout
        snapshot = picture.snapshot_path(self.site.picture_directory, forward.camera.name)
        with open(snapshot, "rb") as file:
            own = file.read()
        if fetched != own:
            raise AssertionError(f"{url}: not {forward.camera.name}'s own picture")
        return f"its own JPEG, {len(own)} bytes"

    def stream_url(self, forward):
        rtsp = forward.camera.service("rtsp")
        login = f"{rtsp['user']}:{rtsp['password']}@" if "user" in rtsp else ""
        return f"rtsp://{login}{self.name}:{forward.local_port}{rtsp['path']}"

    def _probe_stream(self, forward):
        url = self.stream_url(forward)
        seen = self.platform.output([
            "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-analyzeduration", "1000000",
            "-show_entries", STREAM_ENTRIES, "-of", "csv=print_section=0", url,
        ])  # fmt: skip
        width, height = forward.camera.settings["picture"]["size"].split("x")
        if seen.split(",")[:3] != ["h264", width, height]:
            raise AssertionError(f"{url}: {seen!r} instead of h264, {width}x{height}")
        return f"H.264 {width}x{height} over RTSP/TCP"
