/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses are offsets into the network, whose size is a power of two. Two bits are kept of each:
 * whether it was given out in this round, and whether it needs no (more) asking. 16 KiB for a /16.
 */
#include "discoverd/sweep_plan.h"

#include <string.h>

#include "common/macros.h"
#include "common/memory.h"

#define ROUNDS       2
#define NEIGHBOURS   4 /* on each side of a device */
#define MOST_POINTED 512
#define PART         256 /* addresses; as large networks are divided */
#define MOST_PARTS   (65536 / PART)
/* Odd: its multiples, modulo a power of two, are all numbers. Next to the golden section of 2^16,
 * so that any stretch of them is spread evenly. */
#define STRIDE 40503U

/* .64 Hikvision, .108 Dahua, .90 Axis, .100 and .10 others. */
static const uint8_t factory_numbers[] = { 64, 108, 90, 100, 10 };

struct sweep_plan {
	uint32_t network; /* host byte order */
	uint32_t size;
	unsigned round;
	uint32_t factory_at;       /* next of the factory numbers of all /24 */
	uint8_t parts[MOST_PARTS]; /* that a device is in, as they became known */
	size_t part_count;
	uint32_t part_at;               /* next address of those, all counted */
	uint32_t rest_at;               /* next of the rest */
	uint16_t pointed[MOST_POINTED]; /* a ring */
	size_t pointed_first, pointed_count;
	uint8_t *asked;     /* in this round */
	uint8_t *settled;   /* has answered, or cannot be a host */
	uint32_t open;      /* neither asked in this round nor settled */
	uint32_t unsettled; /* number of clear bits in settled */
};

static bool has_bit(const uint8_t *bits, uint32_t offset)
{
	return bits[offset / 8] & 1U << offset % 8;
}

static void set_bit(uint8_t *bits, uint32_t offset)
{
	bits[offset / 8] |= (uint8_t)(1U << offset % 8);
}

static void settle(struct sweep_plan *plan, uint32_t offset)
{
	if (has_bit(plan->settled, offset))
		return;
	set_bit(plan->settled, offset);
	plan->unsettled--;
	if (!has_bit(plan->asked, offset))
		plan->open--;
}

struct sweep_plan *sweep_plan_new(const struct netprefix *network)
{
	struct sweep_plan *plan;

	if (network->address.family != AF_INET || network->length < SWEEP_SHORTEST_PREFIX ||
	    network->length > 32)
		return NULL;
	plan = xnew(struct sweep_plan);
	plan->size = 1U << (32 - network->length);
	plan->network = ntohl(network->address.v4.s_addr) & ~(plan->size - 1);
	plan->asked = xcalloc((plan->size + 7) / 8, 1);
	plan->settled = xcalloc((plan->size + 7) / 8, 1);
	plan->open = plan->unsettled = plan->size;
	if (network->length < 31) { /* RFC 3021: in a /31 both are hosts */
		settle(plan, 0);
		settle(plan, plan->size - 1);
	}
	return plan;
}

struct sweep_plan *sweep_plan_free(struct sweep_plan *plan)
{
	if (!plan)
		return NULL;
	free(plan->asked);
	free(plan->settled);
	free(plan);
	return NULL;
}

static bool find_offset(const struct sweep_plan *plan, const struct netaddr *address,
			uint32_t *ret_offset)
{
	uint32_t offset;

	if (address->family != AF_INET)
		return false;
	offset = ntohl(address->v4.s_addr) - plan->network;
	if (offset >= plan->size)
		return false;
	*ret_offset = offset;
	return true;
}

/* What does not fit into the ring comes later, with the rest. */
static void point(struct sweep_plan *plan, uint32_t offset)
{
	if (offset >= plan->size || plan->pointed_count == MOST_POINTED ||
	    has_bit(plan->asked, offset) || has_bit(plan->settled, offset))
		return;
	plan->pointed[(plan->pointed_first + plan->pointed_count) % MOST_POINTED] =
		(uint16_t)offset;
	plan->pointed_count++;
}

void sweep_plan_point_to(struct sweep_plan *plan, const struct netaddr *address)
{
	uint32_t offset;

	if (!find_offset(plan, address, &offset))
		return;
	if (!memchr(plan->parts, (int)(offset / PART), plan->part_count))
		plan->parts[plan->part_count++] = (uint8_t)(offset / PART);
	point(plan, offset);
	for (uint32_t i = 1; i <= NEIGHBOURS; i++) {
		point(plan, offset + i);
		point(plan, offset - i); /* before the first one: too large, and left out */
	}
}

void sweep_plan_answered(struct sweep_plan *plan, const struct netaddr *address)
{
	uint32_t offset;

	if (find_offset(plan, address, &offset))
		settle(plan, offset);
}

static bool next_factory(struct sweep_plan *plan, uint32_t *ret_offset)
{
	const uint32_t numbers = ARRAY_SIZE(factory_numbers);
	uint32_t subnets = (plan->size + 255) / 256, address;

	while (plan->factory_at < subnets * numbers) {
		address = (plan->network & ~255U) + plan->factory_at / numbers * 256 +
			  factory_numbers[plan->factory_at % numbers];
		plan->factory_at++;
		if (address - plan->network < plan->size) {
			*ret_offset = address - plan->network;
			return true;
		}
	}
	return false;
}

/* The next of this round, whether it was given before or not. */
static bool next_candidate(struct sweep_plan *plan, uint32_t *ret_offset)
{
	if (plan->pointed_count) {
		*ret_offset = plan->pointed[plan->pointed_first];
		plan->pointed_first = (plan->pointed_first + 1) % MOST_POINTED;
		plan->pointed_count--;
		return true;
	}
	if (next_factory(plan, ret_offset))
		return true;
	if (plan->part_at < plan->part_count * PART) {
		*ret_offset = plan->parts[plan->part_at / PART] * PART + plan->part_at % PART;
		plan->part_at++;
		if (*ret_offset < plan->size)
			return true;
	}
	if (plan->rest_at == plan->size)
		return false;
	*ret_offset = plan->rest_at++ * STRIDE & (plan->size - 1);
	return true;
}

static void begin_round(struct sweep_plan *plan)
{
	plan->round++;
	plan->factory_at = 0;
	plan->part_at = 0;
	plan->rest_at = 0;
	plan->open = plan->unsettled;
	memset(plan->asked, 0, (plan->size + 7) / 8);
}

bool sweep_plan_next(struct sweep_plan *plan, struct netaddr *ret_address)
{
	uint32_t offset;

	while (plan->round < ROUNDS) {
		if (!next_candidate(plan, &offset)) {
			begin_round(plan);
			continue;
		}
		if (has_bit(plan->asked, offset) || has_bit(plan->settled, offset))
			continue;
		set_bit(plan->asked, offset);
		plan->open--;
		*ret_address = (struct netaddr){ .family = AF_INET };
		ret_address->v4.s_addr = htonl(plan->network + offset);
		return true;
	}
	return false;
}

uint32_t sweep_plan_total(const struct sweep_plan *plan)
{
	return plan->size * ROUNDS;
}

uint32_t sweep_plan_left(const struct sweep_plan *plan)
{
	if (plan->round == ROUNDS)
		return 0;
	return plan->open + (ROUNDS - 1 - plan->round) * plan->unsettled;
}
