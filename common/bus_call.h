/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One incoming method call. It is answered exactly once: by bus_call_send(), bus_call_fail(), or
 * the handler's negative return value. A handler that must wait keeps the call and answers later.
 *
 * errno -> error name is one table (bus_call.c): EINVAL is org.freedesktop.DBus.Error.InvalidArgs,
 * EACCES and EPERM …AccessDenied, ETIMEDOUT …Timeout, ENOTSUP …NotSupported; ENOENT, EEXIST, EBUSY,
 * EAGAIN, ENOSPC, ECANCELED, ENETUNREACH are io.evercam.Error.NotFound, Exists, Busy, NotReady,
 * LimitReached, Cancelled, Unreachable; anything else is io.evercam.Error.Failed.
 */
#pragma once

#include "common/bus_message.h"

struct bus_call;

/* Stands on the first argument; types have been checked against the XML. */
struct bus_reader *bus_call_arguments(struct bus_call *call);
const char *bus_call_sender(const struct bus_call *call); /* unique name */

/* The reply's arguments are written here. */
struct bus_writer *bus_call_reply(struct bus_call *call);

/* Sends the reply (empty when bus_call_reply() was not used). Returns 0, to end a handler with. */
int bus_call_send(struct bus_call *call);

/* Replies with an error and a sentence that says what to do. error: negative errno. Returns 0. */
int bus_call_fail(struct bus_call *call, int error, const char *format, ...) PRINTF_FORMAT(3, 4);

/* Takes the call out of the handler: it lives until it is answered or dropped. */
struct bus_call *bus_call_keep(struct bus_call *call);
/* Ends a kept call that will not be answered: the caller gets io.evercam.Error.Cancelled.
 * NULL-safe. */
struct bus_call *bus_call_drop(struct bus_call *call);

/* The table, for those who also need it the other way round. */
const char *bus_error_name(int error);
int bus_error_number(const char *name); /* negative errno; unknown names are -EIO */
