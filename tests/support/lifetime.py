# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test makes ends with it: processes at once, however it ends; directories when it ends, or,
when it was killed, with the next test that makes one.

    subprocess.Popen(…, preexec_fn=lifetime.die_with_parent)
    directory = lifetime.directory("bus")       # /tmp/evercam-bus-…
    lifetime.remove(directory)                  # at the latest at our end

The owner of a directory holds the lock of a file in it for as long as it lives.
"""

import atexit
import contextlib
import ctypes
import fcntl
import glob
import os
import shutil
import signal
import tempfile

LOCK = ".lock"
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)
locks = {}  # descriptors by directory
makers = {}  # of the directories that go when we end: the process that made them


def die_with_parent():
    """Who reads the output of one that stays behind would wait for its end."""
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError("prctl")


def directory(name):
    remove_dead(os.path.join(tempfile.gettempdir(), "evercam-*"))
    made = tempfile.mkdtemp(prefix=f"evercam-{name}-")
    hold(made)
    makers[made] = os.getpid()
    return made


def hold(path):
    """Makes us the owner of a directory."""
    new = os.path.join(path, LOCK + ".new")
    fd = os.open(new, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    locks[path] = fd
    os.rename(new, os.path.join(path, LOCK))  # where others look for it it is never free


def is_alive(path):
    """Whether a directory's owner lives; one that has never had an owner counts as alive."""
    try:
        fd = os.open(os.path.join(path, LOCK), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def remove_dead(pattern):
    for path in glob.glob(pattern):
        if not is_alive(path):
            remove(path)


def remove(path):
    """The lock goes last: what a process that is still ending writes meanwhile is for the next."""
    for name in _inside(path):
        there = os.path.join(path, name)
        shutil.rmtree(there, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(there)
    if not _inside(path):
        shutil.rmtree(path, ignore_errors=True)
    if path in locks:
        os.close(locks.pop(path))
    makers.pop(path, None)


def _inside(path):
    try:
        return set(os.listdir(path)) - {LOCK}
    except FileNotFoundError:
        return set()


def remove_own():
    """Not those of who forked us."""
    for path, maker in list(makers.items()):
        if maker == os.getpid():
            remove(path)


atexit.register(remove_own)
