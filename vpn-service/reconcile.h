/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes SoftEther and dnsmasq what the database says: finishes what a crash interrupted, makes
 * users again that vpnserver lost, corrects those of an old certificate, removes gateways nobody
 * knows.
 */
#pragma once

#include "vpn-service/provision.h"

struct reconcile;

/* The last callback; the reconcile may be freed in it. error: 0 or -errno, text a sentence or NULL.
 */
typedef void reconcile_done_fn(int error, const char *text, void *owner);

/* Starts at once; settings and provision are borrowed. */
struct reconcile *reconcile_start(struct provision *provision,
				  const struct provision_settings *settings,
				  reconcile_done_fn *on_done, void *owner);
struct reconcile *reconcile_free(struct reconcile *reconcile); /* repairs under way go on */
