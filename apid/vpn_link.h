/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One TLS connection to vpn-service that carries netstrings, one request at a time. TLS >= 1.2, the
 * server's certificate and name are checked, ours is shown. It is used once: when it is lost, the
 * owner makes another.
 */
#pragma once

#include <stdbool.h>

#include "apid/tls_context.h"
#include "common/loop.h"

struct vpn_link;

struct vpn_link_options {
	const char *host; /* name or address */
	uint16_t port;
	struct tls_files files;
	usec_t timeout; /* to connect, and for each answer */
};
struct vpn_link_handlers {
	void (*on_open)(void *owner);
	void (*on_answer)(const char *payload, size_t size, void *owner);
	/* The link is over, with the reason; the owner frees it now or later. */
	void (*on_lost)(const char *reason, void *owner);
};

/* Options are copied, handlers borrowed. No handler runs inside. On failure *ret_error is owned. */
int vpn_link_new(struct vpn_link **ret_link, struct loop *loop,
		 const struct vpn_link_options *options, const struct vpn_link_handlers *handlers,
		 void *owner, char **ret_error);
struct vpn_link *vpn_link_free(struct vpn_link *link); /* allowed in its handlers */
void vpn_link_send(struct vpn_link *link, const char *payload, size_t size);
