/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One nftables transaction in the making: messages in the kernel's form, and what each of them and
 * each element in them is about, so that an error can name its cause. Everything is for one table.
 * Pure: nft_socket.c sends it.
 */
#pragma once

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/macros.h"

struct nft_batch;
struct nlmsghdr;

/* table is in family inet; borrowed. sequence: of the first message. */
struct nft_batch *nft_batch_new(const char *table, uint32_t sequence);
struct nft_batch *nft_batch_free(struct nft_batch *batch);
DEFINE_CLEANUP(struct nft_batch *, nft_batch_free);

void nft_batch_add_table(struct nft_batch *batch, const void *userdata, uint32_t size);
void nft_batch_delete_table(struct nft_batch *batch);
/* These take what they are given. Chains and sets may exist already; table and family are filled
 * in. */
void nft_batch_add_chain(struct nft_batch *batch, struct nftnl_chain *chain);
void nft_batch_add_set(struct nft_batch *batch, struct nftnl_set *set);
void nft_batch_add_rule(struct nft_batch *batch, struct nftnl_rule *rule);
void nft_batch_flush_chain(struct nft_batch *batch, const char *chain);
void nft_batch_flush_set(struct nft_batch *batch, const char *set);
void nft_batch_delete_set(struct nft_batch *batch, const char *set);

/*
 * Elements: those that follow one another for one set share messages. An added element must not
 * exist, a deleted one must. The element is borrowed for the call; subject for the batch's life.
 */
void nft_batch_add_element(struct nft_batch *batch, const char *set, struct nftnl_set_elem *element,
			   const void *subject);
void nft_batch_delete_element(struct nft_batch *batch, const char *set,
			      struct nftnl_set_elem *element, const void *subject);

/* Nothing is added after this. The last message asks for an ACK, which tells that all were read. */
void nft_batch_finish(struct nft_batch *batch);

bool nft_batch_is_empty(const struct nft_batch *batch);
uint32_t nft_batch_next_sequence(const struct nft_batch *batch);
/* Owned array of the pages to send in one datagram. */
struct iovec *nft_batch_pages(struct nft_batch *batch, size_t *ret_count);

/*
 * What the message of that sequence is about ("element of forwards_ip"), and the subject of the
 * element at offset in it, or NULL. The text lives until the next call.
 */
const char *nft_batch_describe(struct nft_batch *batch, uint32_t sequence, uint32_t offset,
			       const void **ret_subject);
