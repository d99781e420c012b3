/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sets and chains. Types carry nft's numbers, so that `nft list table inet evercam` reads well;
 * what it prints can be given back to nft -f.
 */
#include "routed/nft_table.h"

#include <net/if.h> /* the C library's definitions, before the kernel's of the same things */
#include <netinet/in.h>

#include <libnftnl/expr.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routed/nft_rules.h"
#include "routed/nft_userdata.h"

const char *const nft_table_set_names[NFT_TABLE_SET_COUNT] = {
	[NFT_SET_FORWARDS_IP] = "forwards_ip",
	[NFT_SET_FORWARDS_IP6] = "forwards_ip6",
	[NFT_SET_RESTRICTED_IP] = "restricted_ip",
	[NFT_SET_RESTRICTED_IP6] = "restricted_ip6",
	[NFT_SET_ALLOWED_IP] = "allowed_ip",
	[NFT_SET_ALLOWED_IP6] = "allowed_ip6",
	[NFT_SET_KEPT_IP] = "kept_ip",
	[NFT_SET_KEPT_IP6] = "kept_ip6",
	[NFT_SET_REVISIONS] = "revisions",
	[NFT_SET_SERVICES] = "services",
};

/* nft's numbers of types, by which it knows how to print; a concatenation has 6 bits for each. */
enum {
	TYPE_IPV4_ADDR = 7,
	TYPE_IPV6_ADDR = 8,
	TYPE_INET_PROTOCOL = 12,
	TYPE_INET_SERVICE = 13,
	TYPE_IFNAME = 41,
};
#define CONCAT2(a, b)          ((uint32_t)(a) << 6 | (b))
#define CONCAT3(a, b, c)       (CONCAT2(a, b) << 6 | (c))
#define CONCAT4(a, b, c, d)    (CONCAT3(a, b, c) << 6 | (d))
#define CONCAT5(a, b, c, d, e) ((CONCAT3(a, b, c) << 6 | (d)) << 6 | (e))

struct set_description {
	const char *comment; /* for people */
	uint32_t key_type, key_size, data_type, data_size;
	bool counted;
	bool host_order; /* of the key; said in the user data, for those who print it */
};

#define FORWARDS(address, size, text)                                                    \
	{                                                                                \
		.comment = (text),                                                       \
		.key_type = CONCAT3(TYPE_IFNAME, TYPE_INET_PROTOCOL, TYPE_INET_SERVICE), \
		.key_size = 24, .data_type = CONCAT2(address, TYPE_INET_SERVICE),        \
		.data_size = (size) + 4, .counted = true,                                \
	}
#define ALLOWED(address, size, text)                                                             \
	{                                                                                        \
		.comment = (text),                                                               \
		.key_type = CONCAT5(TYPE_IFNAME, TYPE_INET_PROTOCOL, address, TYPE_INET_SERVICE, \
				    TYPE_INET_SERVICE),                                          \
		.key_size = 28 + (size),                                                         \
	}
#define SOURCES(address, size)                                                                    \
	{                                                                                         \
		.comment = "who may use the restricted forwards",                                 \
		.key_type = CONCAT4(TYPE_IFNAME, TYPE_INET_PROTOCOL, TYPE_INET_SERVICE, address), \
		.key_size = 24 + (size),                                                          \
	}

#define FORWARDED   "forwards: ingress and port : target and port"
#define RESTRICTED  "forwards for the networks in sources_ip* only"
#define MASQUERADED "what forwards let pass, masqueraded: ingress, target, port, port asked for"
#define KEPT        "the same, with the client's own address"

static const struct set_description set_descriptions[NFT_TABLE_SET_COUNT] = {
	[NFT_SET_FORWARDS_IP] = FORWARDS(TYPE_IPV4_ADDR, 4, FORWARDED),
	[NFT_SET_FORWARDS_IP6] = FORWARDS(TYPE_IPV6_ADDR, 16, FORWARDED),
	[NFT_SET_RESTRICTED_IP] = FORWARDS(TYPE_IPV4_ADDR, 4, RESTRICTED),
	[NFT_SET_RESTRICTED_IP6] = FORWARDS(TYPE_IPV6_ADDR, 16, RESTRICTED),
	[NFT_SET_ALLOWED_IP] = ALLOWED(TYPE_IPV4_ADDR, 4, MASQUERADED),
	[NFT_SET_ALLOWED_IP6] = ALLOWED(TYPE_IPV6_ADDR, 16, MASQUERADED),
	[NFT_SET_KEPT_IP] = ALLOWED(TYPE_IPV4_ADDR, 4, KEPT),
	[NFT_SET_KEPT_IP6] = ALLOWED(TYPE_IPV6_ADDR, 16, KEPT),
	[NFT_SET_REVISIONS] = { .comment = "sets of forwards, and how often each has changed",
				.key_type = TYPE_IFNAME, .key_size = IFNAMSIZ, .host_order = true },
	[NFT_SET_SERVICES] = {
		.comment = "ports of this host that closed interfaces reach",
		.key_type = CONCAT2(TYPE_INET_PROTOCOL, TYPE_INET_SERVICE),
		.key_size = 8,
	},
};
static const struct set_description sources_ip = SOURCES(TYPE_IPV4_ADDR, 4),
				    sources_ip6 = SOURCES(TYPE_IPV6_ADDR, 16);

const char *nft_table_sources_name(bool ip6, unsigned length)
{
	static char names[2][NFT_TABLE_LENGTHS][sizeof("sources_ip6_128")];
	char *name = names[ip6][length];

	if (!*name)
		snprintf(name, sizeof(names[0][0]), "sources_ip%s_%u", ip6 ? "6" : "", length);
	return name;
}

static const struct chain_description {
	const char *name;
	const char *type; /* NULL: reached by jump only */
	uint32_t hook;
	int32_t priority;
} chain_descriptions[] = {
	{ "prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST },
	{ "postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC },
	{ "restricted" },
	{ "from_closed" },
	{ "to_closed" },
	{ "to_this_host" },
	{ "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER },
	{ "input", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER },
};

static void add_set(struct nft_batch *batch, const char *name,
		    const struct set_description *description)
{
	struct nftnl_set *set = nftnl_set_alloc();
	struct nft_userdata userdata = { .size = 0 };
	const uint32_t host_order = 1;
	struct nftnl_expr *counter;

	if (!set)
		abort();
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, description->data_size ? NFT_SET_MAP : 0);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, description->key_type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, description->key_size);
	if (description->data_size) {
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, description->data_type);
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, description->data_size);
	}
	if (description->host_order)
		nft_userdata_put(&userdata, (enum nft_userdata_type)NFTNL_UDATA_SET_KEYBYTEORDER,
				 &host_order, sizeof(host_order));
	nft_userdata_put_text(&userdata, (enum nft_userdata_type)NFTNL_UDATA_SET_COMMENT,
			      description->comment);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, userdata.bytes, (uint32_t)userdata.size);
	if (description->counted) {
		counter = nftnl_expr_alloc("counter");
		if (!counter)
			abort();
		nftnl_set_add_expr(set, counter);
	}
	nft_batch_add_set(batch, set);
}

static void add_chain(struct nft_batch *batch, const struct chain_description *description)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain)
		abort();
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, description->name);
	if (description->type) {
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, description->type);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, description->hook);
		nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, description->priority);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nft_batch_add_chain(batch, chain);
}

static void add_services(struct nft_batch *batch, const struct nft_table_options *options)
{
	const char *set = nft_table_set_names[NFT_SET_SERVICES];
	struct nftnl_set_elem *element;
	uint8_t key[8] = { 0 };

	nft_batch_flush_set(batch, set);
	for (size_t i = 0; i < options->service_count; i++) {
		key[0] = options->services[i].protocol;
		key[4] = (uint8_t)(options->services[i].port >> 8);
		key[5] = (uint8_t)options->services[i].port;
		element = nftnl_set_elem_alloc();
		if (!element)
			abort();
		nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key, sizeof(key));
		nft_batch_add_element(batch, set, element, NULL);
		nftnl_set_elem_free(element);
	}
}

static void add_table(struct nft_batch *batch)
{
	struct nft_userdata userdata = { .size = 0 };
	const uint32_t layout = NFT_TABLE_LAYOUT;

	nft_userdata_put_text(&userdata, NFT_USERDATA_COMMENT,
			      "kept by Evercam routed: changes made by hand do not last");
	nft_userdata_put(&userdata, NFT_USERDATA_LAYOUT, &layout, sizeof(layout));
	nft_batch_add_table(batch, userdata.bytes, (uint32_t)userdata.size);
}

void nft_table_refresh(struct nft_batch *batch, const struct nft_table_options *options)
{
	add_table(batch);
	for (unsigned i = 0; i < NFT_TABLE_SET_COUNT; i++)
		add_set(batch, nft_table_set_names[i], &set_descriptions[i]);
	for (unsigned length = 0; length < NFT_TABLE_LENGTHS; length++) {
		if (options->lengths.ip[length])
			add_set(batch, nft_table_sources_name(false, length), &sources_ip);
		if (options->lengths.ip6[length])
			add_set(batch, nft_table_sources_name(true, length), &sources_ip6);
	}
	for (size_t i = 0; i < ARRAY_SIZE(chain_descriptions); i++) {
		add_chain(batch, &chain_descriptions[i]);
		nft_batch_flush_chain(batch, chain_descriptions[i].name);
	}
	nft_rules_add(batch, options);
	add_services(batch, options);
}

void nft_table_create(struct nft_batch *batch, const struct nft_table_options *options)
{
	/* Adding before deleting: it is no error when there was none. */
	add_table(batch);
	nft_batch_delete_table(batch);
	nft_table_refresh(batch, options);
}

void nft_table_drop_sources(struct nft_batch *batch, const struct nft_table_lengths *before,
			    const struct nft_table_lengths *now)
{
	for (unsigned length = 0; length < NFT_TABLE_LENGTHS; length++) {
		if (before->ip[length] && !now->ip[length])
			nft_batch_delete_set(batch, nft_table_sources_name(false, length));
		if (before->ip6[length] && !now->ip6[length])
			nft_batch_delete_set(batch, nft_table_sources_name(true, length));
	}
}

uint32_t nft_table_layout(const struct nftnl_table *table)
{
	uint32_t layout = 0, size = 0;
	const void *userdata = nftnl_table_get_data(table, NFTNL_TABLE_USERDATA, &size);
	const uint8_t *value = NULL;
	size_t value_size;

	if (userdata)
		value = nft_userdata_find(userdata, size, NFT_USERDATA_LAYOUT, &value_size);
	if (value && value_size == sizeof(layout))
		memcpy(&layout, value, sizeof(layout));
	return layout;
}

bool nft_table_is_ours_alone(const struct nftnl_table *table,
			     const struct nft_table_options *options)
{
	uint32_t parts = NFT_TABLE_SET_COUNT + ARRAY_SIZE(chain_descriptions);

	for (unsigned length = 0; length < NFT_TABLE_LENGTHS; length++)
		parts += options->lengths.ip[length] + options->lengths.ip6[length];
	/* Sets, chains, objects and flowtables in it. */
	return nftnl_table_get_u32(table, NFTNL_TABLE_USE) == parts &&
	       nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS) == 0;
}
