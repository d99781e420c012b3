/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All discovery protocols together: starts each, and passes on to them what concerns all. One that
 * cannot be started is left out, and said in the log.
 */
#pragma once

#include "discoverd/protocol.h"

struct protocols;

/* environment: its members are borrowed. */
void protocols_new(struct protocols **ret_protocols,
		   const struct protocol_environment *environment);
struct protocols *protocols_free(struct protocols *protocols);
void protocols_start(struct protocols *protocols); /* before that, all else does nothing */

void protocols_on_interface(struct protocols *protocols, const struct interface *interface,
			    enum interface_event event);
void protocols_burst(struct protocols *protocols, const struct interface *interface, bool light);
void protocols_point_to(struct protocols *protocols, const struct interface *interface,
			const struct netaddr *address);
/* Hosts on the link that are of another network are asked only in what gets there. */
void protocols_ask(struct protocols *protocols, enum question question,
		   const struct interface *interface, const struct netaddr *address,
		   unsigned attempt);
/* Of the one that is furthest behind. */
struct progress protocols_progress(const struct protocols *protocols);
