/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Confirms the TCP services of one device: asks the ports of its plan, gently. At most 10
 * connections (fewer if the look is not a full one) per device until the next reset, at most 3 of
 * them at a time and normally one per service; UPnP may add 2, one at a time. All devices together
 * are within a connection_budget.
 */
#pragma once

#include "common/loop.h"
#include "discoverd/connection_budget.h"
#include "discoverd/conversation.h"
#include "discoverd/probe_plan.h"

struct confirmer;    /* what all confirmations share */
struct confirmation; /* of one device */

struct device; /* whose confirmation it is; not looked into here */

/* Something was learnt about a port; evidence may be empty. May reset the confirmation, but not
 * free it. */
typedef void confirmation_result_fn(struct device *device, uint16_t port,
				    enum probe_service service, enum probe_result result,
				    const struct evidence *evidence, void *owner);
/* The last connection of all has ended. */
typedef void confirmation_idle_fn(void *owner);

/* budget: borrowed. */
void confirmer_new(struct confirmer **ret_confirmer, struct loop *loop,
		   struct connection_budget *budget, confirmation_result_fn *on_result,
		   confirmation_idle_fn *on_idle, void *owner);
struct confirmer *confirmer_free(struct confirmer *confirmer); /* confirmations must be gone */
bool confirmer_is_busy(const struct confirmer *confirmer);

void confirmation_new(struct confirmation **ret_confirmation, struct confirmer *confirmer,
		      struct device *device);
struct confirmation *confirmation_free(struct confirmation *confirmation);

/* Something is being asked, or waits for a place. */
bool confirmation_is_busy(const struct confirmation *confirmation);

/* Asks what the evidence points to and has not been asked since the last reset. place: its port
 * does not matter. usual: also the usual ports. */
void confirmation_update(struct confirmation *confirmation, const struct tcp_place *place,
			 const struct evidence *evidence, bool usual);

/* How closely to look. */
enum look {
	LOOK_NONE,
	LOOK_VERIFY, /* one connection: whether it is there at all */
	LOOK_LIGHT,  /* what the device is is not asked of one that has told */
	LOOK_FIRST,  /* at a host of which nothing is known */
	LOOK_FULL,
};
/* Everything is to be asked again, from the next update on. */
void confirmation_reset(struct confirmation *confirmation, enum look look);
/* After a first look there is reason for a full scan: it goes on from there. */
void confirmation_extend(struct confirmation *confirmation);
