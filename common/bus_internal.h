/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the bus_*.c files share and nobody else includes. */
#pragma once

#include <dbus/dbus.h>

#include "common/bus.h"
#include "common/bus_interface.h"
#include "common/bus_message.h"

struct bus_object;
struct bus_peer;
struct bus_mirror;

struct bus {
	DBusConnection *connection;
	struct loop *loop;
	struct loop_defer dispatch; /* one message a turn, so that timers are never starved */
	struct loop_defer flush;    /* sends what bus_property_changed() marked */
	bus_lost_fn *on_lost;
	void *owner;

	struct bus_object **objects; /* sorted by path: descendants follow their ancestor */
	size_t object_count;
	struct bus_object *changed; /* list of objects that have something to tell */
	DBusMessage *signal;        /* between bus_signal_begin() and bus_signal_send() */
	struct bus_writer signal_arguments;

	struct bus_peer *peers;
	struct bus_peer *next_peer;    /* of the loop that runs callbacks; moved when it is freed */
	struct bus_peer *current_peer; /* whose callback runs; NULL when it was freed by that */
	struct bus_mirror *mirrors;
};

/* Queues a message, after everything that is marked as changed; takes the reference. */
void bus_send(struct bus *bus, DBusMessage *message);

/* bus_object.c */
void bus_flush_changes(struct bus *bus);
void bus_object_dispatch(struct bus *bus, DBusMessage *message); /* a method call */

/* bus_call.c: what dispatch does around a handler. */
struct bus_call *bus_call_new(struct bus *bus, DBusMessage *message,
			      const struct bus_method_info *method);
void bus_call_finish(struct bus_call *call, int result);
void bus_reply_error(struct bus *bus, DBusMessage *message, const char *name, const char *format,
		     ...) PRINTF_FORMAT(4, 5);
/* For the errors that the D-Bus specification names and no errno means. */
int bus_call_fail_named(struct bus_call *call, const char *name, const char *format, ...)
	PRINTF_FORMAT(3, 4);

/* bus_client.c */
void bus_client_dispatch(struct bus *bus, DBusMessage *message); /* a signal */
const char *bus_peer_owner_name(const struct bus_peer *peer);    /* unique name, NULL: absent */
void bus_match_add(struct bus *bus, const char *rule);
void bus_match_remove(struct bus *bus, const char *rule);

/* bus_mirror.c */
void bus_mirror_dispatch(struct bus *bus, DBusMessage *message);
