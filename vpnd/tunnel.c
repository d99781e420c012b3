/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tunnel's states. tunnel_enter() is the only writer of the state: it checks the edge, arms the
 * one timer, tells the world and runs the entry action.
 *
 * While CONNECTING the transport redials for ever by itself; the timer only asks what is wrong. In
 * FAILED a link that comes up after all is taken at once. An address is looked for exactly in
 * ADDRESSING and UP.
 */
#include "vpnd/tunnel.h"

#include <assert.h>
#include <string.h>

#include "common/backoff.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"

#define S(name) BIT(TUNNEL_##name)

/* SoftEther needs about 8 s to notice a lost server and dial again. */
#define DIAGNOSE_AFTER (12 * USEC_PER_SEC)
#define RETRY_FIRST    (4 * USEC_PER_SEC)
#define RETRY_LONGEST  (60 * USEC_PER_SEC)

static const struct {
	const char *name;
	unsigned next;
	usec_t timeout; /* 0: none; the state stays until an event */
} states[TUNNEL_STATE_COUNT] = {
	[TUNNEL_UNCONFIGURED] = { "unconfigured", S(PREPARING) | S(LEAVING), 0 },
	[TUNNEL_PREPARING] = { "preparing",
			       S(PREPARING) | S(CONNECTING) | S(ADDRESSING) | S(FAILED) |
				       S(LEAVING),
			       90 * USEC_PER_SEC },
	[TUNNEL_CONNECTING] = { "connecting", S(PREPARING) | S(ADDRESSING) | S(FAILED) | S(LEAVING),
				DIAGNOSE_AFTER },
	[TUNNEL_ADDRESSING] = { "addressing", S(PREPARING) | S(CONNECTING) | S(UP) | S(LEAVING),
				20 * USEC_PER_SEC },
	[TUNNEL_UP] = { "up", S(PREPARING) | S(CONNECTING) | S(ADDRESSING) | S(LEAVING), 0 },
	[TUNNEL_FAILED] = { "failed", S(PREPARING) | S(ADDRESSING) | S(LEAVING), 0 },
	[TUNNEL_LEAVING] = { "leaving",
			     S(UNCONFIGURED) | S(DISCONNECTED) | S(PREPARING) | S(LEAVING), 0 },
	[TUNNEL_DISCONNECTED] = { "disconnected", S(PREPARING) | S(LEAVING), 0 },
};

struct tunnel {
	const struct tunnel_operations *operations;
	void *owner;
	enum tunnel_state state;
	struct loop_timer timer;
	struct backoff backoff;
	bool forgetting; /* LEAVING ends in UNCONFIGURED */
	char *last_error;
};

static bool has_address_client(enum tunnel_state state)
{
	return state == TUNNEL_ADDRESSING || state == TUNNEL_UP;
}

static void arm(struct tunnel *tunnel)
{
	if (tunnel->state == TUNNEL_FAILED)
		loop_timer_arm(&tunnel->timer, backoff_next(&tunnel->backoff, random_u64()));
	else if (states[tunnel->state].timeout)
		loop_timer_arm(&tunnel->timer, states[tunnel->state].timeout);
	else
		loop_timer_cancel(&tunnel->timer);
}

static void run_entry_action(struct tunnel *tunnel, enum tunnel_state old)
{
	const struct tunnel_operations *operations = tunnel->operations;

	if (has_address_client(old) && !has_address_client(tunnel->state))
		operations->stop_address(tunnel->owner);
	switch (tunnel->state) {
	case TUNNEL_PREPARING:
		operations->join(tunnel->owner);
		break;
	case TUNNEL_ADDRESSING:
		operations->start_address(tunnel->owner);
		break;
	case TUNNEL_LEAVING:
		operations->leave(tunnel->forgetting, tunnel->owner);
		break;
	case TUNNEL_UP:
		backoff_reset(&tunnel->backoff);
		break;
	case TUNNEL_UNCONFIGURED:
	case TUNNEL_CONNECTING:
	case TUNNEL_FAILED:
	case TUNNEL_DISCONNECTED:
	case TUNNEL_STATE_COUNT:
		break;
	}
}

static void tunnel_enter(struct tunnel *tunnel, enum tunnel_state state)
{
	enum tunnel_state old = tunnel->state;
	_cleanup_free_ char *old_field = xasprintf("OLD=%s", states[old].name);
	_cleanup_free_ char *new_field = xasprintf("NEW=%s", states[state].name);

	assert(states[old].next & BIT(state));
	tunnel->state = state;
	if (state == TUNNEL_UP || state == TUNNEL_DISCONNECTED || state == TUNNEL_UNCONFIGURED)
		replace_string(&tunnel->last_error, NULL);
	log_event(state == TUNNEL_FAILED ? LOG_WARNING : LOG_INFO,
		  LOG_FIELDS("EVENT=state", "TUNNEL=vpn", old_field, new_field),
		  "tunnel: %s -> %s%s%s", states[old].name, states[state].name,
		  state == TUNNEL_FAILED ? ": " : "",
		  state == TUNNEL_FAILED ? tunnel_last_error(tunnel) : "");
	arm(tunnel);
	tunnel->operations->changed(tunnel->owner);
	run_entry_action(tunnel, old);
}

static void on_timer(struct loop_timer *timer)
{
	tunnel_on_elapsed(container_of(timer, struct tunnel, timer));
}

int tunnel_new(struct tunnel **ret_tunnel, struct loop *loop,
	       const struct tunnel_operations *operations, void *owner)
{
	struct tunnel *tunnel = xnew(struct tunnel);

	tunnel->operations = operations;
	tunnel->owner = owner;
	tunnel->state = TUNNEL_UNCONFIGURED;
	tunnel->backoff = (struct backoff)BACKOFF_INIT(RETRY_FIRST, RETRY_LONGEST);
	loop_timer_init(&tunnel->timer, loop, on_timer);
	*ret_tunnel = tunnel;
	return 0;
}

struct tunnel *tunnel_free(struct tunnel *tunnel)
{
	if (!tunnel)
		return NULL;
	loop_timer_deinit(&tunnel->timer);
	free(tunnel->last_error);
	free(tunnel);
	return NULL;
}

enum tunnel_state tunnel_state(const struct tunnel *tunnel)
{
	return tunnel->state;
}

const char *tunnel_state_name(enum tunnel_state state)
{
	return states[state].name;
}

const char *tunnel_last_error(const struct tunnel *tunnel)
{
	return tunnel->last_error ? tunnel->last_error : "";
}

void tunnel_set_error(struct tunnel *tunnel, const char *error)
{
	if (strcmp(tunnel_last_error(tunnel), error ? error : "") == 0)
		return;
	replace_string(&tunnel->last_error, error);
	if (error)
		log_warning("tunnel: %s", error);
	tunnel->operations->changed(tunnel->owner);
}

void tunnel_join(struct tunnel *tunnel)
{
	backoff_reset(&tunnel->backoff);
	replace_string(&tunnel->last_error, NULL);
	switch (tunnel->state) {
	case TUNNEL_UNCONFIGURED:
	case TUNNEL_PREPARING:
	case TUNNEL_CONNECTING:
	case TUNNEL_ADDRESSING:
	case TUNNEL_UP:
	case TUNNEL_FAILED:
	case TUNNEL_LEAVING:
	case TUNNEL_DISCONNECTED:
		tunnel_enter(tunnel, TUNNEL_PREPARING);
		break;
	case TUNNEL_STATE_COUNT:
		break;
	}
}

static void begin_to_leave(struct tunnel *tunnel, bool forget)
{
	backoff_reset(&tunnel->backoff);
	replace_string(&tunnel->last_error, NULL);
	tunnel->forgetting = forget;
	tunnel_enter(tunnel, TUNNEL_LEAVING);
}

void tunnel_leave(struct tunnel *tunnel)
{
	switch (tunnel->state) {
	case TUNNEL_PREPARING:
	case TUNNEL_CONNECTING:
	case TUNNEL_ADDRESSING:
	case TUNNEL_UP:
	case TUNNEL_FAILED:
		begin_to_leave(tunnel, false);
		break;
	case TUNNEL_UNCONFIGURED: /* at the start of a daemon that was told to stay away */
	case TUNNEL_DISCONNECTED:
		begin_to_leave(tunnel, false);
		break;
	case TUNNEL_LEAVING: /* on its way; forgetting includes it */
	case TUNNEL_STATE_COUNT:
		break;
	}
}

void tunnel_forget(struct tunnel *tunnel)
{
	begin_to_leave(tunnel, true);
}

void tunnel_on_joined(struct tunnel *tunnel, bool link_up)
{
	switch (tunnel->state) {
	case TUNNEL_PREPARING:
		tunnel_enter(tunnel, link_up ? TUNNEL_ADDRESSING : TUNNEL_CONNECTING);
		break;
	case TUNNEL_UNCONFIGURED:
	case TUNNEL_CONNECTING:
	case TUNNEL_ADDRESSING:
	case TUNNEL_UP:
	case TUNNEL_FAILED:
	case TUNNEL_LEAVING:
	case TUNNEL_DISCONNECTED:
	case TUNNEL_STATE_COUNT:
		break;
	}
}

void tunnel_on_left(struct tunnel *tunnel)
{
	switch (tunnel->state) {
	case TUNNEL_LEAVING:
		tunnel_enter(tunnel,
			     tunnel->forgetting ? TUNNEL_UNCONFIGURED : TUNNEL_DISCONNECTED);
		break;
	case TUNNEL_UNCONFIGURED:
	case TUNNEL_PREPARING:
	case TUNNEL_CONNECTING:
	case TUNNEL_ADDRESSING:
	case TUNNEL_UP:
	case TUNNEL_FAILED:
	case TUNNEL_DISCONNECTED:
	case TUNNEL_STATE_COUNT:
		break;
	}
}

void tunnel_on_fault(struct tunnel *tunnel, const char *error)
{
	switch (tunnel->state) {
	case TUNNEL_PREPARING:
	case TUNNEL_CONNECTING:
		replace_string(&tunnel->last_error, error);
		tunnel_enter(tunnel, TUNNEL_FAILED);
		break;
	case TUNNEL_LEAVING:
		tunnel_set_error(tunnel, error);
		loop_timer_arm(&tunnel->timer, backoff_next(&tunnel->backoff, random_u64()));
		break;
	case TUNNEL_UNCONFIGURED:
	case TUNNEL_ADDRESSING: /* the link came up meanwhile: the fault is over */
	case TUNNEL_UP:
	case TUNNEL_FAILED:
	case TUNNEL_DISCONNECTED:
	case TUNNEL_STATE_COUNT:
		break;
	}
}

void tunnel_on_link(struct tunnel *tunnel, bool up)
{
	switch (tunnel->state) {
	case TUNNEL_CONNECTING:
	case TUNNEL_FAILED:
		if (up)
			tunnel_enter(tunnel, TUNNEL_ADDRESSING);
		break;
	case TUNNEL_ADDRESSING:
	case TUNNEL_UP:
		if (!up)
			tunnel_enter(tunnel, TUNNEL_CONNECTING);
		break;
	case TUNNEL_DISCONNECTED:
		if (up) /* somebody dialled behind our back */
			begin_to_leave(tunnel, false);
		break;
	case TUNNEL_UNCONFIGURED:
	case TUNNEL_PREPARING: /* on_joined will tell */
	case TUNNEL_LEAVING:
	case TUNNEL_STATE_COUNT:
		break;
	}
}

void tunnel_on_address(struct tunnel *tunnel, bool present)
{
	switch (tunnel->state) {
	case TUNNEL_ADDRESSING:
		if (present)
			tunnel_enter(tunnel, TUNNEL_UP);
		break;
	case TUNNEL_UP:
		if (!present)
			tunnel_enter(tunnel, TUNNEL_ADDRESSING);
		break;
	case TUNNEL_UNCONFIGURED:
	case TUNNEL_PREPARING:
	case TUNNEL_CONNECTING:
	case TUNNEL_FAILED:
	case TUNNEL_LEAVING:
	case TUNNEL_DISCONNECTED:
	case TUNNEL_STATE_COUNT:
		break;
	}
}

void tunnel_on_stale(struct tunnel *tunnel)
{
	switch (tunnel->state) {
	case TUNNEL_CONNECTING:
	case TUNNEL_ADDRESSING:
	case TUNNEL_UP:
	case TUNNEL_FAILED:
		tunnel_enter(tunnel, TUNNEL_PREPARING);
		break;
	case TUNNEL_LEAVING: /* its last try met no client; there is one now */
		tunnel_enter(tunnel, TUNNEL_LEAVING);
		break;
	case TUNNEL_UNCONFIGURED:
	case TUNNEL_PREPARING:
	case TUNNEL_DISCONNECTED:
	case TUNNEL_STATE_COUNT:
		break;
	}
}

void tunnel_on_elapsed(struct tunnel *tunnel)
{
	switch (tunnel->state) {
	case TUNNEL_PREPARING:
		replace_string(&tunnel->last_error, "the SoftEther client does not finish setting "
						    "up the account: look at its service");
		tunnel_enter(tunnel, TUNNEL_FAILED);
		break;
	case TUNNEL_CONNECTING:
		arm(tunnel);
		tunnel->operations->diagnose(tunnel->owner);
		break;
	case TUNNEL_ADDRESSING:
		arm(tunnel);
		tunnel_set_error(tunnel,
				 "the VPN's DHCP server gives no address: is this gateway's lease "
				 "on the VPN host, and is dnsmasq running there?");
		break;
	case TUNNEL_FAILED:
		tunnel_enter(tunnel, TUNNEL_PREPARING);
		break;
	case TUNNEL_LEAVING:
		tunnel_enter(tunnel, TUNNEL_LEAVING);
		break;
	case TUNNEL_UNCONFIGURED:
	case TUNNEL_UP:
	case TUNNEL_DISCONNECTED:
	case TUNNEL_STATE_COUNT:
		break;
	}
}
