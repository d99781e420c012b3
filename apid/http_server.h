/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTPS server on the loop (evhttp over TLS >= 1.2). Every connection is bounded: header 16 KiB,
 * body 1 MiB, and one deadline for the handshake, for each whole request to arrive and for each
 * answer to leave, however slowly it trickles.
 *
 * What cannot be read as a request is answered with a problem document, like everything else.
 *
 * A request is given as an exchange, which is answered exactly once: at once, or later after
 * exchange_hold().
 */
#pragma once

#include <stdbool.h>

#include "common/loop.h"

struct http_server;
struct exchange;

/* Answers the exchange or holds it. */
typedef void http_request_fn(struct exchange *exchange, void *owner);

struct http_server_options {
	const char *listen;      /* "0.0.0.0:443", "[::]:443"; port 0: any */
	const char *certificate; /* PEM chain */
	const char *key;         /* PEM */
	usec_t timeout;          /* the deadline above */
	unsigned max_connections;
	unsigned max_per_address; /* of them from one client's address, or IPv6 /64; 0: all */
};

bool http_listen_is_valid(const char *listen);
/* Options are copied. On failure *ret_error is an owned sentence. */
int http_server_new(struct http_server **ret_server, struct loop *loop,
		    const struct http_server_options *options, http_request_fn *on_request,
		    void *owner, char **ret_error);
struct http_server *http_server_free(struct http_server *server); /* drops held exchanges */
DEFINE_CLEANUP(struct http_server *, http_server_free);
const char *http_server_address(const struct http_server *server); /* as bound, with its port */
unsigned http_server_connections(const struct http_server *server);

/* Strings are borrowed until the exchange is answered. */
const char *exchange_method(const struct exchange *exchange);
const char *exchange_path(const struct exchange *exchange);                    /* percent-decoded */
const char *exchange_query(const struct exchange *exchange, const char *name); /* or NULL */
const char *exchange_header(const struct exchange *exchange, const char *name); /* or NULL */
const char *exchange_body(struct exchange *exchange, size_t *ret_size);
const char *exchange_peer(const struct exchange *exchange); /* the client's address, no port */

/* Line breaks in value are refused by dropping the header. */
void exchange_add_header(struct exchange *exchange, const char *name, const char *value);
/* The exchange is gone afterwards. content_type NULL: no body. */
void exchange_send(struct exchange *exchange, unsigned status, const char *content_type,
		   const void *body, size_t size);

/* Keeps the exchange open. on_gone: the client left; the exchange is gone after the call. */
typedef void exchange_gone_fn(struct exchange *exchange, void *owner);
void exchange_hold(struct exchange *exchange, exchange_gone_fn *on_gone, void *owner);
