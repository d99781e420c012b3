/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/gateways.h"

#include <inttypes.h>

#include "common/memory.h"
#include "gatewayctl/command.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/query.h"
#include "gatewayctl/table.h"

static cJSON *session_of(cJSON *sessions, const cJSON *gateway)
{
	cJSON *session;

	json_for_each (session, sessions)
		if (field_number(session, "gateway_id") == field_number(gateway, "gateway_id"))
			return session;
	return NULL;
}

void gateways_join(cJSON *gateways, cJSON *sessions)
{
	static const char *const members[] = { "connected_since", "client_address", "bytes_in",
					       "bytes_out" };
	cJSON *gateway, *session, *member;

	json_for_each (gateway, gateways) {
		session = session_of(sessions, gateway);
		json_add(gateway, "connected",
			 sessions ? cJSON_CreateBool(session != NULL) : cJSON_CreateNull());
		for (size_t i = 0; i < ARRAY_SIZE(members) && session; i++) {
			member = cJSON_DetachItemFromObjectCaseSensitive(session, members[i]);
			if (member)
				json_add(gateway, members[i], member);
		}
	}
}

/* How long, "-" when it is not, or "?". */
static char *connected_text(const cJSON *gateway, int64_t now)
{
	const cJSON *connected = field(gateway, "connected");

	if (cJSON_IsTrue(connected))
		return duration_text(now - field_number(gateway, "connected_since"));
	return xstrdup(cJSON_IsFalse(connected) ? "-" : "?");
}

static char *bytes_of(const cJSON *gateway, const char *name)
{
	return field(gateway, name) ? bytes_text(field_number(gateway, name)) : NULL;
}

static void add_row(struct table *table, const cJSON *gateway, const struct screen *screen)
{
	_cleanup_free_ char *number = xasprintf("%" PRIi64, field_number(gateway, "gateway_id"));
	_cleanup_free_ char *connected = connected_text(gateway, screen->now);
	_cleanup_free_ char *in = bytes_of(gateway, "bytes_in");
	_cleanup_free_ char *out = bytes_of(gateway, "bytes_out");

	table_add(table, (const char *const[]){ number, field_text(gateway, "vpn_local_hostname"),
						field_text(gateway, "vpn_ip_address"),
						field_text(gateway, "vpn_mac_address"),
						field_text(gateway, "state"), connected,
						field_text(gateway, "client_address"), in, out });
}

static void print_table(const cJSON *gateways, const struct screen *screen)
{
	static const char *const titles[] = { "GATEWAY",   "NAME", "ADDRESS",  "MAC",  "STATE",
					      "CONNECTED", "FROM", "RECEIVED", "SENT", NULL };
	static const char *const spare[] = { "MAC", "SENT", "RECEIVED", "FROM", NULL };
	struct table *table = table_new(titles);
	const cJSON *gateway;

	table_spare(table, spare);
	json_for_each (gateway, gateways)
		add_row(table, gateway, screen);
	table_print(table, screen);
	table_free(table);
	fputc('\n', screen->file);
}

/* "3 gateways, 2 connected, 4000 addresses left, compared with SoftEther 5 s ago" */
static char *summary(const cJSON *service, const struct screen *screen)
{
	const cJSON *gateways = field(service, "gateways"), *gateway;
	int count = cJSON_GetArraySize(gateways), connected = 0;
	_cleanup_free_ char *ago = NULL, *online = NULL;

	json_for_each (gateway, gateways)
		connected += cJSON_IsTrue(field(gateway, "connected"));
	if (!field_text(service, "sessions_problem"))
		online = xasprintf(", %d connected", connected);
	if (field(service, "last_reconcile"))
		ago = duration_text(screen->now - field_number(service, "last_reconcile"));
	return xasprintf("%d gateway%s%s, %" PRIi64 " addresses left, %s%s%s", count,
			 count == 1 ? "" : "s", online ? online : "",
			 field_number(service, "pool_free"),
			 ago ? "compared with SoftEther " : "not yet compared with SoftEther",
			 ago ? ago : "", ago ? " ago" : "");
}

void gateways_print(const cJSON *service, const struct screen *screen)
{
	_cleanup_free_ char *line = summary(service, screen), *unknown = NULL;

	if (cJSON_GetArraySize(field(service, "gateways")) > 0)
		print_table(field(service, "gateways"), screen);
	screen_paragraph(screen, line, 2);
	if (field_text(service, "sessions_problem")) {
		unknown = xasprintf("who is connected is not known: %s",
				    field_text(service, "sessions_problem"));
		screen_line(screen, "Sessions", unknown);
	}
	if (field_text(service, "last_error"))
		screen_line(screen, "Problem", field_text(service, "last_error"));
}

/* With a gateway's daemon and without vpn-service; one host may have both. */
static bool is_gateway(struct command *command)
{
	_cleanup_json_ cJSON *gateway = query_properties(command->bus, SERVICE_GATEWAY);
	_cleanup_json_ cJSON *service = NULL;

	if (gateway)
		service = query_properties(command->bus, SERVICE_VPN_SERVICE);
	return gateway && !service;
}

int gateways_command(struct command *command)
{
	_cleanup_json_ cJSON *service = NULL, *sessions = NULL;
	_cleanup_free_ char *document = NULL, *problem = NULL;
	cJSON *gateways = NULL;
	int code;

	/* On a gateway nothing is missing. */
	if (is_gateway(command)) {
		tell("this is a gateway; 'gatewayctl gateways' is for the VPN host, where "
		     "vpn-service "
		     "runs");
		return EXIT_NOT_RUNNING;
	}
	code = query_properties_or_tell(command->bus, SERVICE_VPN_SERVICE, &service);
	if (code == EXIT_DONE)
		code = query_call(command->bus, SERVICE_VPN_SERVICE, "ListGateways", NULL,
				  "list the gateways", &gateways);
	if (code != EXIT_DONE)
		return code;
	sessions = query_list(command->bus, SERVICE_VPN_SERVICE, "ListSessions", &problem);
	gateways_join(gateways, sessions);
	json_add(service, "gateways", gateways);
	if (problem)
		json_add_string(service, "sessions_problem", problem);
	if (command->json) {
		document = json_print(service);
		puts(document);
	} else {
		gateways_print(service, &command->screen);
	}
	return problem || field_text(service, "last_error") ? EXIT_ATTENTION : EXIT_DONE;
}
