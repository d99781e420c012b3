/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/status.h"

#include <inttypes.h>
#include <string.h>

#include "common/memory.h"
#include "gatewayctl/command.h"
#include "gatewayctl/devices.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/query.h"
#include "gatewayctl/snapshot.h"
#include "gatewayctl/table.h"

static void print_gateway(const cJSON *gateway, const struct screen *screen)
{
	_cleanup_free_ char *value = NULL;

	if (!cJSON_IsObject(gateway)) {
		screen_line(screen, "Gateway", "gatewayd is not running");
		return;
	}
	if (field(gateway, "configuration_revision"))
		value = xasprintf("%s, gateway %" PRIi64 ", configuration %" PRIi64
				  ", rules %" PRIi64,
				  field_text(gateway, "state"), field_number(gateway, "gateway_id"),
				  field_number(gateway, "configuration_revision"),
				  field_number(gateway, "rules_revision"));
	else
		value = xstrdup(field_text(gateway, "state") ? field_text(gateway, "state")
							     : "unknown");
	screen_line(screen, "Gateway", value);
}

static void print_api(const cJSON *gateway, const struct screen *screen)
{
	_cleanup_free_ char *value = NULL, *ago = NULL;

	if (!field_text(gateway, "api_endpoint"))
		return;
	if (field(gateway, "last_contact"))
		ago = duration_text(screen->now - field_number(gateway, "last_contact"));
	value = xasprintf(
		"%s, %s, %s%s%s", field_text(gateway, "api_endpoint"),
		cJSON_IsTrue(field(gateway, "api_reachable")) ? "reachable" : "not reachable",
		ago ? "last contact " : "no contact yet", ago ? ago : "", ago ? " ago" : "");
	screen_line(screen, "API", value);
}

static void print_vpn(const cJSON *vpn, const struct screen *screen)
{
	_cleanup_free_ char *value = NULL, *since = NULL;
	const char *address = field_text(vpn, "address"), *interface = field_text(vpn, "interface");
	const char *server = field_text(vpn, "server");

	if (!cJSON_IsObject(vpn)) {
		screen_line(screen, "VPN", "vpnd is not running");
		return;
	}
	if (field(vpn, "connected_since"))
		since = duration_text(screen->now - field_number(vpn, "connected_since"));
	value = xasprintf("%s%s%s%s%s%s%s%s%s",
			  field_text(vpn, "state") ? field_text(vpn, "state") : "unknown",
			  address ? ", " : "", address ? address : "",
			  address && interface ? " on " : "", address && interface ? interface : "",
			  server ? ", server " : "", server ? server : "", since ? ", for " : "",
			  since ? since : "");
	screen_line(screen, "VPN", value);
}

static void print_counts(const cJSON *snapshot, const struct screen *screen)
{
	const cJSON *discovery = field(snapshot, "discovery"),
		    *gateway = field(snapshot, "gateway");
	unsigned cameras = 0, offline = 0, others = 0, active = 0, rules = 0;
	_cleanup_free_ char *found = NULL, *forwards = NULL, *away = NULL, *unsure = NULL;
	const cJSON *item;

	json_for_each (item, field(discovery, "devices")) {
		if (device_is_camera(item))
			cameras++;
		else
			others++;
		offline += strcmp(device_state(item), "offline") == 0;
	}
	json_for_each (item, field(gateway, "rules")) {
		rules++;
		active += field_is(item, "state", "active");
	}
	away = offline ? xasprintf(", %u offline", offline) : NULL;
	unsure = others ? xasprintf(", %u unsure", others) : NULL;
	found = xasprintf("%u found%s%s%s", cameras, away ? away : "", unsure ? unsure : "",
			  cJSON_IsTrue(field(discovery, "scanning")) ? ", scanning" : "");
	screen_line(screen, "Cameras",
		    cJSON_IsObject(discovery) ? found : "discoverd is not running");
	forwards = xasprintf("%u of %u active%s", active, rules,
			     cJSON_IsFalse(field(field(snapshot, "routing"), "forwarding_enabled"))
				     ? ", but the kernel does not forward (net.ipv4.ip_forward)"
				     : "");
	screen_line(screen, "Forwards",
		    cJSON_IsObject(field(snapshot, "routing")) ? forwards
							       : "routed is not running");
}

static void print_claim_code(const cJSON *gateway, const struct screen *screen)
{
	_cleanup_free_ char *what = NULL;

	if (!field_is(gateway, "state", "pending") && !field_is(gateway, "state", "announcing"))
		return;
	if (!field_text(gateway, "claim_code")) {
		fputc('\n', screen->file);
		screen_paragraph(screen,
				 "The claim code, by which its owner approves this gateway, is for "
				 "root and members of the group evercam: try it with sudo.",
				 6);
		return;
	}
	fprintf(screen->file, "\n      Claim code   %s\n\n", field_text(gateway, "claim_code"));
	if (field_is(gateway, "state", "pending"))
		what = xasprintf(
			"This gateway waits for its owner's approval: a user of %s claims "
			"it by this code (gatewayd(8), APPROVAL, shows how). It goes on by itself "
			"then.",
			field_text(gateway, "api_endpoint"));
	else
		what = xasprintf("This gateway has not reached its API yet. Its owner will "
				 "approve it by this claim code.");
	screen_paragraph(screen, what, 6);
}

static void print_cameras(const cJSON *devices, const struct screen *screen)
{
	static const char *const titles[] = { "NAME", "VENDOR", "MODEL", "ADDRESS", "PORTS", NULL };
	static const char *const spare[] = { "VENDOR", "MODEL", NULL };
	struct table *table = table_new(titles);
	const cJSON *device;

	table_spare(table, spare);
	json_for_each (device, devices) {
		_cleanup_free_ char *ports = NULL;

		if (!device_is_camera(device))
			continue;
		ports = device_ports(device);
		table_add(table, (const char *const[]){ field_text(device, "name"),
							field_text(device, "vendor"),
							field_text(device, "model"),
							field_text(device, "address"), ports });
	}
	fputc('\n', screen->file);
	table_print(table, screen);
	table_free(table);
}

static void print_forwards(const cJSON *rules, const struct screen *screen)
{
	static const char *const titles[] = { "FORWARD", "LEADS TO", "STATE", " ", NULL };
	struct table *table = table_new(titles);
	const cJSON *rule;

	json_for_each (rule, rules) {
		_cleanup_free_ char *port = rule_port(rule), *target = rule_target(rule);
		const char *error = field_text(rule, "error");

		table_add(table, (const char *const[]){ port, target, field_text(rule, "state"),
							error ? error : " " });
	}
	fputc('\n', screen->file);
	table_print(table, screen);
	table_free(table);
}

static void print_problems(const cJSON *problems, const struct screen *screen)
{
	const cJSON *problem;

	fputs("\nProblems\n", screen->file);
	json_for_each (problem, problems) {
		_cleanup_free_ char *sentence = xasprintf("%s: %s", field_text(problem, "daemon"),
							  field_text(problem, "text"));

		screen_paragraph(screen, sentence, 2);
	}
}

void status_print(const cJSON *snapshot, const struct screen *screen)
{
	const cJSON *gateway = field(snapshot, "gateway");
	const cJSON *devices = field(field(snapshot, "discovery"), "devices");
	const cJSON *rules = field(gateway, "rules"), *problems = field(snapshot, "problems");
	const char *mac_address = field_text(gateway, "mac_address");

	fprintf(screen->file, "Evercam Gateway%s%s\n", mac_address ? " " : "",
		mac_address ? mac_address : "");
	print_claim_code(gateway, screen);
	fputc('\n', screen->file);
	print_gateway(gateway, screen);
	print_api(gateway, screen);
	print_vpn(field(snapshot, "vpn"), screen);
	print_counts(snapshot, screen);
	if (cJSON_GetArraySize(devices) > 0)
		print_cameras(devices, screen);
	if (cJSON_GetArraySize(rules) > 0)
		print_forwards(rules, screen);
	if (cJSON_GetArraySize(problems) > 0)
		print_problems(problems, screen);
}

/* It has routed as well, but no other daemon of a gateway. */
static bool is_vpn_host(struct command *command, const cJSON *snapshot)
{
	_cleanup_json_ cJSON *vpn_service = NULL;

	if (cJSON_IsObject(field(snapshot, "gateway")) || cJSON_IsObject(field(snapshot, "vpn")) ||
	    cJSON_IsObject(field(snapshot, "discovery")))
		return false;
	vpn_service = query_properties(command->bus, SERVICE_VPN_SERVICE);
	return vpn_service;
}

int status_command(struct command *command)
{
	_cleanup_json_ cJSON *snapshot = snapshot_take(command->bus);
	_cleanup_free_ char *document = NULL;

	if (is_vpn_host(command, snapshot))
		return gateways_command(command);
	if (command->json) {
		document = json_print(snapshot);
		puts(document);
	} else {
		status_print(snapshot, &command->screen);
	}
	return cJSON_IsTrue(field(snapshot, "ok")) ? EXIT_DONE : EXIT_ATTENTION;
}
