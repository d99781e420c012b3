# SPDX-License-Identifier: GPL-3.0-or-later
"""A person at the API, from some host of the site, by curl: certificate checked, cookie kept."""

import json

from lab import addresses
from lab.host import CommandFailed

CA_FILE = "/etc/lab-ca.pem"
COOKIES = "/run/lab-cookies"


class Api:
    def __init__(self, host):
        self.host = host
        host.write(CA_FILE, host.site.authority.read("ca.pem"))

    def call(self, method, path, body=None):
        """The answer's JSON (None without one); CommandFailed with the problem's detail."""
        command = [
            "curl", "--silent", "--show-error", "--max-time", "50", "--cacert", CA_FILE,
            "--cookie", COOKIES, "--cookie-jar", COOKIES, "--request", method,
            "--write-out", "\n%{http_code}", f"https://{addresses.API_NAME}{path}",
        ]  # fmt: skip
        text = None
        if body is not None:
            command += ["--header", "Content-Type: application/json", "--data", "@-"]
            text = json.dumps(body)
        answer, status = self.host.run(command, input=text).stdout.rsplit("\n", 1)
        if not status.startswith("2"):
            raise CommandFailed(f"{method} {path}: HTTP {status}: {answer.strip()[:500]}")
        return json.loads(answer) if answer.strip() else None

    def log_in(self, user, password):
        return self.call("POST", "/v1/session", {"user": user, "password": password})

    def approve(self, claim_code, name):
        return self.call("POST", "/v1/claims", {"claim_code": claim_code, "name": name})

    def gateways(self):
        return self.call("GET", "/v1/gateways")

    def devices(self, gateway_id):
        return self.call("GET", f"/v1/gateways/{gateway_id}/devices")

    def rules(self, gateway_id):
        return self.call("GET", f"/v1/gateways/{gateway_id}/rules")
