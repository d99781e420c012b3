/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Builds the parts and connects them: registration decides whether there is a token, sync runs
 * while there is one, the peers get what follows. Nothing here waits for the API: what is on disk
 * is in force from the start.
 */
#include "gatewayd/gateway.h"

#include <errno.h>
#include <string.h>

#include "common/config_files.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/netaddr.h"

#define DEVICES_SETTLE (300 * USEC_PER_MSEC) /* several properties change at once */

static const char discovery_not_running[] =
	"discoverd is not running: cameras that are new or have moved are not seen";

_Static_assert(PROBLEM_SOURCE_COUNT - PROBLEM_SYNC == SYNC_JOB_COUNT, "one source per job");

const struct config_option gateway_options[] = {
	{ .key = "api",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct gateway_settings, api),
	  .required = true,
	  .description = "Base URL of the Gateway API, https://HOST[:PORT], without /v1." },
	{ .key = "ca",
	  .type = CONFIG_PATH,
	  .offset = offsetof(struct gateway_settings, ca),
	  .description = "File with the certificates of the authorities that may vouch for the "
			 "API; without it those of the system." },
	{ .key = "proxy",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct gateway_settings, proxy),
	  .description = "HTTP proxy on the way to the API, http://HOST:PORT." },
	{ .key = "state_directory",
	  .type = CONFIG_PATH,
	  .offset = offsetof(struct gateway_settings, state_directory),
	  .fallback = "/var/lib/evercam-gateway/gatewayd",
	  .description = "Where identity, token, configuration and rules are kept." },
	{ .key = "vpn_interface",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct gateway_settings, vpn_interface),
	  .fallback = "vpn_ether",
	  .description = "Interface that forwards listen on until vpnd has told its own." },
	{ .key = "retry_longest",
	  .type = CONFIG_SECONDS,
	  .offset = offsetof(struct gateway_settings, retry_longest),
	  .fallback = "5min",
	  .minimum = 1,
	  .maximum = 3600,
	  .description = "Longest delay between two tries while the API does not answer." },
	CONFIG_END,
};

int gateway_settings_check(const void *settings, struct config_refusal *refusal)
{
	const struct gateway_settings *gateway = settings;

	if (!url_is_origin(gateway->api, "https://"))
		return config_refuse(refusal, "api",
				     "must be https://HOST or https://HOST:PORT, without /v1");
	if (gateway->proxy && !url_is_origin(gateway->proxy, "http://"))
		return config_refuse(refusal, "proxy", "must be http://HOST:PORT");
	if (strlen(gateway->vpn_interface) > 15 || strchr(gateway->vpn_interface, '/'))
		return config_refuse(refusal, "vpn_interface",
				     "must be the name of an interface, for example vpn_ether");
	return 0;
}

int gateway_files_check(const void *settings, struct config_refusal *refusal)
{
	const struct gateway_settings *gateway = settings;

	if (!gateway->ca)
		return 0;
	return config_check_certificates(refusal, "ca", gateway->ca,
					 "copy the API's authority there, or leave the line out");
}

/* --- what the parts tell --- */

static void on_contact(struct api_client *client, void *owner)
{
	struct gateway *gateway = owner;
	bool answers = api_client_is_reachable(client);

	if (answers && !gateway->api_answers)
		log_event(LOG_INFO, LOG_FIELDS("EVENT=api-found"), "the API answers");
	else if (!answers && gateway->api_answers)
		log_event(LOG_WARNING, LOG_FIELDS("EVENT=api-lost"),
			  "the API does not answer any more");
	gateway->api_answers = answers;
	gateway_bus_contact_changed(gateway);
}

static void on_registration_problem(const char *problem, void *owner)
{
	gateway_set_problem(owner, PROBLEM_REGISTRATION, problem);
}

static void on_token(struct api_token *token, void *owner)
{
	gateway_take_token(owner, token);
}

static void note_revocation(struct gateway *gateway)
{
	static const char text[] = "by the API\n";

	/* First the mark: a crash in the middle goes on here at the next start. */
	if (state_dir_write(gateway->directory, STATE_REVOKED, text, sizeof(text) - 1) < 0)
		log_error("cannot note the revocation in %s", gateway->settings->state_directory);
	gateway_state_forget(gateway);
	gateway_set_problem(gateway, PROBLEM_REGISTRATION,
			    "revoked at the API: 'gatewayctl reset' announces this gateway anew");
}

static void on_state(struct registration *registration, void *owner)
{
	struct gateway *gateway = owner;

	gateway_bus_state_changed(gateway);
	if (!registration_has_token(registration))
		sync_stop(gateway->sync);
	else if (!sync_is_running(gateway->sync))
		sync_start(gateway->sync, &gateway->token);
	if (registration_state(registration) == REGISTRATION_REVOKED)
		note_revocation(gateway);
	else if (gateway->wants_certificate || identity_is_rotating(gateway->identity))
		gateway_want_certificate(gateway);
}

static const struct registration_handlers registration_handlers = {
	.on_state = on_state,
	.on_token = on_token,
	.on_problem = on_registration_problem,
};

static void on_routing_change(struct routing_peer *routing, void *owner)
{
	struct gateway *gateway = owner;

	gateway_set_problem(gateway, PROBLEM_ROUTING, routing_peer_problem(routing));
	gateway_bus_rules_changed(gateway);
	sync_want_after(gateway->sync, SYNC_RULE_STATUS, 200 * USEC_PER_MSEC);
}

static void on_vpn_change(struct vpn_peer *vpn, void *owner)
{
	struct gateway *gateway = owner;

	gateway_set_problem(gateway, PROBLEM_VPN, vpn_peer_problem(vpn));
	if (gateway->rules)
		gateway_replan_soon(gateway); /* the interface may be another */
	gateway_sync_on_vpn(gateway);
}

static int open_key(const char *certificate, void *owner)
{
	struct gateway *gateway = owner;
	int r;

	r = identity_key_for(gateway->identity, certificate);
	if (r == -EKEYREJECTED)
		gateway_want_certificate(gateway);
	return r;
}

static const struct vpn_peer_handlers vpn_handlers = {
	.on_change = on_vpn_change,
	.open_key = open_key,
};

static void on_device_address(const struct mac_address *mac, const struct netaddr *address,
			      bool live, void *owner)
{
	struct gateway *gateway = owner;
	const struct known_address *known = address_table_find(&gateway->addresses, mac);
	bool was_live = known && known->live;

	if (!address_table_set(&gateway->addresses, mac, address, live) && was_live == live)
		return;
	if (gateway->rules)
		gateway_replan_soon(gateway);
}

static void on_devices_change(struct device_list *list, void *owner)
{
	struct gateway *gateway = owner;

	gateway_set_problem(gateway, PROBLEM_DISCOVERY,
			    device_list_is_absent(list) ? discovery_not_running : NULL);
	if (!loop_timer_is_armed(&gateway->devices_settle))
		loop_timer_arm(&gateway->devices_settle, DEVICES_SETTLE);
}

static const struct device_list_handlers device_handlers = {
	.on_address = on_device_address,
	.on_change = on_devices_change,
};

static void on_devices_settled(struct loop_timer *timer)
{
	gateway_sync_on_devices(container_of(timer, struct gateway, devices_settle));
}

static void on_replan(struct loop_defer *defer)
{
	gateway_replan(container_of(defer, struct gateway, replan));
}

static void on_expiry(struct loop_timer *timer)
{
	gateway_replan(container_of(timer, struct gateway, expiry));
}

/* --- identity --- */

static void begin(struct gateway *gateway)
{
	registration_on_start(gateway->registration,
			      state_dir_has(gateway->directory, STATE_REVOKED),
			      gateway->token.token != NULL, gateway->configuration != NULL);
}

static void finish_reset(struct gateway *gateway)
{
	int r = state_dir_remove(gateway->directory, STATE_REVOKED);

	if (r == 0)
		r = state_dir_remove(gateway->directory, STATE_RESETTING);
	if (r < 0)
		log_error_errno(r, "cannot finish the reset; the next start does it again: %m");
	registration_on_reset(gateway->registration);
}

/* Without a key nothing can be announced; what is on disk has been in force meanwhile. */
static void on_key(const char *problem, void *owner)
{
	struct gateway *gateway = owner;

	gateway_set_problem(gateway, PROBLEM_KEY, problem);
	if (problem) {
		log_error("%s", problem);
		return;
	}
	log_info("the private key is made");
	if (state_dir_has(gateway->directory, STATE_RESETTING))
		finish_reset(gateway);
	else if (registration_state(gateway->registration) == REGISTRATION_STARTING)
		begin(gateway);
	else
		gateway_want_certificate(gateway);
}

/* A reset that a crash has interrupted is done again from the start. */
static int open_identity(struct gateway *gateway)
{
	bool resetting = state_dir_has(gateway->directory, STATE_RESETTING);
	int r;

	r = identity_open(&gateway->identity,
			  &(struct identity_options){ .loop = gateway->loop,
						      .directory = gateway->directory,
						      .on_key = on_key,
						      .owner = gateway });
	if (r == -ENODEV)
		return log_error_errno(r, "there is no network interface to name this gateway by");
	if (r == -EBADMSG)
		return log_error_errno(r,
				       "%s/identity.json is damaged: restore it, or remove it to "
				       "announce a new gateway",
				       gateway->settings->state_directory);
	if (r < 0)
		return log_error_errno(r, "cannot load or make the identity: %m");
	return resetting ? gateway_reset(gateway) : 0;
}

/* --- the object --- */

static int connect_peers(struct gateway *gateway)
{
	int r;

	r = routing_peer_new(&gateway->routing, gateway->loop, gateway->bus, on_routing_change,
			     gateway);
	if (r < 0)
		return r;
	r = vpn_peer_new(&gateway->vpn, gateway->loop, gateway->bus, &vpn_handlers, gateway);
	if (r < 0)
		return r;
	return device_list_new(&gateway->devices, gateway->loop, gateway->bus, &device_handlers,
			       gateway);
}

static int connect_api(struct gateway *gateway)
{
	const struct gateway_settings *settings = gateway->settings;
	int r;

	r = api_client_new(&gateway->client, gateway->loop,
			   &(struct api_client_options){ .url = settings->api,
							 .ca = settings->ca,
							 .proxy = settings->proxy,
							 .on_contact = on_contact,
							 .owner = gateway });
	if (r < 0)
		return r;
	gateway->sync = sync_new(&(struct sync_options){ .loop = gateway->loop,
							 .client = gateway->client,
							 .retry_longest = settings->retry_longest,
							 .handlers = &gateway_sync_handlers,
							 .owner = gateway });
	return 0;
}

static void make_registration(struct gateway *gateway)
{
	gateway->registration = registration_new(&(struct registration_options){
		.loop = gateway->loop,
		.client = gateway->client,
		.identity = gateway->identity,
		.retry_longest = gateway->settings->retry_longest,
		.handlers = &registration_handlers,
		.owner = gateway,
	});
}

int gateway_new(struct gateway **ret_gateway, struct daemon *daemon)
{
	_cleanup_(gateway_freep) struct gateway *gateway = xnew(struct gateway);
	int r;

	gateway->settings = daemon->settings;
	gateway->loop = daemon->loop;
	gateway->bus = daemon->bus;
	loop_defer_init(&gateway->replan, gateway->loop, on_replan);
	loop_timer_init(&gateway->expiry, gateway->loop, on_expiry);
	loop_timer_init(&gateway->devices_settle, gateway->loop, on_devices_settled);
	r = state_dir_open(&gateway->directory, gateway->settings->state_directory);
	if (r < 0)
		return log_error_errno(r, "cannot open %s: %m", gateway->settings->state_directory);
	r = connect_api(gateway);
	if (r < 0)
		return log_error_errno(r, "cannot set up the calls to the API: %m");
	r = connect_peers(gateway);
	if (r < 0)
		return log_error_errno(r, "cannot watch the other daemons: %m");
	r = open_identity(gateway);
	if (r < 0)
		return r;
	make_registration(gateway);
	gateway_state_load(gateway);
	*ret_gateway = steal_ptr(gateway);
	return 0;
}

void gateway_start(struct gateway *gateway)
{
	gateway_state_apply(gateway);
	if (identity_csr(gateway->identity))
		begin(gateway);
	else
		log_info("making the private key (RSA-3072); this takes a while on small hardware");
}

struct gateway *gateway_free(struct gateway *gateway)
{
	if (!gateway)
		return NULL;
	bus_object_free(gateway->object);
	registration_free(gateway->registration);
	sync_free(gateway->sync);
	api_client_free(gateway->client);
	device_list_free(gateway->devices);
	vpn_peer_free(gateway->vpn);
	routing_peer_free(gateway->routing);
	loop_defer_deinit(&gateway->replan);
	loop_timer_deinit(&gateway->expiry);
	loop_timer_deinit(&gateway->devices_settle);
	plan_clear(&gateway->plan);
	rule_list_free(gateway->rules);
	configuration_free(gateway->configuration);
	address_table_clear(&gateway->addresses);
	free(gateway->addresses_saved);
	api_token_clear(&gateway->token);
	gateway_sync_forget(gateway);
	problems_clear(&gateway->problems);
	identity_free(gateway->identity);
	state_dir_free(gateway->directory);
	free(gateway);
	return NULL;
}

/* --- the bus methods --- */

int gateway_sync_now(struct gateway *gateway)
{
	if (registration_ask_now(gateway->registration))
		return 0;
	if (!sync_is_running(gateway->sync))
		return -EAGAIN;
	sync_now(gateway->sync);
	return 0;
}

int gateway_rotate_key(struct gateway *gateway)
{
	int r;

	if (!sync_is_running(gateway->sync))
		return -EAGAIN;
	log_info("making the next private key");
	r = identity_rotate(gateway->identity);
	if (r < 0)
		return log_error_errno(r, "cannot make the next private key: %m");
	return 0;
}

int gateway_reset(struct gateway *gateway)
{
	int r;

	log_event(LOG_INFO, LOG_FIELDS("EVENT=reset"),
		  "reset: a new identity, and everything else forgotten");
	r = state_dir_write(gateway->directory, STATE_RESETTING, "", 0);
	if (r < 0)
		return log_error_errno(r, "cannot reset: %m");
	if (gateway->registration)
		registration_on_renewing(gateway->registration);
	sync_stop(gateway->sync);
	gateway_state_forget(gateway);
	r = identity_renew(gateway->identity);
	if (r < 0)
		return log_error_errno(r, "cannot make a new identity: %m");
	gateway->wants_certificate = false;
	gateway_bus_state_changed(gateway);
	return 0; /* goes on when the key is made */
}
