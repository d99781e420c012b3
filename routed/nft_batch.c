/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libnftnl keeps the pages; this keeps the sequence numbers and the open element message.
 *
 * The kernel reports an error by the sequence of the message and the offset of the offending
 * attribute in it (extended ACK), hence the two arrays of notes. An attribute's length is 16 bits,
 * so that one message holds at most some 300 elements.
 */
#include "routed/nft_batch.h"

#include <libmnl/libmnl.h>
#include <libnftnl/batch.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"

#define PAGE_SIZE        (128 * 1024)
#define MAX_MESSAGE      (72 * 1024) /* what one message may grow to behind the end of a page */
#define MAX_ELEMENT      1024
#define MAX_ELEMENT_NEST (UINT16_MAX - MAX_ELEMENT)

struct message_note {
	const char *what; /* borrowed: literal */
	const char *name; /* borrowed: literal, or the caller's for the batch's life */
};

struct element_note {
	uint32_t sequence, offset;
	const void *subject;
};

struct nft_batch {
	const char *table;
	struct nftnl_batch *pages;
	uint32_t first_sequence, sequence;

	/* The last message, which may still get an ACK flag or more elements. */
	struct nlmsghdr *open;
	struct nlattr *open_nest; /* of an element message, else NULL */
	const char *open_set;

	struct message_note *messages; /* by sequence - first_sequence */
	size_t message_count, message_capacity;
	struct element_note *elements;
	size_t element_count, element_capacity;
	char description[96];
};

struct nft_batch *nft_batch_new(const char *table, uint32_t sequence)
{
	struct nft_batch *batch = xnew(struct nft_batch);

	batch->table = table;
	batch->first_sequence = batch->sequence = sequence;
	batch->pages = nftnl_batch_alloc(PAGE_SIZE, MAX_MESSAGE);
	if (!batch->pages)
		abort();
	nftnl_batch_begin(nftnl_batch_buffer(batch->pages), batch->sequence++);
	if (nftnl_batch_update(batch->pages) < 0)
		abort();
	return batch;
}

struct nft_batch *nft_batch_free(struct nft_batch *batch)
{
	if (!batch)
		return NULL;
	nftnl_batch_free(batch->pages);
	free(batch->messages);
	free(batch->elements);
	free(batch);
	return NULL;
}

/* nftnl_batch_update() moves a message that lies behind the page's end to a new page. */
static void close_message(struct nft_batch *batch)
{
	if (!batch->open)
		return;
	if (batch->open_nest)
		mnl_attr_nest_end(batch->open, batch->open_nest);
	batch->open = NULL;
	batch->open_nest = NULL;
	if (nftnl_batch_update(batch->pages) < 0)
		abort();
}

static struct nlmsghdr *open_message(struct nft_batch *batch, uint16_t type, uint16_t flags,
				     const char *what, const char *name)
{
	close_message(batch);
	if (batch->message_count == batch->message_capacity) {
		batch->message_capacity = batch->message_capacity ? 2 * batch->message_capacity
								  : 64;
		batch->messages = xrealloc_array(batch->messages, batch->message_capacity,
						 sizeof(*batch->messages));
	}
	batch->messages[batch->message_count++] = (struct message_note){ what, name };
	batch->open = nftnl_nlmsg_build_hdr(nftnl_batch_buffer(batch->pages), type, NFPROTO_INET,
					    flags, batch->sequence++);
	return batch->open;
}

static struct nftnl_table *table_new(const struct nft_batch *batch)
{
	struct nftnl_table *table = nftnl_table_alloc();

	if (!table)
		abort();
	nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, batch->table);
	return table;
}

void nft_batch_add_table(struct nft_batch *batch, const void *userdata, uint32_t size)
{
	struct nlmsghdr *message = open_message(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, "table",
						batch->table);
	struct nftnl_table *table = table_new(batch);

	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, 0); /* not dormant, should it have been so */
	nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, userdata, size);
	nftnl_table_nlmsg_build_payload(message, table);
	nftnl_table_free(table);
}

void nft_batch_delete_table(struct nft_batch *batch)
{
	struct nlmsghdr *message = open_message(batch, NFT_MSG_DELTABLE, 0, "table", batch->table);
	struct nftnl_table *table = table_new(batch);

	nftnl_table_nlmsg_build_payload(message, table);
	nftnl_table_free(table);
}

void nft_batch_add_chain(struct nft_batch *batch, struct nftnl_chain *chain)
{
	struct nlmsghdr *message = open_message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, "chain",
						NULL);

	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, batch->table);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	nftnl_chain_nlmsg_build_payload(message, chain);
	nftnl_chain_free(chain);
}

void nft_batch_add_set(struct nft_batch *batch, struct nftnl_set *set)
{
	struct nlmsghdr *message = open_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE, "set", NULL);

	nftnl_set_set_str(set, NFTNL_SET_TABLE, batch->table);
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_u32(set, NFTNL_SET_ID, batch->sequence);
	nftnl_set_nlmsg_build_payload(message, set);
	nftnl_set_free(set);
}

void nft_batch_add_rule(struct nft_batch *batch, struct nftnl_rule *rule)
{
	struct nlmsghdr *message = open_message(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
						"rule", NULL);

	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, batch->table);
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_nlmsg_build_payload(message, rule);
	nftnl_rule_free(rule);
}

void nft_batch_flush_chain(struct nft_batch *batch, const char *chain)
{
	struct nlmsghdr *message = open_message(batch, NFT_MSG_DELRULE, 0, "rules of", chain);

	mnl_attr_put_strz(message, NFTA_RULE_TABLE, batch->table);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain);
}

void nft_batch_flush_set(struct nft_batch *batch, const char *set)
{
	struct nlmsghdr *message = open_message(batch, NFT_MSG_DELSETELEM, 0, "elements of", set);

	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, batch->table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set);
}

void nft_batch_delete_set(struct nft_batch *batch, const char *set)
{
	struct nlmsghdr *message = open_message(batch, NFT_MSG_DELSET, 0, "set", set);

	mnl_attr_put_strz(message, NFTA_SET_TABLE, batch->table);
	mnl_attr_put_strz(message, NFTA_SET_NAME, set);
}

static uint16_t message_type(uint16_t type)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
}

static void open_elements(struct nft_batch *batch, uint16_t type, uint16_t flags, const char *set)
{
	struct nlmsghdr *message;

	if (batch->open_nest && batch->open->nlmsg_type == message_type(type) &&
	    strcmp(batch->open_set, set) == 0 &&
	    (char *)mnl_nlmsg_get_payload_tail(batch->open) - (char *)batch->open_nest <
		    MAX_ELEMENT_NEST)
		return;
	message = open_message(batch, type, flags, "element of", set);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, batch->table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set);
	batch->open_nest = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	batch->open_set = set;
}

static void put_element(struct nft_batch *batch, struct nftnl_set_elem *element,
			const void *subject)
{
	if (batch->element_count == batch->element_capacity) {
		batch->element_capacity = batch->element_capacity ? 2 * batch->element_capacity
								  : 64;
		batch->elements = xrealloc_array(batch->elements, batch->element_capacity,
						 sizeof(*batch->elements));
	}
	batch->elements[batch->element_count++] = (struct element_note){
		.sequence = batch->open->nlmsg_seq,
		.offset = batch->open->nlmsg_len,
		.subject = subject,
	};
	nftnl_set_elem_nlmsg_build(batch->open, element, NFTA_LIST_ELEM);
}

void nft_batch_add_element(struct nft_batch *batch, const char *set, struct nftnl_set_elem *element,
			   const void *subject)
{
	open_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, set);
	put_element(batch, element, subject);
}

void nft_batch_delete_element(struct nft_batch *batch, const char *set,
			      struct nftnl_set_elem *element, const void *subject)
{
	open_elements(batch, NFT_MSG_DELSETELEM, 0, set);
	put_element(batch, element, subject);
}

void nft_batch_finish(struct nft_batch *batch)
{
	if (batch->open)
		batch->open->nlmsg_flags |= NLM_F_ACK;
	close_message(batch);
	nftnl_batch_end(nftnl_batch_buffer(batch->pages), batch->sequence++);
	if (nftnl_batch_update(batch->pages) < 0)
		abort();
}

bool nft_batch_is_empty(const struct nft_batch *batch)
{
	return batch->message_count == 0;
}

uint32_t nft_batch_next_sequence(const struct nft_batch *batch)
{
	return batch->sequence;
}

struct iovec *nft_batch_pages(struct nft_batch *batch, size_t *ret_count)
{
	int count = nftnl_batch_iovec_len(batch->pages);
	struct iovec *pages = xcalloc((size_t)count, sizeof(*pages));

	nftnl_batch_iovec(batch->pages, pages, (uint32_t)count);
	*ret_count = (size_t)count;
	return pages;
}

const char *nft_batch_describe(struct nft_batch *batch, uint32_t sequence, uint32_t offset,
			       const void **ret_subject)
{
	/* The batch's first message is its beginning, which has no note. */
	size_t index = sequence - batch->first_sequence - 1;
	const struct message_note *note;

	*ret_subject = NULL;
	if (index >= batch->message_count)
		return "transaction";
	for (size_t i = 0; i < batch->element_count; i++)
		if (batch->elements[i].sequence == sequence && batch->elements[i].offset <= offset)
			*ret_subject = batch->elements[i].subject;
	note = &batch->messages[index];
	snprintf(batch->description, sizeof(batch->description), "%s%s%s", note->what,
		 note->name ? " " : "", note->name ? note->name : "");
	return batch->description;
}
