#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the tree's dependency rules (ARCHITECTURE.md, CONTRIBUTING.md) true; prints TAP.

A file is pure when the comment at its top, or at the top of its header, says the word "Pure".
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
PROGRAMS = ["gatewayd", "discoverd", "routed", "vpnd", "vpn-service", "apid", "gatewayctl"]
OWN = ["common"] + PROGRAMS
EVENT_USERS = {
    "common/loop.c", "apid/http_server.c", "apid/vpn_link.c", "vpn-service/tls_server.c"
}
IMPURE = re.compile(
    r"common/(loop|bus\w*|log|process|http_client|netlink|daemon)\.h|event2/.*|dbus/dbus\.h|"
    r"sys/epoll\.h|curl/.*|sqlite3\.h|avahi-.*"
)
FORBIDDEN = re.compile(
    r"(?<![\w.>])(system|popen|execlp|execvp|sprintf|vsprintf|strcpy|strcat|gets|strtok|alloca)\s*\("
)
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", re.S)


def sources(directories, suffixes=(".c", ".h")):
    for directory in directories:
        for path in sorted((ROOT / directory).rglob("*")):
            if path.suffix in suffixes:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def is_pure(path, text):
    head = text[: text.find("#include") if "#include" in text else 2000]
    return re.search(r"\bPure\b", head) is not None


def check_isolation(files):
    """programs include only themselves, common/ and generated bus data"""
    for path, text in files.items():
        own = path.split("/")[0]
        for include in INCLUDE.findall(text):
            first = include.split("/")[0]
            if "/" in include and first in OWN and first not in (own, "common"):
                yield f"{path} includes {include}"


def check_libevent(files):
    """libevent stays behind common/loop.h, but for the ends of TLS connections"""
    for path, text in files.items():
        if path not in EVENT_USERS and any(i.startswith("event2/") for i in INCLUDE.findall(text)):
            yield f"{path} includes event2"


def check_libdbus(files):
    """libdbus stays behind common/bus*.h"""
    for path, text in files.items():
        if not path.startswith("common/bus") and "dbus/dbus.h" in INCLUDE.findall(text):
            yield f"{path} includes dbus/dbus.h"


def check_bindings(files):
    """only main.c and the binding itself know a binding"""
    for path, text in files.items():
        name = path.split("/")[-1]
        for include in INCLUDE.findall(text):
            base = include.split("/")[-1]
            if base.endswith("_bus.h") and name != "main.c" and not name.endswith(("_bus.c", "_bus.h")):
                yield f"{path} includes {include}"


def check_purity(files):
    """pure files include no loop, bus, log, process or network code"""
    for path, text in files.items():
        header = path[:-2] + ".h"
        if is_pure(path, text) or (header in files and is_pure(header, files[header])):
            for include in INCLUDE.findall(text):
                if IMPURE.fullmatch(include):
                    yield f"{path} is pure and includes {include}"


def check_calls(files):
    """no shell, no unbounded string function"""
    for path, text in files.items():
        for match in FORBIDDEN.finditer(COMMENT.sub(" ", text)):
            yield f"{path} calls {match.group(1)}()"


def check_passphrases(files):
    """nothing is read with OpenSSL that would ask for a passphrase on the terminal"""
    for path, text in files.items():
        if re.search(r"PEM_read_bio_\w+\([^;]*?,\s*NULL,\s*NULL,\s*NULL\)", text):
            yield f"{path} calls PEM_read_bio_…() without crypto_no_passphrase"


def check_heads(files):
    """every file has its licence line; every header its guard"""
    for path, text in files.items():
        if not text.startswith("/* SPDX-License-Identifier: GPL-3.0-or-later */\n"):
            yield f"{path} lacks the SPDX line"
        if path.endswith(".h") and "#pragma once" not in text:
            yield f"{path} lacks #pragma once"


def main():
    files = dict(sources(OWN))
    checks = [check_isolation, check_libevent, check_libdbus, check_bindings, check_purity,
              check_calls, check_passphrases, check_heads]
    print(f"1..{len(checks)}")
    failed = 0
    for number, check in enumerate(checks, 1):
        problems = list(check(files))
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {check.__doc__}")
        for problem in problems:
            print("# " + problem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
