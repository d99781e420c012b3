/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A forward as elements of the kernel's sets, and back. The kernel keeps all there is to know of a
 * forward (its set and name in the user data), so that routed itself keeps nothing on disk. Pure.
 */
#pragma once

#include "routed/forward_list.h"
#include "routed/nft_batch.h"
#include "routed/nft_table.h"
#include "routed/revision.h"
#include "routed/ruleset.h"

/* All elements of a change: what goes, then what comes. The change's forwards are the subjects. */
void nft_element_put_change(struct nft_batch *batch, const struct ruleset_change *change);
/* Adds the lengths of the prefixes that a change brings. */
void nft_element_add_lengths(struct nft_table_lengths *lengths,
			     const struct ruleset_change *change);
/* A forward with prefixes comes or goes, so that other lengths may be in use. */
bool nft_element_has_sources(const struct ruleset_change *change);
/* What makes the revisions that are held those that are desired. */
void nft_element_put_revisions(struct nft_batch *batch, const struct revision_list *held,
			       const struct revision_list *desired);

/*
 * What was read back from the kernel: 0 and an owned forward, or -EBADMSG: not of our making.
 * An element of an allowed set has no set and no name, one of a restricted map no sources.
 */
int nft_element_parse(struct forward *ret_forward, enum nft_table_set which,
		      struct nftnl_set_elem *element);
/* Connections that the kernel has counted for an element of a forwards or restricted map. */
uint64_t nft_element_connections(struct nftnl_set_elem *element);
/* An element of a set of sources: the key of a forward, and a network. */
int nft_element_parse_source(struct forward *ret_key, struct netprefix *ret_source, bool ip6,
			     unsigned length, struct nftnl_set_elem *element);
int nft_element_parse_revision(char ret_set[static FORWARD_SET_SIZE], uint64_t *ret_revision,
			       struct nftnl_set_elem *element);
