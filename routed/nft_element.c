/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys and values are concatenations: each part is padded to four bytes, numbers are in network
 * order. Every forward has two elements: in forwards_ip(6) or restricted_ip(6), which redirects,
 * and in allowed_ip(6) or kept_ip(6), which lets through what was redirected; and one for each
 * network from which it may be used.
 */
#include "routed/nft_element.h"

#include <errno.h>
#include <libnftnl/expr.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/memory.h"
#include "routed/nft_userdata.h"

#define FORWARD_KEY_SIZE (IFNAMSIZ + 4 + 4)
#define MAX_KEY_SIZE     (IFNAMSIZ + 4 + 16 + 4 + 4)

struct bytes {
	uint8_t bytes[MAX_KEY_SIZE];
	uint32_t size;
};

static void put_port(struct bytes *out, uint16_t port)
{
	const uint8_t padded[4] = { (uint8_t)(port >> 8), (uint8_t)port };

	memcpy(out->bytes + out->size, padded, sizeof(padded));
	out->size += sizeof(padded);
}

static void put_ingress(struct bytes *out, const struct forward *forward)
{
	const uint8_t padded[4] = { forward->protocol };

	memcpy(out->bytes + out->size, forward->interface, IFNAMSIZ);
	memcpy(out->bytes + out->size + IFNAMSIZ, padded, sizeof(padded));
	out->size += IFNAMSIZ + sizeof(padded);
}

static void put_target(struct bytes *out, const struct forward *forward)
{
	uint32_t size = forward->target.family == AF_INET6 ? 16 : 4;

	memcpy(out->bytes + out->size, &forward->target.v6, size);
	out->size += size;
	put_port(out, forward->target_port);
}

static bool is_ip6(const struct forward *forward)
{
	return forward->target.family == AF_INET6;
}

static enum nft_table_set forwards_set(const struct forward *forward)
{
	return (forward->source_count ? NFT_SET_RESTRICTED_IP : NFT_SET_FORWARDS_IP) +
	       is_ip6(forward);
}

static enum nft_table_set allowed_set(const struct forward *forward)
{
	return (forward->keeps_client ? NFT_SET_KEPT_IP : NFT_SET_ALLOWED_IP) + is_ip6(forward);
}

static struct nftnl_set_elem *element_new(const struct bytes *key)
{
	struct nftnl_set_elem *element = nftnl_set_elem_alloc();

	if (!element)
		abort();
	nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key->bytes, key->size);
	return element;
}

#define TIME_SIZE sizeof(" 2026-01-01 00:00 UTC")

static void format_comment(char *comment, size_t size, const struct forward *forward)
{
	time_t expires = (time_t)forward->expires;
	char until[TIME_SIZE] = "";
	struct tm fields;

	if (forward->expires && gmtime_r(&expires, &fields))
		strftime(until, sizeof(until), " %Y-%m-%d %H:%M UTC", &fields);
	snprintf(comment, size, "%s%s%s%s%s", forward->set, forward->name ? ": " : "",
		 forward->name ? forward->name : "", *until ? ", until" : "", until);
}

static struct nftnl_set_elem *forward_element_new(const struct forward *forward, bool key_only)
{
	struct bytes key = { .size = 0 }, value = { .size = 0 };
	char comment[FORWARD_SET_SIZE + 2 + FORWARD_NAME_MAX + sizeof(", until") + TIME_SIZE];
	struct nft_userdata userdata = { .size = 0 };
	struct nftnl_set_elem *element;

	put_ingress(&key, forward);
	put_port(&key, forward->listen_port);
	element = element_new(&key);
	if (key_only)
		return element;
	put_target(&value, forward);
	nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, value.bytes, value.size);
	format_comment(comment, sizeof(comment), forward);
	nft_userdata_put_text(&userdata, NFT_USERDATA_COMMENT, comment);
	nft_userdata_put_text(&userdata, NFT_USERDATA_SET, forward->set);
	if (forward->name)
		nft_userdata_put_text(&userdata, NFT_USERDATA_NAME, forward->name);
	if (forward->keeps_client)
		nft_userdata_put(&userdata, NFT_USERDATA_KEEPS_CLIENT, "", 0);
	if (forward->expires) {
		nft_userdata_put(&userdata, NFT_USERDATA_EXPIRES, &forward->expires,
				 sizeof(forward->expires));
		nft_userdata_put(&userdata, NFT_USERDATA_DEADLINE, &forward->deadline,
				 sizeof(forward->deadline));
	}
	nftnl_set_elem_set(element, NFTNL_SET_ELEM_USERDATA, userdata.bytes,
			   (uint32_t)userdata.size);
	return element;
}

static struct nftnl_set_elem *source_element_new(const struct forward *forward,
						 const struct netprefix *source)
{
	uint32_t size = is_ip6(forward) ? 16 : 4;
	struct bytes key = { .size = 0 };

	put_ingress(&key, forward);
	put_port(&key, forward->listen_port);
	memcpy(key.bytes + key.size, &source->address.v6, size);
	key.size += size;
	return element_new(&key);
}

static struct nftnl_set_elem *allowed_element_new(const struct forward *forward)
{
	struct bytes key = { .size = 0 };

	put_ingress(&key, forward);
	put_target(&key, forward);
	put_port(&key, forward->listen_port);
	return element_new(&key);
}

typedef void put_element_fn(struct nft_batch *batch, const char *set,
			    struct nftnl_set_elem *element, const void *subject);

/* Set by set, so that the elements of one set share messages. */
static void put_forwards(struct nft_batch *batch, const struct forward *const *forwards,
			 size_t count, put_element_fn *put)
{
	bool remove = put == nft_batch_delete_element;
	struct nftnl_set_elem *element;

	for (unsigned which = NFT_SET_FORWARDS_IP; which <= NFT_SET_KEPT_IP6; which++)
		for (size_t i = 0; i < count; i++) {
			if (forwards_set(forwards[i]) == which)
				element = forward_element_new(forwards[i], remove);
			else if (allowed_set(forwards[i]) == which)
				element = allowed_element_new(forwards[i]);
			else
				continue;
			put(batch, nft_table_set_names[which], element, forwards[i]);
			nftnl_set_elem_free(element);
		}
}

static bool *length_of(struct nft_table_lengths *lengths, const struct forward *forward, size_t i)
{
	return &(is_ip6(forward) ? lengths->ip6 : lengths->ip)[forward->sources[i].length];
}

static void add_lengths(struct nft_table_lengths *lengths, const struct forward *const *forwards,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < forwards[i]->source_count; j++)
			*length_of(lengths, forwards[i], j) = true;
}

void nft_element_add_lengths(struct nft_table_lengths *lengths, const struct ruleset_change *change)
{
	add_lengths(lengths, change->added, change->added_count);
}

static bool have_sources(const struct forward *const *forwards, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (forwards[i]->source_count)
			return true;
	return false;
}

bool nft_element_has_sources(const struct ruleset_change *change)
{
	return have_sources(change->removed, change->removed_count) ||
	       have_sources(change->added, change->added_count);
}

static void put_sources_of_length(struct nft_batch *batch, const struct forward *const *forwards,
				  size_t count, put_element_fn *put, bool ip6, unsigned length)
{
	const struct netprefix *source;
	struct nftnl_set_elem *element;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < forwards[i]->source_count; j++) {
			source = &forwards[i]->sources[j];
			if (source->length != length || is_ip6(forwards[i]) != ip6)
				continue;
			element = source_element_new(forwards[i], source);
			put(batch, nft_table_sources_name(ip6, length), element, forwards[i]);
			nftnl_set_elem_free(element);
		}
}

static void put_sources(struct nft_batch *batch, const struct forward *const *forwards,
			size_t count, put_element_fn *put)
{
	struct nft_table_lengths lengths = { 0 };

	if (!have_sources(forwards, count))
		return;
	add_lengths(&lengths, forwards, count);
	for (unsigned length = 0; length < NFT_TABLE_LENGTHS; length++) {
		if (lengths.ip[length])
			put_sources_of_length(batch, forwards, count, put, false, length);
		if (lengths.ip6[length])
			put_sources_of_length(batch, forwards, count, put, true, length);
	}
}

void nft_element_put_change(struct nft_batch *batch, const struct ruleset_change *change)
{
	put_sources(batch, change->removed, change->removed_count, nft_batch_delete_element);
	put_forwards(batch, change->removed, change->removed_count, nft_batch_delete_element);
	put_forwards(batch, change->added, change->added_count, nft_batch_add_element);
	put_sources(batch, change->added, change->added_count, nft_batch_add_element);
}

static void put_revision(struct nft_batch *batch, const char *set, uint64_t revision,
			 put_element_fn *put)
{
	struct nft_userdata userdata = { .size = 0 };
	struct bytes key = { .size = IFNAMSIZ };
	struct nftnl_set_elem *element;
	char comment[48];

	memcpy(key.bytes, set, strnlen(set, FORWARD_SET_SIZE - 1));
	element = element_new(&key);
	if (put == nft_batch_add_element) {
		snprintf(comment, sizeof(comment), "revision %llu", (unsigned long long)revision);
		nft_userdata_put_text(&userdata, NFT_USERDATA_COMMENT, comment);
		nft_userdata_put(&userdata, NFT_USERDATA_REVISION, &revision, sizeof(revision));
		nftnl_set_elem_set(element, NFTNL_SET_ELEM_USERDATA, userdata.bytes,
				   (uint32_t)userdata.size);
	}
	put(batch, nft_table_set_names[NFT_SET_REVISIONS], element, NULL);
	nftnl_set_elem_free(element);
}

/* Those of a that b does not have, or not so. */
static void put_differing(struct nft_batch *batch, const struct revision_list *a,
			  const struct revision_list *b, put_element_fn *put)
{
	for (size_t i = 0; i < a->count; i++)
		if (revision_get(b, a->items[i].set) != a->items[i].revision)
			put_revision(batch, a->items[i].set, a->items[i].revision, put);
}

void nft_element_put_revisions(struct nft_batch *batch, const struct revision_list *held,
			       const struct revision_list *desired)
{
	put_differing(batch, held, desired, nft_batch_delete_element);
	put_differing(batch, desired, held, nft_batch_add_element);
}

/* --- back --- */

/* An attribute of exactly that size, or NULL. */
static const uint8_t *get_exactly(struct nftnl_set_elem *element, uint16_t attribute, uint32_t size)
{
	uint32_t found = 0;
	const uint8_t *value = nftnl_set_elem_get(element, attribute, &found);

	return value && found == size ? value : NULL;
}

static uint16_t get_port(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static int get_ingress(struct forward *forward, const uint8_t *key)
{
	memcpy(forward->interface, key, IFNAMSIZ);
	forward->protocol = key[IFNAMSIZ];
	if (forward->interface[IFNAMSIZ - 1] || !forward_interface_is_valid(forward->interface))
		return -EBADMSG;
	return forward->protocol == IPPROTO_TCP || forward->protocol == IPPROTO_UDP ? 0 : -EBADMSG;
}

static void get_target(struct forward *forward, const uint8_t *bytes, bool ip6)
{
	forward->target.family = ip6 ? AF_INET6 : AF_INET;
	memcpy(&forward->target.v6, bytes, ip6 ? 16 : 4);
}

static int parse_allowed(struct forward *ret_forward, struct nftnl_set_elem *element, bool ip6)
{
	const uint8_t *key = get_exactly(element, NFTNL_SET_ELEM_KEY, ip6 ? 44 : 32);
	struct forward forward = { 0 };

	if (!key || get_ingress(&forward, key) < 0)
		return -EBADMSG;
	get_target(&forward, key + IFNAMSIZ + 4, ip6);
	forward.target_port = get_port(key + IFNAMSIZ + 4 + (ip6 ? 16 : 4));
	forward.listen_port = get_port(key + IFNAMSIZ + (ip6 ? 24 : 12));
	*ret_forward = forward;
	return 0;
}

/* Stays what it is when there is none. */
static void get_number(void *number, const void *userdata, size_t size, enum nft_userdata_type type)
{
	size_t value_size;
	const uint8_t *value = nft_userdata_find(userdata, size, type, &value_size);

	if (value && value_size == sizeof(uint64_t))
		memcpy(number, value, value_size);
}

static int parse_forward(struct forward *ret_forward, struct nftnl_set_elem *element, bool ip6)
{
	const uint8_t *value = get_exactly(element, NFTNL_SET_ELEM_DATA, ip6 ? 20 : 8);
	const uint8_t *key = get_exactly(element, NFTNL_SET_ELEM_KEY, FORWARD_KEY_SIZE);
	struct forward forward = { 0 };
	const void *userdata;
	uint32_t size = 0;
	size_t value_size;
	const char *set;
	char *error;

	userdata = nftnl_set_elem_get(element, NFTNL_SET_ELEM_USERDATA, &size);
	set = userdata ? nft_userdata_find_text(userdata, size, NFT_USERDATA_SET) : NULL;
	if (!key || !value || !set || get_ingress(&forward, key) < 0)
		return -EBADMSG;
	if (forward_set_check(set, &error) < 0) {
		free(error);
		return -EBADMSG;
	}
	forward.listen_port = get_port(key + IFNAMSIZ + 4);
	get_target(&forward, value, ip6);
	forward.target_port = get_port(value + (ip6 ? 16 : 4));
	if (!forward.listen_port || !forward.target_port ||
	    !netaddr_is_unicast_host(&forward.target))
		return -EBADMSG;
	memcpy(forward.set, set, strlen(set));
	forward.keeps_client = nft_userdata_find(userdata, size, NFT_USERDATA_KEEPS_CLIENT,
						 &value_size);
	get_number(&forward.expires, userdata, size, NFT_USERDATA_EXPIRES);
	get_number(&forward.deadline, userdata, size, NFT_USERDATA_DEADLINE);
	forward.name = forward_name_clean(
		nft_userdata_find_text(userdata, size, NFT_USERDATA_NAME));
	*ret_forward = forward;
	return 0;
}

int nft_element_parse(struct forward *ret_forward, enum nft_table_set which,
		      struct nftnl_set_elem *element)
{
	bool ip6 = which % 2; /* each set of IPv6 follows that of IPv4 */
	int r;

	if (which < NFT_SET_ALLOWED_IP)
		return parse_forward(ret_forward, element, ip6);
	r = parse_allowed(ret_forward, element, ip6);
	if (r >= 0)
		ret_forward->keeps_client = which >= NFT_SET_KEPT_IP;
	return r;
}

uint64_t nft_element_connections(struct nftnl_set_elem *element)
{
	struct nftnl_expr *counter = NULL;
	uint32_t size;

	if (nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_EXPR))
		counter = (struct nftnl_expr *)nftnl_set_elem_get(element, NFTNL_SET_ELEM_EXPR,
								  &size);
	if (!counter || !nftnl_expr_is_set(counter, NFTNL_EXPR_CTR_PACKETS))
		return 0;
	return nftnl_expr_get_u64(counter, NFTNL_EXPR_CTR_PACKETS);
}

int nft_element_parse_source(struct forward *ret_key, struct netprefix *ret_source, bool ip6,
			     unsigned length, struct nftnl_set_elem *element)
{
	const uint8_t *key = get_exactly(element, NFTNL_SET_ELEM_KEY,
					 FORWARD_KEY_SIZE + (ip6 ? 16 : 4));
	struct netprefix source = { .length = (uint8_t)length };
	struct forward forward = { 0 };

	if (!key || get_ingress(&forward, key) < 0)
		return -EBADMSG;
	forward.listen_port = get_port(key + IFNAMSIZ + 4);
	get_target(&forward, key + FORWARD_KEY_SIZE, ip6);
	source.address = forward.target;
	*ret_key = forward;
	*ret_source = source;
	return 0;
}

int nft_element_parse_revision(char ret_set[static FORWARD_SET_SIZE], uint64_t *ret_revision,
			       struct nftnl_set_elem *element)
{
	const char *key = (const char *)get_exactly(element, NFTNL_SET_ELEM_KEY, IFNAMSIZ);
	const uint8_t *value = NULL;
	const void *userdata;
	size_t value_size;
	uint32_t size = 0;
	char *error;

	userdata = nftnl_set_elem_get(element, NFTNL_SET_ELEM_USERDATA, &size);
	if (userdata)
		value = nft_userdata_find(userdata, size, NFT_USERDATA_REVISION, &value_size);
	if (!key || key[IFNAMSIZ - 1] || !value || value_size != sizeof(*ret_revision))
		return -EBADMSG;
	if (forward_set_check(key, &error) < 0) {
		free(error);
		return -EBADMSG;
	}
	memcpy(ret_set, key, FORWARD_SET_SIZE);
	memcpy(ret_revision, value, sizeof(*ret_revision));
	return 0;
}
