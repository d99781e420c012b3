/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Watches for changes that others make to one nftables table of family inet. */
#pragma once

#include "common/loop.h"

struct nft_monitor;

/*
 * Somebody changed the table; what: their program, as the kernel names it ("nft (pid 12)"). lost
 * (what NULL): notifications were lost, and it may have changed.
 */
typedef void nft_monitor_fn(const char *who, void *owner);

/* own_port_id: of the netlink socket by which we change the table ourselves. table: borrowed. */
int nft_monitor_new(struct nft_monitor **ret_monitor, struct loop *loop, const char *table,
		    uint32_t own_port_id, nft_monitor_fn *on_changed, void *owner);
struct nft_monitor *nft_monitor_free(struct nft_monitor *monitor);
DEFINE_CLEANUP(struct nft_monitor *, nft_monitor_free);
