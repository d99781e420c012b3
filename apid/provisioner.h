/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Works off the orders that the store holds for vpn-service: accounts to make and to delete. Orders
 * survive a restart and wait as long as vpn-service is away.
 */
#pragma once

#include "apid/store.h"
#include "apid/tls_context.h"
#include "common/loop.h"

struct provisioner;

/* The gateway's account was made, or what keeps it from being made is known. */
typedef void provisioner_done_fn(uint64_t gateway_id, void *owner);

struct provisioner_options {
	const char *service; /* "host:port"; NULL: none, orders wait */
	struct tls_files files;
	const char *token_file;
};

/* Options are borrowed, as is the store. -EINVAL: service is not host:port; *ret_error is owned. */
int provisioner_new(struct provisioner **ret_provisioner, struct loop *loop, struct store *store,
		    const struct provisioner_options *options, provisioner_done_fn *on_done,
		    void *owner, char **ret_error);
struct provisioner *provisioner_free(struct provisioner *provisioner);
DEFINE_CLEANUP(struct provisioner *, provisioner_free);

/* There may be a new order. */
void provisioner_kick(struct provisioner *provisioner);
