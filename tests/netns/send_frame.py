#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends one Ethernet frame and nothing else: send_frame.py INTERFACE HEX."""

import socket
import sys

with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
    link.bind((sys.argv[1], 0))
    link.send(bytes.fromhex(sys.argv[2]))
