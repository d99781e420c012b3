/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks hosts one by one, at no more than 200 packets per second: live hosts of the link, which
 * multicast may not have reached (switches that filter it, Wi-Fi, losses), and all remote hosts in
 * passes. A host of the link that is new is asked three times, until it is explained; later once.
 *
 * Bounded: 2048 hosts of the link are remembered; a newcomer takes the place of one that was asked
 * long ago, and is left out if all whose place it could have are waiting.
 */
#pragma once

#include "common/loop.h"
#include "discoverd/progress.h"
#include "discoverd/remote_hosts.h"

struct host_asker;
/* Returns whether it was asked: who is explained need not be. ifindex 0: a remote host. attempt:
 * counts up from pass to pass; again: it was asked a moment ago. */
typedef bool host_ask_fn(unsigned ifindex, const struct netaddr *address, unsigned attempt,
			 bool again, void *owner);

/* hosts: borrowed. */
void host_asker_new(struct host_asker **ret_asker, struct loop *loop,
		    const struct remote_hosts *hosts, host_ask_fn *on_ask, void *owner);
struct host_asker *host_asker_free(struct host_asker *asker);

/* It is asked in a moment, unless that was done within 10 minutes: a host of the link that is
 * there, or (ifindex 0) a remote one. */
void host_asker_add(struct host_asker *asker, unsigned ifindex, const struct netaddr *address);
/* What was asked may be asked again. */
void host_asker_forget(struct host_asker *asker);
/* Asks all remote hosts so many times, after the pass that is under way. */
void host_asker_sweep(struct host_asker *asker, unsigned passes);
/* Asks them once, but spends at most a tenth of the time on that. */
void host_asker_resweep(struct host_asker *asker);
struct progress host_asker_progress(const struct host_asker *asker); /* of remote and new hosts */
