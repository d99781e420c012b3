/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection of the API: netstrings in, netstrings out, one request at a time. */
#pragma once

#include "vpn-service/tls_server.h"

struct service;

#define SESSION_MAX_REQUEST (65536 + 16) /* a netstring with everything around it */

/* The server's owner must be a struct service. Sessions belong to their connections. */
extern const struct tls_server_handlers session_handlers;
