/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state machine of the one tunnel. It knows neither SoftEther nor netlink nor DHCP: it calls
 * the operations below and is told what happened by tunnel_on_<event>().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"

enum tunnel_state {
	TUNNEL_UNCONFIGURED,
	TUNNEL_PREPARING,  /* the transport sets up interface and account, and dials */
	TUNNEL_CONNECTING, /* it dials by itself; the link will tell */
	TUNNEL_ADDRESSING, /* link up, no address yet */
	TUNNEL_UP,
	TUNNEL_FAILED,  /* tried again after a delay, or as soon as something changes */
	TUNNEL_LEAVING, /* the transport hangs up, or removes everything */
	TUNNEL_DISCONNECTED,
	TUNNEL_STATE_COUNT
};

/*
 * What the tunnel stands on. join and leave supersede whatever the transport is doing; their end is
 * reported, never from inside the call. diagnose finds out why the link stays down; it ends with
 * tunnel_on_fault(), with tunnel_on_stale(), or in silence when there is nothing to say.
 */
struct tunnel_operations {
	void (*join)(void *owner);
	void (*leave)(bool forget, void *owner);
	void (*diagnose)(void *owner);
	void (*start_address)(void *owner); /* may call tunnel_on_address() at a later time only */
	void (*stop_address)(void *owner);
	void (*changed)(void *owner); /* state or error: the properties are stale */
};

struct tunnel;
int tunnel_new(struct tunnel **ret_tunnel, struct loop *loop,
	       const struct tunnel_operations *operations /* borrowed */, void *owner);
struct tunnel *tunnel_free(struct tunnel *tunnel); /* the tunnel itself goes on in the kernel */
DEFINE_CLEANUP(struct tunnel *, tunnel_free);

/* What people and gatewayd ask for. */
void tunnel_join(struct tunnel *tunnel); /* also: the settings changed, begin again */
void tunnel_leave(struct tunnel *tunnel);
void tunnel_forget(struct tunnel *tunnel);

/* What happened. */
void tunnel_on_joined(struct tunnel *tunnel, bool link_up); /* dialling; end of join */
void tunnel_on_left(struct tunnel *tunnel);
void tunnel_on_fault(struct tunnel *tunnel, const char *error); /* end of join, leave, diagnose */
void tunnel_on_link(struct tunnel *tunnel, bool up);
void tunnel_on_address(struct tunnel *tunnel, bool present);
void tunnel_on_stale(struct tunnel *tunnel);   /* the transport must be set up again: its daemon
						  restarted, another server or pin is the right one */
void tunnel_on_elapsed(struct tunnel *tunnel); /* the state's timer; called by tunnel.c and tests */

enum tunnel_state tunnel_state(const struct tunnel *tunnel);
const char *tunnel_state_name(enum tunnel_state state);
const char *tunnel_last_error(const struct tunnel *tunnel); /* "" when nothing is wrong */
/* Says what is wrong without changing the state (waiting goes on). NULL: nothing. */
void tunnel_set_error(struct tunnel *tunnel, const char *error);
