#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One camera: camera.py PERSONALITY PICTURE_DIRECTORY INTERFACE. Ends with its process."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from gi.repository import GLib  # noqa: E402

from cameras import address, http_server, mdns, personality, picture, rtsp, ssdp, wsd  # noqa: E402


def main():
    name, pictures, interface = sys.argv[1:]
    camera = personality.load(name)

    def get_address():
        return address.get(interface)

    kept = [
        http_server.serve(camera, picture.snapshot_path(pictures, camera)),
        rtsp.serve(camera.rtsp, picture.clip_path(pictures, camera)),
    ]
    if camera.wsd:
        wsd.TargetService(camera.wsd, get_address).start()
    if camera.mdns:
        mdns.Responder(camera.name, camera.mdns, get_address).start()
    if camera.ssdp:
        ssdp.Device(camera.ssdp, get_address).start()
    print(f"{name}: {len(kept)} servers up", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    GLib.MainLoop().run()


main()
