/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io.evercam.Gateway1 on the bus. */
#include <errno.h>

#include "common/memory.h"
#include "dbus/gateway1.h"
#include "gatewayd/gateway.h"

static const struct bus_vtable gateway1_vtable;

static void changed(struct gateway *gateway, enum gateway1_property property)
{
	if (gateway->object)
		bus_property_changed(gateway->object, &gateway1_vtable, property);
}

void gateway_bus_state_changed(struct gateway *gateway)
{
	changed(gateway, GATEWAY1_PROPERTY_STATE);
	changed(gateway, GATEWAY1_PROPERTY_GATEWAY_ID);
	changed(gateway, GATEWAY1_PROPERTY_CONFIGURATION_REVISION);
}

void gateway_bus_contact_changed(struct gateway *gateway)
{
	changed(gateway, GATEWAY1_PROPERTY_API_REACHABLE);
	changed(gateway, GATEWAY1_PROPERTY_LAST_CONTACT);
}

void gateway_bus_rules_changed(struct gateway *gateway)
{
	changed(gateway, GATEWAY1_PROPERTY_RULES);
	changed(gateway, GATEWAY1_PROPERTY_RULES_REVISION);
}

void gateway_bus_problems_changed(struct gateway *gateway)
{
	changed(gateway, GATEWAY1_PROPERTY_LAST_ERROR);
}

/* --- methods --- */

static int on_sync(struct bus_call *call, void *object)
{
	int r = gateway_sync_now(object);

	if (r == -EAGAIN)
		return bus_call_fail(call, r,
				     "This gateway is not approved yet: see 'gatewayctl status'");
	return r < 0 ? r : bus_call_send(call);
}

static int on_reset(struct bus_call *call, void *object)
{
	int r = gateway_reset(object);

	return r < 0 ? r : bus_call_send(call);
}

static int on_rotate_key(struct bus_call *call, void *object)
{
	int r = gateway_rotate_key(object);

	if (r == -EAGAIN)
		return bus_call_fail(call, r,
				     "This gateway is not approved yet: see 'gatewayctl status'");
	return r < 0 ? r : bus_call_send(call);
}

static int on_get_claim_code(struct bus_call *call, void *object)
{
	const struct gateway *gateway = object;

	bus_write_string(bus_call_reply(call), identity_claim_code(gateway->identity));
	return bus_call_send(call);
}

/* --- properties --- */

static void get_state(struct bus_writer *value, const void *object)
{
	const struct gateway *gateway = object;

	bus_write_string(value, registration_state_name(registration_state(gateway->registration)));
}

static bool has_token(const void *object)
{
	const struct gateway *gateway = object;

	return gateway->token.token != NULL;
}

static void get_gateway_id(struct bus_writer *value, const void *object)
{
	const struct gateway *gateway = object;

	bus_write_u64(value, gateway->token.gateway_id);
}

static void get_mac_address(struct bus_writer *value, const void *object)
{
	const struct gateway *gateway = object;
	char mac[MAC_TEXT_SIZE];

	bus_write_string(value, mac_format(identity_mac(gateway->identity), mac));
}

static void get_api_endpoint(struct bus_writer *value, const void *object)
{
	const struct gateway *gateway = object;

	bus_write_string(value, gateway->settings->api);
}

static void get_api_reachable(struct bus_writer *value, const void *object)
{
	const struct gateway *gateway = object;

	bus_write_bool(value, api_client_is_reachable(gateway->client));
}

static bool has_contact(const void *object)
{
	const struct gateway *gateway = object;

	return api_client_last_contact(gateway->client) > 0;
}

static void get_last_contact(struct bus_writer *value, const void *object)
{
	const struct gateway *gateway = object;

	bus_write_i64(value, api_client_last_contact(gateway->client));
}

static bool has_configuration(const void *object)
{
	const struct gateway *gateway = object;

	return gateway->configuration != NULL;
}

static void get_configuration_revision(struct bus_writer *value, const void *object)
{
	const struct gateway *gateway = object;

	bus_write_u64(value, gateway->configuration->revision);
}

static bool has_rules(const void *object)
{
	const struct gateway *gateway = object;

	return gateway->rules != NULL;
}

static void get_rules_revision(struct bus_writer *value, const void *object)
{
	const struct gateway *gateway = object;

	bus_write_u64(value, gateway->rules_revision);
}

static void get_rules(struct bus_writer *value, const void *object)
{
	const struct gateway *gateway = object;
	const struct planned_rule *planned;
	char target[NETADDR_TEXT_SIZE];
	const char *error;

	bus_open_array(value, "(tsqsqss)");
	for (size_t i = 0; i < gateway->plan.count; i++) {
		planned = &gateway->plan.rules[i];
		bus_open_struct(value);
		bus_write_u64(value, planned->rule->rule_id);
		bus_write_string(value, rule_protocol_name(planned->rule->protocol));
		bus_write_u16(value, planned->rule->local_port_id);
		bus_write_string(value, netaddr_format(&planned->target, target));
		bus_write_u16(value, planned->rule->port_id);
		bus_write_string(value, rule_state_name(gateway_rule_state(gateway, i, &error)));
		bus_write_string(value, error);
		bus_close(value);
	}
	bus_close(value);
}

static void get_last_error(struct bus_writer *value, const void *object)
{
	const struct gateway *gateway = object;
	_cleanup_free_ char *all = problems_print(&gateway->problems);

	bus_write_string(value, all);
}

static const struct bus_vtable gateway1_vtable = {
	.interface = &gateway1_interface,
	.methods =
		(bus_method_fn *const[GATEWAY1_METHOD_COUNT]){
			[GATEWAY1_METHOD_SYNC] = on_sync,
			[GATEWAY1_METHOD_RESET] = on_reset,
			[GATEWAY1_METHOD_ROTATE_KEY] = on_rotate_key,
			[GATEWAY1_METHOD_GET_CLAIM_CODE] = on_get_claim_code,
		},
	.properties =
		(const struct bus_property[GATEWAY1_PROPERTY_COUNT]){
			[GATEWAY1_PROPERTY_STATE] = { .get = get_state },
			[GATEWAY1_PROPERTY_GATEWAY_ID] = { .get = get_gateway_id,
							   .exists = has_token },
			[GATEWAY1_PROPERTY_MAC_ADDRESS] = { .get = get_mac_address },
			[GATEWAY1_PROPERTY_API_ENDPOINT] = { .get = get_api_endpoint },
			[GATEWAY1_PROPERTY_API_REACHABLE] = { .get = get_api_reachable },
			[GATEWAY1_PROPERTY_LAST_CONTACT] = { .get = get_last_contact,
							     .exists = has_contact },
			[GATEWAY1_PROPERTY_CONFIGURATION_REVISION] = { .get = get_configuration_revision,
								       .exists =
									       has_configuration },
			[GATEWAY1_PROPERTY_RULES_REVISION] = { .get = get_rules_revision,
							       .exists = has_rules },
			[GATEWAY1_PROPERTY_RULES] = { .get = get_rules },
			[GATEWAY1_PROPERTY_LAST_ERROR] = { .get = get_last_error },
		},
};

int gateway_bus_export(struct gateway *gateway)
{
	static const struct bus_vtable *const vtables[] = { &gateway1_vtable, NULL };

	return bus_object_new(&gateway->object, gateway->bus, GATEWAY_PATH, vtables, gateway);
}
