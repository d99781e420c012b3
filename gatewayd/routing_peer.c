/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Desired state, not commands: there is one list, and one Replace at a time. A list that comes
 * while a call is under way is sent after it; only the newest matters.
 */
#include "gatewayd/routing_peer.h"

#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/bus_client.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"
#include "dbus/routing1.h"

#define SERVICE "io.evercam.Routing1"
#define PATH    "/io/evercam/Routing1"
#define SET     "gateway"

struct routing_peer {
	struct bus *bus;
	struct bus_peer *presence;
	struct bus_request *request;
	struct loop_timer retry;
	struct backoff backoff;
	struct forward_list forwards;
	char *interface;
	bool wanted;  /* a list has been set */
	bool applied; /* routed holds it */
	/* The rules whose forwards routed holds as far as it has told, also while it is given
	 * another list. Sorted. */
	uint64_t *held;
	size_t held_count;
	bool stale; /* the call under way carries an older list */
	char *problem;
	routing_peer_fn *on_change;
	void *owner;
};

static void apply(struct routing_peer *peer);

static void set_status(struct routing_peer *peer, bool applied, const char *problem)
{
	bool same = applied == peer->applied &&
		    strcmp(problem ? problem : "", peer->problem ? peer->problem : "") == 0;

	if (same)
		return;
	peer->applied = applied;
	replace_string(&peer->problem, problem);
	peer->on_change(peer, peer->owner);
}

static void forget_held(struct routing_peer *peer)
{
	free(peer->held);
	peer->held = NULL;
	peer->held_count = 0;
}

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void note_held(struct routing_peer *peer)
{
	forget_held(peer);
	peer->held = xcalloc(peer->forwards.count, sizeof(*peer->held));
	for (size_t i = 0; i < peer->forwards.count; i++)
		peer->held[peer->held_count++] = peer->forwards.forwards[i].rule_id;
	qsort(peer->held, peer->held_count, sizeof(*peer->held), compare_ids);
}

static void on_replaced(const struct bus_reply *reply, void *owner)
{
	struct routing_peer *peer = owner;
	_cleanup_free_ char *problem = NULL;

	peer->request = NULL;
	if (peer->stale) {
		apply(peer);
		return;
	}
	if (reply->error == 0) {
		backoff_reset(&peer->backoff);
		log_info("routed has taken %zu forwards", peer->forwards.count);
		note_held(peer);
		set_status(peer, true, NULL);
		return;
	}
	problem = xasprintf("routed did not take the forwards: %s",
			    reply->error_text ? reply->error_text : reply->error_name);
	log_warning("%s", problem);
	loop_timer_arm(&peer->retry, backoff_next(&peer->backoff, random_u64()));
	forget_held(peer);
	set_status(peer, false, problem);
}

static void write_allowed(struct bus_writer *writer, const struct forward *forward)
{
	char text[NETPREFIX_TEXT_SIZE];

	bus_dict_open(writer, "allow-from", "as");
	bus_open_array(writer, "s");
	for (size_t i = 0; i < forward->allow_from_count; i++)
		bus_write_string(writer, netprefix_format(&forward->allow_from[i], text));
	bus_close(writer);
	bus_dict_close(writer);
}

static void write_forward(struct bus_writer *writer, const struct forward *forward,
			  const char *interface)
{
	_cleanup_free_ char *name = xasprintf("rule %llu", (unsigned long long)forward->rule_id);
	char target[NETADDR_TEXT_SIZE];

	bus_open_struct(writer);
	bus_write_string(writer, rule_protocol_name(forward->protocol));
	bus_write_u16(writer, forward->listen_port);
	bus_write_string(writer, netaddr_format(&forward->target, target));
	bus_write_u16(writer, forward->target_port);
	bus_write_string(writer, interface);
	bus_open_dict(writer);
	bus_dict_string(writer, "name", name);
	if (forward->allow_from_count > 0)
		write_allowed(writer, forward);
	if (forward->expires_at)
		bus_dict_i64(writer, "expires", forward->expires_at);
	bus_close(writer);
	bus_close(writer);
}

static void send_list(struct routing_peer *peer)
{
	bool clear = peer->forwards.count == 0;
	struct bus_writer *writer;

	peer->request = bus_request_new(
		peer->bus, SERVICE, PATH, ROUTING1_INTERFACE,
		routing1_interface.methods[clear ? ROUTING1_METHOD_CLEAR : ROUTING1_METHOD_REPLACE]
			.name);
	writer = bus_request_arguments(peer->request);
	bus_write_string(writer, SET);
	if (!clear) {
		bus_open_array(writer, "(sqsqsa{sv})");
		for (size_t i = 0; i < peer->forwards.count; i++)
			write_forward(writer, &peer->forwards.forwards[i], peer->interface);
		bus_close(writer);
	}
	bus_request_send(peer->request, "t", 0, on_replaced, peer);
}

static void apply(struct routing_peer *peer)
{
	loop_timer_cancel(&peer->retry);
	if (peer->request) {
		peer->stale = true;
		return;
	}
	peer->stale = false;
	if (!peer->wanted || !bus_peer_is_present(peer->presence))
		return;
	send_list(peer);
}

static void on_presence(struct bus_peer *presence, bool present, void *owner)
{
	struct routing_peer *peer = owner;

	peer->request = bus_request_cancel(peer->request);
	peer->stale = false;
	backoff_reset(&peer->backoff);
	loop_timer_cancel(&peer->retry);
	forget_held(peer);
	set_status(peer, false, present ? NULL : "routed is not running");
	if (present)
		apply(peer);
}

static void on_retry(struct loop_timer *timer)
{
	apply(container_of(timer, struct routing_peer, retry));
}

void routing_peer_set(struct routing_peer *peer, struct forward_list *forwards,
		      const char *interface)
{
	bool same = peer->wanted && forward_list_equal(&peer->forwards, forwards) &&
		    strcmp(peer->interface, interface) == 0;

	if (same) {
		forward_list_clear(forwards);
		return;
	}
	forward_list_clear(&peer->forwards);
	peer->forwards = *forwards;
	*forwards = (struct forward_list){ 0 };
	replace_string(&peer->interface, interface);
	peer->wanted = true;
	backoff_reset(&peer->backoff);
	if (bus_peer_is_present(peer->presence))
		set_status(peer, false, NULL);
	apply(peer);
}

bool routing_peer_holds(const struct routing_peer *peer, uint64_t rule_id)
{
	return peer->held_count > 0 && bsearch(&rule_id, peer->held, peer->held_count,
					       sizeof(*peer->held), compare_ids) != NULL;
}

size_t routing_peer_held_count(const struct routing_peer *peer)
{
	return peer->held_count;
}

const char *routing_peer_problem(const struct routing_peer *peer)
{
	return peer->problem;
}

int routing_peer_new(struct routing_peer **ret_peer, struct loop *loop, struct bus *bus,
		     routing_peer_fn *on_change, void *owner)
{
	_cleanup_(routing_peer_freep) struct routing_peer *peer = xnew(struct routing_peer);
	struct backoff backoff = BACKOFF_INIT(USEC_PER_SEC, 60 * USEC_PER_SEC);
	int r;

	peer->bus = bus;
	peer->backoff = backoff;
	peer->on_change = on_change;
	peer->owner = owner;
	loop_timer_init(&peer->retry, loop, on_retry);
	r = bus_peer_new(&peer->presence, bus, SERVICE, on_presence, peer);
	if (r < 0)
		return r;
	*ret_peer = steal_ptr(peer);
	return 0;
}

struct routing_peer *routing_peer_free(struct routing_peer *peer)
{
	if (!peer)
		return NULL;
	bus_request_cancel(peer->request);
	bus_peer_free(peer->presence);
	loop_timer_deinit(&peer->retry);
	forward_list_clear(&peer->forwards);
	forget_held(peer);
	free(peer->interface);
	free(peer->problem);
	free(peer);
	return NULL;
}
