/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table inet evercam: its constant part (sets, chains, rules) and what is the same for all of
 * its readers and writers. Forwards are elements of its maps (nft_element.h), so that neither the
 * rules nor the cost of a packet depend on how many there are. Pure.
 */
#pragma once

#include <stdbool.h>

#include "routed/nft_batch.h"

struct nftnl_table;

#define NFT_TABLE "evercam"

/* Grows when a set changes its type: a table of another layout is made anew, with its forwards. */
#define NFT_TABLE_LAYOUT 2

enum nft_table_set {
	NFT_SET_FORWARDS_IP,   /* ingress, protocol, port -> target, port: what is forwarded */
	NFT_SET_FORWARDS_IP6,  /* the same for IPv6 */
	NFT_SET_RESTRICTED_IP, /* the same, for those that not everybody may use */
	NFT_SET_RESTRICTED_IP6,
	NFT_SET_ALLOWED_IP, /* ingress, protocol, target, port, port before: what may pass */
	NFT_SET_ALLOWED_IP6,
	NFT_SET_KEPT_IP, /* the same, for those that keep the client's address */
	NFT_SET_KEPT_IP6,
	NFT_SET_REVISIONS, /* name of each set of forwards; its revision is in the user data */
	NFT_SET_SERVICES,  /* protocol, port: of this host, reachable through closed interfaces */
	NFT_TABLE_SET_COUNT,
};
extern const char *const nft_table_set_names[NFT_TABLE_SET_COUNT];

/*
 * Who may use a restricted forward is in sets of ingress, protocol, port and network, one set for
 * each length of prefix that is in use: a packet then costs one look into a hash table per length,
 * however many forwards and prefixes there are.
 */
#define NFT_TABLE_LENGTHS 129 /* 0..128 */
struct nft_table_lengths {
	bool ip[NFT_TABLE_LENGTHS], ip6[NFT_TABLE_LENGTHS];
};
const char *nft_table_sources_name(bool ip6, unsigned length); /* "sources_ip_24" */

/* An allowed service of this host. */
struct nft_table_service {
	uint8_t protocol;
	uint16_t port;
};

/* From the configuration; borrowed. */
struct nft_table_options {
	char *const *closed_interfaces; /* NULL-terminated; a trailing '*' stands for any rest */
	const struct nft_table_service *services;
	size_t service_count;
	struct nft_table_lengths lengths;
};

/* From scratch: a table that exists goes, with all that is in it, in the same transaction. */
void nft_table_create(struct nft_batch *batch, const struct nft_table_options *options);
/* A table of this layout keeps its sets and elements; chains and rules become what they should be.
 */
void nft_table_refresh(struct nft_batch *batch, const struct nft_table_options *options);

/* Deletes the sets of sources of lengths that are no longer in use, which neither rule nor element
 * needs any more. */
void nft_table_drop_sources(struct nft_batch *batch, const struct nft_table_lengths *before,
			    const struct nft_table_lengths *now);

/* The layout in the user data of a table that was found, or 0. */
uint32_t nft_table_layout(const struct nftnl_table *table);
/* A table that was found is in force, and has as many sets and chains as ours has: none besides. */
bool nft_table_is_ours_alone(const struct nftnl_table *table,
			     const struct nft_table_options *options);
