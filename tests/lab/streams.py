# SPDX-License-Identifier: GPL-3.0-or-later
"""RTSP streams that run for long, watched: do their packets still come?"""

import os
import subprocess


class Stream:
    """One player on a host: it copies packets to nowhere and tells how many bytes have come."""

    def __init__(self, host, name, url):
        self.name = name
        self.path = f"/tmp/stream-{name}"
        self.host = host
        self.errors = f"{host.log_directory}/stream-{name}.log"
        with open(self.errors, "w") as errors:  # a pipe that nobody reads would stop the player
            self._start(url, errors)

    def _start(self, url, errors):
        self.process = self.host.spawn(
            ["ffmpeg", "-v", "fatal", "-nostdin", "-rtsp_transport", "tcp", "-i", url,
             "-c", "copy", "-f", "h264", "-flush_packets", "1", "-y", self.path],
            stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip

    def size(self):
        try:
            return os.path.getsize(self.host.path(self.path))
        except FileNotFoundError:
            return 0

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.host.remove(self.path)


class Streams:
    """Several of them, that must all go on without a break in the connection."""

    def __init__(self, site, streams):
        self.site, self.streams = site, streams
        site.wait_until("the streams run", lambda: all(s.size() > 0 for s in streams), deadline=60)

    def check_going_on(self):
        """Every stream, on the connection that it had from its start, brings new packets."""
        before = {stream: stream.size() for stream in self.streams}
        for stream in self.streams:
            if stream.process.poll() is not None:
                with open(stream.errors) as errors:
                    raise AssertionError(f"the stream of {stream.name} has ended: {errors.read()}")
        self.site.wait_until(
            "packets of every stream",
            lambda: all(s.process.poll() is None and s.size() > before[s] for s in self.streams),
            deadline=60,
        )  # fmt: skip

    def stop(self):
        for stream in self.streams:
            stream.stop()
