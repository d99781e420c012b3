/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What forwards do, asked from the kernel when somebody wants to know. */
#pragma once

#include "routed/conntrack.h"
#include "routed/nft_socket.h"

/* Owned arrays, one item for each forward of a list. */
struct traffic {
	uint64_t *connections;          /* that each has had since it was made */
	struct conntrack_traffic *live; /* those that there are now */
};

/* What the kernel does not tell is 0. */
void traffic_count(struct traffic *ret_traffic, const struct forward_list *forwards,
		   struct nft_socket *socket, struct conntrack *conntrack);
void traffic_deinit(struct traffic *traffic);
