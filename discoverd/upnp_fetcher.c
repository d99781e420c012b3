/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fetch stays in the list after its end, as the memory of when its place was last asked. The list
 * is bounded; room is made by the fetch that ended first, never by one that waits or runs.
 */
#include "discoverd/upnp_fetcher.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/conversation.h"
#include "discoverd/http_message.h"
#include "discoverd/upnp_description.h"

#define MAX_FETCHES   256
#define MAX_RUNNING   16
#define MAX_OF_HOST   2 /* connections: a device has one description, seldom two */
#define PATIENCE      (3500 * USEC_PER_MSEC) /* the kernel's third SYN comes after 3 s, */
#define LAST_PATIENCE (7500 * USEC_PER_MSEC) /* its fourth after 7 s */
#define FETCH_AGAIN   (600 * USEC_PER_SEC)

enum fetch_state {
	FETCH_WAITING,
	FETCH_RUNNING,
	FETCH_ENDED,
};

struct fetch {
	struct fetch *next;
	struct upnp_fetcher *fetcher;
	struct upnp_place place;
	enum fetch_state state;
	unsigned connections;              /* one, and another if that was lost */
	struct conversation *conversation; /* not NULL while running */
	usec_t due;                        /* while waiting */
	usec_t ended;
};

struct upnp_fetcher {
	struct loop *loop;
	struct fetch *fetches; /* the latest first */
	size_t count;
	unsigned running;
	struct connection_budget *budget;
	struct loop_defer wake;
	struct loop_timer timer; /* the next is due, or the budget may have a place again */
	upnp_fetched_fn *on_fetched;
	upnp_unwelcome_fn *is_unwelcome;
	void *owner;
};

static void end(struct fetch *fetch, enum connection_end how)
{
	fetch->conversation = conversation_free(fetch->conversation);
	fetch->state = FETCH_ENDED;
	fetch->ended = loop_now(fetch->fetcher->loop);
	fetch->fetcher->running--;
	connection_budget_give_back(fetch->fetcher->budget, how);
	loop_defer_schedule(&fetch->fetcher->wake);
}

struct description_prober {
	struct conversation conversation;
	char path[TEXT_SIZE];
};

static void description_begin(struct conversation *conversation, const struct probe_target *target)
{
	struct description_prober *prober = container_of(conversation, struct description_prober,
							 conversation);

	memcpy(prober->path, target->path, strlen(target->path) + 1); /* a place's */
}

static size_t description_ask(struct conversation *conversation,
			      char request[static CONVERSATION_REQUEST_SIZE])
{
	struct description_prober *prober = container_of(conversation, struct description_prober,
							 conversation);
	const struct tcp_place *place = &conversation->target.place;

	return http_message_get_document(request, &place->address, place->port, prober->path);
}

static bool description_read(struct conversation *conversation, const struct response *response,
			     const char *body, size_t size)
{
	const struct tcp_place *place = &conversation->target.place;
	struct evidence *evidence = &conversation->evidence;
	usec_t now = loop_now(conversation->loop);

	if (response->protocol != RESPONSE_HTTP || response->status != 200 ||
	    upnp_description_read(evidence, body, size, now) < 0)
		return false;
	conversation->confirmed = true;
	http_message_read(evidence, response, place->port, place->secure, now);
	return false;
}

static const struct service_probe description_probe = {
	.size = sizeof(struct description_prober),
	.lone = true,
	.begin = description_begin,
	.ask = description_ask,
	.read = description_read,
};

static bool same_host(const struct fetch *fetch, const struct upnp_place *place)
{
	return fetch->place.ifindex == place->ifindex &&
	       netaddr_equal(&fetch->place.address, &place->address);
}

/* Made, and still to be made. */
static unsigned connections_to(const struct upnp_fetcher *fetcher, const struct upnp_place *place)
{
	unsigned count = 0;

	for (const struct fetch *fetch = fetcher->fetches; fetch; fetch = fetch->next)
		if (same_host(fetch, place))
			count += fetch->connections + (fetch->state == FETCH_WAITING);
	return count;
}

static void on_done(struct conversation *conversation, enum probe_result result,
		    struct evidence *evidence, void *owner)
{
	bool lost = result == PROBE_SILENT;
	struct fetch *fetch = owner;
	struct upnp_fetcher *fetcher = fetch->fetcher;
	char text[NETADDR_TEXT_SIZE];

	if (result == PROBE_CONFIRMED)
		fetcher->on_fetched(&fetch->place, evidence, fetcher->owner);
	else
		log_debug("%s has no UPnP description that can be read",
			  netaddr_format(&fetch->place.address, text));
	end(fetch, lost || result == PROBE_REFUSED ? CONNECTION_LOST : CONNECTION_ANSWERED);
	if (lost && connections_to(fetcher, &fetch->place) < MAX_OF_HOST)
		fetch->state = FETCH_WAITING;
}

/* The place of the budget is taken. */
static void start(struct fetch *fetch)
{
	static const struct conversation_handlers handlers = { .on_done = on_done };
	struct upnp_fetcher *fetcher = fetch->fetcher;
	const struct probe_target target = {
		.place = { .ifindex = fetch->place.ifindex,
			   .address = fetch->place.address,
			   .port = fetch->place.port },
		.patience = fetch->connections ? LAST_PATIENCE : PATIENCE,
		.path = fetch->place.path,
	};

	if (fetcher->is_unwelcome(&fetch->place, fetcher->owner) ||
	    conversation_start(&fetch->conversation, fetcher->loop, &description_probe, &target,
			       &handlers, fetch) < 0) {
		fetch->state = FETCH_ENDED; /* or out of descriptors: as good as lost */
		fetch->ended = loop_now(fetcher->loop);
		connection_budget_give_back(fetcher->budget, CONNECTION_UNKNOWN);
		return;
	}
	fetch->state = FETCH_RUNNING;
	fetch->connections++;
	fetcher->running++;
}

static bool is_host_busy(const struct upnp_fetcher *fetcher, const struct upnp_place *place)
{
	for (const struct fetch *fetch = fetcher->fetches; fetch; fetch = fetch->next)
		if (fetch->state == FETCH_RUNNING && same_host(fetch, place))
			return true;
	return false;
}

static void on_wake(struct loop_defer *defer)
{
	struct upnp_fetcher *fetcher = container_of(defer, struct upnp_fetcher, wake);
	usec_t now = loop_now(fetcher->loop), next = USEC_INFINITY;

	for (struct fetch *fetch = fetcher->fetches; fetch && fetcher->running < MAX_RUNNING;
	     fetch = fetch->next) {
		if (fetch->state != FETCH_WAITING || is_host_busy(fetcher, &fetch->place))
			continue;
		if (fetch->due > now) {
			next = fetch->due < next ? fetch->due : next;
		} else if (connection_budget_claim(fetcher->budget, now)) {
			start(fetch);
		} else {
			next = now + connection_budget_wait(fetcher->budget, now);
			break;
		}
	}
	if (next != USEC_INFINITY)
		loop_timer_arm(&fetcher->timer, next - now);
}

static void on_due(struct loop_timer *timer)
{
	loop_defer_schedule(&container_of(timer, struct upnp_fetcher, timer)->wake);
}

static void remove_fetch(struct upnp_fetcher *fetcher, struct fetch *fetch)
{
	struct fetch **at = &fetcher->fetches;

	while (*at != fetch)
		at = &(*at)->next;
	*at = fetch->next;
	if (fetch->state == FETCH_RUNNING)
		end(fetch, CONNECTION_UNKNOWN);
	fetcher->count--;
	free(fetch);
}

static bool make_room(struct upnp_fetcher *fetcher)
{
	struct fetch *first = NULL;

	if (fetcher->count < MAX_FETCHES)
		return true;
	for (struct fetch *fetch = fetcher->fetches; fetch; fetch = fetch->next)
		if (fetch->state == FETCH_ENDED && (!first || fetch->ended < first->ended))
			first = fetch;
	if (first)
		remove_fetch(fetcher, first);
	return first;
}

void upnp_fetcher_add(struct upnp_fetcher *fetcher, const struct upnp_place *place, usec_t wait)
{
	usec_t now = loop_now(fetcher->loop);
	struct fetch *fetch, *next;

	for (fetch = fetcher->fetches; fetch; fetch = next) {
		next = fetch->next;
		if (!same_host(fetch, place))
			continue;
		if (fetch->state == FETCH_ENDED && now - fetch->ended >= FETCH_AGAIN) {
			remove_fetch(fetcher, fetch);
			continue;
		}
		if (fetch->place.port == place->port &&
		    strcmp(fetch->place.path, place->path) == 0) {
			if (now + wait < fetch->due)
				fetch->due = now + wait;
			loop_defer_schedule(&fetcher->wake);
			return;
		}
	}
	if (connections_to(fetcher, place) >= MAX_OF_HOST || !make_room(fetcher))
		return;
	fetch = xnew(struct fetch);
	fetch->fetcher = fetcher;
	fetch->place = *place;
	fetch->due = now + wait;
	fetch->next = fetcher->fetches;
	fetcher->fetches = fetch;
	fetcher->count++;
	loop_defer_schedule(&fetcher->wake);
}

void upnp_fetcher_forget(struct upnp_fetcher *fetcher, unsigned ifindex)
{
	struct fetch *next;

	for (struct fetch *fetch = fetcher->fetches; fetch; fetch = next) {
		next = fetch->next;
		if (fetch->place.ifindex == ifindex && fetch->state == FETCH_ENDED)
			remove_fetch(fetcher, fetch);
	}
}

struct progress upnp_fetcher_progress(const struct upnp_fetcher *fetcher)
{
	struct progress progress = { 0 };

	/* Those that ended earlier count as done: the fetches of one scan come together. */
	for (const struct fetch *fetch = fetcher->fetches; fetch; fetch = fetch->next) {
		progress.planned++;
		progress.done += fetch->state == FETCH_ENDED;
	}
	return progress;
}

void upnp_fetcher_new(struct upnp_fetcher **ret_fetcher, struct loop *loop,
		      struct connection_budget *budget, upnp_fetched_fn *on_fetched,
		      upnp_unwelcome_fn *is_unwelcome, void *owner)
{
	struct upnp_fetcher *fetcher = xnew(struct upnp_fetcher);

	fetcher->loop = loop;
	fetcher->budget = budget;
	fetcher->on_fetched = on_fetched;
	fetcher->is_unwelcome = is_unwelcome;
	fetcher->owner = owner;
	loop_defer_init(&fetcher->wake, loop, on_wake);
	loop_timer_init(&fetcher->timer, loop, on_due);
	*ret_fetcher = fetcher;
}

struct upnp_fetcher *upnp_fetcher_free(struct upnp_fetcher *fetcher)
{
	if (!fetcher)
		return NULL;
	while (fetcher->fetches)
		remove_fetch(fetcher, fetcher->fetches);
	loop_defer_deinit(&fetcher->wake);
	loop_timer_deinit(&fetcher->timer);
	free(fetcher);
	return NULL;
}
