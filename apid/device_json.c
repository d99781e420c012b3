/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of devices that a gateway reports. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid/gateway_json.h"
#include "common/memory.h"

#define MAX_ADDRESSES 16
#define MAX_EVIDENCE  32

static int device_port_parse(struct device *device, cJSON *list, const cJSON *source,
			     struct json_problem *problem)
{
	struct device_port *port = &device->ports[device->port_count];
	const char *service;
	uint64_t number;
	cJSON *copy;

	if (!cJSON_IsObject(source) ||
	    json_get_number(source, "port_id", 1, UINT16_MAX, &number) < 0 ||
	    json_get_string(source, "service", SERVICE_SIZE - 1, &service) < 0)
		return problem_in(problem, "ports", "expected {port_id, service}");
	port->port = (uint16_t)number;
	snprintf(port->service, sizeof(port->service), "%s", service);
	device->port_count++;
	copy = json_new_object();
	json_add_number(copy, "port_id", (double)number);
	json_add_string(copy, "service", service);
	json_append(list, copy);
	return 0;
}

static int device_ports_parse(struct device *device, cJSON *copy, const cJSON *source,
			      struct json_problem *problem)
{
	const cJSON *list = NULL, *item;
	cJSON *ports;
	int r = json_get_array(source, "ports", MAX_DEVICE_PORTS, &list);

	if (r < 0 && r != -ENOENT)
		return problem_in(problem, "ports", "expected a list of at most 64");
	ports = json_new_array();
	json_add(copy, "ports", ports);
	json_for_each (item, list) {
		r = device_port_parse(device, ports, item, problem);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_ipv6(const char *text)
{
	struct netaddr address;

	return netaddr_parse(&address, text) == 0 && address.family == AF_INET6;
}

static int device_kind_check(const cJSON *source, struct json_problem *problem)
{
	static const char *const kinds[] = { "camera", "nvr", "encoder", "doorbell",
					     "video-source" };
	const char *kind;
	int r = json_get_string(source, "kind", MAX_TEXT, &kind);

	if (r == -ENOENT)
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return 0;
	return problem_in(problem, "kind",
			  "expected camera, nvr, encoder, doorbell or video-source");
}

static int device_texts_copy(cJSON *copy, const cJSON *source, struct json_problem *problem)
{
	static const char *const texts[] = {
		"vendor_id", "model_id",      "serial",         "firmware",  "friendly_name",
		"kind",      "http_jpg_path", "rtsp_h264_path", "onvif_url",
	};
	int r = device_kind_check(source, problem);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(texts); i++)
		r = member_string(copy, source, texts[i], MAX_TEXT, problem);
	return r;
}

static int device_rest_copy(cJSON *copy, const cJSON *source, struct json_problem *problem)
{
	bool online = true;
	int r = device_texts_copy(copy, source, problem);

	if (r >= 0)
		r = member_strings(copy, source, "ipv6_addresses", MAX_ADDRESSES, is_ipv6, problem);
	if (r >= 0)
		r = member_strings(copy, source, "evidence", MAX_EVIDENCE, NULL, problem);
	if (r >= 0)
		r = member_real(copy, source, "confidence", 1.0, problem);
	if (r >= 0)
		r = member_time(copy, source, "first_seen", problem);
	if (r >= 0)
		r = member_time(copy, source, "last_seen", problem);
	if (r < 0)
		return r;
	r = json_get_bool(source, "online", &online);
	if (r < 0 && r != -ENOENT)
		return problem_in(problem, "online", "expected true or false");
	json_add_bool(copy, "online", online);
	return 0;
}

/* Types are checked by device_rest_copy(). */
static void device_classify(struct device *device, const cJSON *source)
{
	const char *kind = "camera";

	device->confidence = 1.0;
	(void)json_get_real(source, "confidence", 0, 1.0, &device->confidence);
	(void)json_get_string(source, "kind", MAX_TEXT, &kind);
	device->is_camera = strcmp(kind, "video-source") != 0;
}

static int device_parse(struct device *device, const cJSON *source, struct json_problem *problem)
{
	_cleanup_json_ cJSON *copy = json_new_object();
	int r;

	if (!cJSON_IsObject(source))
		return problem_in(problem, "devices", "expected a list of objects");
	r = member_get_mac(source, "mac_address", device->mac_address, problem);
	if (r >= 0)
		r = member_get_address(source, "ip_address", AF_UNSPEC, device->ip_address,
				       problem);
	if (r < 0)
		return r;
	if (!*device->mac_address && !*device->ip_address)
		return problem_in(problem, "mac_address", "a device needs this or ip_address");
	if (*device->mac_address)
		json_add_string(copy, "mac_address", device->mac_address);
	if (*device->ip_address)
		json_add_string(copy, "ip_address", device->ip_address);
	device_classify(device, source);
	r = device_ports_parse(device, copy, source, problem);
	if (r >= 0)
		r = device_rest_copy(copy, source, problem);
	if (r >= 0)
		device->json = json_print(copy);
	return r;
}

static bool device_is_known(const struct device_list *list, const struct device *device)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct device *other = &list->devices[i];

		if (*device->mac_address ? !strcmp(other->mac_address, device->mac_address)
					 : !*other->mac_address &&
						   !strcmp(other->ip_address, device->ip_address))
			return true;
	}
	return false;
}

int device_list_parse(struct device_list *ret_list, const cJSON *json,
		      struct json_problem *ret_problem)
{
	_cleanup_(device_list_clear) struct device_list list = { .count = 0 };
	const cJSON *item;
	int size, r;

	if (!cJSON_IsArray(json))
		return problem_in(ret_problem, "body", "expected a list of devices");
	size = cJSON_GetArraySize(json);
	if (size > MAX_DEVICES)
		return problem_in(ret_problem, "body", "more than 1024 devices");
	list.devices = xcalloc((size_t)size + 1, sizeof(*list.devices));
	json_for_each (item, json) {
		struct device *device = &list.devices[list.count];

		r = device_parse(device, item, ret_problem);
		if (r < 0)
			return r;
		if (device_is_known(&list, device)) {
			free(device->json);
			*device = (struct device){ .json = NULL };
		} else {
			list.count++;
		}
	}
	*ret_list = list;
	list = (struct device_list){ .count = 0 };
	return 0;
}

void device_list_clear(struct device_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->devices[i].json);
	free(list->devices);
	*list = (struct device_list){ .count = 0 };
}
