/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking the daemons, and saying why one does not answer. */
#pragma once

#include "common/bus_client.h"
#include "common/json.h"
#include "gatewayctl/command.h"

enum service {
	SERVICE_GATEWAY,
	SERVICE_VPN,
	SERVICE_ROUTING,
	SERVICE_DISCOVERY,
	SERVICE_VPN_SERVICE
};
#define GATEWAY_SERVICES SERVICE_VPN_SERVICE /* those before it run on a gateway */

struct service_info {
	const char *key;    /* in JSON */
	const char *name;   /* bus name and interface */
	const char *path;   /* root object */
	const char *daemon; /* and unit evercam-DAEMON */
};
const struct service_info *service_info(enum service service);

/* All properties of the root object; NULL when it is not there. Nothing is told. */
cJSON *query_properties(struct bus *bus, enum service service);
/* The properties of Discovery1's devices, each with its "path". Never NULL. */
cJSON *query_devices(struct bus *bus);

/*
 * Calls a method (argument: its one string, or NULL) and waits. Returns an exit code; a failure is
 * told on standard error, as what the operator wanted ("reset") and could do; wanted NULL: it is not
 * told. ret_json: the one
 * value answered, or NULL when none is wanted; owned.
 */
int query_call(struct bus *bus, enum service service, const char *method, const char *argument,
	       const char *wanted, cJSON **ret_json);
/* As query_call() without argument, where no answer is no failure: NULL and why (owned), untold. */
cJSON *query_list(struct bus *bus, enum service service, const char *method, char **ret_problem);
/* As query_call() for the properties. */
int query_properties_or_tell(struct bus *bus, enum service service, cJSON **ret_json);

/* For who calls by himself: tells, and returns the exit code. */
int query_tell_failure(const struct bus_reply *reply, enum service service, const char *wanted);

/* The sentence for a daemon that is not running; owned. */
char *not_running_text(enum service service);
/* To standard error: "gatewayctl: …". */
void tell(const char *format, ...) PRINTF_FORMAT(1, 2);
