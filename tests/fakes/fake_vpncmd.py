#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vpncmd that misbehaves, for what the real one cannot be made to do on demand.

Called as the real one is; the file "mode" beside it says how to behave, the file "calls" collects
the command files it was given.
"""

import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
EMPTY = {
    "NicList": "Virtual Network Adapter Name,Status,MAC Address,Version",
    "AccountList": "VPN Connection Setting Name,Status,VPN Server Hostname,Virtual Hub,"
                   "Virtual Network Adapter Name",
    "AccountGet": "Error occurred. (Error code: 36)\nThe specified VPN Connection Setting does"
                  " not exist.",
}
EMPTY["AccountStatusGet"] = EMPTY["AccountGet"]


def main():
    with open(os.path.join(HERE, "mode"), encoding="ascii") as file:
        mode = file.read().strip()
    option = next(a for a in sys.argv if a.startswith("/IN:"))
    with open(option.removeprefix("/IN:"), encoding="ascii") as file:
        commands = file.read().splitlines()
    with open(os.path.join(HERE, "calls"), "a", encoding="ascii") as file:
        file.write("".join(command + "\n" for command in commands))
    if mode == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    if mode == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if mode == "garbage":
        sys.stdout.buffer.write(bytes(range(256)) * 64)
        return 0
    if mode == "flood":
        for _ in range(4096):
            print("x" * 1023)
        return 0
    if mode == "prompt":  # asks for what is missing; its standard input is empty
        return 1 if sys.stdin.read() == "" else 0
    for command in commands:
        print("VPN Client>" + command)
        word = command.split()[0]
        if mode == "refuse" and word == "NicCreate":
            print("Error occurred. (Error code: 31)\nThe name is no good.")
        elif word in EMPTY:
            print(EMPTY[word])
    return 0


if __name__ == "__main__":
    sys.exit(main())
