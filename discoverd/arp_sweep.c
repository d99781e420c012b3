/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One timer; each turn asks as many as the rate has let gather since, which is one token bucket of
 * a turn's depth. Owned by the ARP prober, one per interface.
 */
#include "discoverd/arp_sweep.h"

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/sweep_plan.h"

#define TURN           (20 * USEC_PER_MSEC)
#define FULL_BUCKET    (2 * TURN)         /* what may gather while the loop is busy elsewhere */
#define REST           (5 * USEC_PER_SEC) /* addresses appear in a row, each with a burst */
#define LARGE_FROM     22                 /* networks with a shorter prefix are large */
#define GAP_WIRELESS   (USEC_PER_SEC / 250)
#define GAP_WIRED      (USEC_PER_SEC / 500)
#define GAP_LARGE      (USEC_PER_SEC / 1000)
#define FACTORY_ROUNDS 2

/* Hikvision, Dahua, Axis, Xiongmai and others. In host byte order. */
static const uint32_t factory_addresses[] = {
	0xc0000040, /* 192.0.0.64 */
	0xc0a80140, /* 192.168.1.64 */
	0xc0a8016c, /* 192.168.1.108 */
	0xc0a8005a, /* 192.168.0.90 */
	0xc0a8010a, /* 192.168.1.10 */
	0xc0a80064, /* 192.168.0.100 */
	0x0a000032, /* 10.0.0.50 */
};

/* A network of the interface that is, or was, swept; as its address gives it. */
struct network {
	struct netprefix prefix;
	struct sweep_plan *plan; /* NULL: not under way */
	usec_t started;
	bool refused; /* too large; said once */
};

struct arp_sweep {
	struct loop *loop;
	struct loop_timer timer;
	struct network networks[INTERFACE_MAX_ADDRESSES];
	size_t network_count;
	struct netprefix on_link[INTERFACE_MAX_ADDRESSES]; /* of the interface */
	size_t on_link_count;
	bool wireless;
	unsigned factory_left; /* questions for factory addresses, all rounds */
	usec_t paid;           /* time up to which the packets sent have used the rate */
	arp_sweep_ask_fn *on_ask;
	void *owner;
};

bool arp_sweep_is_factory_address(const struct netaddr *address)
{
	for (size_t i = 0; i < ARRAY_SIZE(factory_addresses); i++)
		if (address->family == AF_INET && ntohl(address->v4.s_addr) == factory_addresses[i])
			return true;
	return false;
}

static bool is_on_link(const struct arp_sweep *sweep, const struct netaddr *address)
{
	for (size_t i = 0; i < sweep->on_link_count; i++)
		if (netprefix_contains(&sweep->on_link[i], address))
			return true;
	return false;
}

/* --- asking --- */

static struct network *current(struct arp_sweep *sweep)
{
	for (size_t i = 0; i < sweep->network_count; i++)
		if (sweep->networks[i].plan)
			return &sweep->networks[i];
	return NULL;
}

/* From nobody: such a question changes no table of those who hear it (RFC 5227, section 2.1.1). */
static int ask_factory(struct arp_sweep *sweep)
{
	const size_t count = ARRAY_SIZE(factory_addresses);
	struct netaddr target = { .family = AF_INET };

	target.v4.s_addr = htonl(factory_addresses[sweep->factory_left-- % count]);
	return is_on_link(sweep, &target) ? 0 : sweep->on_ask(NULL, &target, sweep->owner);
}

static int ask_next(struct arp_sweep *sweep, struct network *network)
{
	struct netaddr target;

	if (!sweep_plan_next(network->plan, &target)) {
		network->plan = sweep_plan_free(network->plan);
		return 0;
	}
	if (netaddr_equal(&target, &network->prefix.address))
		return 0;
	return sweep->on_ask(&network->prefix.address, &target, sweep->owner);
}

static usec_t gap(const struct arp_sweep *sweep, const struct network *network)
{
	if (sweep->wireless)
		return GAP_WIRELESS;
	return network && network->prefix.length < LARGE_FROM ? GAP_LARGE : GAP_WIRED;
}

static void on_turn(struct loop_timer *timer)
{
	struct arp_sweep *sweep = container_of(timer, struct arp_sweep, timer);
	usec_t now = loop_now(sweep->loop);
	struct network *network = NULL;

	if (sweep->paid + FULL_BUCKET < now)
		sweep->paid = now - FULL_BUCKET;
	while (sweep->paid < now && (sweep->factory_left || (network = current(sweep)))) {
		sweep->paid += gap(sweep, network);
		/* What is lost by a full queue is asked for in the second round. */
		if ((sweep->factory_left ? ask_factory(sweep) : ask_next(sweep, network)) < 0)
			break;
	}
	if (sweep->factory_left || current(sweep))
		loop_timer_arm(timer, TURN);
}

/* --- what to ask --- */

static bool same_network(const struct netprefix *a, const struct netprefix *b)
{
	return a->length == b->length && netprefix_contains(a, &b->address);
}

static bool is_inside(const struct netprefix *inner, const struct netprefix *outer)
{
	return outer->address.family == AF_INET && outer->length < inner->length &&
	       outer->length >= SWEEP_SHORTEST_PREFIX && netprefix_contains(outer, &inner->address);
}

/* Each network once, though we may have several addresses in it. */
static bool is_redundant(const struct interface *interface, size_t index)
{
	const struct netprefix *prefix = &interface->addresses[index];

	for (size_t i = 0; i < interface->address_count; i++)
		if (i != index && (is_inside(prefix, &interface->addresses[i]) ||
				   (i < index && same_network(prefix, &interface->addresses[i]))))
			return true;
	return false;
}

static struct network *find_or_add(struct arp_sweep *sweep, const struct netprefix *prefix)
{
	size_t i, oldest = sweep->network_count;

	for (i = 0; i < sweep->network_count; i++) {
		struct network *network = &sweep->networks[i];

		if (same_network(&network->prefix, prefix))
			return network;
		if (!network->plan && (oldest == sweep->network_count ||
				       network->started < sweep->networks[oldest].started))
			oldest = i;
	}
	if (sweep->network_count < INTERFACE_MAX_ADDRESSES)
		oldest = sweep->network_count++;
	else if (oldest == sweep->network_count)
		return NULL;
	sweep->networks[oldest] = (struct network){ .prefix = *prefix };
	return &sweep->networks[oldest];
}

static void add_network(struct arp_sweep *sweep, const char *name, const struct netprefix *prefix)
{
	struct network *network = find_or_add(sweep, prefix);
	usec_t now = loop_now(sweep->loop);
	char text[NETPREFIX_TEXT_SIZE];

	if (!network)
		return;
	network->prefix.address = prefix->address; /* to ask from */
	if (network->plan || (network->started && network->started + REST > now))
		return;
	network->started = now;
	network->plan = sweep_plan_new(prefix);
	if (network->plan || network->refused)
		return;
	network->refused = true;
	log_info("%s: %s is too large to ask each of its addresses; those that speak are found",
		 name, netprefix_format(prefix, text));
}

void arp_sweep_start(struct arp_sweep *sweep, const struct interface *interface)
{
	sweep->wireless = interface->wireless;
	sweep->on_link_count = interface->address_count;
	for (size_t i = 0; i < interface->address_count; i++) {
		sweep->on_link[i] = interface->addresses[i];
		if (interface->addresses[i].address.family == AF_INET &&
		    !is_redundant(interface, i))
			add_network(sweep, interface->name, &interface->addresses[i]);
	}
	if (!sweep->factory_left)
		sweep->factory_left = ARRAY_SIZE(factory_addresses) * FACTORY_ROUNDS;
	loop_timer_arm(&sweep->timer, 0);
}

void arp_sweep_point_to(struct arp_sweep *sweep, const struct netaddr *address)
{
	for (size_t i = 0; i < sweep->network_count; i++)
		if (sweep->networks[i].plan)
			sweep_plan_point_to(sweep->networks[i].plan, address);
}

void arp_sweep_answered(struct arp_sweep *sweep, const struct netaddr *address)
{
	for (size_t i = 0; i < sweep->network_count; i++)
		if (sweep->networks[i].plan)
			sweep_plan_answered(sweep->networks[i].plan, address);
}

struct progress arp_sweep_progress(const struct arp_sweep *sweep)
{
	struct progress progress = { 0 };

	for (size_t i = 0; i < sweep->network_count; i++) {
		const struct sweep_plan *plan = sweep->networks[i].plan;

		if (!plan)
			continue;
		progress.planned += sweep_plan_total(plan);
		progress.done += sweep_plan_total(plan) - sweep_plan_left(plan);
	}
	return progress;
}

void arp_sweep_new(struct arp_sweep **ret_sweep, struct loop *loop, arp_sweep_ask_fn *on_ask,
		   void *owner)
{
	struct arp_sweep *sweep = xnew(struct arp_sweep);

	sweep->loop = loop;
	sweep->on_ask = on_ask;
	sweep->owner = owner;
	loop_timer_init(&sweep->timer, loop, on_turn);
	*ret_sweep = sweep;
}

struct arp_sweep *arp_sweep_free(struct arp_sweep *sweep)
{
	if (!sweep)
		return NULL;
	loop_timer_deinit(&sweep->timer);
	for (size_t i = 0; i < sweep->network_count; i++)
		sweep_plan_free(sweep->networks[i].plan);
	free(sweep);
	return NULL;
}
