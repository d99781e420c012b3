/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bucket is kept as one time: when it will be full again. Each try moves it by one period. */
#include "apid/rate_limit.h"

#include <stdio.h>

#include "common/netaddr.h"

static uint64_t key_hash(const struct rate_limit *limit, const char *key)
{
	uint64_t hash = 14695981039346656037ULL ^ limit->seed;

	for (; *key; key++)
		hash = (hash ^ (uint8_t)*key) * 1099511628211ULL;
	hash ^= hash >> 32; /* the low bits choose the set */
	return hash ? hash : 1;
}

void rate_limit_init(struct rate_limit *limit, unsigned burst, usec_t period, uint64_t seed)
{
	*limit = (struct rate_limit){ .burst = burst, .period = period, .seed = seed };
}

usec_t rate_limit_wait(const struct rate_limit *limit, const char *key, usec_t now)
{
	uint64_t hash = key_hash(limit, key);
	const struct rate_limit_entry *set = limit->entries[hash % RATE_LIMIT_SETS];
	usec_t room = (limit->burst - 1) * limit->period;

	for (unsigned i = 0; i < RATE_LIMIT_WAYS; i++)
		if (set[i].key == hash && set[i].free_at > now + room)
			return set[i].free_at - now - room;
	return 0;
}

void rate_limit_count(struct rate_limit *limit, const char *key, usec_t now)
{
	uint64_t hash = key_hash(limit, key);
	struct rate_limit_entry *set = limit->entries[hash % RATE_LIMIT_SETS], *entry = set;

	for (unsigned i = 0; i < RATE_LIMIT_WAYS; i++) {
		if (set[i].key == hash) {
			entry = &set[i];
			break;
		}
		if (set[i].free_at < entry->free_at)
			entry = &set[i];
	}
	if (entry->key != hash || entry->free_at < now)
		entry->free_at = now;
	entry->key = hash;
	entry->free_at += limit->period;
}

const char *rate_limit_address_key(char buffer[static RATE_LIMIT_KEY_SIZE], const char *address)
{
	struct netprefix prefix = { .length = 64 };

	if (netaddr_parse(&prefix.address, address) == 0 && prefix.address.family == AF_INET6) {
		prefix = netprefix_network(&prefix);
		return netprefix_format(&prefix, buffer);
	}
	snprintf(buffer, RATE_LIMIT_KEY_SIZE, "%s", address);
	return buffer;
}

void rate_limit_forgive(struct rate_limit *limit, const char *key)
{
	uint64_t hash = key_hash(limit, key);
	struct rate_limit_entry *set = limit->entries[hash % RATE_LIMIT_SETS];

	for (unsigned i = 0; i < RATE_LIMIT_WAYS; i++)
		if (set[i].key == hash)
			set[i] = (struct rate_limit_entry){ .key = 0 };
}
