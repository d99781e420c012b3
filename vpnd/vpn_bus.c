/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The D-Bus binding of vpnd. Disconnect and Forget answer when it is done, so calls are kept while
 * the tunnel leaves. What was last seen of each property is remembered, so that only what is really
 * different is signalled.
 */
#include "vpnd/vpn_bus.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bus_call.h"
#include "common/bus_object.h"
#include "common/log.h"
#include "common/memory.h"
#include "dbus/vpn1.h"

#define MAX_WAITING 16

enum seen_text { SEEN_SERVER, SEEN_INTERFACE, SEEN_ADDRESS, SEEN_LAST_ERROR, SEEN_COUNT };

struct vpn_bus {
	struct vpn *vpn;
	struct bus_object *object;
	struct bus_call *waiting[MAX_WAITING]; /* until the tunnel has left */
	size_t waiting_count;
	enum tunnel_state seen_state;
	int64_t seen_since;
	char *seen[SEEN_COUNT];
};

/* --- Configure --- */

static int read_servers(struct settings *settings, struct bus_reader *value, char **ret_error)
{
	struct bus_reader array, entry;
	const char *host;
	int32_t priority;
	uint16_t port;
	int r;

	r = bus_enter(value, &array);
	if (r < 0)
		return r;
	while (!bus_reader_at_end(&array)) {
		if (bus_enter(&array, &entry) < 0 || bus_read_string(&entry, &host) < 0 ||
		    bus_read_u16(&entry, &port) < 0 || bus_read_i32(&entry, &priority) < 0)
			return -EINVAL;
		r = settings_add_server(settings, host, port, priority, ret_error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_text(char **target, struct bus_reader *value)
{
	const char *text;
	int r = bus_read_string(value, &text);

	if (r == 0)
		replace_string(target, text);
	return r;
}

static int read_mac(struct settings *settings, struct bus_reader *value)
{
	const char *text;

	if (bus_read_string(value, &text) < 0 || mac_parse(&settings->mac, text) < 0)
		return -EINVAL;
	settings->has_mac = true;
	return 0;
}

static int read_address(struct settings *settings, struct bus_reader *value)
{
	const char *text;

	if (bus_read_string(value, &text) < 0 ||
	    netaddr_parse(&settings->address.address, text) < 0)
		return -EINVAL;
	return 0;
}

static int read_prefix_length(struct settings *settings, struct bus_reader *value)
{
	uint32_t length;

	if (bus_read_u32(value, &length) < 0 || length < 1 || length > 32)
		return -EINVAL;
	settings->address.length = (uint8_t)length;
	return 0;
}

static int read_setting(struct settings *settings, const char *key, struct bus_reader *value,
			char **ret_error)
{
	if (strcmp(key, "servers") == 0)
		return settings->server_count ? -EINVAL : read_servers(settings, value, ret_error);
	if (strcmp(key, "hub") == 0)
		return read_text(&settings->hub, value);
	if (strcmp(key, "username") == 0)
		return read_text(&settings->username, value);
	if (strcmp(key, "hostname") == 0)
		return read_text(&settings->hostname, value);
	if (strcmp(key, "certificate") == 0)
		return read_text(&settings->certificate, value);
	if (strcmp(key, "server_certificates") == 0)
		return settings->server_certificates
			       ? -EINVAL
			       : bus_read_strings(value, &settings->server_certificates);
	if (strcmp(key, "mac_address") == 0)
		return read_mac(settings, value);
	if (strcmp(key, "address") == 0)
		return read_address(settings, value);
	if (strcmp(key, "prefix_length") == 0)
		return read_prefix_length(settings, value);
	return 0; /* a newer caller may say more */
}

static int read_settings(struct settings *settings, struct bus_reader *arguments, char **ret_error)
{
	struct bus_reader dict, value;
	const char *key;
	int r;

	r = bus_enter(arguments, &dict);
	if (r < 0)
		return r;
	while (bus_next_entry(&dict, &key, &value)) {
		r = read_setting(settings, key, &value, ret_error);
		if (r < 0) {
			if (!*ret_error)
				*ret_error = xasprintf("%.64s: not a value of the right type and "
						       "form",
						       key);
			return r;
		}
	}
	if ((settings->address.length == 0) != (settings->address.address.family == AF_UNSPEC)) {
		*ret_error = xstrdup("address and prefix_length must come together");
		return -EINVAL;
	}
	return 0;
}

/* Only a regular file (or memfd) is read: it cannot keep us waiting. */
static int read_private_key(struct settings *settings, struct bus_reader *arguments,
			    char **ret_error)
{
	_cleanup_secret_ char *key = xcalloc(SETTINGS_MAX_PEM + 2, 1);
	_cleanup_close_ int fd = -1;
	struct stat status;
	size_t size = 0;
	ssize_t count;
	int r;

	r = bus_read_fd(arguments, &fd);
	if (r < 0)
		return r;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		*ret_error = xstrdup("private_key: the descriptor of a regular file is needed");
		return -EINVAL;
	}
	do {
		count = pread(fd, key + size, SETTINGS_MAX_PEM + 1 - size, (off_t)size);
		if (count > 0)
			size += (size_t)count;
	} while (count > 0 && size <= SETTINGS_MAX_PEM);
	if (count < 0 || size > SETTINGS_MAX_PEM || strlen(key) != size) {
		*ret_error = xstrdup("private_key: it cannot be read, or is no PEM text");
		return -EINVAL;
	}
	settings->private_key = steal_ptr(key);
	return 0;
}

static int on_configure(struct bus_call *call, void *object)
{
	_cleanup_(settings_freep) struct settings *settings = settings_new();
	struct bus_reader *arguments = bus_call_arguments(call);
	_cleanup_free_ char *error = NULL;
	struct vpn_bus *binding = object;
	int r;

	r = read_settings(settings, arguments, &error);
	if (r == 0)
		r = read_private_key(settings, arguments, &error);
	if (r == 0)
		r = settings_check(settings, &error);
	if (r < 0)
		return error ? bus_call_fail(call, r, "%s", error) : r;
	r = vpn_configure(binding->vpn, steal_ptr(settings));
	if (r < 0)
		return bus_call_fail(call, r,
				     "The settings cannot be stored: is there space in "
				     "the state directory?");
	return bus_call_send(call);
}

/* --- the others --- */

static int on_connect(struct bus_call *call, void *object)
{
	struct vpn_bus *binding = object;
	int r = vpn_connect(binding->vpn);

	if (r == -EAGAIN)
		return bus_call_fail(call, r, "No VPN is configured: call Configure first.");
	return r < 0 ? r : bus_call_send(call);
}

/* Answers at once when the tunnel has left, else as soon as it has. */
static int answer_when_left(struct vpn_bus *binding, struct bus_call *call)
{
	if (vpn_state(binding->vpn) != TUNNEL_LEAVING)
		return bus_call_send(call);
	if (binding->waiting_count == MAX_WAITING)
		return bus_call_fail(call, -EBUSY, "Too many callers wait for this already.");
	binding->waiting[binding->waiting_count++] = bus_call_keep(call);
	return 0;
}

static int on_disconnect(struct bus_call *call, void *object)
{
	struct vpn_bus *binding = object;
	int r = vpn_disconnect(binding->vpn);

	if (r == -EAGAIN)
		return bus_call_fail(call, r, "No VPN is configured.");
	return r < 0 ? r : answer_when_left(binding, call);
}

static int on_forget(struct bus_call *call, void *object)
{
	struct vpn_bus *binding = object;
	int r = vpn_forget(binding->vpn);

	return r < 0 ? r : answer_when_left(binding, call);
}

static void answer_waiting(struct vpn_bus *binding)
{
	enum tunnel_state state = vpn_state(binding->vpn);
	const char *error = vpn_last_error(binding->vpn);
	size_t count = binding->waiting_count;

	if (count == 0 || (state == TUNNEL_LEAVING && !*error))
		return;
	binding->waiting_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (state == TUNNEL_LEAVING)
			bus_call_fail(binding->waiting[i], -EAGAIN,
				      "Not done yet, but tried again until it is: %s.", error);
		else if (state == TUNNEL_DISCONNECTED || state == TUNNEL_UNCONFIGURED)
			bus_call_send(binding->waiting[i]);
		else
			bus_call_drop(binding->waiting[i]); /* somebody wants to join again */
	}
}

/* --- properties --- */

static const char *format_address(const struct vpn *vpn, char buffer[static NETPREFIX_TEXT_SIZE])
{
	struct netprefix address;

	return vpn_address(vpn, &address) ? netprefix_format(&address, buffer) : NULL;
}

static void get_state(struct bus_writer *value, const void *object)
{
	const struct vpn_bus *binding = object;

	bus_write_string(value, tunnel_state_name(vpn_state(binding->vpn)));
}

static void get_server(struct bus_writer *value, const void *object)
{
	const struct vpn_bus *binding = object;

	bus_write_string(value, vpn_server(binding->vpn));
}

static bool has_server(const void *object)
{
	const struct vpn_bus *binding = object;

	return vpn_server(binding->vpn) != NULL;
}

static void get_interface(struct bus_writer *value, const void *object)
{
	const struct vpn_bus *binding = object;

	bus_write_string(value, vpn_interface(binding->vpn));
}

static bool has_interface(const void *object)
{
	const struct vpn_bus *binding = object;

	return vpn_interface(binding->vpn) != NULL;
}

static void get_address(struct bus_writer *value, const void *object)
{
	const struct vpn_bus *binding = object;
	char buffer[NETPREFIX_TEXT_SIZE];

	bus_write_string(value, format_address(binding->vpn, buffer));
}

static bool has_address(const void *object)
{
	const struct vpn_bus *binding = object;
	struct netprefix address;

	return vpn_address(binding->vpn, &address);
}

static void get_connected_since(struct bus_writer *value, const void *object)
{
	const struct vpn_bus *binding = object;

	bus_write_i64(value, vpn_connected_since(binding->vpn));
}

static bool has_connected_since(const void *object)
{
	const struct vpn_bus *binding = object;

	return vpn_connected_since(binding->vpn) != 0;
}

static void get_last_error(struct bus_writer *value, const void *object)
{
	const struct vpn_bus *binding = object;

	bus_write_string(value, vpn_last_error(binding->vpn));
}

static void get_bytes_in(struct bus_writer *value, const void *object)
{
	const struct vpn_bus *binding = object;
	struct link_statistics statistics;

	vpn_statistics(binding->vpn, &statistics);
	bus_write_u64(value, statistics.received_bytes);
}

static void get_bytes_out(struct bus_writer *value, const void *object)
{
	const struct vpn_bus *binding = object;
	struct link_statistics statistics;

	vpn_statistics(binding->vpn, &statistics);
	bus_write_u64(value, statistics.sent_bytes);
}

static const struct bus_vtable vpn1_vtable = {
	.interface = &vpn1_interface,
	.methods =
		(bus_method_fn *const[VPN1_METHOD_COUNT]){
			[VPN1_METHOD_CONFIGURE] = on_configure,
			[VPN1_METHOD_CONNECT] = on_connect,
			[VPN1_METHOD_DISCONNECT] = on_disconnect,
			[VPN1_METHOD_FORGET] = on_forget,
		},
	.properties =
		(const struct bus_property[VPN1_PROPERTY_COUNT]){
			[VPN1_PROPERTY_STATE] = { .get = get_state },
			[VPN1_PROPERTY_SERVER] = { .get = get_server, .exists = has_server },
			[VPN1_PROPERTY_INTERFACE] = { .get = get_interface,
						      .exists = has_interface },
			[VPN1_PROPERTY_ADDRESS] = { .get = get_address, .exists = has_address },
			[VPN1_PROPERTY_CONNECTED_SINCE] = { .get = get_connected_since,
							    .exists = has_connected_since },
			[VPN1_PROPERTY_LAST_ERROR] = { .get = get_last_error },
			[VPN1_PROPERTY_BYTES_IN] = { .get = get_bytes_in },
			[VPN1_PROPERTY_BYTES_OUT] = { .get = get_bytes_out },
		},
};

static void compare_text(struct vpn_bus *binding, enum seen_text text, const char *value,
			 unsigned property)
{
	const char *seen = binding->seen[text];

	if (seen == value || (seen && value && strcmp(seen, value) == 0))
		return;
	replace_string(&binding->seen[text], value);
	bus_property_changed(binding->object, &vpn1_vtable, property);
}

static void on_vpn_changed(struct vpn *vpn, void *owner)
{
	struct vpn_bus *binding = owner;
	char address[NETPREFIX_TEXT_SIZE];

	if (binding->seen_state != vpn_state(vpn)) {
		binding->seen_state = vpn_state(vpn);
		bus_property_changed(binding->object, &vpn1_vtable, VPN1_PROPERTY_STATE);
	}
	if (binding->seen_since != vpn_connected_since(vpn)) {
		binding->seen_since = vpn_connected_since(vpn);
		bus_property_changed(binding->object, &vpn1_vtable, VPN1_PROPERTY_CONNECTED_SINCE);
	}
	compare_text(binding, SEEN_SERVER, vpn_server(vpn), VPN1_PROPERTY_SERVER);
	compare_text(binding, SEEN_INTERFACE, vpn_interface(vpn), VPN1_PROPERTY_INTERFACE);
	compare_text(binding, SEEN_ADDRESS, format_address(vpn, address), VPN1_PROPERTY_ADDRESS);
	compare_text(binding, SEEN_LAST_ERROR, vpn_last_error(vpn), VPN1_PROPERTY_LAST_ERROR);
	answer_waiting(binding);
}

int vpn_bus_new(struct vpn_bus **ret_binding, struct bus *bus, struct vpn *vpn)
{
	static const struct bus_vtable *const vtables[] = { &vpn1_vtable, NULL };
	_cleanup_(vpn_bus_freep) struct vpn_bus *binding = xnew(struct vpn_bus);
	int r;

	binding->vpn = vpn;
	r = bus_object_new(&binding->object, bus, VPN_BUS_PATH, vtables, binding);
	if (r < 0)
		return r;
	binding->seen_state = vpn_state(vpn);
	vpn_on_changed(vpn, on_vpn_changed, binding);
	*ret_binding = steal_ptr(binding);
	return 0;
}

struct vpn_bus *vpn_bus_free(struct vpn_bus *binding)
{
	if (!binding)
		return NULL;
	vpn_on_changed(binding->vpn, NULL, NULL);
	for (size_t i = 0; i < binding->waiting_count; i++)
		bus_call_drop(binding->waiting[i]);
	bus_object_free(binding->object);
	for (unsigned i = 0; i < SEEN_COUNT; i++)
		free(binding->seen[i]);
	free(binding);
	return NULL;
}
