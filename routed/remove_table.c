/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One transaction that deletes our table and knows nothing of any other. */
#include "routed/remove_table.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "routed/nft_batch.h"
#include "routed/nft_socket.h"
#include "routed/nft_table.h"

int remove_table_command(void)
{
	_cleanup_(nft_socket_freep) struct nft_socket *socket = NULL;
	_cleanup_(nft_batch_freep) struct nft_batch *batch = NULL;
	struct nftnl_table *table;
	struct nft_error error;
	int r = nft_socket_new(&socket);

	if (r < 0)
		return log_error_errno(r, "cannot talk to nftables: %m");
	r = nft_socket_get_table(socket, NFT_TABLE, &table);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return log_error_errno(r, "cannot look for the table inet " NFT_TABLE ": %m");
	nftnl_table_free(table);
	batch = nft_batch_new(NFT_TABLE, nft_socket_sequence(socket));
	nft_batch_delete_table(batch);
	r = nft_socket_commit(socket, batch, &error);
	if (r < 0)
		log_error("the table inet " NFT_TABLE " stays: %s", error.text);
	return r;
}
