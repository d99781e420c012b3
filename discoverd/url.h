/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A URL that a device tells: http, https, rtsp or rtsps, and in pieces, because the host in it is
 * often not where the device is. Pure.
 */
#pragma once

#include "common/netaddr.h"
#include "discoverd/text.h"

struct url {
	bool rtsp;            /* or http */
	bool secure;          /* https, rtsps */
	bool has_user;        /* a user or a password stands in it: not kept */
	struct netaddr host;  /* AF_UNSPEC: a name, or nothing that can be read */
	uint16_t port;        /* the scheme's own if none is told */
	char path[TEXT_SIZE]; /* with the query and without the fragment; "/" at least; fit to be
				 sent: visible ASCII */
};

/* false: not of these schemes, malformed, or too long. */
bool url_read(struct url *ret_url, const char *text, size_t length);
/* The same for what may also be a path alone, such as a Location: completes it from the base. */
bool url_read_relative(struct url *ret_url, const struct url *base, const char *text);
