/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hosts that multicast does not reach and that somebody told us of: the networks of the
 * configuration, and single addresses that an operator has added. Bounded, as each of them is asked
 * one by one. Pure.
 */
#pragma once

#include "common/netaddr.h"

#define REMOTE_MAX_NETWORKS 64
#define REMOTE_MAX_HOSTS    65536 /* in all networks together */
#define REMOTE_MAX_ADDED    256
#define REMOTE_MAX_TEXT     (REMOTE_MAX_ADDED * NETADDR_TEXT_SIZE) /* of remote_hosts_format() */

struct remote_hosts {
	struct netprefix networks[REMOTE_MAX_NETWORKS];
	size_t network_count;
	struct netaddr added[REMOTE_MAX_ADDED];
	size_t added_count;
};

/* -EINVAL: not a network of hosts elsewhere (loopback, link-local, multicast); -E2BIG: more than
 * can be asked. */
int remote_hosts_add_network(struct remote_hosts *hosts, const char *text);
/* 1 if it is new, 0 if it was there; -EINVAL, -ENOSPC. */
int remote_hosts_add(struct remote_hosts *hosts, const struct netaddr *address);
/* 1 if it was there, else 0. */
int remote_hosts_remove(struct remote_hosts *hosts, const struct netaddr *address);

bool remote_hosts_cover(const struct remote_hosts *hosts, const struct netaddr *address);
/* All of them in a row: what was added first. */
uint32_t remote_hosts_count(const struct remote_hosts *hosts);
/* false: nobody can have it, as it is the name or the broadcast address of its network. */
bool remote_hosts_at(const struct remote_hosts *hosts, uint32_t index, struct netaddr *ret_address);

/* What was added as lines of text, and back; lines that cannot be read are passed over. */
size_t remote_hosts_format(const struct remote_hosts *hosts, char buffer[static REMOTE_MAX_TEXT]);
void remote_hosts_parse(struct remote_hosts *hosts, const char *text);
