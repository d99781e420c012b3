/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ends the live connections of forwards that are gone, and flows that should be redirected and are
 * not. A forward's element in the table decides about the first packet only; what was redirected
 * then, or was not, stays so as long as the kernel remembers it.
 */
#pragma once

#include "common/macros.h"
#include "routed/ended.h"

struct conntrack;

int conntrack_new(struct conntrack **ret_conntrack);
struct conntrack *conntrack_free(struct conntrack *conntrack);
DEFINE_CLEANUP(struct conntrack *, conntrack_free);

/* Makes the kernel forget the connections of these; returns how many, or -errno. */
int conntrack_end(struct conntrack *conntrack, const struct ended_list *ended);
/* The same for the udp flows that go past a forward of held because they are older. */
int conntrack_end_bypassing(struct conntrack *conntrack, const struct forward_list *held);

/* What the live connections of one forward amount to. */
struct conntrack_traffic {
	uint32_t connections;
	bool counted; /* the kernel counts bytes */
	uint64_t bytes;
};
/* Adds up the live connections; traffic: as many as there are forwards, zeroed. */
int conntrack_count(struct conntrack *conntrack, const struct forward_list *forwards,
		    struct conntrack_traffic *traffic);
