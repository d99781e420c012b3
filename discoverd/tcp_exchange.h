/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One short TCP conversation, in TLS or not: connect, send, receive. Closed by whoever owns it, in
 * any callback too.
 */
#pragma once

#include "common/loop.h"
#include "common/netaddr.h"

struct tcp_exchange;

struct tcp_exchange_handlers {
	void (*on_connected)(struct tcp_exchange *exchange, void *owner);
	/* at_end: no more will come; size may be 0 then. */
	void (*on_bytes)(struct tcp_exchange *exchange, const char *bytes, size_t size, bool at_end,
			 void *owner);
	/* -ECONNREFUSED, -ETIMEDOUT, …: the last call. */
	void (*on_failed)(struct tcp_exchange *exchange, int error, void *owner);
};

struct tcp_place {
	unsigned ifindex; /* 0: by the routing table */
	struct netaddr address;
	uint16_t port;
	bool secure; /* in TLS, see tls_process.h */
};

/* patience: until there is a connection; timeout: from then on. handlers: borrowed. -EPERM: a port
 * of printers or industrial controllers is never called. */
int tcp_exchange_new(struct tcp_exchange **ret_exchange, struct loop *loop,
		     const struct tcp_place *place, usec_t patience, usec_t timeout,
		     const struct tcp_exchange_handlers *handlers, void *owner);
struct tcp_exchange *tcp_exchange_free(struct tcp_exchange *exchange);

/* A small request; a peer that does not even take that much has failed. */
void tcp_exchange_send(struct tcp_exchange *exchange, const char *bytes, size_t size);
/* From now on the conversation may last so long. */
void tcp_exchange_extend(struct tcp_exchange *exchange, usec_t timeout);
void tcp_exchange_set_owner(struct tcp_exchange *exchange, void *owner);
/* How long it took to connect; 0: not connected. */
usec_t tcp_exchange_trip(const struct tcp_exchange *exchange);
/* The names of the server's certificate (certificate_names.h); NULL: not in TLS. */
const char *tcp_exchange_certificate(const struct tcp_exchange *exchange);
