/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every change is one transaction: the difference between what the table holds and what it should
 * hold. Should the kernel not accept a difference, somebody has changed the table behind our back;
 * then it is made anew as a whole, which is one transaction, too.
 */
#include "routed/routing.h"

#include <errno.h>
#include <string.h>

#include "common/backoff.h"
#include "common/log.h"
#include "common/memory.h"
#include "routed/conntrack.h"
#include "routed/expiry.h"
#include "routed/host.h"
#include "routed/nft_monitor.h"
#include "routed/nft_socket.h"
#include "routed/nft_table.h"
#include "routed/readiness.h"
#include "routed/revision.h"
#include "routed/ruleset.h"
#include "routed/table_reader.h"
#include "routed/table_writer.h"

struct routing {
	struct nft_socket *socket;
	struct conntrack *conntrack;
	struct table_writer writer;
	struct nft_table_service services[ROUTING_MAX_SERVICES];
	struct forward_list held; /* in the kernel */
	struct revision_list revisions;
	struct nft_monitor *monitor;
	struct loop_timer restore_timer;
	struct backoff restore_delay; /* so as not to fight with a program that does not give in */
	usec_t restored_at;
	char *damage; /* a sentence: what made it necessary to restore the table */
	struct readiness *readiness;
	struct loop *loop;
	bool damaged; /* the table may not be what it should be: make it anew */
	struct expiry_clock clock;
	bool clock_moved;               /* the deadlines in the kernel are not those that count */
	struct loop_timer expiry_timer; /* armed while a forward has an end */
	struct loop_timer bypass_timer; /* armed while udp flows may go past new forwards */
	routing_changed_fn *on_changed;
	routing_expired_fn *on_expired;
	void *owner;
};

static void changed(struct routing *routing)
{
	if (routing->on_changed)
		routing->on_changed(routing->owner);
}

/* --- transactions --- */

static int make_held_anew(struct routing *routing)
{
	const struct ruleset_change nothing = { 0 };

	return table_write_whole(&routing->writer, &routing->held, &nothing, &routing->revisions);
}

static void end_connections(struct routing *routing, const struct forward_list *gone)
{
	struct ended_list ended;
	int r;

	ended_list_init(&ended, gone, &routing->held);
	r = conntrack_end(routing->conntrack, &ended);
	if (r < 0)
		log_warning_errno(r, "cannot end the connections of %zu removed forwards: %m",
				  ended.count);
	else if (r > 0)
		log_info("ended %d connections of removed forwards", r);
	ended_list_deinit(&ended);
}

/*
 * A udp flow that nothing redirects lasts as long as its packets come, also past a new forward. To
 * find it takes a walk through all that the kernel tracks (some 10 ms), so it comes after the
 * answer to the caller, and once for all changes that come together.
 */
#define BYPASS_DELAY (20 * USEC_PER_MSEC)

static void on_bypass(struct loop_timer *timer)
{
	struct routing *routing = container_of(timer, struct routing, bypass_timer);
	int r = conntrack_end_bypassing(routing->conntrack, &routing->held);

	if (r < 0)
		log_warning_errno(r, "cannot end the flows that bypass new forwards: %m");
	else if (r > 0)
		log_info("ended %d flows that bypassed new forwards", r);
}

static void plan_end_of_bypassing_flows(struct routing *routing)
{
	if (!loop_timer_is_armed(&routing->bypass_timer))
		loop_timer_arm(&routing->bypass_timer, BYPASS_DELAY);
}

static bool adds_udp(const struct ruleset_change *change)
{
	for (size_t i = 0; i < change->added_count; i++)
		if (change->added[i]->protocol == IPPROTO_UDP)
			return true;
	return false;
}

static int change_or_make_anew(struct routing *routing, const struct ruleset_change *change,
			       const struct revision_list *revisions)
{
	int r = -EAGAIN;

	if (!routing->damaged) {
		r = table_write_change(&routing->writer, &routing->held, change,
				       &routing->revisions, revisions);
		if (r < 0)
			log_warning("%s; making the table anew", routing->writer.error);
	}
	if (r < 0)
		r = table_write_whole(&routing->writer, &routing->held, change, revisions);
	return r;
}

/* One that has no forwards any more; NULL: there is none. */
static const char *find_empty_set(const struct routing *routing)
{
	for (size_t i = 0; i < routing->revisions.count; i++)
		if (forward_list_count_of(&routing->held, routing->revisions.items[i].set) == 0)
			return routing->revisions.items[i].set;
	return NULL;
}

/* Takes from given what the change adds, when it succeeds. */
static int apply(struct routing *routing, const struct ruleset_change *change,
		 struct forward_list *given, const char *set, uint64_t *ret_revision)
{
	_cleanup_(revision_list_deinit) struct revision_list revisions = revision_list_copy(
		&routing->revisions);
	_cleanup_forward_list_ struct forward_list gone = { 0 };
	uint64_t revision = revision_get(&revisions, set) + 1;
	bool udp = adds_udp(change);
	int r;

	if (revision_list_is_full(&revisions, set))
		revision_forget(&revisions, find_empty_set(routing));
	revision_set(&revisions, set, revision);
	r = change_or_make_anew(routing, change, &revisions);
	if (r < 0)
		return r;
	routing->damaged = false;
	ruleset_apply(&routing->held, given, change, &gone);
	end_connections(routing, &gone);
	if (udp)
		plan_end_of_bypassing_flows(routing);
	revision_list_deinit(&routing->revisions);
	routing->revisions = revisions;
	revisions = (struct revision_list){ 0 };
	*ret_revision = revision;
	return 0;
}

/* --- repair --- */

#define FIRST_RESTORE_DELAY   (10 * USEC_PER_MSEC) /* what arrives before is not translated */
#define LONGEST_RESTORE_DELAY (60 * USEC_PER_SEC)

static bool is_same(const struct forward_list *a, const struct forward_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!forward_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static bool same_revisions(const struct revision_list *a, const struct revision_list *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (revision_get(b, a->items[i].set) != a->items[i].revision)
			return false;
	return a->count == b->count;
}

/* The sets may have been left alone; then they keep their counters. */
static bool sets_are_intact(struct routing *routing)
{
	_cleanup_(revision_list_deinit) struct revision_list revisions = { 0 };
	_cleanup_forward_list_ struct forward_list forwards = { 0 };

	return table_read(routing->socket, &forwards, &revisions) == TABLE_FOUND_INTACT &&
	       is_same(&forwards, &routing->held) &&
	       same_revisions(&revisions, &routing->revisions);
}

static void plan_restore(struct routing *routing)
{
	if (loop_timer_is_armed(&routing->restore_timer))
		return;
	if (loop_now(routing->loop) - routing->restored_at > LONGEST_RESTORE_DELAY)
		backoff_reset(&routing->restore_delay);
	loop_timer_arm(&routing->restore_timer,
		       backoff_next(&routing->restore_delay, loop_now(routing->loop)));
}

static void on_restore(struct loop_timer *timer)
{
	struct routing *routing = container_of(timer, struct routing, restore_timer);
	int r = -EAGAIN;

	if (!routing->damaged)
		return; /* a change came first, and made the table anew */
	if (sets_are_intact(routing))
		r = table_write_rules(&routing->writer, &routing->held);
	if (r < 0)
		r = make_held_anew(routing);
	if (r < 0) {
		log_error("%s", routing->writer.error);
		plan_restore(routing);
	} else {
		routing->damaged = false;
		plan_end_of_bypassing_flows(routing);
		log_event(LOG_WARNING, LOG_FIELDS("EVENT=table-restored"),
			  "%s; it is restored with %zu forwards", routing->damage,
			  routing->held.count);
	}
	routing->restored_at = loop_now(routing->loop);
	changed(routing);
}

/* Takes the sentence. */
static void on_damage(struct routing *routing, char *damage)
{
	free(routing->damage);
	routing->damage = damage;
	routing->damaged = true;
	plan_restore(routing);
}

static void on_foreign_change(const char *who, void *owner)
{
	on_damage(owner, who ? xasprintf("%s changed the table \"" NFT_TABLE "\"", who)
			     : xstrdup("events about the table \"" NFT_TABLE "\" were lost"));
}

/* --- changes --- */

static int refuse_own_addresses(const struct forward_list *forwards, char **ret_error)
{
	_cleanup_free_ struct host_address *own = NULL;
	char key[FORWARD_ADDRESS_SIZE], address[NETADDR_TEXT_SIZE];
	size_t own_count;
	int r;

	if (forwards->count == 0)
		return 0;
	r = host_addresses(&own, &own_count);
	if (r < 0) {
		log_warning_errno(r, "cannot read the addresses of this host: %m");
		return 0;
	}
	for (size_t i = 0; i < forwards->count; i++)
		for (size_t j = 0; j < own_count; j++)
			if (netaddr_equal(&forwards->items[i].target, &own[j].address)) {
				*ret_error = xasprintf("%s: target %s is this host itself",
						       forward_format_key(&forwards->items[i], key),
						       netaddr_format(&own[j].address, address));
				return -EINVAL;
			}
	return 0;
}

/* --- expiry --- */

#define CLOCK_CHECK (60 * USEC_PER_SEC) /* how soon a wall clock that has been put right counts */
#define RETRY_DELAY (1 * USEC_PER_SEC)

static void see_clock(struct routing *routing)
{
	bool synchronised;
	int64_t wall = host_wall_clock(&synchronised);

	if (expiry_clock_see(&routing->clock, loop_now(routing->loop), wall, synchronised))
		routing->clock_moved = true;
}

static void set_deadlines(struct routing *routing, struct forward_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].expires)
			list->items[i].deadline = expiry_clock_deadline(&routing->clock,
									list->items[i].expires);
}

static bool has_expired(struct routing *routing, const struct forward *forward)
{
	return forward->expires && forward->deadline <= loop_now(routing->loop);
}

static void leave_out_expired(struct routing *routing, struct forward_list *forwards)
{
	size_t kept = 0;

	see_clock(routing);
	set_deadlines(routing, forwards);
	for (size_t i = 0; i < forwards->count; i++)
		if (has_expired(routing, &forwards->items[i]))
			forward_deinit(&forwards->items[i]);
		else
			forwards->items[kept++] = forwards->items[i];
	forwards->count = kept;
}

static void arm_expiry(struct routing *routing, usec_t at_least)
{
	usec_t now = loop_now(routing->loop), delay = routing->clock_moved ? 0 : CLOCK_CHECK, left;
	bool any = false;

	for (size_t i = 0; i < routing->held.count; i++) {
		if (!routing->held.items[i].expires)
			continue;
		any = true;
		left = routing->held.items[i].deadline > now ? routing->held.items[i].deadline - now
							     : 0;
		if (left < delay)
			delay = left;
	}
	if (any)
		loop_timer_arm(&routing->expiry_timer, delay > at_least ? delay : at_least);
	else
		loop_timer_cancel(&routing->expiry_timer);
}

/* Those of the first set that has any, as a list of their own; false: there are none. */
static bool find_expired(struct routing *routing, struct forward_list *ret_expired)
{
	struct forward_list expired = { 0 };
	const struct forward *item;

	for (size_t i = 0; i < routing->held.count; i++) {
		item = &routing->held.items[i];
		if (has_expired(routing, item) &&
		    (expired.count == 0 || strcmp(item->set, expired.items[0].set) == 0))
			forward_list_append(&expired, forward_copy(item));
	}
	*ret_expired = expired;
	return expired.count > 0;
}

static int expire(struct routing *routing, struct forward_list *expired)
{
	_cleanup_free_ char *error = NULL, *set = xstrdup(expired->items[0].set);
	char key[FORWARD_ADDRESS_SIZE];
	uint64_t revision;
	int r;

	r = routing_change(routing, RULESET_REMOVE, set, expired, &revision, &error);
	if (r < 0)
		return log_error_errno(r, "cannot end expired forwards: %s", error);
	for (size_t i = 0; i < expired->count; i++) {
		log_info("%s of the set %s has expired",
			 forward_format_key(&expired->items[i], key), set);
		if (routing->on_expired)
			routing->on_expired(&expired->items[i], routing->owner);
	}
	return 0;
}

/* Whoever reads the table back when the clock may not be right has only what is in it. */
static void write_deadlines(struct routing *routing)
{
	if (table_write_deadlines(&routing->writer, &routing->held) < 0)
		on_damage(routing, xstrdup("the ends of forwards could not be written"));
	else
		log_info("the clock has been put right: the ends of forwards are new");
}

static void on_expiry(struct loop_timer *timer)
{
	struct routing *routing = container_of(timer, struct routing, expiry_timer);
	struct forward_list expired = { 0 };
	int r = 0;

	see_clock(routing);
	set_deadlines(routing, &routing->held);
	if (routing->clock_moved && !routing->damaged)
		write_deadlines(routing);
	routing->clock_moved = false; /* where it is damaged, restoring it writes them, too */
	while (r >= 0 && find_expired(routing, &expired)) {
		r = expire(routing, &expired);
		forward_list_deinit(&expired);
	}
	arm_expiry(routing, r < 0 ? RETRY_DELAY : 0);
}

/* The deadlines that were read back hold, unless the clock is known to be right. */
static void take_over_deadlines(struct routing *routing)
{
	for (size_t i = 0; i < routing->held.count && !routing->clock.known; i++)
		expiry_clock_recall(&routing->clock, routing->held.items[i].expires,
				    routing->held.items[i].deadline);
	see_clock(routing);
	set_deadlines(routing, &routing->held);
	arm_expiry(routing, 0);
}

/* What can be said of the forwards themselves. */
static int check(const char *set, struct forward_list *forwards, enum ruleset_operation operation,
		 char **ret_error)
{
	const struct forward *twice;
	char key[FORWARD_ADDRESS_SIZE];
	int r;

	r = forward_set_check(set, ret_error);
	if (r < 0)
		return r;
	forward_list_name_set(forwards, set);
	twice = forward_list_sort(forwards);
	if (twice) {
		*ret_error = xasprintf("%s: given twice", forward_format_key(twice, key));
		return -EINVAL;
	}
	return operation == RULESET_REMOVE ? 0 : refuse_own_addresses(forwards, ret_error);
}

static bool has_too_many_sources(const struct forward_list *held,
				 const struct ruleset_change *change)
{
	size_t count = 0;

	for (size_t i = 0; i < held->count; i++)
		count += held->items[i].source_count;
	for (size_t i = 0; i < change->removed_count; i++)
		count -= change->removed[i]->source_count;
	for (size_t i = 0; i < change->added_count; i++)
		count += change->added[i]->source_count;
	return count > FORWARD_LIST_MAX;
}

/* What can be said without the kernel. */
static int plan(struct routing *routing, struct ruleset_change *ret_change,
		enum ruleset_operation operation, const char *set, struct forward_list *forwards,
		char **ret_error)
{
	const struct forward *conflict, *other;
	char key[FORWARD_ADDRESS_SIZE];
	int r;

	if (operation != RULESET_REMOVE)
		leave_out_expired(routing, forwards);
	r = check(set, forwards, operation, ret_error);
	if (r < 0)
		return r;
	if (operation != RULESET_REMOVE && revision_list_is_full(&routing->revisions, set) &&
	    !find_empty_set(routing)) {
		*ret_error = xasprintf("more than %d sets", REVISION_LIST_MAX);
		return -ENOSPC;
	}
	r = ruleset_plan(ret_change, &routing->held, forwards, set, operation, &conflict);
	if (r == -EEXIST) {
		other = forward_list_find(&routing->held, conflict);
		*ret_error = xasprintf("%s: taken by the set \"%s\"",
				       forward_format_key(conflict, key), other ? other->set : "");
	} else if (r == -ENOSPC) {
		*ret_error = xasprintf("more than %d forwards in all sets", FORWARD_LIST_MAX);
	} else if (has_too_many_sources(&routing->held, ret_change)) {
		*ret_error = xasprintf("more than %d prefixes in all sets", FORWARD_LIST_MAX);
		r = -ENOSPC;
	}
	return r;
}

int routing_change(struct routing *routing, enum ruleset_operation operation, const char *set,
		   struct forward_list *forwards, uint64_t *ret_revision, char **ret_error)
{
	_cleanup_ruleset_change_ struct ruleset_change change = { 0 };
	usec_t started = loop_now(routing->loop);
	int r;

	r = plan(routing, &change, operation, set, forwards, ret_error);
	if (r < 0)
		return r;
	if (!routing->damaged && ruleset_change_is_empty(&change)) {
		*ret_revision = revision_get(&routing->revisions, set);
		return 0;
	}
	r = apply(routing, &change, forwards, set, ret_revision);
	if (r < 0) {
		log_error("%s", routing->writer.error);
		*ret_error = xstrdup(routing->writer.error);
		on_damage(routing, xstrdup("a change of the table \"" NFT_TABLE "\" failed"));
		r = -EIO;
	} else {
		log_event(LOG_INFO, LOG_FIELDS("EVENT=forwards"),
			  "set %s: revision %llu, %zu added and %zu removed (%zu in all sets) in "
			  "%llu us",
			  set, (unsigned long long)*ret_revision, change.added_count,
			  change.removed_count, routing->held.count,
			  (unsigned long long)(loop_now(routing->loop) - started));
	}
	arm_expiry(routing, 0);
	readiness_look(routing->readiness);
	changed(routing);
	return r;
}

const struct forward_list *routing_forwards(const struct routing *routing)
{
	return &routing->held;
}

struct traffic routing_traffic(struct routing *routing)
{
	struct traffic traffic;

	traffic_count(&traffic, &routing->held, routing->socket, routing->conntrack);
	return traffic;
}

const char *routing_last_error(const struct routing *routing)
{
	const char *advice = readiness_advice(routing->readiness);

	if (routing->writer.error)
		return routing->writer.error;
	return routing->held.count > 0 && advice ? advice : "";
}

const struct readiness *routing_readiness(const struct routing *routing)
{
	return routing->readiness;
}

void routing_on_changed(struct routing *routing, routing_changed_fn *on_changed,
			routing_expired_fn *on_expired, void *owner)
{
	routing->on_expired = on_expired;
	routing->on_changed = on_changed;
	routing->owner = owner;
}

/* --- start --- */

static void on_readiness_changed(void *owner)
{
	changed(owner);
}

static int watch(struct routing *routing)
{
	int r;

	r = nft_monitor_new(&routing->monitor, routing->loop, NFT_TABLE,
			    nft_socket_port_id(routing->socket), on_foreign_change, routing);
	if (r >= 0)
		r = readiness_new(&routing->readiness, routing->loop, &routing->held,
				  on_readiness_changed, routing);
	return r;
}

static int start(struct routing *routing)
{
	enum table_found found;
	int r = -EAGAIN;

	found = table_read(routing->socket, &routing->held, &routing->revisions);
	if (found == TABLE_FOUND_UNREADABLE)
		return log_error_errno(r, "cannot read the table \"" NFT_TABLE "\" back: %m");
	if (found == TABLE_FOUND_INTACT)
		r = table_write_rules(&routing->writer, &routing->held);
	if (found == TABLE_FOUND_DAMAGED)
		log_warning("the table \"" NFT_TABLE
			    "\" is not as we left it; making it anew with the %zu "
			    "forwards found in it",
			    routing->held.count);
	if (r < 0)
		r = make_held_anew(routing);
	if (r < 0)
		return log_error_errno(r, "%s", routing->writer.error);
	take_over_deadlines(routing);
	if (found == TABLE_FOUND_NONE)
		log_info("made the table \"" NFT_TABLE "\"");
	else
		log_info("took over the table \"" NFT_TABLE "\" with %zu forwards",
			 routing->held.count);
	readiness_look(routing->readiness);
	if (!readiness_forwarding_enabled(routing->readiness))
		log_warning("%s", readiness_advice(routing->readiness));
	return 0;
}

int routing_new(struct routing **ret_routing, struct loop *loop,
		const struct routing_settings *settings)
{
	_cleanup_(routing_freep) struct routing *routing = xnew(struct routing);
	int r;

	routing->loop = loop;
	routing->restore_delay = (struct backoff)BACKOFF_INIT(FIRST_RESTORE_DELAY,
							      LONGEST_RESTORE_DELAY);
	loop_timer_init(&routing->restore_timer, loop, on_restore);
	loop_timer_init(&routing->expiry_timer, loop, on_expiry);
	loop_timer_init(&routing->bypass_timer, loop, on_bypass);
	routing_settings_read(&routing->writer.options, routing->services, settings);
	r = nft_socket_new(&routing->socket);
	routing->writer.socket = routing->socket;
	if (r >= 0)
		r = conntrack_new(&routing->conntrack);
	if (r < 0)
		return log_error_errno(r, "cannot open a netlink socket: %m");
	r = watch(routing); /* before the table is read, so that nothing is missed in between */
	if (r == -EPERM)
		return log_error_errno(r, "cannot watch nftables: routed needs CAP_NET_ADMIN");
	if (r < 0)
		return log_error_errno(r, "cannot watch the network: %m");
	r = start(routing);
	if (r < 0)
		return r;
	*ret_routing = steal_ptr(routing);
	return 0;
}

struct routing *routing_free(struct routing *routing)
{
	if (!routing)
		return NULL;
	loop_timer_deinit(&routing->restore_timer);
	loop_timer_deinit(&routing->expiry_timer);
	loop_timer_deinit(&routing->bypass_timer);
	nft_monitor_free(routing->monitor);
	readiness_free(routing->readiness);
	free(routing->damage);
	nft_socket_free(routing->socket);
	conntrack_free(routing->conntrack);
	forward_list_deinit(&routing->held);
	revision_list_deinit(&routing->revisions);
	table_writer_deinit(&routing->writer);
	free(routing);
	return NULL;
}
