/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/monitor.h"

#include <string.h>
#include <time.h>

#include "common/memory.h"
#include "gatewayctl/command.h"
#include "gatewayctl/fields.h"

#define SERVICE_COUNT (SERVICE_VPN_SERVICE + 1)

struct monitor {
	struct command *command;
	struct live *lives[SERVICE_COUNT];
};

static void print_json(cJSON *event)
{
	char buffer[TIME_TEXT_SIZE];
	_cleanup_free_ char *text = NULL;

	json_add_string(event, "time", time_format((int64_t)time(NULL), buffer));
	text = json_print(event);
	puts(text);
}

static void print_text(const struct screen *screen, const cJSON *event)
{
	_cleanup_free_ char *text = harmless(field_text(event, "text") ? field_text(event, "text")
								       : "");
	const char *name = field_text(event, "event"), *colour = "";
	time_t now = time(NULL);
	char clock[16] = "";
	struct tm local;

	if (localtime_r(&now, &local))
		(void)strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	if (strcmp(name, "problem") == 0 || strcmp(name, "absent") == 0)
		colour = screen_colour(screen, "failed");
	else if (field_text(event, "new"))
		colour = screen_colour(screen, field_text(event, "new"));
	fprintf(screen->file, "%s  %-11s  %s%s%s\n", clock, field_text(event, "daemon"), colour,
		text, screen_plain(colour));
	if (field_is(event, "new", "pending"))
		fprintf(screen->file, "%s  %-11s  'gatewayctl status' shows the claim code\n",
			clock, field_text(event, "daemon"));
}

static void on_change(const struct live_change *change, void *owner)
{
	struct monitor *monitor = owner;
	_cleanup_json_ cJSON *events = monitor_events(change);
	cJSON *event;

	json_for_each (event, events)
		if (monitor->command->json)
			print_json(event);
		else
			print_text(&monitor->command->screen, event);
	/* Nobody reads any more. */
	if (fflush(stdout) == EOF)
		loop_stop(monitor->command->loop, EXIT_FAILED);
}

static void on_lost(struct bus *bus, void *owner)
{
	struct monitor *monitor = owner;

	tell("the system bus is gone");
	loop_stop(monitor->command->loop, EXIT_FAILED);
}

/* What is not there at the beginning cannot change: it is told once. */
static void tell_absent(struct monitor *monitor)
{
	bool present[SERVICE_COUNT];

	for (enum service service = 0; service < SERVICE_COUNT; service++) {
		cJSON *properties = query_properties(monitor->command->bus, service);

		present[service] = properties;
		cJSON_Delete(properties);
	}
	/* A VPN host has no gateway's daemons, and the other way round. */
	for (enum service service = 0; service < GATEWAY_SERVICES; service++)
		if (!present[service] && !present[SERVICE_VPN_SERVICE])
			on_change(&(struct live_change){ .service = service, .event = LIVE_ABSENT },
				  monitor);
}

int monitor_command(struct command *command)
{
	struct monitor monitor = { .command = command };
	int r = 0;

	bus_on_lost(command->bus, on_lost, &monitor);
	tell_absent(&monitor);
	for (enum service service = 0; service < SERVICE_COUNT && r == 0; service++)
		r = live_new(&monitor.lives[service], command->loop, command->bus, service,
			     on_change, &monitor);
	if (r < 0)
		tell("cannot follow the daemons: %s", strerror(-r));
	r = r < 0 ? EXIT_FAILED : loop_run(command->loop);
	for (enum service service = 0; service < SERVICE_COUNT; service++)
		live_free(monitor.lives[service]);
	bus_on_lost(command->bus, NULL, NULL);
	return r;
}
