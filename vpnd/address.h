/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The address on the VPN: a DHCP client (udhcpc) as a child for as long as it is wanted, its leases
 * put on the interface. Takes the address and nothing else: no route, no name server.
 */
#pragma once

#include "vpnd/link.h"

struct address;

struct address_options {
	const char *dhcp_client; /* absolute path of udhcpc */
	const char *libexec;     /* where vpnd-child and vpnd-lease are */
};

/* There is an address now, or none any more. Never called from inside an address_…() call. */
typedef void address_changed_fn(bool present, void *owner);

/* Options and link are borrowed. */
int address_new(struct address **ret_address, struct loop *loop, struct link *link,
		const struct address_options *options, address_changed_fn *on_changed, void *owner);
/* Ends the client; the address stays until its lease ends. */
struct address *address_free(struct address *address);
DEFINE_CLEANUP(struct address *, address_free);

/*
 * hostname: told to the server. expected: what it should give; length 0: anything. An address that
 * is there already (from before a restart or a reconnection) and is as expected counts at once, and
 * is asked for again. Starting again begins anew.
 */
void address_start(struct address *address, const char *hostname, const struct netprefix *expected);
void address_stop(struct address *address);

void address_on_link_changed(struct address *address);
