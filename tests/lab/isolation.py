# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces, by system call: what `os` of Python 3.11 does not offer.

run_isolated() is the life of a site: everything it starts lives in one PID namespace whose first
process dies with us, so that being killed in any way leaves no process, mount or interface behind.
"""

import ctypes
import os
import signal
import stat
import sys
import tempfile
import traceback

from support import lifetime

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
# In the order in which they are entered: the mount namespace last, it changes what paths mean.
NAMESPACES = (
    ("uts", CLONE_NEWUTS),
    ("ipc", CLONE_NEWIPC),
    ("net", CLONE_NEWNET),
    ("mnt", CLONE_NEWNS),
)
ALL_NAMESPACES = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SHARED = 1 << 20
MNT_DETACH = 2
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "i686": 217, "armv7l": 218}

libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags):
    _check(libc.unshare(flags), "unshare")


def setns(fd, kind):
    _check(libc.setns(fd, kind), "setns")


def mount(source, target, kind=None, flags=0, options=None):
    encode = lambda text: text.encode() if text is not None else None
    result = libc.mount(
        encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(options)
    )
    _check(result, f"mount {kind or source} on {target}")


def unmount(target, flags=0):
    _check(libc.umount2(target.encode(), flags), f"umount {target}")


def bind(source, target, read_only=False):
    """Makes source seen at target; the mount point is made when missing."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, flags=MS_BIND)
    if read_only:
        mount(source, target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def change_root(new_root):
    """Makes new_root, a mount point, the root of this mount namespace, and lets go of the old."""
    os.chdir(new_root)
    # With both arguments ".", the old root ends up mounted over the new one: pivot_root(2), NOTES.
    _check(libc.syscall(SYS_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    _check(libc.umount2(b".", MNT_DETACH), "umount of the old root")
    os.chdir("/")


def make_reachable(path):
    """Lets other users reach path, for us and our children only.

    Tests act as several users, and a clone in root's home is behind a directory that only root may
    enter: in a mount namespace of our own, an empty one with nothing but path in it takes its place.
    """
    parents = [path]
    while parents[-1] != "/":
        parents.append(os.path.dirname(parents[-1]))
    closed = [parent for parent in parents[1:] if not os.stat(parent).st_mode & stat.S_IXOTH]
    if not closed:
        return
    unshare(CLONE_NEWNS)
    mount(None, "/", flags=MS_REC | MS_PRIVATE)
    with tempfile.TemporaryDirectory() as aside:
        mount(path, aside, flags=MS_BIND | MS_REC)
        mount("tmpfs", closed[-1], "tmpfs", options="mode=755")
        os.makedirs(path)
        mount(aside, path, flags=MS_MOVE)
    os.chdir(path)


class NamespaceSet:
    """The namespaces of one process, held open, to be entered by others."""

    def __init__(self, pid):
        self.pid_namespace = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self.others = [
            (os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), kind)
            for name, kind in NAMESPACES
        ]

    def enter(self):
        """All but the PID namespace, which only children of the caller can be in."""
        for fd, kind in self.others:
            setns(fd, kind)

    def close(self):
        for fd in [self.pid_namespace] + [fd for fd, _ in self.others]:
            os.close(fd)


def run_isolated(main, on_started=None):
    """Runs main() as first process of new namespaces; returns its exit status.

    on_started(pid) is called outside, with the pid that the first process has there. SIGINT and
    SIGTERM are passed on, once; when we are killed, the kernel kills everything inside.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    read_end, write_end = os.pipe()
    own_pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    unshare(CLONE_NEWPID)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(write_end)
        lifetime.die_with_parent()
        os.read(read_end, 1)  # our parent has written down who we are
        os.close(read_end)
        os._exit(_first_process(main, parent))
    setns(own_pid_namespace, CLONE_NEWPID)
    os.close(own_pid_namespace)
    os.close(read_end)
    # From the terminal, SIGINT has reached the child already: it is in our process group.
    previous = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM)),
    }
    if on_started:
        on_started(child)
    os.close(write_end)
    _, status = os.waitpid(child, 0)
    for number, handler in previous.items():
        signal.signal(number, handler)
    return os.waitstatus_to_exitcode(status)


def _first_process(main, parent):
    """Runs inside: a mount, network, UTS and IPC namespace of the site's own, a /proc to match."""
    status = 1
    try:
        unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)
        mount(None, "/", flags=MS_REC | MS_PRIVATE)
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        status = main() or 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except KeyboardInterrupt:
        status = 130
    except BaseException:  # the traceback of anything else must be seen before we go
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return status
