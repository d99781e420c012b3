/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A forward counts when it can be read from a forwards map; the allowed sets must then say the
 * same. Whatever does not fit makes the table "damaged": it is made anew with the forwards that
 * were found, so that nobody loses a stream over it.
 */
#include "routed/table_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "routed/nft_element.h"
#include "routed/nft_table.h"

#define MAX_ATTEMPTS 8

/* Whence a forward may be used, as it is found: forward and network apart. */
struct source_list {
	struct source {
		struct forward key;
		struct netprefix network;
	} * items;
	size_t count, capacity;
};

struct reading {
	enum nft_table_set which;
	struct forward_list forwards, restricted, allowed;
	struct source_list sources;
	bool ip6; /* of the set of sources being read, and its length */
	unsigned length;
	struct revision_list revisions;
	bool damaged;
};

static struct forward_list *list_of(struct reading *reading)
{
	if (reading->which >= NFT_SET_ALLOWED_IP)
		return &reading->allowed;
	return reading->which >= NFT_SET_RESTRICTED_IP ? &reading->restricted : &reading->forwards;
}

static int on_element(struct nftnl_set_elem *element, void *owner)
{
	struct reading *reading = owner;
	char set[FORWARD_SET_SIZE];
	struct forward forward;
	uint64_t revision;

	if (reading->which == NFT_SET_REVISIONS) {
		if (nft_element_parse_revision(set, &revision, element) >= 0 &&
		    !revision_list_is_full(&reading->revisions, set))
			revision_set(&reading->revisions, set, revision);
		else
			reading->damaged = true;
		return 0;
	}
	if (nft_element_parse(&forward, reading->which, element) < 0) {
		reading->damaged = true;
		return 0;
	}
	forward_list_append(list_of(reading), forward);
	/* A crowd is not of our making, and must not eat all memory. */
	return list_of(reading)->count > FORWARD_LIST_MAX ? -ENOSPC : 0;
}

static int on_source(struct nftnl_set_elem *element, void *owner)
{
	struct reading *reading = owner;
	struct source_list *list = &reading->sources;
	struct source source;

	if (nft_element_parse_source(&source.key, &source.network, reading->ip6, reading->length,
				     element) < 0) {
		reading->damaged = true;
		return 0;
	}
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 64;
		list->items = xrealloc_array(list->items, list->capacity, sizeof(*list->items));
	}
	list->items[list->count++] = source;
	return list->count > FORWARD_LIST_MAX ? -ENOSPC : 0;
}

static void reading_deinit(struct reading *reading)
{
	forward_list_deinit(&reading->forwards);
	forward_list_deinit(&reading->restricted);
	forward_list_deinit(&reading->allowed);
	free(reading->sources.items);
	revision_list_deinit(&reading->revisions);
}

/* It is not the table's fault: what is read again may be whole. */
static bool is_transient(int error)
{
	return error == -EAGAIN || error == -ENOBUFS || error == -ENOMEM;
}

static int read_sets(struct nft_socket *socket, struct reading *reading)
{
	int r;

	for (unsigned which = 0; which <= NFT_SET_REVISIONS; which++) {
		reading->which = which;
		r = nft_socket_get_elements(socket, NFT_TABLE, nft_table_set_names[which],
					    on_element, reading);
		if (is_transient(r))
			return r;
		if (r < 0)
			reading->damaged = true;
	}
	return 0;
}

/* The set of each length may be there or not. */
static int read_sources(struct nft_socket *socket, struct reading *reading)
{
	int r;

	for (unsigned i = 0; i < 2 * NFT_TABLE_LENGTHS; i++) {
		reading->ip6 = i % 2;
		reading->length = i / 2;
		if (!reading->ip6 && reading->length > 32)
			continue;
		r = nft_socket_get_elements(socket, NFT_TABLE,
					    nft_table_sources_name(reading->ip6, reading->length),
					    on_source, reading);
		if (is_transient(r))
			return r;
		if (r < 0 && r != -ENOENT)
			reading->damaged = true;
	}
	return 0;
}

static int compare_sources(const void *a, const void *b)
{
	const struct source *first = a, *second = b;

	return forward_compare(&first->key, &second->key);
}

/*
 * Joins the restricted forwards with their networks. One without any is dropped: to nobody is what
 * the kernel makes of it, and to everybody must not become of it.
 */
static void join_sources(struct reading *reading)
{
	struct source_list *sources = &reading->sources;
	struct netprefix *networks;
	struct forward *forward;
	size_t at = 0, count, joined = 0;

	forward_list_sort(&reading->restricted);
	if (sources->count > 1)
		qsort(sources->items, sources->count, sizeof(*sources->items), compare_sources);
	for (size_t i = 0; i < reading->restricted.count; i++) {
		forward = &reading->restricted.items[i];
		while (at < sources->count && forward_compare(&sources->items[at].key, forward) < 0)
			at++;
		for (count = 0; at + count < sources->count; count++)
			if (forward_compare(&sources->items[at + count].key, forward) != 0)
				break;
		joined += count;
		if (count == 0 || count > FORWARD_SOURCES_MAX) {
			forward_deinit(forward);
			reading->damaged = true;
			continue;
		}
		networks = xcalloc(count, sizeof(*networks));
		for (size_t j = 0; j < count; j++)
			networks[j] = sources->items[at + j].network;
		forward_set_sources(forward, networks, count);
		forward_list_append(&reading->forwards, *forward);
	}
	reading->restricted.count = 0;
	reading->damaged |= joined != sources->count;
}

static bool lists_agree(struct reading *reading)
{
	const struct forward_list *forwards = &reading->forwards, *allowed = &reading->allowed;

	if (forward_list_sort(&reading->forwards) || forward_list_sort(&reading->allowed) ||
	    forwards->count != allowed->count)
		return false;
	for (size_t i = 0; i < forwards->count; i++)
		if (forward_compare(&forwards->items[i], &allowed->items[i]) != 0 ||
		    !forward_same_target(&forwards->items[i], &allowed->items[i]) ||
		    forwards->items[i].keeps_client != allowed->items[i].keeps_client ||
		    revision_get(&reading->revisions, forwards->items[i].set) == 0)
			return false;
	return true;
}

/* The lists of a damaged table may lack what the rest relies on. */
static void repair(struct reading *reading)
{
	struct forward_list *forwards = &reading->forwards;
	size_t kept = 0;

	/* Of two with one key, which a stranger made, the one that fewer may use. */
	forward_list_sort(forwards);
	for (size_t i = 0; i < forwards->count; i++) {
		if (kept > 0 &&
		    forward_compare(&forwards->items[kept - 1], &forwards->items[i]) == 0) {
			if (!forwards->items[i].source_count) {
				forward_deinit(&forwards->items[i]);
				continue;
			}
			forward_deinit(&forwards->items[--kept]);
		}
		forwards->items[kept++] = forwards->items[i];
	}
	forwards->count = kept;

	while (forwards->count > FORWARD_LIST_MAX)
		forward_deinit(&forwards->items[--forwards->count]);
	for (size_t i = 0; i < forwards->count; i++)
		if (revision_get(&reading->revisions, forwards->items[i].set) == 0 &&
		    !revision_list_is_full(&reading->revisions, forwards->items[i].set))
			revision_set(&reading->revisions, forwards->items[i].set, 1);
}

enum table_found table_read(struct nft_socket *socket, struct forward_list *ret_forwards,
			    struct revision_list *ret_revisions)
{
	struct reading reading = { 0 };
	struct nftnl_table *table;
	uint32_t layout;
	int r;

	r = nft_socket_get_table(socket, NFT_TABLE, &table);
	if (r < 0)
		return r == -ENOENT ? TABLE_FOUND_NONE : TABLE_FOUND_UNREADABLE;
	layout = nft_table_layout(table);
	nftnl_table_free(table);
	r = -EAGAIN;
	for (unsigned attempt = 0; r < 0 && attempt < MAX_ATTEMPTS; attempt++) {
		reading_deinit(&reading);
		reading = (struct reading){ .damaged = layout != NFT_TABLE_LAYOUT };
		r = read_sets(socket, &reading);
		if (r >= 0)
			r = read_sources(socket, &reading);
	}
	if (r < 0) {
		reading_deinit(&reading);
		return TABLE_FOUND_UNREADABLE;
	}
	join_sources(&reading);
	if (!lists_agree(&reading)) {
		reading.damaged = true;
		repair(&reading);
	}
	*ret_forwards = reading.forwards;
	*ret_revisions = reading.revisions;
	reading.forwards = (struct forward_list){ 0 };
	reading.revisions = (struct revision_list){ 0 };
	reading_deinit(&reading);
	return reading.damaged ? TABLE_FOUND_DAMAGED : TABLE_FOUND_INTACT;
}
