# SPDX-License-Identifier: GPL-3.0-or-later
"""The IPv4 address of an interface, at this moment."""

import fcntl
import socket
import struct

SIOCGIFADDR = 0x8915


def get(interface):
    """None while there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(
                probe.fileno(), SIOCGIFADDR, struct.pack("256s", interface.encode())
            )
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])
