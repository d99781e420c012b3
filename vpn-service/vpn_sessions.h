/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is on the VPN now: SoftEther's sessions of users named gatewayN. */
#pragma once

#include "common/loop.h"
#include "common/netaddr.h"
#include "vpn-service/softether_rpc.h"

struct vpn_session {
	uint32_t gateway_id;
	int64_t connected_since;
	char client_address[NETADDR_TEXT_SIZE]; /* as the VPN server sees it; "": not told */
	bool counted;                           /* the bytes are known */
	uint64_t bytes_in;                      /* from the gateway, since it connected */
	uint64_t bytes_out;
};

struct vpn_sessions_result {
	int error;                          /* 0 or -errno: SoftEther does not answer */
	const char *text;                   /* a sentence, when error is not 0 */
	const struct vpn_session *sessions; /* one per gateway, in the order of numbers */
	size_t session_count;
	unsigned connected; /* gateways with a session, also those that were not asked about */
};

struct vpn_sessions_question {
	const char *hub;
	uint32_t first, last; /* gateways whose sessions are wanted */
	/*
	 * When to answer with what is known by then; 0: wait as long as any call may take. Sessions
	 * whose bytes are not known yet are not counted; without even their list it is -ETIMEDOUT.
	 */
	usec_t patience;
};

/* The last callback of a query, which is gone afterwards. Never runs inside the start. */
typedef void vpn_sessions_fn(const struct vpn_sessions_result *result, void *owner);

struct vpn_sessions;
/* softether is borrowed, the question is copied. */
struct vpn_sessions *vpn_sessions_start(struct loop *loop, struct softether *softether,
					const struct vpn_sessions_question *question,
					vpn_sessions_fn *on_done, void *owner);
struct vpn_sessions *vpn_sessions_cancel(struct vpn_sessions *query); /* NULL-safe */
