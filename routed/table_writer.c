/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The batches come from nft_table.h and nft_element.h; this decides which go together. */
#include "routed/table_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "routed/nft_element.h"

#define NOT_ALLOWED                                                                              \
	"not allowed to change nftables: routed needs CAP_NET_ADMIN, and that no other program " \
	"owns the table \"" NFT_TABLE "\""

void table_writer_deinit(struct table_writer *writer)
{
	free(writer->error);
	writer->error = NULL;
}

static struct nft_batch *batch_new(const struct table_writer *writer)
{
	return nft_batch_new(NFT_TABLE, nft_socket_sequence(writer->socket));
}

static int commit(struct table_writer *writer, struct nft_batch *batch, const char *what)
{
	char key[FORWARD_ADDRESS_SIZE] = "";
	struct nft_error error;
	int r;

	r = nft_socket_commit(writer->socket, batch, &error);
	free(writer->error);
	writer->error = NULL;
	if (r >= 0)
		return 0;
	if (error.subject)
		forward_format_key(error.subject, key);
	if (r == -EPERM)
		writer->error = xstrdup(NOT_ALLOWED);
	else
		writer->error = xasprintf("the kernel refuses %s: %s%s%s", what, error.text,
					  error.subject ? ", of " : "", key);
	return r;
}

/* Those that are in use now, and none that were. */
static void set_lengths(struct table_writer *writer, const struct ruleset_change *whole)
{
	writer->options.lengths = (struct nft_table_lengths){ 0 };
	nft_element_add_lengths(&writer->options.lengths, whole);
}

static void set_lengths_after(struct table_writer *writer, const struct forward_list *held,
			      const struct ruleset_change *change)
{
	struct ruleset_change whole;

	ruleset_whole(&whole, held, change);
	set_lengths(writer, &whole);
	ruleset_change_deinit(&whole);
}

int table_write_whole(struct table_writer *writer, const struct forward_list *held,
		      const struct ruleset_change *change, const struct revision_list *revisions)
{
	_cleanup_(nft_batch_freep) struct nft_batch *batch = batch_new(writer);
	const struct revision_list none = { 0 };
	struct ruleset_change whole;
	int r;

	ruleset_whole(&whole, held, change);
	set_lengths(writer, &whole);
	nft_table_create(batch, &writer->options);
	nft_element_put_change(batch, &whole);
	nft_element_put_revisions(batch, &none, revisions);
	r = commit(writer, batch, "the table");
	ruleset_change_deinit(&whole);
	return r;
}

int table_write_change(struct table_writer *writer, const struct forward_list *held,
		       const struct ruleset_change *change, const struct revision_list *before,
		       const struct revision_list *revisions)
{
	const struct nft_table_lengths lengths = writer->options.lengths;
	_cleanup_(nft_batch_freep) struct nft_batch *batch = batch_new(writer);

	if (nft_element_has_sources(change))
		set_lengths_after(writer, held, change);
	if (memcmp(&lengths, &writer->options.lengths, sizeof(lengths)) != 0)
		nft_table_refresh(batch, &writer->options);
	nft_element_put_change(batch, change);
	nft_table_drop_sources(batch, &lengths, &writer->options.lengths);
	nft_element_put_revisions(batch, before, revisions);
	return commit(writer, batch, "the change");
}

int table_write_deadlines(struct table_writer *writer, const struct forward_list *held)
{
	_cleanup_(nft_batch_freep) struct nft_batch *batch = batch_new(writer);
	struct ruleset_change change;
	int r;

	ruleset_rewrite_expiring(&change, held);
	nft_element_put_change(batch, &change);
	r = commit(writer, batch, "the ends of forwards");
	ruleset_change_deinit(&change);
	return r;
}

/* A stranger's chains or sets in our table would stay, or one that has been laid dormant. */
static int refuse_additions(const struct table_writer *writer)
{
	struct nftnl_table *table;
	bool ours;
	int r;

	r = nft_socket_get_table(writer->socket, NFT_TABLE, &table);
	if (r < 0)
		return r;
	ours = nft_table_is_ours_alone(table, &writer->options);
	nftnl_table_free(table);
	return ours ? 0 : -EBADMSG;
}

int table_write_rules(struct table_writer *writer, const struct forward_list *held)
{
	_cleanup_(nft_batch_freep) struct nft_batch *batch = batch_new(writer);
	const struct ruleset_change nothing = { 0 };
	int r;

	set_lengths_after(writer, held, &nothing);
	nft_table_refresh(batch, &writer->options);
	r = commit(writer, batch, "the rules");
	return r < 0 ? r : refuse_additions(writer);
}
