/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The virtual interface, by name: whether it is there, up, which MAC and IPv4 address it has, and
 * the few changes vpnd makes to it. SoftEther makes and deletes the interface, and sets it up and
 * down with its session: being up is the news that the tunnel stands, so vpnd never does that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"
#include "common/netaddr.h"

struct link;

/* Something below changed; never called from inside a link_…() call. */
typedef void link_changed_fn(struct link *link, void *owner);
/* 0 or -errno of the kernel. */
typedef void link_done_fn(int result, void *owner);

/* Knows the present state when it returns; on_changed is for what comes later. */
int link_new(struct link **ret_link, struct loop *loop, const char *name,
	     link_changed_fn *on_changed, void *owner);
struct link *link_free(struct link *link); /* changes nothing in the kernel */
DEFINE_CLEANUP(struct link *, link_free);

const char *link_name(const struct link *link);
unsigned link_index(const struct link *link); /* 0: not there; a new one has another number */
bool link_is_up(const struct link *link);
struct mac_address link_mac(const struct link *link);
bool link_address(const struct link *link, struct netprefix *ret_address); /* the first, if any */

void link_set_mac(struct link *link, const struct mac_address *mac, link_done_fn *on_done,
		  void *owner);

/*
 * Makes this the only IPv4 address; the kernel itself removes it after valid_seconds, so that a
 * lease ends in time whatever happens to us.
 */
void link_set_address(struct link *link, const struct netprefix *address, uint32_t valid_seconds,
		      link_done_fn *on_done, void *owner);
void link_remove_addresses(struct link *link);

/* Takes neither address nor route from IPv6 router advertisements on it. */
int link_disable_ipv6(struct link *link);

struct link_statistics {
	uint64_t received_bytes;
	uint64_t sent_bytes;
};
/* Asks the kernel now. 0, or -errno: -ENODEV when the interface is not there. */
int link_read_statistics(const struct link *link, struct link_statistics *ret_statistics);
