/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The next question is put when the one before has been answered, or has been given up. */
#include "vpn-service/connected_count.h"

#include "common/memory.h"
#include "vpn-service/vpn_sessions.h"

#define INTERVAL (10 * USEC_PER_SEC)
#define PATIENCE (2 * USEC_PER_SEC)

struct connected_count {
	struct loop *loop;
	struct softether *softether;
	const char *hub;
	struct loop_timer next;
	struct vpn_sessions *query;
	bool known;
	unsigned connected;
	connected_count_fn *on_changed;
	void *owner;
};

static void on_sessions(const struct vpn_sessions_result *result, void *owner)
{
	struct connected_count *count = owner;
	bool known = !result->error;
	unsigned connected = known ? result->connected : 0;

	count->query = NULL;
	loop_timer_arm(&count->next, INTERVAL);
	if (known == count->known && connected == count->connected)
		return;
	count->known = known;
	count->connected = connected;
	count->on_changed(count->owner);
}

static void on_next(struct loop_timer *timer)
{
	struct connected_count *count = container_of(timer, struct connected_count, next);
	/* Of no gateway in particular: nobody's bytes are asked for. */
	const struct vpn_sessions_question question = {
		.hub = count->hub, .first = 1, .last = 0, .patience = PATIENCE
	};

	count->query = vpn_sessions_start(count->loop, count->softether, &question, on_sessions,
					  count);
}

struct connected_count *connected_count_new(struct loop *loop, struct softether *softether,
					    const char *hub, connected_count_fn *on_changed,
					    void *owner)
{
	struct connected_count *count = xnew(struct connected_count);

	count->loop = loop;
	count->softether = softether;
	count->hub = hub;
	count->on_changed = on_changed;
	count->owner = owner;
	loop_timer_init(&count->next, loop, on_next);
	loop_timer_arm(&count->next, 0);
	return count;
}

struct connected_count *connected_count_free(struct connected_count *count)
{
	if (!count)
		return NULL;
	vpn_sessions_cancel(count->query);
	loop_timer_deinit(&count->next);
	free(count);
	return NULL;
}

bool connected_count_get(const struct connected_count *count, unsigned *ret_connected)
{
	*ret_connected = count->connected;
	return count->known;
}
