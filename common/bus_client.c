/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calling others: requests and the presence of names. Incoming signals are handed to the peers and,
 * by them, to the mirrors (bus_mirror.c).
 *
 * A peer starts with its name's state unknown; GetNameOwner (which starts nothing) or
 * NameOwnerChanged, whichever is first, settles it.
 */
#include "common/bus_client.h"

#include <errno.h>
#include <string.h>

#include "common/bus_call.h"
#include "common/bus_internal.h"
#include "common/memory.h"

/* --- requests --- */

struct bus_request {
	struct bus *bus;
	DBusMessage *message;
	DBusMessage *answer; /* of send_and_wait */
	DBusPendingCall *pending;
	struct bus_writer arguments;
	struct bus_reader body;
	struct bus_reply reply;
	struct loop_defer lost; /* the connection is gone: tell so from the loop */
	char *signature;
	bus_reply_fn *on_reply;
	void *owner;
};

struct bus_request *bus_request_new(struct bus *bus, const char *destination, const char *path,
				    const char *interface, const char *method)
{
	struct bus_request *request = xnew(struct bus_request);

	request->bus = bus;
	request->message = dbus_message_new_method_call(destination, path, interface, method);
	if (!request->message)
		abort();
	bus_writer_init(&request->arguments, request->message);
	return request;
}

struct bus_writer *bus_request_arguments(struct bus_request *request)
{
	return &request->arguments;
}

void bus_request_forbid_start(struct bus_request *request)
{
	dbus_message_set_auto_start(request->message, FALSE);
}

struct bus_request *bus_request_cancel(struct bus_request *request)
{
	if (!request)
		return NULL;
	if (request->pending) {
		dbus_pending_call_cancel(request->pending);
		dbus_pending_call_unref(request->pending);
	}
	if (request->answer)
		dbus_message_unref(request->answer);
	loop_defer_deinit(&request->lost);
	dbus_message_unref(request->message);
	free(request->signature);
	free(request);
	return NULL;
}

/* Turns the answer into what the caller is given; message NULL: the connection is gone. */
static void read_reply(struct bus_request *request, DBusMessage *message)
{
	struct bus_reply *reply = &request->reply;
	struct bus_reader text;

	*reply = (struct bus_reply){ .error = -ENOTCONN, .error_text = "The bus is gone" };
	if (!message)
		return;
	bus_reader_init(&request->body, message);
	if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_ERROR) {
		reply->error_name = dbus_message_get_error_name(message);
		reply->error = bus_error_number(reply->error_name);
		reply->error_text = NULL;
		text = request->body;
		bus_read_string(&text, &reply->error_text);
	} else if (strcmp(dbus_message_get_signature(message), request->signature) != 0) {
		reply->error = -EPROTO;
		reply->error_text = "The answer has another type than expected";
	} else {
		*reply = (struct bus_reply){ .body = &request->body };
	}
}

static void complete(struct bus_request *request, DBusMessage *message)
{
	bus_reply_fn *on_reply = request->on_reply;

	read_reply(request, message);
	if (on_reply)
		on_reply(&request->reply, request->owner);
	bus_request_cancel(request);
}

static void on_pending_done(DBusPendingCall *pending, void *memory)
{
	struct bus_request *request = memory;
	DBusMessage *message = dbus_pending_call_steal_reply(pending);

	complete(request, message);
	dbus_message_unref(message);
}

static void on_connection_lost(struct loop_defer *defer)
{
	complete(container_of(defer, struct bus_request, lost), NULL);
}

static int timeout_to_ms(usec_t timeout)
{
	return timeout == 0 ? 25 * 1000 : (int)(timeout / USEC_PER_MSEC);
}

static void request_start(struct bus_request *request, const char *reply_signature, usec_t timeout)
{
	struct bus *bus = request->bus;

	request->signature = xstrdup(reply_signature);
	bus_flush_changes(bus);
	if (!dbus_connection_send_with_reply(bus->connection, request->message, &request->pending,
					     timeout_to_ms(timeout)))
		abort();
}

void bus_request_send(struct bus_request *request, const char *reply_signature, usec_t timeout,
		      bus_reply_fn *on_reply, void *owner)
{
	request->on_reply = on_reply;
	request->owner = owner;
	request_start(request, reply_signature, timeout);
	if (request->pending) {
		if (!dbus_pending_call_set_notify(request->pending, on_pending_done, request, NULL))
			abort();
		return;
	}
	loop_defer_init(&request->lost, request->bus->loop, on_connection_lost);
	loop_defer_schedule(&request->lost);
}

const struct bus_reply *bus_request_send_and_wait(struct bus_request *request,
						  const char *reply_signature, usec_t timeout)
{
	request_start(request, reply_signature, timeout);
	if (request->pending) {
		dbus_pending_call_block(request->pending);
		request->answer = dbus_pending_call_steal_reply(request->pending);
	}
	read_reply(request, request->answer);
	return &request->reply;
}

/* --- presence of a name --- */

struct bus_peer {
	struct bus *bus;
	char *name;
	char *owner_name; /* unique name; NULL: absent */
	char *match;
	bool known;
	struct bus_request *asking;
	bus_peer_fn *on_change;
	void *owner;
	struct bus_peer *next;
};

void bus_match_add(struct bus *bus, const char *rule)
{
	dbus_bus_add_match(bus->connection, rule,
			   NULL); /* without an error argument it does not wait */
}

void bus_match_remove(struct bus *bus, const char *rule)
{
	if (dbus_connection_get_is_connected(bus->connection))
		dbus_bus_remove_match(bus->connection, rule, NULL);
}

/* The callback may free the peer. */
static void peer_settle(struct bus_peer *peer, const char *owner_name)
{
	bool was_present = peer->owner_name != NULL, was_known = peer->known;

	if (was_known && !was_present && !owner_name)
		return;
	peer->known = true;
	peer->asking = bus_request_cancel(peer->asking);
	replace_string(&peer->owner_name, owner_name);
	peer->on_change(peer, owner_name != NULL, peer->owner);
}

static void on_name_owner(const struct bus_reply *reply, void *owner)
{
	struct bus_peer *peer = owner;
	const char *owner_name = NULL;

	peer->asking = NULL;
	if (reply->error == 0)
		bus_read_string(reply->body, &owner_name);
	peer_settle(peer, owner_name);
}

int bus_peer_new(struct bus_peer **ret_peer, struct bus *bus, const char *name,
		 bus_peer_fn *on_change, void *owner)
{
	struct bus_peer *peer;

	if (!dbus_validate_bus_name(name, NULL))
		return -EINVAL;
	peer = xnew(struct bus_peer);
	peer->bus = bus;
	peer->name = xstrdup(name);
	peer->on_change = on_change;
	peer->owner = owner;
	peer->next = bus->peers;
	bus->peers = peer;
	peer->match = xasprintf("type='signal',sender='" DBUS_SERVICE_DBUS
				"',interface='" DBUS_INTERFACE_DBUS
				"',member='NameOwnerChanged',arg0='%s'",
				name);
	bus_match_add(bus, peer->match);
	peer->asking = bus_request_new(bus, DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
				       "GetNameOwner");
	bus_write_string(bus_request_arguments(peer->asking), name);
	bus_request_send(peer->asking, "s", 0, on_name_owner, peer);
	*ret_peer = peer;
	return 0;
}

struct bus_peer *bus_peer_free(struct bus_peer *peer)
{
	struct bus_peer **link;

	if (!peer)
		return NULL;
	for (link = &peer->bus->peers; *link != peer; link = &(*link)->next)
		;
	*link = peer->next;
	if (peer->bus->next_peer == peer)
		peer->bus->next_peer = peer->next;
	if (peer->bus->current_peer == peer)
		peer->bus->current_peer = NULL;
	bus_request_cancel(peer->asking);
	bus_match_remove(peer->bus, peer->match);
	free(peer->match);
	free(peer->owner_name);
	free(peer->name);
	free(peer);
	return NULL;
}

bool bus_peer_is_present(const struct bus_peer *peer)
{
	return peer->owner_name != NULL;
}

const char *bus_peer_owner_name(const struct bus_peer *peer)
{
	return peer->owner_name;
}

/* One owner after the other without a gap (a restart under --replace) is absent, then present. */
static void peer_owner_changed(struct bus *bus, const char *name, const char *new_owner)
{
	struct bus_peer *peer;

	for (peer = bus->peers; peer; peer = bus->next_peer) {
		bus->next_peer = peer->next;
		bus->current_peer = peer;
		if (strcmp(peer->name, name) != 0)
			continue;
		if (peer->owner_name && new_owner[0])
			peer_settle(peer, NULL);
		if (bus->current_peer)
			peer_settle(peer, new_owner[0] ? new_owner : NULL);
	}
}

void bus_client_dispatch(struct bus *bus, DBusMessage *message)
{
	const char *name, *old_owner, *new_owner;

	if (dbus_message_has_sender(message, DBUS_SERVICE_DBUS)) {
		if (dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameOwnerChanged") &&
		    dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING,
					  &old_owner, DBUS_TYPE_STRING, &new_owner,
					  DBUS_TYPE_INVALID))
			peer_owner_changed(bus, name, new_owner);
		return;
	}
	bus_mirror_dispatch(bus, message);
}
