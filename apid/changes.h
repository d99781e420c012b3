/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that wait for a gateway to change: its long-poll and its wait for approval. They are
 * held, not polled: changes_moved() looks at them again at the end of the same loop turn.
 */
#pragma once

#include <stdbool.h>

#include "apid/http_server.h"

struct changes;

struct changes_request {
	struct exchange *exchange;
	uint64_t gateway_id;
	uint64_t since; /* the caller's own: a revision */
};
/*
 * Looks again. Returns true when it has answered the exchange, which it must when last: the time is
 * over, or the gateway holds too many.
 */
typedef bool changes_look_fn(const struct changes_request *request, bool last, void *owner);

int changes_new(struct changes **ret_changes, struct loop *loop, void *owner);
struct changes *changes_free(struct changes *changes); /* nothing may be held by then */
DEFINE_CLEANUP(struct changes *, changes_free);

/* Takes the exchange until look() has answered it or the client leaves. */
void changes_hold(struct changes *changes, const struct changes_request *request, usec_t wait,
		  changes_look_fn *look);
void changes_moved(struct changes *changes, uint64_t gateway_id);
