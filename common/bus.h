/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to a message bus, driven by the loop (libdbus). Opening and owning a name wait for
 * the bus and belong to start-up; everything afterwards is asynchronous.
 *
 * Only the bus_*.c files know libdbus. See bus_object.h to offer objects, bus_call.h to answer
 * calls, bus_client.h to call others, bus_message.h to read and write values.
 */
#pragma once

#include "common/loop.h"

struct bus;

/* The bus went away or refused us: nothing more will arrive. May free the bus's objects, not the
 * bus. */
typedef void bus_lost_fn(struct bus *bus, void *owner);

/* address: NULL means the system bus (or DBUS_SYSTEM_BUS_ADDRESS). */
int bus_open(struct bus **ret_bus, struct loop *loop, const char *address);
struct bus *bus_free(
	struct bus *bus); /* objects, peers, mirrors and requests must be gone by then */
DEFINE_CLEANUP(struct bus *, bus_free);

void bus_on_lost(struct bus *bus, bus_lost_fn *on_lost, void *owner);

/* Waits for the bus's answer. -EEXIST: somebody else has it; -EACCES: the bus policy forbids it. */
int bus_own_name(struct bus *bus, const char *name);
