/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Like routing_peer.c: one desired state, one call at a time, repeated from the start whenever vpnd
 * appears. Configure with the settings it has already changes nothing there.
 */
#include "gatewayd/vpn_peer.h"

#include <errno.h>
#include <string.h>

#include "common/backoff.h"
#include "common/bus_client.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"
#include "dbus/vpn1.h"

#define SERVICE "io.evercam.Vpn1"
#define PATH    "/io/evercam/Vpn1"

static const char not_running[] = "vpnd is not running";

enum wish { WISH_NOTHING, WISH_ACCOUNT, WISH_NO_ACCOUNT };

struct vpn_peer {
	struct bus *bus;
	struct bus_mirror *mirror;
	struct bus_peer *presence; /* the mirror does not tell that vpnd was never there */
	struct bus_request *request;
	struct loop_timer retry;
	struct backoff backoff;
	enum wish wish;
	bool stale; /* the call under way carries an older wish */
	const struct configuration *configuration;
	char *state, *server, *address, *interface;
	int64_t since;
	char *problem;
	const struct vpn_peer_handlers *handlers;
	void *owner;
};

static void apply(struct vpn_peer *peer);

/* --- its properties --- */

static char **text_member(struct vpn_peer *peer, const char *property)
{
	static const enum vpn1_property order[] = { VPN1_PROPERTY_STATE, VPN1_PROPERTY_SERVER,
						    VPN1_PROPERTY_ADDRESS,
						    VPN1_PROPERTY_INTERFACE };
	char **members[] = { &peer->state, &peer->server, &peer->address, &peer->interface };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (strcmp(property, vpn1_interface.properties[order[i]].name) == 0)
			return members[i];
	return NULL;
}

static bool is_since(const char *property)
{
	return strcmp(property, vpn1_interface.properties[VPN1_PROPERTY_CONNECTED_SINCE].name) == 0;
}

static void on_properties(const char *path, const char *interface, struct bus_reader *dict,
			  void *owner)
{
	struct vpn_peer *peer = owner;
	struct bus_reader value;
	const char *key, *text;
	char **member;

	if (strcmp(interface, VPN1_INTERFACE) != 0)
		return;
	while (bus_next_entry(dict, &key, &value)) {
		member = text_member(peer, key);
		if (member && bus_read_string(&value, &text) == 0)
			replace_string(member, text);
		else if (is_since(key))
			(void)bus_read_i64(&value, &peer->since);
	}
	peer->handlers->on_change(peer, peer->owner);
}

static void on_invalidated(const char *path, const char *interface, const char *property,
			   void *owner)
{
	struct vpn_peer *peer = owner;
	char **member = text_member(peer, property);

	if (strcmp(interface, VPN1_INTERFACE) != 0)
		return;
	/* The interface's name is kept: the forwards on it stay while it is made again. */
	if (member && member != &peer->interface)
		replace_string(member, NULL);
	else if (is_since(property))
		peer->since = 0;
	peer->handlers->on_change(peer, peer->owner);
}

static void on_removed(const char *path, const char *interface, void *owner)
{
	struct vpn_peer *peer = owner;

	if (strcmp(interface, VPN1_INTERFACE) != 0)
		return;
	replace_string(&peer->state, NULL);
	replace_string(&peer->server, NULL);
	replace_string(&peer->address, NULL);
	peer->since = 0;
}

static void set_problem(struct vpn_peer *peer, const char *problem)
{
	replace_string(&peer->problem, problem);
	peer->handlers->on_change(peer, peer->owner);
}

static void on_presence(bool present, void *owner)
{
	struct vpn_peer *peer = owner;

	peer->request = bus_request_cancel(peer->request);
	peer->stale = false;
	backoff_reset(&peer->backoff);
	loop_timer_cancel(&peer->retry);
	set_problem(peer, present ? NULL : not_running);
	if (present)
		apply(peer);
}

static void on_peer_change(struct bus_peer *presence, bool present, void *owner)
{
	if (!present)
		set_problem(owner, not_running);
}

static const struct bus_mirror_handlers mirror_handlers = {
	.on_properties = on_properties,
	.on_invalidated = on_invalidated,
	.on_removed = on_removed,
	.on_presence = on_presence,
};

/* --- what it shall do --- */

static void write_servers(struct bus_writer *writer, const struct configuration *configuration)
{
	bus_dict_open(writer, "servers", "a(sqi)");
	bus_open_array(writer, "(sqi)");
	for (size_t i = 0; i < configuration->vpn_server_count; i++) {
		bus_open_struct(writer);
		bus_write_string(writer, configuration->vpn_servers[i].hostname);
		bus_write_u16(writer, configuration->vpn_servers[i].port);
		bus_write_i32(writer, configuration->vpn_servers[i].priority);
		bus_close(writer);
	}
	bus_close(writer);
	bus_dict_close(writer);
}

/* DHCP sends a host name without its domain (RFC 2132, 3.14). */
static void write_hostname(struct bus_writer *writer, const char *name)
{
	_cleanup_free_ char *label = xstrndup(name, strcspn(name, "."));

	bus_dict_string(writer, "hostname", label);
}

static void write_settings(struct bus_writer *writer, const struct configuration *configuration)
{
	char mac[MAC_TEXT_SIZE], address[NETADDR_TEXT_SIZE];

	bus_open_dict(writer);
	write_servers(writer, configuration);
	bus_dict_string(writer, "hub", configuration->vpn_hub);
	bus_dict_string(writer, "username", configuration->vpn_username);
	bus_dict_string(writer, "certificate", configuration->vpn_certificate);
	bus_dict_strings(writer, "server_certificates", configuration->vpn_server_certificates);
	bus_dict_string(writer, "mac_address", mac_format(&configuration->vpn_mac_address, mac));
	write_hostname(writer, configuration->vpn_local_hostname);
	if (configuration->vpn_address.address.family != AF_UNSPEC) {
		bus_dict_string(writer, "address",
				netaddr_format(&configuration->vpn_address.address, address));
		bus_dict_u32(writer, "prefix_length", configuration->vpn_address.length);
	}
	bus_close(writer);
}

static void on_done(const struct bus_reply *reply, void *owner)
{
	struct vpn_peer *peer = owner;
	_cleanup_free_ char *problem = NULL;

	peer->request = NULL;
	if (peer->stale) {
		apply(peer);
		return;
	}
	if (reply->error == 0) {
		log_info("vpnd has %s", peer->wish == WISH_ACCOUNT ? "taken the VPN account"
								   : "forgotten the VPN account");
		backoff_reset(&peer->backoff);
		set_problem(peer, NULL);
		return;
	}
	problem = xasprintf("vpnd did not take the VPN account: %s",
			    reply->error_text ? reply->error_text : reply->error_name);
	log_warning("%s", problem);
	loop_timer_arm(&peer->retry, backoff_next(&peer->backoff, random_u64()));
	set_problem(peer, problem);
}

static void send_configure(struct vpn_peer *peer)
{
	_cleanup_close_ int key = -1;
	struct bus_writer *writer;

	key = peer->handlers->open_key(peer->configuration->vpn_certificate, peer->owner);
	if (key < 0) {
		log_error_errno(key, "cannot open the private key: %m");
		loop_timer_arm(&peer->retry, backoff_next(&peer->backoff, random_u64()));
		set_problem(peer, "the private key of the VPN account cannot be read: see the log");
		return;
	}
	peer->request = bus_request_new(peer->bus, SERVICE, PATH, VPN1_INTERFACE, "Configure");
	writer = bus_request_arguments(peer->request);
	write_settings(writer, peer->configuration);
	bus_write_fd(writer, key);
	bus_request_send(peer->request, "", 0, on_done, peer);
}

static void send_forget(struct vpn_peer *peer)
{
	if (peer->state && strcmp(peer->state, "unconfigured") == 0)
		return;
	peer->request = bus_request_new(peer->bus, SERVICE, PATH, VPN1_INTERFACE, "Forget");
	bus_request_send(peer->request, "", 0, on_done, peer);
}

static void apply(struct vpn_peer *peer)
{
	loop_timer_cancel(&peer->retry);
	if (peer->request) {
		peer->stale = true;
		return;
	}
	peer->stale = false;
	if (!bus_mirror_is_present(peer->mirror))
		return;
	switch (peer->wish) {
	case WISH_NOTHING:
		break;
	case WISH_ACCOUNT:
		send_configure(peer);
		break;
	case WISH_NO_ACCOUNT:
		send_forget(peer);
		break;
	}
}

static void on_retry(struct loop_timer *timer)
{
	apply(container_of(timer, struct vpn_peer, retry));
}

static void wish(struct vpn_peer *peer, enum wish what, const struct configuration *configuration)
{
	peer->wish = what;
	peer->configuration = configuration;
	backoff_reset(&peer->backoff);
	apply(peer);
}

void vpn_peer_configure(struct vpn_peer *peer, const struct configuration *configuration)
{
	wish(peer, WISH_ACCOUNT, configuration);
}

void vpn_peer_forget(struct vpn_peer *peer)
{
	wish(peer, WISH_NO_ACCOUNT, NULL);
}

const char *vpn_peer_state(const struct vpn_peer *peer)
{
	return peer->state;
}

const char *vpn_peer_server(const struct vpn_peer *peer)
{
	return peer->server;
}

const char *vpn_peer_address(const struct vpn_peer *peer)
{
	return peer->address;
}

const char *vpn_peer_interface(const struct vpn_peer *peer)
{
	return peer->interface;
}

int64_t vpn_peer_since(const struct vpn_peer *peer)
{
	return peer->since;
}

const char *vpn_peer_problem(const struct vpn_peer *peer)
{
	return peer->problem;
}

int vpn_peer_new(struct vpn_peer **ret_peer, struct loop *loop, struct bus *bus,
		 const struct vpn_peer_handlers *handlers, void *owner)
{
	_cleanup_(vpn_peer_freep) struct vpn_peer *peer = xnew(struct vpn_peer);
	struct backoff backoff = BACKOFF_INIT(USEC_PER_SEC, 60 * USEC_PER_SEC);
	int r;

	peer->bus = bus;
	peer->backoff = backoff;
	peer->handlers = handlers;
	peer->owner = owner;
	loop_timer_init(&peer->retry, loop, on_retry);
	r = bus_mirror_new(&peer->mirror, bus, SERVICE, PATH, VPN1_INTERFACE, &mirror_handlers,
			   peer);
	if (r == 0)
		r = bus_peer_new(&peer->presence, bus, SERVICE, on_peer_change, peer);
	if (r < 0)
		return r;
	*ret_peer = steal_ptr(peer);
	return 0;
}

struct vpn_peer *vpn_peer_free(struct vpn_peer *peer)
{
	if (!peer)
		return NULL;
	bus_request_cancel(peer->request);
	bus_peer_free(peer->presence);
	bus_mirror_free(peer->mirror);
	loop_timer_deinit(&peer->retry);
	free(peer->state);
	free(peer->server);
	free(peer->address);
	free(peer->interface);
	free(peer->problem);
	free(peer);
	return NULL;
}
