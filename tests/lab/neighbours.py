# SPDX-License-Identifier: GPL-3.0-or-later
"""Room in the kernel's tables of neighbours, which all namespaces share: a thousand entries, of which
each discoverd that looks through its LAN takes a quarter, and what is sent while they are full is lost.

What was changed is written down until it is given back: by the last of those who need it, or, when
that one was killed, by the next. A lock says who is alive: shared by those who need the room,
exclusive for changing it.
"""

import contextlib
import fcntl
import glob
import json
import os

LEAST = {"gc_thresh3": 16384, "gc_thresh2": 8192}
RECORD = "/run/evercam-check-neighbours"  # of this boot, like the settings themselves
TABLES = "/proc/sys/net/ipv[46]/neigh/default"


@contextlib.contextmanager
def room(record=RECORD, tables=TABLES):
    with open(os.open(record, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
        _enter(file, tables)
        try:
            yield
        finally:
            if _is_alone(file):
                _give_back(file)


def _enter(file, tables):
    while True:
        if _is_alone(file):
            _give_back(file)  # what one that was killed has left
            _take(file, tables)
        fcntl.flock(file, fcntl.LOCK_SH)
        if _read(file):  # not when the last one has ended between the two
            return


def _is_alone(file):
    """Whether the lock is ours alone now; if not, it is not ours at all."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take(file, tables):
    changes = []  # path, the value before, ours
    for name, least in LEAST.items():
        for path in glob.glob(f"{tables}/{name}"):
            before = _get(path)
            if before is not None and before < least:
                changes.append((path, before, least))
    file.write(json.dumps({"changes": changes}))
    file.flush()
    for path, _, value in changes:
        _set(path, value)


def _give_back(file):
    for path, before, ours in (_read(file) or {"changes": []})["changes"]:
        if _get(path) == ours:  # else somebody else has decided
            _set(path, before)
    file.seek(0)
    file.truncate()


def _get(path):
    with contextlib.suppress(OSError), open(path) as setting:  # not in every container
        return int(setting.read())
    return None


def _set(path, value):
    with contextlib.suppress(OSError), open(path, "w") as setting:
        setting.write(f"{value}\n")


def _read(file):
    file.seek(0)
    text = file.read()
    return json.loads(text) if text else None
