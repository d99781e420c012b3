# SPDX-License-Identifier: GPL-3.0-or-later
"""The real programs that some devices are: of Debian's packages, which are only unpacked.

The table [program] of a personality: run, and what it is told.
    run = "wsdd"       a computer of the Windows kind, with its host name
    run = "minidlna"   a media server, with its friendly_name
    run = "avahi"      announces services: [[program.service]] with name, type, port, txt
"""

import os
from xml.sax.saxutils import escape

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUNS = {"wsdd": "usr/sbin/wsdd", "minidlna": "usr/sbin/minidlnad", "avahi": "usr/sbin/avahi-daemon"}


def tree():
    """The tree of packages that are only unpacked."""
    return os.environ.get("LAB_PACKAGES", os.path.join(SOURCE, "build/site/packages"))


def are_there(*names):
    return all(os.path.exists(os.path.join(tree(), RUNS[name])) for name in names or RUNS)


def libraries():
    return {"LD_LIBRARY_PATH": f"{tree()}/usr/lib/{os.uname().machine}-linux-gnu"}


def prepare(settings, directory):
    """(argv, environment); what it needs to find is written to the directory."""
    os.makedirs(directory, exist_ok=True)
    program = os.path.join(tree(), RUNS[settings["run"]])
    argv = {"wsdd": _wsdd, "minidlna": _minidlna, "avahi": _avahi_device}[settings["run"]](
        program, settings, directory)  # fmt: skip
    return argv, libraries()


def _wsdd(program, settings, _directory):
    return ["/usr/bin/python3", program, "--interface", "eth0", "--ipv4only", "--hostname",
            settings["hostname"]]  # fmt: skip


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _minidlna(program, settings, directory):
    os.makedirs(f"{directory}/media", exist_ok=True)
    _write(f"{directory}/minidlna.conf", "\n".join([
        f"media_dir=P,{directory}/media", f"db_dir={directory}", f"log_dir={directory}",
        "network_interface=eth0", "port=8200", "inotify=no", "notify_interval=900",
        f"friendly_name={settings['friendly_name']}", ""]))  # fmt: skip
    return [program, "-S", "-f", f"{directory}/minidlna.conf", "-P", f"{directory}/minidlna.pid"]


def avahi(directory, services=(), bus=False):
    """argv of avahi-daemon with a /run and an /etc of its own: nothing of this machine's is touched.

    Its user is not known here, but in that /etc; services are announced from the start.
    """
    etc = f"{directory}/etc"
    os.makedirs(f"{etc}/avahi/services", exist_ok=True)
    entries = {"passwd": "avahi:x:64001:64001::/:/bin/false\n", "group": "avahi:x:64001:\n"}
    for name, entry in entries.items():
        with open(f"/etc/{name}", encoding="utf-8") as known:
            _write(f"{etc}/{name}", known.read() + entry)
    _write(f"{etc}/avahi/hosts", "")
    _write(f"{etc}/avahi/avahi-daemon.conf", "[server]\nuse-ipv6=no\n" + (
        "" if bus else "enable-dbus=no\n") + "[publish]\npublish-workstation=no\n")  # fmt: skip
    for number, service in enumerate(services):
        _write(f"{etc}/avahi/services/{number}.service", _service_file(service))
    script = (
        f"mount --bind {etc} /etc && mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && "
        f"exec {tree()}/{RUNS['avahi']} --no-drop-root --no-chroot --no-rlimits"
    )
    return ["unshare", "--mount", "sh", "-c", script]


def _avahi_device(_program, settings, directory):
    return avahi(directory, settings["service"])


def _service_file(service):
    records = "".join(f"<txt-record>{escape(entry)}</txt-record>" for entry in service.get("txt", ()))
    return (
        "<service-group>"
        f"<name>{escape(service['name'])}</name><service><type>{service['type']}</type>"
        f"<port>{service['port']}</port>{records}</service></service-group>"
    )
