/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes our table, each call in one transaction: as a whole, or what changes. What it fails with
 * is said by writer->error until something succeeds.
 */
#pragma once

#include "routed/forward_list.h"
#include "routed/nft_socket.h"
#include "routed/nft_table.h"
#include "routed/revision.h"
#include "routed/ruleset.h"

struct table_writer {
	struct nft_socket *socket;        /* borrowed */
	struct nft_table_options options; /* its lengths are those that were written last */
	char *error;                      /* owned; NULL: the last transaction went well */
};

void table_writer_deinit(struct table_writer *writer);

/* What is there goes, what is held comes, with the change made. All return 0 or -errno. */
int table_write_whole(struct table_writer *writer, const struct forward_list *held,
		      const struct ruleset_change *change, const struct revision_list *revisions);
/* The change alone. Fails when the table is not what it was, as well. */
int table_write_change(struct table_writer *writer, const struct forward_list *held,
		       const struct ruleset_change *change, const struct revision_list *before,
		       const struct revision_list *revisions);
/* The deadlines of what is held, as they are now. */
int table_write_deadlines(struct table_writer *writer, const struct forward_list *held);
/*
 * The elements stay; everything around them becomes what it should be. -EBADMSG: there is more in
 * the table than that, which this does not remove.
 */
int table_write_rules(struct table_writer *writer, const struct forward_list *held);
