# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera's real RTSP server: GStreamer's, serving the prepared clip over and over, in real time."""

import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

from cameras import picture  # noqa: E402

CAPS = "video/x-h264,stream-format=byte-stream,alignment=au"
LAUNCH = (
    f"( appsrc name=clip is-live=true format=time do-timestamp=false caps={CAPS} "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
FRAME_TIME = Gst.SECOND // picture.FRAMES_PER_SECOND


class Feed:
    """Pushes frame after frame into one pipeline, at the clip's pace, for as long as it lives."""

    def __init__(self, source, frames):
        self.source, self.frames = source, frames
        self.count = 0
        self.timer = GLib.timeout_add(1000 // picture.FRAMES_PER_SECOND, self.push)

    def push(self):
        frame = self.frames[self.count % len(self.frames)]
        buffer = Gst.Buffer.new_wrapped(frame)
        buffer.pts = buffer.dts = self.count * FRAME_TIME
        buffer.duration = FRAME_TIME
        self.count += 1
        return self.source.emit("push-buffer", buffer) == Gst.FlowReturn.OK

    def stop(self, *_):
        GLib.source_remove(self.timer)


class Factory(GstRtspServer.RTSPMediaFactory):
    def __init__(self, frames):
        super().__init__()
        self.frames = frames
        self.set_shared(True)
        self.set_launch(LAUNCH)

    def do_configure(self, media):
        feed = Feed(media.get_element().get_by_name("clip"), self.frames)
        media.connect("unprepared", feed.stop)


def _require_password(server, factory, settings):
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)
    auth = GstRtspServer.RTSPAuth()
    auth.set_realm(settings["realm"])
    auth.add_basic(
        GstRtspServer.RTSPAuth.make_basic(settings["user"], settings["password"]), token
    )
    server.set_auth(auth)


def serve(settings, clip):
    """Starts the server, in a thread with the main loop of GLib; settings: of the RTSP port."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_service(str(settings["port"]))
    factory = Factory(picture.access_units(clip))
    factory.connect("media-configure", lambda factory, media: factory.do_configure(media))
    server.get_mount_points().add_factory(settings["path"], factory)
    if "user" in settings:
        _require_password(server, factory, settings)
    server.attach(None)
    threading.Thread(target=_run, args=(server,), daemon=True).start()


def _run(_server):
    """The server lives as long as its loop has it."""
    GLib.MainLoop().run()
