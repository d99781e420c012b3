/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one packet or answer said about one host: evidence, and where it came from. */
#pragma once

#include "common/netaddr.h"
#include "discoverd/evidence.h"

struct sighting {
	unsigned ifindex;
	struct netaddr address; /* the host's, as seen on the wire; AF_UNSPEC: it has none yet */
	struct mac_address mac; /* likewise; all zero: not read from the link itself */
	usec_t time;            /* loop_now() */
	bool leaving;           /* it says good-bye: look before believing */
	bool relayed;           /* another program told it, perhaps from its cache */
	bool expected;          /* it is about to be there: look for it */
	struct evidence evidence;
};

static inline void sighting_deinit(struct sighting *sighting)
{
	evidence_deinit(&sighting->evidence);
}
