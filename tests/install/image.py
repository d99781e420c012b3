# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed, and the Debian that it is installed on.

The image is a freshly made Debian with systemd. The packages that ours depend on are not installed
in it, but lie in its apt's cache: there is no network where it runs.
"""

import glob
import hashlib
import os
import shutil
import subprocess

from lab.prepare import SOURCE, run_with_progress

DIRECTORY = os.path.join(SOURCE, "build/install")
ROOT = os.path.join(DIRECTORY, "root")
PACKAGES = os.path.join(DIRECTORY, "packages")
UPGRADE = os.path.join(DIRECTORY, "upgrade")
UPGRADE_VERSION = "99.0"
MIRROR = "http://deb.debian.org/debian"
# Besides "important": an init, a bus, and what the test itself looks with.
INCLUDE = "systemd,systemd-sysv,dbus,iproute2,nftables,curl,ca-certificates,procps,iputils-ping"
# What makes and boots it here.
TOOLS = ("mmdebstrap", "systemd-container")
RETRIES = ("-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300")
HOOKS = (
    'mkdir "$1/ours" && cp "$PACKAGES"/*.deb "$1/ours/"',
    'chroot "$1" apt-get --yes -o APT::Install-Recommends=true --download-only install $(cd "$1" && ls ours/*.deb | sed s,^,/,)',
    'rm -r "$1/ours"',
)


def install_tools(progress):
    status = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status}\n", *TOOLS],
        capture_output=True, text=True,
    )  # fmt: skip
    if status.stdout.split() == ["installed"] * len(TOOLS):
        return
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", *RETRIES]
    run_with_progress(progress, "reading the package lists", [*apt, "update"])
    command = [*apt, "--yes", "--no-install-recommends", "install", *TOOLS]
    run_with_progress(progress, "installing " + " ".join(TOOLS), command)


def build_packages(progress):
    for directory, options in ((PACKAGES, []), (UPGRADE, ["--no-check", UPGRADE_VERSION])):
        shutil.rmtree(directory, ignore_errors=True)
        what = f"building the packages for {os.path.basename(directory)}"
        run_with_progress(progress, what, ["./package", "--output", directory, *options])


def packages(directory=PACKAGES):
    return sorted(glob.glob(os.path.join(directory, "*.deb")))


def field(package, name):
    command = ["dpkg-deb", "--field", package, name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def wanted():
    """Changes when the image must be made anew."""
    text = MIRROR + INCLUDE + "".join(HOOKS)
    for package in packages():
        text += field(package, "Depends") + field(package, "Recommends")
    return hashlib.sha256(text.encode()).hexdigest()


def make_root(progress):
    stamp = ROOT + ".stamp"
    if os.path.isdir(ROOT) and os.path.exists(stamp) and open(stamp).read() == wanted():
        return
    shutil.rmtree(ROOT, ignore_errors=True)
    hooks = [f"--customize-hook={hook}" for hook in HOOKS]
    run_with_progress(
        progress, "making a Debian",
        ["env", f"PACKAGES={PACKAGES}", "mmdebstrap", "--mode=root", "--variant=important",
         '--aptopt=Acquire::Retries "3"',
         "--skip=cleanup/apt,cleanup/apt/lists,cleanup/apt/cache", f"--include={INCLUDE}", *hooks,
         "bookworm", ROOT, MIRROR],
    )  # fmt: skip
    # With it, nothing would start in the machines, and nobody would know why.
    assert not os.path.exists(f"{ROOT}/usr/sbin/policy-rc.d")
    with open(stamp, "w") as file:
        file.write(wanted())
