/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what is wanted (rules) and what is known (which device has which address) to what is asked
 * of routed. Pure: time and facts come in as arguments, so that every case can be tested.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/netaddr.h"
#include "gatewayd/configuration.h"
#include "gatewayd/rule_list.h"

/* --- which device has which address --- */

#define ADDRESS_TABLE_MAX 4096

struct known_address {
	struct mac_address mac;
	struct netaddr address;
	bool live; /* discoverd says so now; otherwise it is what we last knew */
};

/*
 * Remembers the last address of every device, also while discoverd is away and over our own
 * restart, so that neither makes a forward jump. Sorted by MAC.
 */
struct address_table {
	struct known_address *entries;
	size_t count;
};

/* Returns whether an address is new or changed (live alone is no change). When full, the device is
 * not taken. */
bool address_table_set(struct address_table *table, const struct mac_address *mac,
		       const struct netaddr *address, bool live);
void address_table_set_dormant(struct address_table *table, const struct mac_address *mac);
const struct known_address *address_table_find(const struct address_table *table,
					       const struct mac_address *mac);
void address_table_clear(struct address_table *table);
/* Only the devices that a rule follows: what is worth keeping on disk. Owned text. */
char *address_table_print(const struct address_table *table, const struct rule_list *rules);
int address_table_parse(struct address_table *table, const char *text, size_t size);

/* --- what becomes of each rule --- */

enum rule_state { RULE_ACTIVE, RULE_WAITING, RULE_FAILED, RULE_STATE_COUNT };
const char *rule_state_name(enum rule_state state);

struct planned_rule {
	const struct rule *rule; /* borrowed from the list */
	enum rule_state state;
	struct netaddr target;
	const char *error; /* static sentence; NULL when active */
};

struct plan {
	struct planned_rule *rules; /* in the order of the list */
	size_t count;
	size_t active;
	int64_t next_expiry; /* when to plan again, seconds since 1970; 0: never */
};

/* list and configuration may be NULL. The plan borrows from the list and must not outlive it. */
void plan_make(struct plan *ret_plan, const struct rule_list *list,
	       const struct configuration *configuration, const struct address_table *addresses,
	       int64_t now);
void plan_clear(struct plan *plan);

/* --- the forwards themselves: owned values, what Routing1.Replace is called with --- */

struct forward {
	enum rule_protocol protocol;
	uint16_t listen_port;
	struct netaddr target;
	uint16_t target_port;
	uint64_t rule_id;
	struct netprefix *allow_from; /* owned; NULL: from everywhere */
	size_t allow_from_count;
	int64_t expires_at; /* 0: never */
};

struct forward_list {
	struct forward *forwards;
	size_t count;
};

void forward_list_make(struct forward_list *ret_list, const struct plan *plan);
bool forward_list_equal(const struct forward_list *a, const struct forward_list *b);
void forward_list_clear(struct forward_list *list);
