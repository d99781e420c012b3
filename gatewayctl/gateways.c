/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/gateways.h"

#include <inttypes.h>

#include "common/memory.h"
#include "gatewayctl/command.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/query.h"
#include "gatewayctl/table.h"

static void print_table(const cJSON *gateways, const struct screen *screen)
{
	static const char *const titles[] = { "GATEWAY", "ACCOUNT", "ADDRESS", "MAC",
					      "NAME",    "STATE",   NULL };
	struct table *table = table_new(titles);
	const cJSON *gateway;

	json_for_each (gateway, gateways) {
		_cleanup_free_ char *number = xasprintf("%" PRIi64,
							field_number(gateway, "gateway_id"));

		table_add(table, (const char *const[]){ number, field_text(gateway, "vpn_username"),
							field_text(gateway, "vpn_ip_address"),
							field_text(gateway, "vpn_mac_address"),
							field_text(gateway, "vpn_local_hostname"),
							field_text(gateway, "state") });
	}
	table_print(table, screen);
	table_free(table);
	fputc('\n', screen->file);
}

void gateways_print(const cJSON *service, const struct screen *screen)
{
	const cJSON *gateways = field(service, "gateways");
	_cleanup_free_ char *count = NULL, *ago = NULL;
	int number = cJSON_GetArraySize(gateways);

	if (number > 0)
		print_table(gateways, screen);
	if (field(service, "last_reconcile"))
		ago = duration_text(screen->now - field_number(service, "last_reconcile"));
	count = xasprintf("%d gateway%s, %" PRIi64 " addresses left, %s%s%s", number,
			  number == 1 ? "" : "s", field_number(service, "pool_free"),
			  ago ? "compared with SoftEther " : "not yet compared with SoftEther",
			  ago ? ago : "", ago ? " ago" : "");
	screen_paragraph(screen, count, 2);
	if (field_text(service, "last_error"))
		screen_line(screen, "Problem", field_text(service, "last_error"));
}

int gateways_command(struct command *command)
{
	_cleanup_json_ cJSON *service = NULL;
	_cleanup_free_ char *document = NULL;
	cJSON *gateways = NULL;
	int code = query_properties_or_tell(command->bus, SERVICE_VPN_SERVICE, &service);

	if (code == EXIT_NOT_RUNNING)
		tell("vpn-service runs on the VPN host, not on a gateway");
	if (code == EXIT_DONE)
		code = query_call(command->bus, SERVICE_VPN_SERVICE, "ListGateways", NULL,
				  "list the gateways", &gateways);
	if (code != EXIT_DONE)
		return code;
	json_add(service, "gateways", gateways);
	if (command->json) {
		document = json_print(service);
		puts(document);
	} else {
		gateways_print(service, &command->screen);
	}
	return field_text(service, "last_error") ? EXIT_ATTENTION : EXIT_DONE;
}
