/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a request to its handler; order of construction and destruction of the parts. */
#include "apid/api.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "apid/call.h"
#include "common/config_files.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/netaddr.h"

/* Of new gateways from one address; many may sit behind one, and arrive together. */
#define ANNOUNCE_BURST  60
#define ANNOUNCE_PERIOD (10 * USEC_PER_SEC)
/* Of one gateway that is known: it does so when it starts. */
#define REPEAT_BURST  20
#define REPEAT_PERIOD (30 * USEC_PER_SEC)
/* Of wrong claim codes from one person. */
#define CLAIM_BURST  10
#define CLAIM_PERIOD (30 * USEC_PER_SEC)

#define OWN_DESCRIPTORS 64UL /* database, log, vpn-service, and room to spare */

/* What would be found out when it runs, or on all gateways, is told before it starts. */
int api_settings_check(const void *object, struct config_refusal *refusal)
{
	const struct api_settings *settings = object;
	const char *service = settings->vpn_service,
		   *colon = service ? strrchr(service, ':') : NULL;
	uint16_t port;

	if (!http_listen_is_valid(settings->listen))
		return config_refuse(refusal, "listen",
				     "must be ADDRESS:PORT, for example 0.0.0.0:443 or [::]:443");
	if (settings->public_url && !url_is_origin(settings->public_url, "https://"))
		return config_refuse(refusal, "public_url",
				     "must be https://HOST or https://HOST:PORT");
	if (service && (!colon || colon == service || port_parse(&port, colon + 1) < 0))
		return config_refuse(refusal, "vpn_service",
				     "must be HOST:PORT, for example vpn1.example.com:6060");
	return 0;
}

int api_files_check(const void *object, struct config_refusal *refusal)
{
	const struct api_settings *settings = object;
	const struct config_key_pair pair = { "certificate", settings->certificate, "key",
					      settings->key };

	return config_check_key_pair(refusal, &pair, "\"apid init\" makes it");
}

int api_vpn_files_check(const void *object, struct config_refusal *refusal)
{
	static const char copy[] = "it comes from api-client of the VPN host";
	const struct api_settings *settings = object;
	const struct config_key_pair pair = { "vpn_service_certificate",
					      settings->vpn_service_certificate, "vpn_service_key",
					      settings->vpn_service_key };
	int r;

	if (!settings->vpn_service)
		return 0;
	r = config_check_certificates(refusal, "vpn_service_ca", settings->vpn_service_ca, copy);
	if (r == 0)
		r = config_check_key_pair(refusal, &pair, copy);
	return r < 0 ? r
		     : config_check_secret(refusal, "vpn_service_token_file",
					   settings->vpn_service_token_file, copy);
}

static int call_parse_body(struct call *call)
{
	size_t size;
	const char *text = exchange_body(call->exchange, &size);

	if (!call->route->has_body)
		return 1;
	if (json_parse(&call->body, text, size) < 0)
		return call_problem(call, 400, "the body is not a JSON text of bounded depth");
	return 1;
}

static int call_run(struct call *call)
{
	int r = call_authenticate(call);

	if (r > 0)
		r = call_parse_body(call);
	return r > 0 ? call->route->handle(call) : r;
}

static void on_request(struct exchange *exchange, void *owner)
{
	struct call call = { .api = owner, .exchange = exchange, .time = time(NULL) };
	char allowed[ROUTE_ALLOWED_SIZE];
	const char *method = exchange_method(exchange);
	int r = 0;

	switch (route_find(api_routes, api_route_count, method, exchange_path(exchange),
			   &call.route, &call.path, allowed)) {
	case ROUTE_FOUND:
		r = call_run(&call);
		break;
	case ROUTE_NO_PATH:
		call_problem(&call, 404, "there is nothing at this path");
		break;
	case ROUTE_NO_METHOD:
		exchange_add_header(exchange, "Allow", allowed);
		call_problem(&call, 405, "this path takes %s", allowed);
		break;
	}
	if (r < 0) {
		store_abandon(call.api->store);
		log_error_errno(r, "%s %s: storage failed: %m", method, call.route->path);
		call_retry(&call, 503, 10, "the API's storage does not work at the moment");
	}
	cJSON_Delete(call.body);
}

static void on_provisioned(uint64_t gateway_id, void *owner)
{
	struct api *api = owner;

	changes_moved(api->changes, gateway_id);
}

static int api_open_store(struct api *api)
{
	_cleanup_free_ char *error = NULL;
	int r = store_open(&api->store, api->settings->database, &error);

	if (r < 0)
		log_error("%s", error);
	return r;
}

static int api_open_provisioner(struct api *api)
{
	const struct api_settings *settings = api->settings;
	_cleanup_free_ char *error = NULL;
	int r;

	api->provisioner_options = (struct provisioner_options){
		.service = settings->vpn_service,
		.files = {
			.authority = settings->vpn_service_ca,
			.certificate = settings->vpn_service_certificate,
			.key = settings->vpn_service_key,
		},
		.token_file = settings->vpn_service_token_file,
	};
	if (!settings->vpn_service)
		log_warning("no vpn_service is configured: gateways will wait for their accounts");
	r = provisioner_new(&api->provisioner, api->loop, api->store, &api->provisioner_options,
			    on_provisioned, api, &error);
	if (r < 0)
		log_error("%s", error);
	return r;
}

/* Each connection is a descriptor; service managers start us with few, and let us have more. */
static unsigned connection_limit(uint64_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return (unsigned)wanted;
	if (limit.rlim_cur < wanted + OWN_DESCRIPTORS) {
		limit.rlim_cur = wanted + OWN_DESCRIPTORS;
		if (limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= wanted + OWN_DESCRIPTORS)
		return (unsigned)wanted;
	log_warning("max_connections is cut to what the limit on open files (%llu) allows",
		    (unsigned long long)limit.rlim_cur);
	if (limit.rlim_cur < 2 * OWN_DESCRIPTORS)
		return OWN_DESCRIPTORS;
	return (unsigned)(limit.rlim_cur - OWN_DESCRIPTORS);
}

static int api_open_server(struct api *api)
{
	const struct http_server_options options = {
		.listen = api->settings->listen,
		.certificate = api->settings->certificate,
		.key = api->settings->key,
		.timeout = api->settings->request_timeout,
		.max_connections = connection_limit(api->settings->max_connections),
		.max_per_address = (unsigned)api->settings->max_connections_per_address,
	};
	_cleanup_free_ char *error = NULL;
	int r = http_server_new(&api->server, api->loop, &options, on_request, api, &error);

	if (r < 0)
		log_error("%s", error ? error : strerror(-r));
	else
		log_info("listening on %s", http_server_address(api->server));
	return r;
}

int api_new(struct api **ret_api, struct loop *loop, const struct api_settings *settings)
{
	_cleanup_(api_freep) struct api *api = xnew(struct api);
	int r;

	api->loop = loop;
	api->settings = settings;
	rate_limit_init(&api->announcements, ANNOUNCE_BURST, ANNOUNCE_PERIOD, random_u64());
	rate_limit_init(&api->repetitions, REPEAT_BURST, REPEAT_PERIOD, random_u64());
	rate_limit_init(&api->claims, CLAIM_BURST, CLAIM_PERIOD, random_u64());
	r = api_open_store(api);
	if (r == 0)
		r = sessions_new(&api->sessions, api->store);
	if (r == 0)
		r = changes_new(&api->changes, loop, api);
	if (r == 0)
		r = api_open_provisioner(api);
	if (r == 0)
		r = api_open_server(api);
	if (r < 0)
		return r;
	*ret_api = steal_ptr(api);
	return 0;
}

struct api *api_free(struct api *api)
{
	if (!api)
		return NULL;
	http_server_free(api->server); /* first: it ends what the others hold */
	provisioner_free(api->provisioner);
	changes_free(api->changes);
	sessions_free(api->sessions);
	store_close(api->store);
	free(api);
	return NULL;
}
