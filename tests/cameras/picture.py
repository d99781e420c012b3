# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a camera, made once by ffmpeg: an H.264 clip that says whose it is, and a JPEG.

Serving a prepared clip costs no encoding, so that a small machine can run many cameras.
"""

import os
import subprocess

FRAMES_PER_SECOND = 10
SECONDS = 8
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
START_CODE = b"\x00\x00\x01"


def clip_path(directory, name):
    return os.path.join(directory, f"{name}.h264")


def snapshot_path(directory, name):
    return os.path.join(directory, f"{name}.jpg")


def _escaped(text):
    return "".join("\\" + character if character in ":\\'%" else character for character in text)


def make(directory, personality):
    """Makes both files, unless they are there."""
    name, settings = personality.name, personality.settings["picture"]
    clip, snapshot = clip_path(directory, name), snapshot_path(directory, name)
    if os.path.exists(clip) and os.path.exists(snapshot):
        return
    os.makedirs(directory, exist_ok=True)
    size, color, label = settings["size"], settings["color"], _escaped(settings["label"])
    text = f"drawtext=fontfile={FONT}:fontcolor=white:fontsize=28:x=20"
    filters = f"{text}:y=20:text='{label}',{text}:y=70:text='frame %{{n}}'"
    source = f"color=c={color}:size={size}:rate={FRAMES_PER_SECOND}:duration={SECONDS}"
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-vf", filters]
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-b:v", "250k",
              "-pix_fmt", "yuv420p", "-g", str(FRAMES_PER_SECOND), "-bf", "0",
              "-x264-params", "aud=1:repeat-headers=1:slices=1", "-f", "h264"]  # fmt: skip
    # Under other names first: a run that was killed must not leave half a file.
    subprocess.run(command + encode + [clip + ".new"], check=True, stdin=subprocess.DEVNULL)
    subprocess.run(
        command + ["-frames:v", "1", "-q:v", "4", "-f", "mjpeg", snapshot + ".new"],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    os.replace(clip + ".new", clip)
    os.replace(snapshot + ".new", snapshot)


def access_units(path):
    """The clip, cut at its access unit delimiters (ITU-T H.264, 7.4.1.2.3), one per frame."""
    with open(path, "rb") as file:
        stream = file.read()
    delimiter = b"\x00" + START_CODE + b"\x09"
    starts = []
    at = stream.find(delimiter)
    while at >= 0:
        starts.append(at)
        at = stream.find(delimiter, at + 1)
    return [stream[a:b] for a, b in zip(starts, starts[1:] + [len(stream)])]
