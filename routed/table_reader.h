/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads our table back from the kernel: what a start finds after a crash, an upgrade, or a
 * stranger. */
#pragma once

#include "routed/forward_list.h"
#include "routed/nft_socket.h"
#include "routed/revision.h"

enum table_found {
	TABLE_FOUND_NONE,
	TABLE_FOUND_INTACT,  /* the sets are of this layout and agree with each other */
	TABLE_FOUND_DAMAGED, /* of another layout, or changed by a stranger: what could be read is
				given */
	TABLE_FOUND_UNREADABLE, /* it changed all the time, or memory is short: nothing is given */
};

/* Fills the (empty) lists. */
enum table_found table_read(struct nft_socket *socket, struct forward_list *ret_forwards,
			    struct revision_list *ret_revisions);
