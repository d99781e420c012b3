# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP port of loopback that stays one test's own while its server is away and comes back."""

import socket


def reserve():
    """Returns the port and what holds it: bound, but not listening, so that the server may bind it
    as well (both with SO_REUSEADDR) and nobody else is given it; without a server it refuses."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder.getsockname()[1], holder
