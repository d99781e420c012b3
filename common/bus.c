/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The connection: libdbus's watches, timeouts and dispatching on our loop, and the one filter
 * through which every message comes in.
 *
 * libdbus may add two watches for the same descriptor, toggles them at will, and may drop the last
 * reference to the connection while one of its watches is being handled.
 */
#include "common/bus.h"

#include <errno.h>
#include <string.h>

#include "common/bus_internal.h"
#include "common/memory.h"

struct watch {
	struct loop_io io;
	struct bus *bus;
	DBusWatch *watch;
};

struct timeout {
	struct loop_timer timer;
	DBusTimeout *timeout;
};

static void on_watch_ready(struct loop_io *io, unsigned ready)
{
	struct watch *watch = container_of(io, struct watch, io);
	DBusConnection *connection = dbus_connection_ref(watch->bus->connection);
	unsigned flags = 0;

	/* The end of the stream and errors show up as readable or writable. */
	if (ready & LOOP_READ)
		flags |= DBUS_WATCH_READABLE;
	if (ready & LOOP_WRITE)
		flags |= DBUS_WATCH_WRITABLE;
	if (!dbus_watch_handle(watch->watch, flags))
		abort();
	dbus_connection_unref(connection);
}

static void watch_update(struct watch *watch)
{
	unsigned flags = dbus_watch_get_flags(watch->watch), events = 0;

	if (dbus_watch_get_enabled(watch->watch)) {
		if (flags & DBUS_WATCH_READABLE)
			events |= LOOP_READ;
		if (flags & DBUS_WATCH_WRITABLE)
			events |= LOOP_WRITE;
	}
	loop_io_watch(&watch->io, events);
}

static void watch_free(void *memory)
{
	struct watch *watch = memory;

	loop_io_deinit(&watch->io);
	free(watch);
}

static dbus_bool_t on_add_watch(DBusWatch *dbus_watch, void *owner)
{
	struct watch *watch = xnew(struct watch);

	watch->bus = owner;
	watch->watch = dbus_watch;
	loop_io_init(&watch->io, watch->bus->loop, dbus_watch_get_unix_fd(dbus_watch),
		     on_watch_ready);
	dbus_watch_set_data(dbus_watch, watch, watch_free);
	watch_update(watch);
	return TRUE;
}

static void on_toggle_watch(DBusWatch *dbus_watch, void *owner)
{
	watch_update(dbus_watch_get_data(dbus_watch));
}

static void on_remove_watch(DBusWatch *dbus_watch, void *owner)
{
	dbus_watch_set_data(dbus_watch, NULL, NULL);
}

static void timeout_update(struct timeout *timeout)
{
	usec_t interval = (usec_t)dbus_timeout_get_interval(timeout->timeout) * USEC_PER_MSEC;

	if (dbus_timeout_get_enabled(timeout->timeout))
		loop_timer_arm(&timeout->timer, interval);
	else
		loop_timer_cancel(&timeout->timer);
}

static void on_timeout_elapsed(struct loop_timer *timer)
{
	struct timeout *timeout = container_of(timer, struct timeout, timer);

	/* Timeouts repeat until libdbus removes them, which handling one may do. */
	timeout_update(timeout);
	dbus_timeout_handle(timeout->timeout);
}

static void timeout_free(void *memory)
{
	struct timeout *timeout = memory;

	loop_timer_deinit(&timeout->timer);
	free(timeout);
}

static dbus_bool_t on_add_timeout(DBusTimeout *dbus_timeout, void *owner)
{
	struct bus *bus = owner;
	struct timeout *timeout = xnew(struct timeout);

	timeout->timeout = dbus_timeout;
	loop_timer_init(&timeout->timer, bus->loop, on_timeout_elapsed);
	dbus_timeout_set_data(dbus_timeout, timeout, timeout_free);
	timeout_update(timeout);
	return TRUE;
}

static void on_toggle_timeout(DBusTimeout *dbus_timeout, void *owner)
{
	timeout_update(dbus_timeout_get_data(dbus_timeout));
}

static void on_remove_timeout(DBusTimeout *dbus_timeout, void *owner)
{
	dbus_timeout_set_data(dbus_timeout, NULL, NULL);
}

static void on_dispatch(struct loop_defer *defer)
{
	struct bus *bus = container_of(defer, struct bus, dispatch);

	if (dbus_connection_dispatch(bus->connection) == DBUS_DISPATCH_DATA_REMAINS)
		loop_defer_schedule(&bus->dispatch);
}

static void on_dispatch_status(DBusConnection *connection, DBusDispatchStatus status, void *owner)
{
	struct bus *bus = owner;

	if (status == DBUS_DISPATCH_DATA_REMAINS)
		loop_defer_schedule(&bus->dispatch);
}

static void on_flush(struct loop_defer *defer)
{
	bus_flush_changes(container_of(defer, struct bus, flush));
}

static DBusHandlerResult on_message(DBusConnection *connection, DBusMessage *message, void *owner)
{
	struct bus *bus = owner;

	if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected")) {
		if (bus->on_lost)
			bus->on_lost(bus, bus->owner);
		return DBUS_HANDLER_RESULT_HANDLED;
	}
	switch (dbus_message_get_type(message)) {
	case DBUS_MESSAGE_TYPE_METHOD_CALL:
		bus_object_dispatch(bus, message);
		return DBUS_HANDLER_RESULT_HANDLED;
	case DBUS_MESSAGE_TYPE_SIGNAL:
		bus_client_dispatch(bus, message);
		return DBUS_HANDLER_RESULT_HANDLED;
	default:
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	}
}

static DBusConnection *connect_and_register(const char *address, DBusError *error)
{
	DBusConnection *connection;

	if (!address)
		return dbus_bus_get_private(DBUS_BUS_SYSTEM, error);
	connection = dbus_connection_open_private(address, error);
	if (connection && !dbus_bus_register(connection, error)) {
		dbus_connection_close(connection);
		dbus_connection_unref(connection);
		return NULL;
	}
	return connection;
}

int bus_open(struct bus **ret_bus, struct loop *loop, const char *address)
{
	_cleanup_(bus_freep) struct bus *bus = xnew(struct bus);
	DBusError error = DBUS_ERROR_INIT;

	bus->loop = loop;
	loop_defer_init(&bus->dispatch, loop, on_dispatch);
	loop_defer_init(&bus->flush, loop, on_flush);
	bus->connection = connect_and_register(address, &error);
	if (!bus->connection) {
		dbus_error_free(&error);
		return -ECONNREFUSED;
	}
	dbus_connection_set_exit_on_disconnect(bus->connection, FALSE);
	dbus_connection_set_dispatch_status_function(bus->connection, on_dispatch_status, bus,
						     NULL);
	if (!dbus_connection_set_watch_functions(bus->connection, on_add_watch, on_remove_watch,
						 on_toggle_watch, bus, NULL) ||
	    !dbus_connection_set_timeout_functions(bus->connection, on_add_timeout,
						   on_remove_timeout, on_toggle_timeout, bus,
						   NULL) ||
	    !dbus_connection_add_filter(bus->connection, on_message, bus, NULL))
		abort();
	if (dbus_connection_get_dispatch_status(bus->connection) == DBUS_DISPATCH_DATA_REMAINS)
		loop_defer_schedule(&bus->dispatch);
	*ret_bus = steal_ptr(bus);
	return 0;
}

struct bus *bus_free(struct bus *bus)
{
	if (!bus)
		return NULL;
	if (bus->connection) {
		dbus_connection_remove_filter(bus->connection, on_message, bus);
		dbus_connection_set_dispatch_status_function(bus->connection, NULL, NULL, NULL);
		dbus_connection_flush(bus->connection); /* the last replies and removals */
		dbus_connection_close(bus->connection);
		dbus_connection_unref(bus->connection);
	}
	loop_defer_deinit(&bus->dispatch);
	loop_defer_deinit(&bus->flush);
	free(bus->objects);
	free(bus);
	return NULL;
}

void bus_on_lost(struct bus *bus, bus_lost_fn *on_lost, void *owner)
{
	bus->on_lost = on_lost;
	bus->owner = owner;
}

int bus_own_name(struct bus *bus, const char *name)
{
	DBusError error = DBUS_ERROR_INIT;
	int answer, r = -EIO;

	answer = dbus_bus_request_name(bus->connection, name, DBUS_NAME_FLAG_DO_NOT_QUEUE, &error);
	if (answer == DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER ||
	    answer == DBUS_REQUEST_NAME_REPLY_ALREADY_OWNER)
		r = 0;
	else if (answer == DBUS_REQUEST_NAME_REPLY_EXISTS)
		r = -EEXIST;
	else if (dbus_error_has_name(&error, DBUS_ERROR_ACCESS_DENIED))
		r = -EACCES;
	dbus_error_free(&error);
	return r;
}

void bus_send(struct bus *bus, DBusMessage *message)
{
	bus_flush_changes(bus);
	if (!dbus_connection_send(bus->connection, message, NULL))
		abort();
	dbus_message_unref(message);
}
