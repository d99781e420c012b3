/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list is sorted by what a connection shows of its forward: all but the interface. */
#include "routed/ended.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "routed/host.h"

static int compare_address(const struct netaddr *a, const struct netaddr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(&a->v6, &b->v6, a->family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4));
}

static int compare_number(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int compare_connection(const struct ended_connection *a, const struct ended_connection *b)
{
	int order = compare_number(a->protocol, b->protocol);

	if (!order)
		order = compare_number(a->listen_port, b->listen_port);
	if (!order)
		order = compare_number(a->target_port, b->target_port);
	return order ? order : compare_address(&a->target, &b->target);
}

static struct ended_connection connection_of(const struct forward *forward)
{
	return (struct ended_connection){
		.target = forward->target,
		.listen_port = forward->listen_port,
		.target_port = forward->target_port,
		.protocol = forward->protocol,
	};
}

static int compare_items(const void *a, const void *b)
{
	struct ended_connection first = connection_of(((const struct ended *)a)->forward);
	struct ended_connection second = connection_of(((const struct ended *)b)->forward);

	return compare_connection(&first, &second);
}

/* The first item that is not before the connection. */
static size_t lower_bound(const struct ended_list *list, const struct ended_connection *connection)
{
	size_t low = 0, high = list->count, middle;
	struct ended_connection item;

	while (low < high) {
		middle = low + (high - low) / 2;
		item = connection_of(list->items[middle].forward);
		if (compare_connection(&item, connection) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool matches(const struct ended *item, const struct ended_connection *connection)
{
	struct ended_connection own = connection_of(item->forward);

	return compare_connection(&own, connection) == 0;
}

void ended_list_init(struct ended_list *ret_list, const struct forward_list *gone,
		     const struct forward_list *held)
{
	struct ended_list list = { .items = xcalloc(gone->count + 1, sizeof(*list.items)) };
	struct ended_connection connection;
	const struct forward *stays;

	for (size_t i = 0; i < gone->count; i++) {
		stays = forward_list_find(held, &gone->items[i]);
		if (stays && !forward_same_target(stays, &gone->items[i]))
			stays = NULL;
		if (!stays || stays->source_count)
			list.items[list.count++] = (struct ended){ &gone->items[i], stays, false };
	}
	if (list.count > 1)
		qsort(list.items, list.count, sizeof(*list.items), compare_items);
	for (size_t i = 0; list.count > 0 && i < held->count; i++) {
		connection = connection_of(&held->items[i]);
		for (size_t j = lower_bound(&list, &connection);
		     j < list.count && matches(&list.items[j], &connection); j++)
			if (list.items[j].stays != &held->items[i])
				list.items[j].shared = true;
	}
	*ret_list = list;
}

void ended_list_init_all(struct ended_list *ret_list, const struct forward_list *held)
{
	struct ended_list list = { .items = xcalloc(held->count + 1, sizeof(*list.items)),
				   .count = held->count };

	for (size_t i = 0; i < held->count; i++)
		list.items[i].forward = &held->items[i];
	if (list.count > 1)
		qsort(list.items, list.count, sizeof(*list.items), compare_items);
	/* Those that differ in their interfaces only. */
	for (size_t i = 1; i < list.count; i++)
		if (compare_items(&list.items[i - 1], &list.items[i]) == 0)
			list.items[i - 1].shared = list.items[i].shared = true;
	*ret_list = list;
}

void ended_list_deinit(struct ended_list *list)
{
	free(list->items);
	*list = (struct ended_list){ 0 };
}

static bool is_address_of(const char *interface, const struct netaddr *address,
			  const struct host_address *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (netaddr_equal(&addresses[i].address, address) &&
		    strcmp(addresses[i].interface, interface) == 0)
			return true;
	return false;
}

static bool is_ended(const struct ended *item, const struct ended_connection *connection,
		     const struct host_address *addresses, size_t address_count)
{
	if (item->stays && forward_admits(item->stays, &connection->client))
		return false;
	return !item->shared || is_address_of(item->forward->interface, &connection->asked,
					      addresses, address_count);
}

const struct forward *ended_list_find(const struct ended_list *list,
				      const struct ended_connection *connection,
				      const struct host_address *addresses, size_t address_count)
{
	if (!connection->redirected)
		return NULL;
	for (size_t i = lower_bound(list, connection);
	     i < list->count && matches(&list->items[i], connection); i++)
		if (is_ended(&list->items[i], connection, addresses, address_count))
			return list->items[i].forward;
	return NULL;
}

bool ended_list_has(const struct ended_list *list, const struct ended_connection *connection,
		    const struct host_address *addresses, size_t address_count)
{
	return ended_list_find(list, connection, addresses, address_count);
}

bool ended_bypasses(const struct ended_connection *connection, const struct forward_list *held,
		    const struct host_address *addresses, size_t address_count)
{
	struct forward key = { .protocol = connection->protocol,
			       .listen_port = connection->listen_port,
			       .target = connection->asked };
	const struct forward *found;

	if (connection->redirected || connection->protocol != IPPROTO_UDP)
		return false;
	for (size_t i = 0; i < address_count; i++) {
		if (!netaddr_equal(&addresses[i].address, &connection->asked))
			continue;
		memcpy(key.interface, addresses[i].interface, IFNAMSIZ);
		found = forward_list_find(held, &key);
		if (found && forward_admits(found, &connection->client))
			return true;
	}
	return false;
}
