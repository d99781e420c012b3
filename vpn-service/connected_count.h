/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many gateways are on the VPN. SoftEther tells nobody when a session begins or ends, so it is
 * asked every few seconds: one call, whatever their number.
 */
#pragma once

#include "common/loop.h"
#include "vpn-service/softether_rpc.h"

struct connected_count;

/* The count, or whether it is known, is another one now. */
typedef void connected_count_fn(void *owner);

/* softether and hub are borrowed. */
struct connected_count *connected_count_new(struct loop *loop, struct softether *softether,
					    const char *hub, connected_count_fn *on_changed,
					    void *owner);
struct connected_count *connected_count_free(struct connected_count *count); /* NULL-safe */

/* False while SoftEther does not answer. */
bool connected_count_get(const struct connected_count *count, unsigned *ret_connected);
