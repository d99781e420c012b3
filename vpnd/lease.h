/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one line by which vpnd-lease tells vpnd what the DHCP client got:
 * "lease bound 10.44.0.7 255.255.240.0 120 10.44.0.1". Neither router nor name server is in it:
 * the gateway takes no route and no DNS from the VPN. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/netaddr.h"

#define LEASE_LINE_MAX 128
/* A wider network would put a route over half the Internet; nobody has a VPN of that size. */
#define LEASE_MIN_PREFIX      8
#define LEASE_MAX_PREFIX      30
#define LEASE_MIN_SECONDS     10
#define LEASE_DEFAULT_SECONDS 3600

enum lease_event {
	LEASE_BOUND,   /* a lease, or a renewed one */
	LEASE_LOST,    /* expired, refused or released: the address must go */
	LEASE_FAILING, /* no answer to the requests so far; the client goes on asking */
};

struct lease {
	enum lease_event event;
	struct netprefix address; /* the rest is for LEASE_BOUND only */
	uint32_t seconds;
	struct netaddr server; /* AF_UNSPEC: not told */
};

/* Writes the line for an event of udhcpc's and its environment, without a newline. Values that are
 * not what they should be are written as "-". -EINVAL: an event nobody needs. */
int lease_format(char ret_line[static LEASE_LINE_MAX], const char *event, const char *address,
		 const char *netmask, const char *seconds, const char *server);

/* -ENOENT: some other line, of the client itself. -EINVAL: a lease nobody can use. */
int lease_parse(struct lease *ret_lease, const char *line);
