/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls that take time are kept in a list: each holds what it waits for, and lets go of it when the
 * binding ends first.
 */
#include "vpn-service/service_bus.h"

#include <errno.h>

#include "common/bus_call.h"
#include "common/bus_object.h"
#include "common/memory.h"
#include "dbus/vpnservice1.h"
#include "vpn-service/service.h"

struct service_bus {
	struct service *service;
	struct bus_object *object;
	struct pending *pending;
	struct vpn_sessions *sessions; /* being asked for; one at a time, since everyone may ask */
};

struct pending {
	struct service_bus *binding;
	struct pending *next;
	struct bus_call *call;
	struct provision_job *job; /* NULL: a reconcile, or ListSessions */
	bool wants_sessions;
};

static struct pending *pending_new(struct service_bus *binding, struct bus_call *call)
{
	struct pending *pending = xnew(struct pending);

	pending->binding = binding;
	pending->call = bus_call_keep(call);
	pending->next = binding->pending;
	binding->pending = pending;
	return pending;
}

/* Out of the list; returns its call. */
static struct bus_call *pending_end(struct pending *pending)
{
	struct pending **place = &pending->binding->pending;
	struct bus_call *call = pending->call;

	while (*place != pending)
		place = &(*place)->next;
	*place = pending->next;
	free(pending);
	return call;
}

static int read_gateway_id(struct bus_reader *arguments, uint32_t *ret_gateway_id)
{
	uint64_t number;
	int r = bus_read_u64(arguments, &number);

	if (r < 0)
		return r;
	if (number < 1 || number > GATEWAY_ID_MAX)
		return -ERANGE;
	*ret_gateway_id = (uint32_t)number;
	return 0;
}

static int fail_gateway_id(struct bus_call *call)
{
	return bus_call_fail(call, -EINVAL, "gateway_id must be from 1 to 4294967295");
}

static void write_account(struct bus_writer *writer, const struct protocol_account *account)
{
	bus_open_dict(writer);
	bus_dict_string(writer, "vpn_username", account->vpn_username);
	bus_dict_string(writer, "vpn_hub", account->vpn_hub);
	bus_dict_u16(writer, "vpn_port", account->vpn_port);
	bus_dict_string(writer, "vpn_hostname", account->vpn_hostname);
	bus_dict_string(writer, "vpn_local_hostname", account->vpn_local_hostname);
	bus_dict_string(writer, "vpn_mac_address", account->vpn_mac_address);
	bus_dict_string(writer, "vpn_ip_address", account->vpn_ip_address);
	bus_dict_u32(writer, "vpn_prefix_length", account->vpn_prefix_length);
	bus_dict_string(writer, "vpn_certificate", account->vpn_certificate);
	bus_dict_strings(writer, "vpn_server_certificates", account->vpn_server_certificates);
	bus_close(writer);
}

static void on_provisioned(const struct provision_result *result, void *owner)
{
	struct pending *pending = owner;
	struct service *service = pending->binding->service;
	struct bus_call *call = pending_end(pending);
	struct service_account described;

	if (!result->account) {
		bus_call_fail(call, result->error, "%s", result->text);
		return;
	}
	service_account_init(&described, service, result->account);
	write_account(bus_call_reply(call), &described.account);
	service_account_deinit(&described);
	bus_call_send(call);
}

static int on_provision(struct bus_call *call, void *object)
{
	struct service_bus *binding = object;
	struct bus_reader *arguments = bus_call_arguments(call);
	struct pending *pending;
	uint32_t gateway_id;
	const char *csr;

	if (read_gateway_id(arguments, &gateway_id) < 0)
		return fail_gateway_id(call);
	if (bus_read_string(arguments, &csr) < 0)
		return -EINVAL;
	pending = pending_new(binding, call);
	pending->job = service_create(binding->service, gateway_id, csr, on_provisioned, pending);
	return 0;
}

static void on_deprovisioned(const struct provision_result *result, void *owner)
{
	struct bus_call *call = pending_end(owner);

	if (result->error)
		bus_call_fail(call, result->error, "%s", result->text);
	else
		bus_call_send(call);
}

static int on_deprovision(struct bus_call *call, void *object)
{
	struct service_bus *binding = object;
	struct pending *pending;
	uint32_t gateway_id;

	if (read_gateway_id(bus_call_arguments(call), &gateway_id) < 0)
		return fail_gateway_id(call);
	pending = pending_new(binding, call);
	pending->job = service_remove(binding->service, gateway_id, on_deprovisioned, pending);
	return 0;
}

static void on_reconciled(int error, const char *text, void *owner)
{
	struct bus_call *call = pending_end(owner);

	if (error)
		bus_call_fail(call, error, "%s", text);
	else
		bus_call_send(call);
}

static int on_reconcile(struct bus_call *call, void *object)
{
	struct service_bus *binding = object;

	service_reconcile(binding->service, on_reconciled, pending_new(binding, call));
	return 0;
}

struct listing {
	struct service *service;
	struct bus_writer *writer;
};

static void on_account(const struct account *account, void *owner)
{
	const struct listing *listing = owner;
	struct bus_writer *writer = listing->writer;
	struct service_account described;

	service_account_init(&described, listing->service, account);
	bus_open_dict(writer);
	bus_dict_u64(writer, "gateway_id", account->gateway_id);
	bus_dict_string(writer, "vpn_username", described.name);
	bus_dict_string(writer, "vpn_ip_address", described.address);
	bus_dict_string(writer, "vpn_mac_address", described.mac);
	bus_dict_string(writer, "vpn_local_hostname", described.local_hostname);
	bus_dict_string(writer, "state",
			account->state == ACCOUNT_PROVISIONED ? "provisioned" : "incomplete");
	bus_close(writer);
	service_account_deinit(&described);
}

static int on_list_gateways(struct bus_call *call, void *object)
{
	struct service_bus *binding = object;
	struct listing listing = { .service = binding->service, .writer = bus_call_reply(call) };
	int r;

	bus_open_array(listing.writer, "a{sv}");
	r = service_for_each_account(binding->service, on_account, &listing);
	bus_close(listing.writer);
	if (r < 0)
		return bus_call_fail(call, r, "the database cannot be read");
	return bus_call_send(call);
}

static void write_session(struct bus_writer *writer, const struct vpn_session *session)
{
	bus_open_dict(writer);
	bus_dict_u64(writer, "gateway_id", session->gateway_id);
	bus_dict_i64(writer, "connected_since", session->connected_since);
	if (*session->client_address)
		bus_dict_string(writer, "client_address", session->client_address);
	if (session->counted) {
		bus_dict_u64(writer, "bytes_in", session->bytes_in);
		bus_dict_u64(writer, "bytes_out", session->bytes_out);
	}
	bus_close(writer);
}

static void answer_sessions(struct bus_call *call, const struct vpn_sessions_result *result)
{
	struct bus_writer *writer;

	if (result->error) {
		bus_call_fail(call, -ENETUNREACH, "%s", result->text);
		return;
	}
	writer = bus_call_reply(call);
	bus_open_array(writer, "a{sv}");
	for (size_t i = 0; i < result->session_count; i++)
		write_session(writer, &result->sessions[i]);
	bus_close(writer);
	bus_call_send(call);
}

static void on_sessions(const struct vpn_sessions_result *result, void *owner)
{
	struct service_bus *binding = owner;
	struct pending *pending, *next;

	binding->sessions = NULL;
	for (pending = binding->pending; pending; pending = next) {
		next = pending->next;
		if (pending->wants_sessions)
			answer_sessions(pending_end(pending), result);
	}
}

static int on_list_sessions(struct bus_call *call, void *object)
{
	struct service_bus *binding = object;

	pending_new(binding, call)->wants_sessions = true;
	if (!binding->sessions)
		binding->sessions = service_sessions(binding->service, on_sessions, binding);
	return 0;
}

static void get_gateway_count(struct bus_writer *value, const void *object)
{
	const struct service_bus *binding = object;

	bus_write_u32(value, service_gateway_count(binding->service));
}

static void get_pool_free(struct bus_writer *value, const void *object)
{
	const struct service_bus *binding = object;

	bus_write_u32(value, service_pool_free(binding->service));
}

static void get_connected(struct bus_writer *value, const void *object)
{
	const struct service_bus *binding = object;
	unsigned connected;

	(void)service_connected(binding->service, &connected);
	bus_write_u32(value, connected);
}

static bool has_connected(const void *object)
{
	const struct service_bus *binding = object;
	unsigned connected;

	return service_connected(binding->service, &connected);
}

static void get_last_reconcile(struct bus_writer *value, const void *object)
{
	const struct service_bus *binding = object;

	bus_write_i64(value, service_last_reconcile(binding->service));
}

static bool has_last_reconcile(const void *object)
{
	const struct service_bus *binding = object;

	return service_last_reconcile(binding->service) != 0;
}

static void get_last_error(struct bus_writer *value, const void *object)
{
	const struct service_bus *binding = object;

	bus_write_string(value, service_last_error(binding->service));
}

static const struct bus_vtable vpnservice1_vtable = {
	.interface = &vpnservice1_interface,
	.methods =
		(bus_method_fn *const[VPNSERVICE1_METHOD_COUNT]){
			[VPNSERVICE1_METHOD_PROVISION] = on_provision,
			[VPNSERVICE1_METHOD_DEPROVISION] = on_deprovision,
			[VPNSERVICE1_METHOD_RECONCILE] = on_reconcile,
			[VPNSERVICE1_METHOD_LIST_GATEWAYS] = on_list_gateways,
			[VPNSERVICE1_METHOD_LIST_SESSIONS] = on_list_sessions,
		},
	.properties =
		(const struct bus_property[VPNSERVICE1_PROPERTY_COUNT]){
			[VPNSERVICE1_PROPERTY_GATEWAY_COUNT] = { .get = get_gateway_count },
			[VPNSERVICE1_PROPERTY_POOL_FREE] = { .get = get_pool_free },
			[VPNSERVICE1_PROPERTY_CONNECTED] = { .get = get_connected,
							     .exists = has_connected },
			[VPNSERVICE1_PROPERTY_LAST_RECONCILE] = { .get = get_last_reconcile,
								  .exists = has_last_reconcile },
			[VPNSERVICE1_PROPERTY_LAST_ERROR] = { .get = get_last_error },
		},
};

static void on_service_changed(enum service_change change, void *owner)
{
	struct service_bus *binding = owner;

	switch (change) {
	case SERVICE_CHANGE_ACCOUNTS:
		bus_property_changed(binding->object, &vpnservice1_vtable,
				     VPNSERVICE1_PROPERTY_GATEWAY_COUNT);
		bus_property_changed(binding->object, &vpnservice1_vtable,
				     VPNSERVICE1_PROPERTY_POOL_FREE);
		return;
	case SERVICE_CHANGE_CONNECTED:
		bus_property_changed(binding->object, &vpnservice1_vtable,
				     VPNSERVICE1_PROPERTY_CONNECTED);
		return;
	case SERVICE_CHANGE_RECONCILED:
		bus_property_changed(binding->object, &vpnservice1_vtable,
				     VPNSERVICE1_PROPERTY_LAST_RECONCILE);
		return;
	case SERVICE_CHANGE_ERROR:
		bus_property_changed(binding->object, &vpnservice1_vtable,
				     VPNSERVICE1_PROPERTY_LAST_ERROR);
		return;
	}
}

int service_bus_new(struct service_bus **ret_binding, struct bus *bus, struct service *service)
{
	static const struct bus_vtable *const vtables[] = { &vpnservice1_vtable, NULL };
	_cleanup_(service_bus_freep) struct service_bus *binding = xnew(struct service_bus);
	int r;

	binding->service = service;
	r = bus_object_new(&binding->object, bus, SERVICE_BUS_PATH, vtables, binding);
	if (r < 0)
		return r;
	service_on_changed(service, on_service_changed, binding);
	*ret_binding = steal_ptr(binding);
	return 0;
}

struct service_bus *service_bus_free(struct service_bus *binding)
{
	if (!binding)
		return NULL;
	service_on_changed(binding->service, NULL, NULL);
	vpn_sessions_cancel(binding->sessions);
	while (binding->pending) {
		struct pending *pending = binding->pending;

		provision_abandon(pending->job);
		service_reconcile_forget(binding->service, pending);
		bus_call_drop(pending_end(pending));
	}
	bus_object_free(binding->object);
	free(binding);
	return NULL;
}
