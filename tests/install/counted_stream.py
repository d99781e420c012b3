# SPDX-License-Identifier: GPL-3.0-or-later
"""One RTSP stream that a host plays for long, and its missing packets."""

import os
import subprocess

PROGRAM = "tests/install/rtp_counter.py"


class CountedStream:
    def __init__(self, host, address, port, path):
        self.output = f"{host.log_directory}/stream"
        with open(self.output, "w") as output:
            self.process = host.spawn(
                ["/usr/bin/python3", os.path.join(host.site.source, PROGRAM), address, str(port), path],
                stdout=output, stderr=subprocess.PIPE,
            )  # fmt: skip

    def _counts(self):
        if self.process.poll() is not None:
            said = self.process.stderr.read().decode(errors="replace")
            raise AssertionError(f"the stream has ended: {said.strip()}")
        with open(self.output) as output:
            lines = output.read().split("\n")[:-1]
        return [int(word) for word in lines[-1].split()] if lines else (0, 0)

    def packets(self):
        return self._counts()[0]

    def check(self):
        packets, missing = self._counts()
        assert missing == 0, f"{missing} packets are missing beside {packets} that came"

    def stop(self):
        packets, missing = self._counts()
        self.process.kill()
        self.process.communicate()
        return f"{packets} RTP packets in one connection, {missing} missing"
