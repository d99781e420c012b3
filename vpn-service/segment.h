/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The VPN host's own place on the VPN segment: SoftEther's TAP, which vanishes and comes back with
 * vpnserver. Kept up and addressed, or put into an existing bridge that carries the address.
 * Needs CAP_NET_ADMIN.
 */
#pragma once

#include "common/loop.h"
#include "common/netaddr.h"

struct segment;

struct segment_settings {
	const char *interface; /* the TAP, "tap_…" */
	const char *bridge;    /* NULL: the TAP itself carries the address */
	struct netaddr address;
	uint8_t prefix_length;
};

/* present: the TAP has come (vpnserver has started) or gone. problem: constant, or NULL. */
typedef void segment_changed_fn(bool present, const char *problem, void *owner);

/* Settings are copied. on_changed never runs inside. */
int segment_new(struct segment **ret_segment, struct loop *loop,
		const struct segment_settings *settings, segment_changed_fn *on_changed,
		void *owner);
struct segment *segment_free(struct segment *segment);
DEFINE_CLEANUP(struct segment *, segment_free);
