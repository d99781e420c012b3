/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The netlink socket to nftables. The kernel works on a transaction while it is being sent, so that
 * its answers wait in the socket when the send returns: there is nothing to wait for, and calls
 * here are plain calls.
 */
#pragma once

#include <libnftnl/set.h>
#include <libnftnl/table.h>

#include "routed/nft_batch.h"

struct nft_socket;

int nft_socket_new(struct nft_socket **ret_socket);
struct nft_socket *nft_socket_free(struct nft_socket *socket);
DEFINE_CLEANUP(struct nft_socket *, nft_socket_free);
uint32_t nft_socket_port_id(const struct nft_socket *socket);
/* Of the first message of the next batch. */
uint32_t nft_socket_sequence(const struct nft_socket *socket);

struct nft_error {
	const void *subject; /* of the element at fault, or NULL */
	char text[256];      /* "element of forwards_ip: File exists" */
};
/*
 * Finishes the batch and sends it: all of it is in the kernel afterwards (0), or nothing (-errno,
 * and ret_error filled). -EIO: the kernel's answer was lost, and which of the two is not known.
 */
int nft_socket_commit(struct nft_socket *socket, struct nft_batch *batch,
		      struct nft_error *ret_error);

/* A table of family inet, to be freed by nftnl_table_free(). -ENOENT: no such table. */
int nft_socket_get_table(struct nft_socket *socket, const char *name,
			 struct nftnl_table **ret_table);

/* May return -errno to end the dump. */
typedef int nft_element_fn(struct nftnl_set_elem *element, void *owner);
/* Every element of a set. -EAGAIN: it changed meanwhile, what was given may be incomplete. */
int nft_socket_get_elements(struct nft_socket *socket, const char *table, const char *set,
			    nft_element_fn *on_element, void *owner);
