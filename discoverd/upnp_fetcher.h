/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fetches UPnP descriptions: each place once in ten minutes, twice if the first answer is lost, two
 * connections per host then, one at a time and 16 for all, within the budget of all connections,
 * 16 KiB of each answer. What is beyond the bounds is dropped; it will be announced again.
 */
#pragma once

#include "common/loop.h"
#include "common/netaddr.h"
#include "discoverd/connection_budget.h"
#include "discoverd/evidence.h"
#include "discoverd/progress.h"

struct upnp_fetcher;

struct upnp_place {
	unsigned ifindex;
	struct netaddr address;
	uint16_t port;
	char path[TEXT_SIZE];
};

/* Asked when the time of the fetch has come: whether to leave it. */
typedef bool upnp_unwelcome_fn(const struct upnp_place *place, void *owner);
/* evidence may be taken. */
typedef void upnp_fetched_fn(const struct upnp_place *place, struct evidence *evidence,
			     void *owner);

/* budget: borrowed. */
void upnp_fetcher_new(struct upnp_fetcher **ret_fetcher, struct loop *loop,
		      struct connection_budget *budget, upnp_fetched_fn *on_fetched,
		      upnp_unwelcome_fn *is_unwelcome, void *owner);
struct upnp_fetcher *upnp_fetcher_free(struct upnp_fetcher *fetcher);

/* wait: not before so long from now; a shorter wait for the same place counts. */
void upnp_fetcher_add(struct upnp_fetcher *fetcher, const struct upnp_place *place, usec_t wait);
/* What was fetched on that interface may be fetched again. */
void upnp_fetcher_forget(struct upnp_fetcher *fetcher, unsigned ifindex);
struct progress upnp_fetcher_progress(const struct upnp_fetcher *fetcher);
