/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at the certificates that the servers of the settings show, in their order, until one shows
 * a pinned one. Runs vpnd-probe for each; lives in the loop.
 */
#pragma once

#include "common/loop.h"
#include "vpnd/candidate.h"

struct server_search;

struct server_search_result {
	struct candidate candidate; /* the first server that can be trusted, with its pin */
	bool refused;               /* none, and at least one that answered must not be trusted */
	const char *verdict;        /* what is wrong with those before it; NULL: nothing */
};

/* The last callback; may free the search. */
typedef void server_search_fn(const struct server_search_result *result, void *owner);

/* settings are borrowed. -errno: the probe cannot be started on this host. */
int server_search_start(struct server_search **ret_search, struct loop *loop, const char *libexec,
			const struct settings *settings, server_search_fn *on_done, void *owner);
struct server_search *server_search_free(struct server_search *search); /* ends it unheard */
DEFINE_CLEANUP(struct server_search *, server_search_free);
