/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/vpn.h"

#include "common/memory.h"
#include "gatewayctl/command.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/query.h"

static void print_text(const cJSON *vpn, const char *label, const char *name,
		       const struct screen *screen)
{
	if (field_text(vpn, name))
		screen_line(screen, label, field_text(vpn, name));
}

void vpn_print(const cJSON *vpn, const struct screen *screen)
{
	const char *state = field_text(vpn, "state") ? field_text(vpn, "state") : "unknown";
	const char *colour = screen_colour(screen, state);
	_cleanup_free_ char *since = NULL, *in = bytes_text(field_number(vpn, "bytes_in"));
	_cleanup_free_ char *out = bytes_text(field_number(vpn, "bytes_out"));

	fprintf(screen->file, "  %-*s%s%s%s\n", SCREEN_LABEL - 2, "State", colour, state,
		screen_plain(colour));
	print_text(vpn, "Server", "server", screen);
	print_text(vpn, "Address", "address", screen);
	print_text(vpn, "Interface", "interface", screen);
	if (field(vpn, "connected_since")) {
		since = duration_text(screen->now - field_number(vpn, "connected_since"));
		screen_line(screen, "Connected", since);
	}
	screen_line(screen, "Received", in);
	screen_line(screen, "Sent", out);
	print_text(vpn, "Problem", "last_error", screen);
}

int vpn_command(struct command *command)
{
	_cleanup_json_ cJSON *vpn = NULL;
	_cleanup_free_ char *document = NULL;
	int code = query_properties_or_tell(command->bus, SERVICE_VPN, &vpn);

	if (code != EXIT_DONE)
		return code;
	if (command->json) {
		document = json_print(vpn);
		puts(document);
	} else {
		vpn_print(vpn, &command->screen);
	}
	return field_is(vpn, "state", "up") ? EXIT_DONE : EXIT_ATTENTION;
}
