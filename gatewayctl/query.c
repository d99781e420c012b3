/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/query.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/memory.h"
#include "dbus/discovery1.h"
#include "dbus/discovery1_device.h"
#include "dbus/gateway1.h"
#include "dbus/objectmanager.h"
#include "dbus/properties.h"
#include "dbus/routing1.h"
#include "dbus/vpn1.h"
#include "dbus/vpnservice1.h"
#include "gatewayctl/bus_json.h"
#include "gatewayctl/fields.h"

/* Small hardware may be busy. */
#define PATIENCE (120 * USEC_PER_SEC)
#define LOOK     (5 * USEC_PER_SEC)

static const struct service_info services[] = {
	[SERVICE_GATEWAY] = { "gateway", GATEWAY1_INTERFACE, "/io/evercam/Gateway1", "gatewayd" },
	[SERVICE_VPN] = { "vpn", VPN1_INTERFACE, "/io/evercam/Vpn1", "vpnd" },
	[SERVICE_ROUTING] = { "routing", ROUTING1_INTERFACE, "/io/evercam/Routing1", "routed" },
	[SERVICE_DISCOVERY] = { "discovery", DISCOVERY1_INTERFACE, "/io/evercam/Discovery1",
				"discoverd" },
	[SERVICE_VPN_SERVICE] = { "vpn_service", VPNSERVICE1_INTERFACE, "/io/evercam/VpnService1",
				  "vpn-service" },
};

const struct service_info *service_info(enum service service)
{
	return &services[service];
}

void tell(const char *format, ...)
{
	va_list arguments;

	fputs("gatewayctl: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

char *not_running_text(enum service service)
{
	const char *daemon = services[service].daemon;

	return xasprintf("not running: start it with 'systemctl start evercam-%s' and look at "
			 "'journalctl -u evercam-%s'",
			 daemon, daemon);
}

int query_tell_failure(const struct bus_reply *reply, enum service service, const char *wanted)
{
	_cleanup_free_ char *absent = NULL;

	switch (-reply->error) {
	case ENXIO:
		absent = not_running_text(service);
		tell("cannot %s: %s is %s", wanted, services[service].daemon, absent);
		return EXIT_NOT_RUNNING;
	case EACCES:
		tell("cannot %s: that is for root and members of the group evercam; try it with "
		     "sudo, or have root say 'adduser NAME evercam'",
		     wanted);
		return EXIT_DENIED;
	case ETIMEDOUT:
		tell("cannot %s: %s does not answer; look at 'journalctl -u evercam-%s'", wanted,
		     services[service].daemon, services[service].daemon);
		return EXIT_FAILED;
	default:
		tell("cannot %s: %s", wanted,
		     reply->error_text ? reply->error_text : strerror(-reply->error));
		return EXIT_FAILED;
	}
}

static const char *result_signature(enum service service, const char *method)
{
	static const struct bus_interface *const interfaces[] = {
		[SERVICE_GATEWAY] = &gateway1_interface,
		[SERVICE_VPN] = &vpn1_interface,
		[SERVICE_ROUTING] = &routing1_interface,
		[SERVICE_DISCOVERY] = &discovery1_interface,
		[SERVICE_VPN_SERVICE] = &vpnservice1_interface,
	};
	const struct bus_interface *interface = interfaces[service];

	for (size_t i = 0; i < interface->method_count; i++)
		if (strcmp(interface->methods[i].name, method) == 0)
			return interface->methods[i].out_signature;
	return "";
}

static int ask(struct bus *bus, enum service service, const char *interface, const char *method,
	       const char *argument, const char *signature, const char *wanted, cJSON **ret_json)
{
	struct bus_request *request = bus_request_new(bus, services[service].name,
						      services[service].path, interface, method);
	const struct bus_reply *reply;
	int code = EXIT_DONE;

	bus_request_forbid_start(request);
	if (argument)
		bus_write_string(bus_request_arguments(request), argument);
	reply = bus_request_send_and_wait(request, signature, wanted ? PATIENCE : LOOK);
	if (reply->error < 0)
		code = wanted ? query_tell_failure(reply, service, wanted) : EXIT_FAILED;
	else if (ret_json)
		*ret_json = bus_value_to_json(reply->body);
	bus_request_cancel(request);
	return code;
}

cJSON *query_properties(struct bus *bus, enum service service)
{
	cJSON *json = NULL;

	(void)ask(bus, service, properties_interface.name, "GetAll", services[service].name,
		  "a{sv}", NULL, &json);
	return json;
}

int query_properties_or_tell(struct bus *bus, enum service service, cJSON **ret_json)
{
	return ask(bus, service, properties_interface.name, "GetAll", services[service].name,
		   "a{sv}", "show it", ret_json);
}

cJSON *query_devices(struct bus *bus)
{
	_cleanup_free_ char *interface = snake_case(DISCOVERY1_DEVICE_INTERFACE);
	_cleanup_json_ cJSON *objects = NULL;
	cJSON *devices = json_new_array(), *item, *device;

	(void)ask(bus, SERVICE_DISCOVERY, objectmanager_interface.name, "GetManagedObjects", NULL,
		  "a{oa{sa{sv}}}", NULL, &objects);
	json_for_each (item, objects) {
		device = cJSON_DetachItemFromObjectCaseSensitive(item, interface);
		if (!device)
			continue;
		device_name_facts(device);
		json_add_string(device, "path", item->string);
		json_append(devices, device);
	}
	return devices;
}

int query_call(struct bus *bus, enum service service, const char *method, const char *argument,
	       const char *wanted, cJSON **ret_json)
{
	return ask(bus, service, services[service].name, method, argument,
		   result_signature(service, method), wanted, ret_json);
}

cJSON *query_list(struct bus *bus, enum service service, const char *method, char **ret_problem)
{
	const struct service_info *info = &services[service];
	struct bus_request *request = bus_request_new(bus, info->name, info->path, info->name,
						      method);
	const struct bus_reply *reply;
	cJSON *list = NULL;

	bus_request_forbid_start(request);
	reply = bus_request_send_and_wait(request, result_signature(service, method), LOOK);
	if (reply->error < 0)
		*ret_problem = xstrdup(reply->error_text ? reply->error_text
							 : strerror(-reply->error));
	else
		list = bus_value_to_json(reply->body);
	bus_request_cancel(request);
	return list;
}
