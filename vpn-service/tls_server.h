/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TLS server of the API connection: TLS 1.2 or newer, client certificate required, every stage
 * with a deadline, a bounded number of connections. One client's failure is nobody else's.
 */
#pragma once

#include "common/loop.h"
#include "common/netaddr.h"

struct tls_server;
struct tls_connection;

struct tls_server_options { /* borrowed for the call */
	struct netaddr address;
	uint16_t port;
	const char *certificate_file; /* PEM, with its chain */
	const char *key_file;
	const char *client_ca_file;
	size_t max_request; /* bytes that on_data may want to see at once */
};

struct tls_server_handlers {
	/* The handshake is done. Returns the connection's owner, given to the others. */
	void *(*on_open)(struct tls_connection *connection, void *server_owner);
	/*
	 * All bytes that have come and were not yet consumed. Returns the number consumed; with 0
	 * it is called again when there are more. Not called while the connection is held.
	 */
	size_t (*on_data)(struct tls_connection *connection, const char *bytes, size_t size,
			  void *owner);
	/* The connection is gone; the last call. */
	void (*on_close)(struct tls_connection *connection, void *owner);
};

/* -EINVAL: certificate, key or authority is no good; *ret_problem then names it (constant). */
int tls_server_new(struct tls_server **ret_server, struct loop *loop,
		   const struct tls_server_options *options,
		   const struct tls_server_handlers *handlers /* borrowed for ever */, void *owner,
		   const char **ret_problem);
struct tls_server *tls_server_free(struct tls_server *server); /* closes all connections */
DEFINE_CLEANUP(struct tls_server *, tls_server_free);

/* While a request is being worked on: nothing is read, no deadline runs. */
void tls_connection_hold(struct tls_connection *connection);
void tls_connection_release(struct tls_connection *connection);

void tls_connection_write(struct tls_connection *connection, const void *bytes, size_t size);
/* Closes when everything written has been sent. on_close follows, never inside this call. */
void tls_connection_finish(struct tls_connection *connection);
const char *tls_connection_peer(const struct tls_connection *connection); /* for the log */
