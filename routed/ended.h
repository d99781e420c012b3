/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose connections end with a change: those of each forward that is gone, leads elsewhere, or is
 * no longer for their client; and udp flows that a new forward would have redirected, had they not
 * begun before it. A connection does not say by which interface it came, so forwards that differ in
 * nothing else are told apart by the address that was first asked for. Pure.
 */
#pragma once

#include "routed/forward_list.h"

/* What can be seen of one connection. */
struct ended_connection {
	struct netaddr client;
	struct netaddr asked; /* the address that was first asked for */
	struct netaddr target;
	uint16_t listen_port, target_port;
	uint8_t protocol;
	bool redirected;
	bool counted; /* the kernel counts bytes */
	uint64_t bytes;
};

struct ended_list {
	struct ended {
		const struct forward *forward; /* borrowed from gone */
		const struct forward *stays; /* borrowed from held: but fewer may use it, or NULL */
		bool shared;                 /* the same is still wanted from another interface */
	} * items;
	size_t count;
};

/* An address of this host and the interface that has it. */
struct host_address;

/* gone: what was removed or changed; held: what there is now. */
void ended_list_init(struct ended_list *ret_list, const struct forward_list *gone,
		     const struct forward_list *held);
/* Every forward, for those who want to know whose connection one is. */
void ended_list_init_all(struct ended_list *ret_list, const struct forward_list *held);
void ended_list_deinit(struct ended_list *list);
/* The forward of a connection, or NULL. */
const struct forward *ended_list_find(const struct ended_list *list,
				      const struct ended_connection *connection,
				      const struct host_address *addresses, size_t address_count);
bool ended_list_has(const struct ended_list *list, const struct ended_connection *connection,
		    const struct host_address *addresses, size_t address_count);

/*
 * A udp flow to this host itself that began before a forward which is for it, and so would go on to
 * miss it as long as it lasts. tcp connections are left alone: each is new once only, and the one
 * that reached this host may be an operator's.
 */
bool ended_bypasses(const struct ended_connection *connection, const struct forward_list *held,
		    const struct host_address *addresses, size_t address_count);
