/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule with a MAC leads to that device wherever it is. Three sources say where: discoverd now,
 * what we last knew (kept over restarts), and the address in the rule, in this order. One case is
 * refused: the address is now held by another device, so that a rule never leads to a stranger.
 *
 * Whatever routed would refuse is sorted out here, rule by rule: Replace takes all forwards or
 * none, and one bad rule must not take the others down.
 */
#include "gatewayd/desired_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"

static int mac_compare(const struct mac_address *a, const struct mac_address *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

/* Index of the first entry that is not below mac. */
static size_t address_table_position(const struct address_table *table,
				     const struct mac_address *mac)
{
	size_t low = 0, high = table->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (mac_compare(&table->entries[middle].mac, mac) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct known_address *address_table_get(const struct address_table *table,
					       const struct mac_address *mac)
{
	size_t i = address_table_position(table, mac);

	return i < table->count && mac_equal(&table->entries[i].mac, mac) ? &table->entries[i]
									  : NULL;
}

const struct known_address *address_table_find(const struct address_table *table,
					       const struct mac_address *mac)
{
	return address_table_get(table, mac);
}

/* The newest sighting at an address counts: whoever was seen there before has left it. */
static void evict_others(struct address_table *table, const struct mac_address *mac,
			 const struct netaddr *address)
{
	for (size_t i = 0; i < table->count; i++)
		if (netaddr_equal(&table->entries[i].address, address) &&
		    !mac_equal(&table->entries[i].mac, mac))
			table->entries[i].live = false;
}

bool address_table_set(struct address_table *table, const struct mac_address *mac,
		       const struct netaddr *address, bool live)
{
	struct known_address *entry = address_table_get(table, mac);
	size_t i;

	if (live && (!entry || !entry->live || !netaddr_equal(&entry->address, address)))
		evict_others(table, mac, address);
	if (entry) {
		entry->live = live;
		if (netaddr_equal(&entry->address, address))
			return false;
		entry->address = *address;
		return true;
	}
	if (table->count == ADDRESS_TABLE_MAX)
		return false;
	i = address_table_position(table, mac);
	table->entries = xrealloc_array(table->entries, table->count + 1, sizeof(*table->entries));
	memmove(&table->entries[i + 1], &table->entries[i],
		(table->count - i) * sizeof(*table->entries));
	table->entries[i] =
		(struct known_address){ .mac = *mac, .address = *address, .live = live };
	table->count++;
	return true;
}

void address_table_set_dormant(struct address_table *table, const struct mac_address *mac)
{
	struct known_address *entry = address_table_get(table, mac);

	if (entry)
		entry->live = false;
}

void address_table_clear(struct address_table *table)
{
	free(table->entries);
	*table = (struct address_table){ 0 };
}

char *address_table_print(const struct address_table *table, const struct rule_list *rules)
{
	_cleanup_json_ cJSON *json = json_new_object();
	char mac[MAC_TEXT_SIZE], address[NETADDR_TEXT_SIZE];
	const struct known_address *entry;

	for (size_t i = 0; rules && i < rules->count; i++) {
		entry = rules->rules[i].follows_device
				? address_table_find(table, &rules->rules[i].mac)
				: NULL;
		if (!entry || cJSON_GetObjectItemCaseSensitive(json, mac_format(&entry->mac, mac)))
			continue;
		json_add_string(json, mac, netaddr_format(&entry->address, address));
	}
	return json_print(json);
}

int address_table_parse(struct address_table *table, const char *text, size_t size)
{
	_cleanup_json_ cJSON *json = NULL;
	struct mac_address mac;
	struct netaddr address;
	const cJSON *item;
	int r;

	r = json_parse(&json, text, size);
	if (r < 0)
		return r;
	json_for_each (item, json) {
		if (!item->string || !cJSON_IsString(item) || mac_parse(&mac, item->string) < 0 ||
		    netaddr_parse(&address, item->valuestring) < 0)
			return -EINVAL;
		address_table_set(table, &mac, &address, false);
	}
	return 0;
}

const char *rule_state_name(enum rule_state state)
{
	static const char *const names[RULE_STATE_COUNT] = { "active", "waiting", "failed" };

	return names[state];
}

/* Whether discoverd sees another device than mac at the address now. */
static bool is_held_by_other(const struct address_table *addresses, const struct netaddr *address,
			     const struct mac_address *mac)
{
	for (size_t i = 0; i < addresses->count; i++)
		if (addresses->entries[i].live &&
		    netaddr_equal(&addresses->entries[i].address, address) &&
		    !mac_equal(&addresses->entries[i].mac, mac))
			return true;
	return false;
}

static enum rule_state fail(struct planned_rule *planned, const char *error)
{
	planned->error = error;
	return RULE_FAILED;
}

static enum rule_state choose_target(struct planned_rule *planned,
				     const struct address_table *addresses)
{
	const struct rule *rule = planned->rule;
	const struct known_address *known;

	planned->target = rule->address;
	if (!rule->follows_device)
		return RULE_ACTIVE;
	known = address_table_find(addresses, &rule->mac);
	if (known)
		planned->target = known->address;
	if ((known && known->live) || !is_held_by_other(addresses, &planned->target, &rule->mac))
		return RULE_ACTIVE;
	planned->error = "the device is not seen and another one has its address";
	return RULE_WAITING;
}

/* Connections are of the family of their target: only its prefixes count. */
static size_t count_allowed(const struct rule *rule, sa_family_t family)
{
	size_t count = 0;

	for (size_t i = 0; i < rule->allow_from_count; i++)
		count += rule->allow_from[i].address.family == family;
	return count;
}

static enum rule_state plan_rule(struct planned_rule *planned,
				 const struct configuration *configuration,
				 const struct address_table *addresses, int64_t now)
{
	const struct rule *rule = planned->rule;
	enum rule_state state;

	if (rule->expires_at > 0 && rule->expires_at <= now)
		return fail(planned, "the rule has expired");
	state = choose_target(planned, addresses);
	if (state != RULE_ACTIVE)
		return state;
	if (planned->target.family != AF_INET)
		return fail(planned, "only IPv4 targets are supported by this gateway yet");
	/* Nobody is not everybody. */
	if (rule->allow_from_count > 0 && count_allowed(rule, planned->target.family) == 0)
		return fail(planned, "allow_from has no prefix of the target's address family");
	if (!netaddr_is_unicast_host(&planned->target))
		return fail(planned, "the target is not the address of a host");
	if (configuration && configuration->vpn_address.address.family == AF_INET &&
	    netprefix_contains(&configuration->vpn_address, &planned->target))
		return fail(planned, "the target is on the VPN, not on the site's network");
	return RULE_ACTIVE;
}

/* The first rule that asks for a port has it. */
static bool take_port(uint8_t *taken, const struct rule *rule)
{
	size_t bit = (size_t)rule->protocol * (UINT16_MAX + 1) + rule->local_port_id;

	if (taken[bit / 8] & BIT(bit % 8))
		return false;
	taken[bit / 8] = (uint8_t)(taken[bit / 8] | BIT(bit % 8));
	return true;
}

void plan_make(struct plan *ret_plan, const struct rule_list *list,
	       const struct configuration *configuration, const struct address_table *addresses,
	       int64_t now)
{
	_cleanup_free_ uint8_t *taken = xcalloc(RULE_PROTOCOL_COUNT, (UINT16_MAX + 1) / 8);
	struct planned_rule *planned;
	struct plan plan = { 0 };
	int64_t expiry;

	plan.count = list ? list->count : 0;
	plan.rules = xcalloc(plan.count, sizeof(*plan.rules));
	for (size_t i = 0; i < plan.count; i++) {
		planned = &plan.rules[i];
		planned->rule = &list->rules[i];
		planned->target = planned->rule->address;
		planned->state = plan_rule(planned, configuration, addresses, now);
		if (planned->state == RULE_ACTIVE && !take_port(taken, planned->rule))
			planned->state = fail(planned, "an earlier rule has the same port");
		if (planned->state == RULE_ACTIVE)
			plan.active++;
		expiry = planned->rule->expires_at;
		if (expiry > now && (plan.next_expiry == 0 || expiry < plan.next_expiry))
			plan.next_expiry = expiry;
	}
	*ret_plan = plan;
}

void plan_clear(struct plan *plan)
{
	free(plan->rules);
	*plan = (struct plan){ 0 };
}

static void copy_allowed(struct forward *forward, const struct rule *rule)
{
	size_t count = count_allowed(rule, forward->target.family);

	if (count == 0)
		return;
	forward->allow_from = xcalloc(count, sizeof(*forward->allow_from));
	for (size_t i = 0; i < rule->allow_from_count; i++)
		if (rule->allow_from[i].address.family == forward->target.family)
			forward->allow_from[forward->allow_from_count++] = rule->allow_from[i];
}

void forward_list_make(struct forward_list *ret_list, const struct plan *plan)
{
	struct forward_list list = { .forwards = xcalloc(plan->active, sizeof(*list.forwards)) };
	const struct planned_rule *planned;

	for (size_t i = 0; i < plan->count; i++) {
		planned = &plan->rules[i];
		if (planned->state != RULE_ACTIVE)
			continue;
		list.forwards[list.count++] = (struct forward){
			.protocol = planned->rule->protocol,
			.listen_port = planned->rule->local_port_id,
			.target = planned->target,
			.target_port = planned->rule->port_id,
			.rule_id = planned->rule->rule_id,
			.expires_at = planned->rule->expires_at,
		};
		copy_allowed(&list.forwards[list.count - 1], planned->rule);
	}
	*ret_list = list;
}

static bool same_allowed(const struct forward *a, const struct forward *b)
{
	if (a->allow_from_count != b->allow_from_count)
		return false;
	for (size_t i = 0; i < a->allow_from_count; i++)
		if (a->allow_from[i].length != b->allow_from[i].length ||
		    !netaddr_equal(&a->allow_from[i].address, &b->allow_from[i].address))
			return false;
	return true;
}

bool forward_list_equal(const struct forward_list *a, const struct forward_list *b)
{
	const struct forward *x, *y;

	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		x = &a->forwards[i];
		y = &b->forwards[i];
		if (x->protocol != y->protocol || x->listen_port != y->listen_port ||
		    x->target_port != y->target_port || x->rule_id != y->rule_id ||
		    x->expires_at != y->expires_at || !netaddr_equal(&x->target, &y->target) ||
		    !same_allowed(x, y))
			return false;
	}
	return true;
}

void forward_list_clear(struct forward_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->forwards[i].allow_from);
	free(list->forwards);
	*list = (struct forward_list){ 0 };
}
