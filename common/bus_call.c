/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One incoming call, owned by dispatch while its handler runs and by whoever kept it afterwards.
 * The invariant is one answer: a second one, or a handler that returns success without any, is a
 * bug of ours and ends the process.
 */
#include "common/bus_call.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/bus_internal.h"
#include "common/memory.h"

struct bus_call {
	struct bus *bus;
	DBusMessage *message;
	DBusMessage *reply;
	const struct bus_method_info *method;
	struct bus_reader arguments;
	struct bus_writer results;
	bool in_handler, kept, answered;
};

#define ERROR_PREFIX "io.evercam.Error."

static const struct {
	int error;
	const char *name;
} error_names[] = {
	{ EINVAL, DBUS_ERROR_INVALID_ARGS },     { EACCES, DBUS_ERROR_ACCESS_DENIED },
	{ EPERM, DBUS_ERROR_ACCESS_DENIED },     { ETIMEDOUT, DBUS_ERROR_TIMEOUT },
	{ ETIMEDOUT, DBUS_ERROR_NO_REPLY },      { ENOTSUP, DBUS_ERROR_NOT_SUPPORTED },
	{ ENXIO, DBUS_ERROR_SERVICE_UNKNOWN },   { ENXIO, DBUS_ERROR_NAME_HAS_NO_OWNER },
	{ ENOTCONN, DBUS_ERROR_DISCONNECTED },   { ENOENT, ERROR_PREFIX "NotFound" },
	{ EEXIST, ERROR_PREFIX "Exists" },       { EBUSY, ERROR_PREFIX "Busy" },
	{ EAGAIN, ERROR_PREFIX "NotReady" },     { ENOSPC, ERROR_PREFIX "LimitReached" },
	{ ECANCELED, ERROR_PREFIX "Cancelled" }, { ENETUNREACH, ERROR_PREFIX "Unreachable" },
};

const char *bus_error_name(int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(error_names); i++)
		if (error_names[i].error == -error)
			return error_names[i].name;
	return ERROR_PREFIX "Failed";
}

int bus_error_number(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(error_names); i++)
		if (strcmp(error_names[i].name, name) == 0)
			return -error_names[i].error;
	return -EIO;
}

static void reply_error(struct bus *bus, DBusMessage *message, const char *name, const char *format,
			va_list arguments) PRINTF_FORMAT(4, 0);

static void reply_error(struct bus *bus, DBusMessage *message, const char *name, const char *format,
			va_list arguments)
{
	DBusMessage *reply;
	char text[1024];

	if (dbus_message_get_no_reply(message))
		return;
	vsnprintf(text, sizeof(text), format, arguments);
	/* Texts may quote what a stranger sent; libdbus would end the process over bad UTF-8. */
	for (char *byte = text; *byte && !dbus_validate_utf8(text, NULL); byte++)
		if ((unsigned char)*byte >= 0x80)
			*byte = '?';
	reply = dbus_message_new_error(message, name, text);
	if (!reply)
		abort();
	bus_send(bus, reply);
}

void bus_reply_error(struct bus *bus, DBusMessage *message, const char *name, const char *format,
		     ...)
{
	va_list arguments;

	va_start(arguments, format);
	reply_error(bus, message, name, format, arguments);
	va_end(arguments);
}

struct bus_call *bus_call_new(struct bus *bus, DBusMessage *message,
			      const struct bus_method_info *method)
{
	struct bus_call *call = xnew(struct bus_call);

	call->bus = bus;
	call->message = dbus_message_ref(message);
	call->method = method;
	call->in_handler = true;
	bus_reader_init(&call->arguments, message);
	return call;
}

static void call_free(struct bus_call *call)
{
	if (call->reply)
		dbus_message_unref(call->reply);
	dbus_message_unref(call->message);
	free(call);
}

/* After an answer: inside a handler, dispatch still holds the call. */
static void call_answered(struct bus_call *call)
{
	call->answered = true;
	if (!call->in_handler)
		call_free(call);
}

void bus_call_finish(struct bus_call *call, int result)
{
	if (result < 0 && !call->answered)
		bus_call_fail(call, result, "%s", strerror(-result));
	call->in_handler = false;
	assert(call->answered || call->kept);
	if (call->answered)
		call_free(call);
}

struct bus_reader *bus_call_arguments(struct bus_call *call)
{
	return &call->arguments;
}

const char *bus_call_sender(const struct bus_call *call)
{
	return dbus_message_get_sender(call->message);
}

struct bus_writer *bus_call_reply(struct bus_call *call)
{
	if (!call->reply) {
		call->reply = dbus_message_new_method_return(call->message);
		if (!call->reply)
			abort();
		bus_writer_init(&call->results, call->reply);
	}
	return &call->results;
}

int bus_call_send(struct bus_call *call)
{
	assert(!call->answered);
	bus_call_reply(call);
	/* The XML promised this type; anything else is a bug that a client must not be the one to
	 * find. */
	if (strcmp(dbus_message_get_signature(call->reply), call->method->out_signature) != 0)
		abort();
	if (!dbus_message_get_no_reply(call->message))
		bus_send(call->bus, steal_ptr(call->reply));
	call_answered(call);
	return 0;
}

int bus_call_fail(struct bus_call *call, int error, const char *format, ...)
{
	va_list arguments;

	assert(!call->answered);
	va_start(arguments, format);
	reply_error(call->bus, call->message, bus_error_name(error), format, arguments);
	va_end(arguments);
	call_answered(call);
	return 0;
}

int bus_call_fail_named(struct bus_call *call, const char *name, const char *format, ...)
{
	va_list arguments;

	assert(!call->answered);
	va_start(arguments, format);
	reply_error(call->bus, call->message, name, format, arguments);
	va_end(arguments);
	call_answered(call);
	return 0;
}

struct bus_call *bus_call_keep(struct bus_call *call)
{
	assert(!call->answered);
	call->kept = true;
	return call;
}

struct bus_call *bus_call_drop(struct bus_call *call)
{
	if (call)
		bus_call_fail(call, -ECANCELED, "The request was cancelled before it was done");
	return NULL;
}
