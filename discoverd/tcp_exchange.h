/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One short TCP conversation, in TLS or not: connect, ask, read a bounded answer. Closed by whoever
 * owns it, in any callback too.
 */
#pragma once

#include "common/loop.h"
#include "common/netaddr.h"

#define TCP_EXCHANGE_MAX 8192 /* bytes of answer that are looked at */

struct tcp_exchange;

struct tcp_exchange_handlers {
	void (*on_connected)(struct tcp_exchange *exchange, void *owner);
	/* All bytes received and not yet consumed; at_end: no more will come. */
	void (*on_bytes)(struct tcp_exchange *exchange, const char *bytes, size_t size, bool at_end,
			 void *owner);
	/* -ECONNREFUSED, -ETIMEDOUT, …: the last call. */
	void (*on_failed)(struct tcp_exchange *exchange, int error, void *owner);
};

/* ifindex 0: by the routing table. secure: in TLS, see tls_process.h. timeout: of the whole
 * conversation. handlers: borrowed. -EPERM: a port of printers or industrial controllers is never
 * called. */
int tcp_exchange_new(struct tcp_exchange **ret_exchange, struct loop *loop, unsigned ifindex,
		     const struct netaddr *address, uint16_t port, bool secure, usec_t timeout,
		     const struct tcp_exchange_handlers *handlers, void *owner);
struct tcp_exchange *tcp_exchange_free(struct tcp_exchange *exchange);

/* A small request; a peer that does not even take that much has failed. */
void tcp_exchange_send(struct tcp_exchange *exchange, const char *bytes, size_t size);
/* Drops bytes from the front of what was received. */
void tcp_exchange_consume(struct tcp_exchange *exchange, size_t size);
/* From now on the conversation may last so long. */
void tcp_exchange_extend(struct tcp_exchange *exchange, usec_t timeout);
/* The names of the server's certificate (certificate_names.h); NULL: not in TLS. */
const char *tcp_exchange_certificate(const struct tcp_exchange *exchange);
