/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What gatewayctl shows: harmless, within the terminal's width, and with the sentence that helps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/memory.h"
#include "gatewayctl/bus_json.h"
#include "gatewayctl/devices.h"
#include "gatewayctl/forwards.h"
#include "gatewayctl/gateways.h"
#include "gatewayctl/monitor.h"
#include "gatewayctl/snapshot.h"
#include "gatewayctl/status.h"
#include "gatewayctl/table.h"
#include "gatewayctl/vpn.h"

/* Everything printed to the file so far; owned. */
struct capture {
	struct screen screen;
	char *text;
	size_t size;
};

static void capture_begin(struct capture *capture, unsigned width)
{
	capture->screen = (struct screen){ .width = width, .now = 1000000 };
	capture->screen.file = open_memstream(&capture->text, &capture->size);
	assert_non_null(capture->screen.file);
}

static char *capture_end(struct capture *capture)
{
	fclose(capture->screen.file);
	return capture->text;
}

static void harmless_texts(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "Gate", "Gate" },
		{ "\x1b[2J", "?[2J" },
		{ "a\nb\tc\x7f", "a?b?c?" },
		{ "T\xc3\xbcr", "T\xc3\xbcr" },
		{ "\xc2\x9b"
		  "31m",
		  "??31m" },
		{ "\xff\xfe", "??" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = harmless(cases[i].from);

		assert_string_equal(text, cases[i].to);
	}
}

static char *print_table(unsigned width)
{
	static const char *const titles[] = { "NAME", "ADDRESS", " ", NULL };
	struct table *table = table_new(titles);
	struct capture capture;

	table_add(table, (const char *const[]){ "T\xc3\xbcr am Hof, gegen\xc3\xbc"
						"ber der Garage",
						"192.168.1.10", " " });
	table_add(table, (const char *const[]){ NULL, "192.168.1.11", "moved" });
	capture_begin(&capture, width);
	table_print(table, &capture.screen);
	table_free(table);
	return capture_end(&capture);
}

static void table_unlimited(void **state)
{
	_cleanup_free_ char *text = print_table(0);

	assert_string_equal(text, "  NAME                              ADDRESS\n"
				  "  T\xc3\xbcr am Hof, gegen\xc3\xbc"
				  "ber der Garage  192.168.1.10\n"
				  "  -                                 192.168.1.11  moved\n");
}

static void table_cut(void **state)
{
	_cleanup_free_ char *text = print_table(40);

	assert_string_equal(text, "  NAME               ADDRESS\n"
				  "  T\xc3\xbcr am Hof, gege~  192.168.1.10\n"
				  "  -                  192.168.1.11  moved\n");
}

static char *print_spare_table(unsigned width)
{
	static const char *const titles[] = { "NAME", "MAC", "MODEL", "ADDRESS", NULL };
	static const char *const spare[] = { "MAC", "MODEL", NULL };
	struct table *table = table_new(titles);
	struct capture capture;

	table_spare(table, spare);
	table_add(table, (const char *const[]){ "Front door of the house", "02:00:00:00:00:01",
						"P1448", "192.168.1.10" });
	capture_begin(&capture, width);
	table_print(table, &capture.screen);
	table_free(table);
	return capture_end(&capture);
}

/* Long texts are cut to what can be read; then columns go; then even that is cut. */
static void table_leaves_out(void **state)
{
	static const struct {
		unsigned width;
		const char *text;
	} cases[] = {
		{ 0, "  NAME                     MAC                MODEL  ADDRESS\n"
		     "  Front door of the house  02:00:00:00:00:01  P1448  192.168.1.10\n" },
		{ 60, "  NAME                MAC                MODEL  ADDRESS\n"
		      "  Front door of the~  02:00:00:00:00:01  P1448  192.168.1.10\n" },
		{ 50, "  NAME                     MODEL  ADDRESS\n"
		      "  Front door of the house  P1448  192.168.1.10\n" },
		{ 40, "  NAME                     ADDRESS\n"
		      "  Front door of the house  192.168.1.10\n" },
		{ 30, "  NAME            ADDRESS\n"
		      "  Front door of~  192.168.1.10\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = print_spare_table(cases[i].width);

		assert_string_equal(text, cases[i].text);
	}
}

static void table_row_by_row(void **state)
{
	static const char *const titles[] = { "NAME", "ADDRESS", NULL };
	static const unsigned widths[] = { 20, 12 };
	static const struct {
		unsigned width;
		const char *text;
	} cases[] = {
		{ 30, "  NAME            ADDRESS\n"
		      "  -               10.0.0.1\n"
		      "  Front door of~  192.168.1.10\n" },
		/* In a pipe nothing is cut, even if the columns move. */
		{ 0, "  NAME                  ADDRESS\n"
		     "  -                     10.0.0.1\n"
		     "  Front door of the house  192.168.1.10\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;
		struct table *table = table_new(titles);
		struct capture capture;

		capture_begin(&capture, cases[i].width);
		table_begin(table, &capture.screen, widths);
		table_row(table, &capture.screen, (const char *const[]){ NULL, "10.0.0.1" });
		table_row(table, &capture.screen,
			  (const char *const[]){ "Front door of the house", "192.168.1.10" });
		table_free(table);
		text = capture_end(&capture);
		assert_string_equal(text, cases[i].text);
	}
}

static void paragraphs(void **state)
{
	struct capture capture;
	_cleanup_free_ char *text = NULL;

	capture_begin(&capture, 12);
	screen_paragraph(&capture.screen, "one two three-which-is-far-too-long four", 2);
	text = capture_end(&capture);
	assert_string_equal(text, "  one two\n  three-which-is-far-too-long\n  four\n");
}

/* A long value begins behind its label and goes on below its beginning. */
static void labelled_lines(void **state)
{
	struct capture capture;
	_cleanup_free_ char *text = NULL;

	capture_begin(&capture, 24);
	screen_line(&capture.screen, "VPN", "up, 10.44.0.7/20, for 8 s");
	screen_line(&capture.screen, "Interface", "vpn_ether");
	text = capture_end(&capture);
	assert_string_equal(text, "  VPN       up,\n"
				  "            10.44.0.7/20,\n"
				  "            for 8 s\n"
				  "  Interface vpn_ether\n");
}

static void names(void **state)
{
	static const char *const cases[][2] = {
		{ "ClaimCode", "claim_code" },
		{ "State", "state" },
		{ "Ipv6Addresses", "ipv6_addresses" },
		{ "/io/evercam/Discovery1/device/AA", "/io/evercam/Discovery1/device/AA" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *name = snake_case(cases[i][0]);

		assert_string_equal(name, cases[i][1]);
	}
}

static char *print_status(const char *json, unsigned width)
{
	cJSON *snapshot = cJSON_Parse(json);
	struct capture capture;
	char *text;

	assert_non_null(snapshot);
	snapshot_judge(snapshot);
	capture_begin(&capture, width);
	status_print(snapshot, &capture.screen);
	text = capture_end(&capture);
	cJSON_Delete(snapshot);
	return text;
}

static void status_running(void **state)
{
	_cleanup_free_ char *text = print_status(
		"{\"gateway\":{\"state\":\"running\",\"gateway_id\":12,\"mac_address\":"
		"\"02:00:00:00:00:01\",\"api_endpoint\":\"https://api.example\","
		"\"api_reachable\":true,\"last_contact\":999997,\"configuration_revision\":2,"
		"\"rules_revision\":3,\"last_error\":\"\",\"rules\":[{\"protocol\":\"tcp\","
		"\"port\":10000,\"target_address\":\"192.168.1.10\",\"target_port\":80,"
		"\"state\":\"active\",\"error\":\"\"}]},"
		"\"vpn\":{\"state\":\"up\",\"address\":\"10.44.0.7/20\",\"interface\":\"vpn_0\","
		"\"server\":\"vpn.example:80\",\"connected_since\":992000,\"last_error\":\"\"},"
		"\"routing\":{\"forwarding_enabled\":true,\"last_error\":\"\"},"
		"\"discovery\":{\"scanning\":true,\"last_error\":\"\",\"devices\":["
		"{\"confidence\":0.9,\"name\":\"Gate\",\"vendor\":\"Axis\",\"model\":\"P1\","
		"\"address\":\"192.168.1.10\",\"ports\":[[80,\"http\"],[554,\"rtsp\"]]},"
		"{\"confidence\":0.4,\"address\":\"192.168.1.20\"}]}}",
		80);

	assert_string_equal(
		text,
		"Evercam Gateway 02:00:00:00:00:01\n\n"
		"  Gateway   running, gateway 12, configuration 2, rules 3\n"
		"  API       https://api.example, reachable, last contact 3 s ago\n"
		"  VPN       up, 10.44.0.7/20 on vpn_0, server vpn.example:80, for 2 h 13 min\n"
		"  Cameras   1 found, 1 unsure, scanning\n"
		"  Forwards  1 of 1 active\n\n"
		"  NAME  VENDOR  MODEL  ADDRESS       PORTS\n"
		"  Gate  Axis    P1     192.168.1.10  80 554\n\n"
		"  FORWARD    LEADS TO         STATE\n"
		"  tcp 10000  192.168.1.10:80  active\n");
}

static void status_pending(void **state)
{
	_cleanup_free_ char *text = print_status(
		"{\"gateway\":{\"state\":\"pending\",\"claim_code\":\"ABCD-EFGH\","
		"\"mac_address\":\"02:00:00:00:00:01\",\"api_endpoint\":\"https://api.example\","
		"\"api_reachable\":true,\"last_error\":\"\",\"rules\":[]},"
		"\"vpn\":null,\"routing\":null,\"discovery\":null}",
		60);

	assert_non_null(strstr(text, "\n\n      Claim code   ABCD-EFGH\n\n"));
	assert_non_null(strstr(text, "https://api.example claims"));
	assert_non_null(strstr(text, "VPN       vpnd is not running\n"));
	assert_non_null(strstr(text, "evercam-discoverd'"));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 60);
}

static void status_offline(void **state)
{
	_cleanup_free_ char *text = print_status(
		"{\"discovery\":{\"scanning\":false,\"devices\":["
		"{\"confidence\":0.9,\"address\":\"192.168.1.10\",\"online\":true},"
		"{\"confidence\":0.9,\"address\":\"192.168.1.11\",\"online\":false},"
		"{\"confidence\":0.4,\"address\":\"192.168.1.12\",\"online\":false}]}}",
		80);

	assert_non_null(strstr(text, "  Cameras   2 found, 1 offline, 1 unsure\n"));
}

static void status_of_nothing(void **state)
{
	_cleanup_free_ char *text = print_status("{}", 80);

	assert_non_null(strstr(text, "gatewayd is not running"));
}

static bool is_ok(const char *gateway, const char *vpn, const char *error)
{
	_cleanup_free_ char *json = xasprintf(
		"{\"gateway\":{\"state\":\"%s\",\"last_error\":\"%s\"},"
		"\"vpn\":{\"state\":\"%s\"},\"routing\":{},\"discovery\":{}}",
		gateway, error, vpn);
	_cleanup_json_ cJSON *snapshot = cJSON_Parse(json);

	snapshot_judge(snapshot);
	return cJSON_IsTrue(cJSON_GetObjectItem(snapshot, "ok"));
}

static void judgement(void **state)
{
	assert_true(is_ok("running", "up", ""));
	assert_false(is_ok("pending", "up", ""));
	assert_false(is_ok("running", "connecting", ""));
	assert_false(is_ok("running", "up", "something"));
}

/* --- the other screens --- */

typedef void print_fn(const cJSON *json, const struct screen *screen);

static char *print_screen(print_fn *print, const char *json, unsigned width, bool colour)
{
	_cleanup_json_ cJSON *parsed = cJSON_Parse(json);
	struct capture capture;

	assert_non_null(parsed);
	capture_begin(&capture, width);
	capture.screen.colour = colour;
	print(parsed, &capture.screen);
	return capture_end(&capture);
}

static const char some_devices[] =
	"[{\"name\":\"Yard\",\"vendor\":\"Axis\",\"model\":\"P1448\",\"address\":\"192.168.1.100\","
	"\"mac_address\":\"02:00:00:00:00:02\",\"ports\":[[80,\"http\"],[554,\"rtsp\"]],"
	"\"confidence\":0.9,\"online\":true,\"last_seen\":999999},"
	"{\"address\":\"192.168.1.20\",\"confidence\":0.9,\"online\":false,\"last_seen\":996000},"
	"{\"address\":\"192.168.1.3\",\"confidence\":0.4,\"online\":true}]";

static void devices_screen(void **state)
{
	_cleanup_free_ char *text = print_screen(devices_print, some_devices, 0, false);
	_cleanup_free_ char *none = print_screen(devices_print, "[]", 0, false);
	_cleanup_free_ char *narrow = print_screen(devices_print, some_devices, 80, false);

	assert_string_equal(
		text,
		"  NAME  VENDOR  MODEL  ADDRESS        MAC                PORTS   SEEN    STATE\n"
		"  -     -       -      192.168.1.3    -                  -       -       unsure\n"
		"  -     -       -      192.168.1.20   -                  -       66 min  offline\n"
		"  Yard  Axis    P1448  192.168.1.100  02:00:00:00:00:02  80 554  1 s     "
		"online\n");
	assert_non_null(strstr(none, "gatewayctl scan"));
	for (char *line = strtok(narrow, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);
}

static void colours(void **state)
{
	_cleanup_free_ char *text = print_screen(devices_print, some_devices, 0, true);

	assert_non_null(strstr(text, "\x1b[1mNAME\x1b[0m"));
	assert_non_null(strstr(text, "\x1b[32monline\x1b[0m"));
	assert_non_null(strstr(text, "\x1b[33moffline\x1b[0m"));
}

static void forwards_screen(void **state)
{
	_cleanup_json_ cJSON *devices = cJSON_Parse(some_devices);
	_cleanup_json_ cJSON *rules = cJSON_Parse(
		"[{\"rule_id\":1,\"protocol\":\"tcp\",\"port\":10000,\"target_address\":"
		"\"192.168.1.100\",\"target_port\":80,\"state\":\"active\",\"error\":\"\"},"
		"{\"rule_id\":2,\"protocol\":\"tcp\",\"port\":10001,\"target_address\":\"\","
		"\"target_port\":80,\"state\":\"waiting\",\"error\":\"its device is not known\"}]");
	_cleanup_json_ cJSON *kernel = cJSON_Parse(
		"[[\"tcp\",10000,\"192.168.1.100\",80,\"vpn_0\",{\"set\":\"gateway\","
		"\"state\":\"active\"}],"
		"[\"udp\",7,\"192.168.1.9\",7,\"eth1\",{\"set\":\"mine\",\"name\":\"echo\","
		"\"state\":\"waiting\","
		"\"allow-from\":[\"10.0.0.0/8\",\"10.0.0.1/32\"],\"expires\":1000300}]]");
	_cleanup_json_ cJSON *joined = forwards_join(rules, kernel, devices);
	_cleanup_json_ cJSON *of_kernel = forwards_join(NULL, kernel, NULL);
	_cleanup_free_ char *document = json_print(joined);
	_cleanup_free_ char *text = print_screen(forwards_print, document, 0, false);

	assert_string_equal(
		text,
		"  FORWARD    LEADS TO          NAME  SET      STATE\n"
		"  tcp 10000  192.168.1.100:80  Yard  gateway  active\n"
		"  tcp 10001  -                 -     gateway  waiting  its device is not known\n"
		"  udp 7      192.168.1.9:7     echo  mine     waiting  from 10.0.0.0/8, …, ends "
		"in 5 min\n");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(of_kernel, "forwards")), 2);
}

static void vpn_screen(void **state)
{
	_cleanup_free_ char *text = print_screen(
		vpn_print,
		"{\"state\":\"failed\",\"server\":\"vpn.example:80\",\"bytes_in\":999,"
		"\"bytes_out\":1234567,\"last_error\":\"The VPN server does not answer.\"}",
		0, false);

	assert_string_equal(text, "  State     failed\n"
				  "  Server    vpn.example:80\n"
				  "  Received  999 bytes\n"
				  "  Sent      1.2 MB\n"
				  "  Problem   The VPN server does not answer.\n");
}

static const char three_gateways[] =
	"[{\"gateway_id\":1,\"vpn_username\":\"gateway1\",\"vpn_ip_address\":\"10.44.0.2\","
	"\"vpn_mac_address\":\"02:ac:00:00:00:01\",\"vpn_local_hostname\":\"gateway1.vpn\","
	"\"state\":\"provisioned\"},{\"gateway_id\":2},{\"gateway_id\":3}]";

/* What ListGateways and ListSessions answered, on the screen. */
static char *print_gateways(const char *sessions_text, const char *problem)
{
	_cleanup_json_ cJSON *service = cJSON_Parse("{\"pool_free\":4000,\"last_error\":\"\","
						    "\"last_reconcile\":999940}");
	_cleanup_json_ cJSON *sessions = sessions_text ? cJSON_Parse(sessions_text) : NULL;
	_cleanup_free_ char *document = NULL;
	cJSON *gateways = cJSON_Parse(three_gateways);

	assert_non_null(gateways);
	gateways_join(gateways, sessions);
	json_add(service, "gateways", gateways);
	json_add_string(service, "sessions_problem", problem);
	document = json_print(service);
	return print_screen(gateways_print, document, 0, false);
}

static void gateways_with_sessions(void **state)
{
	_cleanup_free_ char *text = print_gateways(
		"[{\"gateway_id\":3,\"connected_since\":999400},"
		"{\"gateway_id\":1,\"connected_since\":999990,\"client_address\":\"192.0.2.7\","
		"\"bytes_in\":1200000,\"bytes_out\":999},{\"gateway_id\":4}]",
		NULL);

	assert_string_equal(
		text,
		"  GATEWAY  NAME          ADDRESS    MAC                STATE        CONNECTED  "
		"FROM       RECEIVED  SENT\n"
		"  1        gateway1.vpn  10.44.0.2  02:ac:00:00:00:01  provisioned  10 s       "
		"192.0.2.7  1.2 MB    999 bytes\n"
		"  2        -             -          -                  -            -          "
		"-          -         -\n"
		"  3        -             -          -                  -            10 min     "
		"-          -         -\n\n"
		"  3 gateways, 2 connected, 4000 addresses left, compared with SoftEther 60 s "
		"ago\n");
}

static void gateways_without_sessions(void **state)
{
	_cleanup_free_ char *text = print_gateways(NULL, "SoftEther does not answer");

	assert_non_null(strstr(text, "  provisioned  ?          -"));
	assert_non_null(strstr(text, "\n  3 gateways, 4000 addresses left, compared with "
				     "SoftEther 60 s ago\n"
				     "  Sessions  who is connected is not known: SoftEther does "
				     "not answer\n"));
}

/* --- the stream of monitor --- */

/* "event: text; event: text", of properties that change from before to now; owned. */
static char *events_of(enum service service, enum live_event event, const char *path,
		       const char *before, const char *now)
{
	_cleanup_json_ cJSON *old = cJSON_Parse(before), *object = cJSON_Parse(now);
	_cleanup_json_ cJSON *events = monitor_events(&(struct live_change){
		.service = service,
		.event = event,
		.path = path,
		.object = object,
		.changed = object,
		.before = old,
	});
	char *text = xstrdup(""), *longer;
	const cJSON *item;

	json_for_each (item, events) {
		longer = xasprintf("%s%s%s: %s", text, *text ? "; " : "",
				   cJSON_GetObjectItem(item, "event")->valuestring,
				   cJSON_GetObjectItem(item, "text")->valuestring);
		free(text);
		text = longer;
	}
	return text;
}

static void monitor_tells(void **state)
{
	static const struct {
		enum service service;
		enum live_event event;
		const char *path, *before, *now, *text;
	} cases[] = {
		{ SERVICE_VPN, LIVE_CHANGED, NULL, "{\"state\":\"addressing\"}",
		  "{\"state\":\"up\",\"address\":\"10.44.0.7/20\"}",
		  "state: up, 10.44.0.7/20 (was addressing)" },
		{ SERVICE_VPN, LIVE_CHANGED, NULL, "{\"state\":\"up\"}", "{\"state\":\"up\"}", "" },
		{ SERVICE_VPN, LIVE_ABSENT, NULL, "{}", "{}", "absent: not running" },
		{ SERVICE_GATEWAY, LIVE_CHANGED, NULL, "{\"last_error\":\"\"}",
		  "{\"last_error\":\"x\"}", "problem: x" },
		{ SERVICE_GATEWAY, LIVE_CHANGED, NULL, "{\"last_error\":\"x\"}",
		  "{\"last_error\":\"\"}", "solved: no longer: x" },
		{ SERVICE_GATEWAY, LIVE_CHANGED, NULL, "{}", "{\"last_contact\":7}", "" },
		{ SERVICE_GATEWAY, LIVE_CHANGED, NULL, "{\"rules\":[]}",
		  "{\"rules_revision\":4,\"rules\":[{\"rule_id\":1,\"protocol\":\"tcp\",\"port\":"
		  "10000,\"target_address\":\"192.168.1.10\",\"target_port\":80,\"state\":"
		  "\"active\",\"error\":\"\"}]}",
		  "rules: rules 4 in force; forward: tcp 10000 -> 192.168.1.10:80 is active" },
		{ SERVICE_GATEWAY, LIVE_CHANGED, NULL,
		  "{\"rules\":[{\"rule_id\":1,\"protocol\":\"tcp\",\"port\":10000}]}",
		  "{\"rules\":[]}", "forward-removed: tcp 10000 is removed" },
		{ SERVICE_GATEWAY, LIVE_CHANGED, NULL,
		  "{\"rules\":[{\"rule_id\":1},{\"rule_id\":2},{\"rule_id\":3},{\"rule_id\":4}]}",
		  "{\"rules\":[{\"rule_id\":1,\"state\":\"active\"},{\"rule_id\":2,\"state\":"
		  "\"active\"},{\"rule_id\":3,\"state\":\"active\"},{\"rule_id\":4,\"state\":"
		  "\"active\"}]}",
		  "forwards: 4 forwards are active" },
		{ SERVICE_DISCOVERY, LIVE_ADDED, "/d", "{}",
		  "{\"name\":\"Yard\",\"vendor\":\"Axis\",\"address\":\"192.168.1.10\","
		  "\"ports\":[[80,\"http\"]],\"confidence\":0.9}",
		  "device-found: found Yard, Axis at 192.168.1.10, ports 80" },
		{ SERVICE_DISCOVERY, LIVE_CHANGED, "/d", "{\"address\":\"192.168.1.10\"}",
		  "{\"name\":\"Yard\",\"address\":\"192.168.1.11\"}",
		  "device-changed: Yard moved from 192.168.1.10 to 192.168.1.11" },
		{ SERVICE_DISCOVERY, LIVE_REMOVED, "/d", "{}", "{\"name\":\"Yard\"}",
		  "device-lost: lost Yard at unknown" },
		{ SERVICE_ROUTING, LIVE_EXPIRED, NULL, "{}", "{\"protocol\":\"tcp\",\"port\":7}",
		  "forward-removed: tcp 7 has expired" },
		{ SERVICE_ROUTING, LIVE_PRESENT, NULL, "{}", "{\"forward_count\":3}",
		  "present: 3 forwards" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = events_of(cases[i].service, cases[i].event,
						      cases[i].path, cases[i].before, cases[i].now);

		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(harmless_texts),
		cmocka_unit_test(table_unlimited),
		cmocka_unit_test(table_cut),
		cmocka_unit_test(table_leaves_out),
		cmocka_unit_test(table_row_by_row),
		cmocka_unit_test(paragraphs),
		cmocka_unit_test(labelled_lines),
		cmocka_unit_test(names),
		cmocka_unit_test(status_running),
		cmocka_unit_test(status_pending),
		cmocka_unit_test(status_offline),
		cmocka_unit_test(status_of_nothing),
		cmocka_unit_test(judgement),
		cmocka_unit_test(devices_screen),
		cmocka_unit_test(colours),
		cmocka_unit_test(forwards_screen),
		cmocka_unit_test(vpn_screen),
		cmocka_unit_test(gateways_with_sessions),
		cmocka_unit_test(gateways_without_sessions),
		cmocka_unit_test(monitor_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
