/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bodies of our own calls. Texts come from cameras, so every one passes through text_add(). */
#include "gatewayd/api_report.h"

#include <string.h>

#include "common/json.h"
#include "common/memory.h"

#define MAX_TEXT  256
#define MAX_TEXTS 16

/* One text that is too long would make the API refuse the whole report. */
static char *bounded(const char *text)
{
	size_t length = strnlen(text, MAX_TEXT + 1);

	if (length <= MAX_TEXT)
		return xstrdup(text);
	/* Not in the middle of a character. */
	for (length = MAX_TEXT; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
		length--;
	return xstrndup(text, length);
}

/* Left out unless it is valid UTF-8: again one wrong byte would spoil the whole report. */
static void text_add(cJSON *json, const char *name, const char *text)
{
	_cleanup_free_ char *value = NULL;

	if (!text)
		return;
	value = bounded(text);
	if (utf8_is_valid(value, strlen(value)))
		json_add_string(json, name, value);
}

static void mac_add(cJSON *json, const char *name, const struct mac_address *mac)
{
	char buffer[MAC_TEXT_SIZE];

	json_add_string(json, name, mac_format(mac, buffer));
}

static void address_add(cJSON *json, const char *name, const struct netaddr *address)
{
	char buffer[NETADDR_TEXT_SIZE];

	if (address->family != AF_UNSPEC)
		json_add_string(json, name, netaddr_format(address, buffer));
}

static void time_add(cJSON *json, const char *name, int64_t seconds)
{
	char buffer[TIME_TEXT_SIZE];

	if (seconds > 0)
		json_add_string(json, name, time_format(seconds, buffer));
}

char *announce_report_print(const struct announce_report *report)
{
	_cleanup_json_ cJSON *json = json_new_object();
	cJSON *array = json_new_array(), *item;

	mac_add(json, "mac_address", &report->mac);
	json_add_string(json, "m2m_secret", report->secret);
	json_add_string(json, "csr", report->csr);
	text_add(json, "hostname", report->hostname);
	json_add_string(json, "sw_version", EVERCAM_VERSION);
	for (size_t i = 0; i < report->interface_count; i++) {
		item = json_new_object();
		text_add(item, "name", report->interfaces[i].name);
		mac_add(item, "mac_address", &report->interfaces[i].mac);
		address_add(item, "ip_address", &report->interfaces[i].address);
		if (report->interfaces[i].address.family != AF_UNSPEC)
			json_add_number(item, "prefix_length", report->interfaces[i].prefix_length);
		json_append(array, item);
	}
	json_add(json, "interfaces", array);
	return json_print(json);
}

char *csr_report_print(const char *csr)
{
	_cleanup_json_ cJSON *json = json_new_object();

	json_add_string(json, "csr", csr);
	return json_print(json);
}

static void texts_add(cJSON *json, const char *name, char *const *texts)
{
	cJSON *array = json_new_array(), *item;

	for (size_t i = 0; texts && texts[i] && i < MAX_TEXTS; i++) {
		if (!utf8_is_valid(texts[i], strlen(texts[i])))
			continue;
		item = cJSON_CreateString(texts[i]);
		if (!item)
			abort();
		json_append(array, item);
	}
	json_add(json, name, array);
}

static void ports_add(cJSON *json, const struct device_report *device)
{
	cJSON *array = json_new_array(), *item;

	for (size_t i = 0; i < device->port_count; i++) {
		item = json_new_object();
		json_add_number(item, "port_id", device->ports[i].port);
		text_add(item, "service", device->ports[i].service);
		json_append(array, item);
	}
	json_add(json, "ports", array);
}

/* What it is called: by its owner, else by its make, else by its address. */
static void friendly_name_add(cJSON *json, const struct device_report *device)
{
	_cleanup_free_ char *make = NULL;
	char address[NETADDR_TEXT_SIZE];
	const char *name = device->name;

	if (!name || !*name) {
		if (device->vendor && device->model)
			name = make = xasprintf("%s %s", device->vendor, device->model);
		else
			name = device->vendor ? device->vendor : device->model;
	}
	if (!name || !utf8_is_valid(name, strlen(name)))
		name = netaddr_format(&device->address, address);
	text_add(json, "friendly_name", name);
}

/* The API knows these; whatever else discoverd may say one day is a source of video. */
static const char *kind_of(const struct device_report *device)
{
	static const char *const kinds[] = { "camera", "nvr", "encoder", "doorbell" };

	for (size_t i = 0; device->kind && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(device->kind, kinds[i]) == 0)
			return kinds[i];
	return device->kind ? "video-source" : "camera";
}

static cJSON *device_json(const struct device_report *device, bool with_last_seen)
{
	cJSON *json = json_new_object();

	mac_add(json, "mac_address", &device->mac);
	address_add(json, "ip_address", &device->address);
	if (device->ipv6_addresses && *device->ipv6_addresses)
		texts_add(json, "ipv6_addresses", device->ipv6_addresses);
	ports_add(json, device);
	text_add(json, "vendor_id", device->vendor ? device->vendor : "");
	text_add(json, "model_id", device->model ? device->model : "");
	text_add(json, "serial", device->serial);
	text_add(json, "firmware", device->firmware);
	friendly_name_add(json, device);
	json_add_string(json, "kind", kind_of(device));
	json_add_number(json, "confidence", device->confidence);
	texts_add(json, "evidence", device->evidence);
	text_add(json, "http_jpg_path", device->snapshot_path);
	text_add(json, "rtsp_h264_path", device->stream_path);
	text_add(json, "onvif_url", device->onvif_url);
	time_add(json, "first_seen", device->first_seen);
	if (with_last_seen)
		time_add(json, "last_seen", device->last_seen);
	json_add_bool(json, "online", device->online);
	return json;
}

char *device_reports_print(const struct device_report *const *devices, size_t count,
			   bool with_last_seen)
{
	_cleanup_json_ cJSON *json = json_new_array();

	for (size_t i = 0; i < count; i++)
		json_append(json, device_json(devices[i], with_last_seen));
	return json_print(json);
}

/* "10.44.0.7/20" as vpnd has it -> the address alone; owned. */
static char *without_prefix(const char *address)
{
	return address ? xstrndup(address, strcspn(address, "/")) : NULL;
}

char *status_report_print(const struct status_report *report)
{
	_cleanup_free_ char *address = without_prefix(report->vpn_address);
	_cleanup_json_ cJSON *json = json_new_object();
	cJSON *vpn = json_new_object(), *forwards = json_new_object();

	json_add_number(json, "uptime_seconds", (double)report->uptime_seconds);
	json_add_string(json, "sw_version", EVERCAM_VERSION);
	text_add(vpn, "state", report->vpn_state ? report->vpn_state : "absent");
	time_add(vpn, "since", report->vpn_since);
	text_add(vpn, "server", report->vpn_server);
	text_add(vpn, "address", address);
	json_add(json, "vpn", vpn);
	json_add_number(forwards, "active", (double)report->active_forwards);
	json_add(json, "forwards", forwards);
	json_add_number(json, "devices", (double)report->device_count);
	return json_print(json);
}

char *rule_status_print(const struct planned_rule *rules, size_t count, uint64_t revision)
{
	_cleanup_json_ cJSON *json = json_new_object();
	cJSON *array = json_new_array(), *item;

	json_add_number(json, "revision", (double)revision);
	for (size_t i = 0; i < count; i++) {
		item = json_new_object();
		json_add_number(item, "rule_id", (double)rules[i].rule->rule_id);
		json_add_string(item, "state", rule_state_name(rules[i].state));
		text_add(item, "error", rules[i].error);
		json_append(array, item);
	}
	json_add(json, "rules", array);
	return json_print(json);
}
