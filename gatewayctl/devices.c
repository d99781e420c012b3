/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/devices.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/query.h"
#include "gatewayctl/table.h"
#include "gatewayctl/why.h"

const char *device_state(const cJSON *device)
{
	if (field(device, "unreachable"))
		return "unreachable";
	if (!device_is_camera(device))
		return "unsure";
	if (cJSON_IsTrue(field(device, "asleep")))
		return "asleep";
	return cJSON_IsFalse(field(device, "online")) ? "offline" : "online";
}

/* IPv4 addresses by number, others behind them. */
static uint64_t rank(const cJSON *device)
{
	const char *address = field_text(device, "address");
	struct in_addr number;

	if (!address || inet_pton(AF_INET, address, &number) != 1)
		return UINT64_MAX;
	return ntohl(number.s_addr);
}

struct entry {
	const cJSON *device;
	uint64_t rank;
};

static int compare(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;

	return (first->rank > second->rank) - (first->rank < second->rank);
}

static void add_row(struct table *table, const cJSON *device, const struct screen *screen)
{
	_cleanup_free_ char *ports = device_ports(device), *ago = NULL;

	if (field(device, "last_seen"))
		ago = duration_text(screen->now - field_number(device, "last_seen"));
	table_add(table,
		  (const char *const[]){ field_text(device, "name"), field_text(device, "vendor"),
					 field_text(device, "model"), field_text(device, "address"),
					 field_text(device, "mac_address"), ports, ago,
					 device_state(device) });
}

/* What to do about it does not fit a column. */
static void print_unreachable(const cJSON *device, const struct screen *screen)
{
	const char *why = field_text(device, "unreachable"),
		   *address = field_text(device, "address");

	if (why)
		fprintf(screen->file, "%s: %s\n", address ? address : "no address", why);
}

void devices_print(const cJSON *devices, const struct screen *screen)
{
	static const char *const titles[] = { "NAME",  "VENDOR", "MODEL", "ADDRESS", "MAC",
					      "PORTS", "SEEN",   "STATE", NULL };
	static const char *const spare[] = { "MAC", "SEEN", "VENDOR", "MODEL", NULL };
	size_t count = (size_t)cJSON_GetArraySize(devices), used = 0;
	_cleanup_free_ struct entry *sorted = xcalloc(count + 1, sizeof(*sorted));
	struct table *table;
	const cJSON *device;

	if (count == 0) {
		fputs("No device was found yet; 'gatewayctl scan' looks for them now.\n",
		      screen->file);
		return;
	}
	json_for_each (device, devices)
		sorted[used++] = (struct entry){ .device = device, .rank = rank(device) };
	qsort(sorted, used, sizeof(*sorted), compare);
	table = table_new(titles);
	table_spare(table, spare);
	for (size_t i = 0; i < used; i++)
		add_row(table, sorted[i].device, screen);
	table_print(table, screen);
	table_free(table);
	for (size_t i = 0; i < used; i++)
		print_unreachable(sorted[i].device, screen);
}

int devices_command(struct command *command)
{
	_cleanup_json_ cJSON *discovery = NULL;
	_cleanup_free_ char *document = NULL;
	int code;

	if (command->why)
		return why_command(command, command->why);
	code = query_properties_or_tell(command->bus, SERVICE_DISCOVERY, &discovery);
	if (code != EXIT_DONE)
		return code;
	json_add(discovery, "devices", query_devices(command->bus));
	if (command->json) {
		document = json_print(discovery);
		puts(document);
	} else {
		devices_print(field(discovery, "devices"), &command->screen);
	}
	return EXIT_DONE;
}
