/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The counters are the kernel's: of the maps' elements, and of the connections it tracks. */
#include "routed/traffic.h"

#include "common/memory.h"
#include "routed/nft_element.h"

struct counting {
	const struct forward_list *forwards;
	enum nft_table_set which;
	uint64_t *connections;
};

static int on_element(struct nftnl_set_elem *element, void *owner)
{
	struct counting *counting = owner;
	const struct forward *found;
	struct forward forward;

	if (nft_element_parse(&forward, counting->which, element) < 0)
		return 0;
	found = forward_list_find(counting->forwards, &forward);
	if (found)
		counting->connections[found - counting->forwards->items] = nft_element_connections(
			element);
	forward_deinit(&forward);
	return 0;
}

void traffic_count(struct traffic *ret_traffic, const struct forward_list *forwards,
		   struct nft_socket *socket, struct conntrack *conntrack)
{
	struct counting counting = { .forwards = forwards };
	struct traffic traffic = {
		.connections = xcalloc(forwards->count + 1, sizeof(*traffic.connections)),
		.live = xcalloc(forwards->count + 1, sizeof(*traffic.live)),
	};

	counting.connections = traffic.connections;
	for (unsigned which = NFT_SET_FORWARDS_IP; which <= NFT_SET_RESTRICTED_IP6; which++) {
		counting.which = which;
		(void)nft_socket_get_elements(socket, NFT_TABLE, nft_table_set_names[which],
					      on_element, &counting);
	}
	(void)conntrack_count(conntrack, forwards, traffic.live);
	*ret_traffic = traffic;
}

void traffic_deinit(struct traffic *traffic)
{
	free(traffic->connections);
	free(traffic->live);
	*traffic = (struct traffic){ NULL };
}
