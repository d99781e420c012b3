/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Builds the parts, connects them, and keeps reconciling until SoftEther agrees with the database:
 * at the start, whenever the TAP comes back (vpnserver was started), after any failure of
 * SoftEther, and now and then without a reason.
 */
#include "vpn-service/service.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/backoff.h"
#include "common/log.h"
#include "common/memory.h"
#include "vpn-service/connected_count.h"
#include "vpn-service/credentials.h"
#include "vpn-service/dnsmasq_reload.h"
#include "vpn-service/reconcile.h"
#include "vpn-service/segment.h"
#include "vpn-service/session.h"

#define CERTIFICATE_DAYS   3650
#define RECONCILE_INTERVAL (600 * USEC_PER_SEC)
#define RETRY_FIRST        (300 * USEC_PER_MSEC)
#define RETRY_LONGEST      (15 * USEC_PER_SEC)

enum problem_source { PROBLEM_SOFTETHER, PROBLEM_CERTIFICATE, PROBLEM_SEGMENT, PROBLEM_COUNT };

struct waiter {
	struct waiter *next;
	unsigned run; /* answered when this one is over */
	service_reconciled_fn *on_done;
	void *owner;
};

struct service {
	struct loop *loop;
	const struct service_settings *settings;
	struct account_store *store;
	struct host_files *host_files;
	struct softether *softether;
	struct dnsmasq_reload *dnsmasq_reload;
	struct provision *provision;
	struct provision_settings provision_settings;
	struct softether_call *certificate_call;
	struct connected_count *connected_count;
	struct segment *segment;
	struct tls_server *tls_server;
	struct credentials credentials;

	struct reconcile *reconcile;
	unsigned runs; /* started */
	bool run_again;
	struct waiter *waiters;
	struct loop_timer next_run;
	struct backoff retry;
	int64_t last_reconcile;

	char *problems[PROBLEM_COUNT]; /* NULL: none */
	service_changed_fn *on_changed;
	void *owner;
};

static void changed(struct service *service, enum service_change change)
{
	if (service->on_changed)
		service->on_changed(change, service->owner);
}

static void set_problem(struct service *service, enum problem_source source, const char *sentence)
{
	char **problem = &service->problems[source];

	if (!sentence && !*problem)
		return;
	if (sentence && *problem && !strcmp(sentence, *problem))
		return;
	replace_string(problem, sentence);
	if (sentence)
		log_warning("%s", sentence);
	changed(service, SERVICE_CHANGE_ERROR);
}

/* --- reconciling --- */

static void answer_waiters(struct service *service, unsigned run, int error, const char *text)
{
	struct waiter **place = &service->waiters;

	while (*place) {
		struct waiter *waiter = *place;

		if (waiter->run > run) {
			place = &waiter->next;
			continue;
		}
		*place = waiter->next;
		waiter->on_done(error, text, waiter->owner);
		free(waiter);
	}
}

/* Gateways refuse a server whose certificate is not one of those that we tell them. */
static void on_certificate(const struct softether_answer *answer, void *owner)
{
	struct service *service = owner;
	const char *present, *problem = "vpnserver shows a certificate that gateways do not know; "
					"run \"vpn-service setup\"";

	service->certificate_call = NULL;
	if (answer->error ||
	    json_get_string(answer->result, "Cert_bin", CERTIFICATE_MAX_PEM, &present) < 0)
		return; /* the next run asks again */
	for (char **known = service->credentials.server_certificates; *known && problem; known++) {
		_cleanup_free_ char *encoded = certificate_to_base64(*known);

		if (encoded && !strcmp(encoded, present))
			problem = NULL;
	}
	set_problem(service, PROBLEM_CERTIFICATE, problem);
}

static void check_certificate(struct service *service)
{
	softether_cancel(service->certificate_call);
	service->certificate_call = softether_start(service->softether, "GetServerCert", NULL,
						    on_certificate, service);
}

static void run_reconcile(struct service *service);

static void on_reconciled(int error, const char *text, void *owner)
{
	struct service *service = owner;
	_cleanup_free_ char *problem = NULL;

	if (error) {
		problem = xasprintf("SoftEther and the database do not agree yet: %s%s", text,
				    error == -EACCES || error == -EREMOTEIO
					    ? "; run \"vpn-service setup\""
					    : "; is vpnserver running?");
		loop_timer_arm(&service->next_run, backoff_next(&service->retry, random_u64()));
	} else {
		service->last_reconcile = (int64_t)time(NULL);
		backoff_reset(&service->retry);
		loop_timer_arm(&service->next_run, RECONCILE_INTERVAL);
		changed(service, SERVICE_CHANGE_RECONCILED);
		check_certificate(service);
	}
	set_problem(service, PROBLEM_SOFTETHER, problem);
	answer_waiters(service, service->runs, error, problem);
	service->reconcile = reconcile_free(service->reconcile);
	if (service->run_again)
		run_reconcile(service);
}

static void run_reconcile(struct service *service)
{
	service->run_again = false;
	loop_timer_cancel(&service->next_run);
	service->runs++;
	service->reconcile = reconcile_start(service->provision, &service->provision_settings,
					     on_reconciled, service);
}

static void on_next_run(struct loop_timer *timer)
{
	service_reconcile(container_of(timer, struct service, next_run), NULL, NULL);
}

void service_reconcile(struct service *service, service_reconciled_fn *on_done, void *owner)
{
	struct waiter *waiter;

	if (service->reconcile)
		service->run_again = true;
	else
		run_reconcile(service);
	if (!on_done)
		return;
	waiter = xnew(struct waiter);
	*waiter = (struct waiter){ .next = service->waiters,
				   .run = service->runs + (service->run_again ? 1 : 0),
				   .on_done = on_done,
				   .owner = owner };
	service->waiters = waiter;
}

void service_reconcile_forget(struct service *service, const void *owner)
{
	struct waiter **place = &service->waiters;

	while (*place) {
		struct waiter *waiter = *place;

		if (waiter->owner != owner) {
			place = &waiter->next;
			continue;
		}
		*place = waiter->next;
		free(waiter);
	}
}

/* --- what the parts report --- */

static void on_accounts_changed(void *owner)
{
	changed(owner, SERVICE_CHANGE_ACCOUNTS);
}

static void on_lease_removed(void *owner)
{
	struct service *service = owner;

	dnsmasq_reload_schedule(service->dnsmasq_reload);
}

static void on_softether_lost(void *owner, int error, const char *text)
{
	struct service *service = owner;

	set_problem(service, PROBLEM_SOFTETHER, text);
	/* A run that is under way will notice by itself, and retry. */
	if (!service->reconcile)
		loop_timer_arm(&service->next_run, backoff_next(&service->retry, random_u64()));
}

static void on_connected_changed(void *owner)
{
	changed(owner, SERVICE_CHANGE_CONNECTED);
}

static const struct provision_listener provision_listener = {
	.on_accounts_changed = on_accounts_changed,
	.on_lease_removed = on_lease_removed,
	.on_softether_lost = on_softether_lost,
};

static void on_segment_changed(bool present, const char *problem, void *owner)
{
	struct service *service = owner;

	set_problem(service, PROBLEM_SEGMENT,
		    problem   ? problem
		    : present ? NULL
			      : "the VPN segment's TAP is gone; is vpnserver running?");
	if (!present || problem)
		return;
	backoff_reset(&service->retry);
	service_reconcile(service, NULL, NULL);
}

/* --- for sessions and the bus --- */

bool service_token_is_right(const struct service *service, const char *token)
{
	return credentials_token_is_right(&service->credentials, token);
}

struct provision_job *service_create(struct service *service, uint32_t gateway_id, const char *csr,
				     provision_done_fn *on_done, void *owner)
{
	return provision_create(service->provision, gateway_id, csr, on_done, owner);
}

struct provision_job *service_remove(struct service *service, uint32_t gateway_id,
				     provision_done_fn *on_done, void *owner)
{
	return provision_remove(service->provision, gateway_id, on_done, owner);
}

struct status_query *service_status(struct service *service, uint32_t after,
				    status_done_fn *on_done, void *owner)
{
	return status_query_start(service->loop, service->softether, service->store,
				  service->settings->hub, after, on_done, owner);
}

struct vpn_sessions *service_sessions(struct service *service, vpn_sessions_fn *on_done,
				      void *owner)
{
	const struct vpn_sessions_question question = {
		.hub = service->settings->hub,
		.first = 1,
		.last = GATEWAY_ID_MAX,
		.patience = SERVICE_SESSIONS_PATIENCE,
	};

	return vpn_sessions_start(service->loop, service->softether, &question, on_done, owner);
}

void service_account_init(struct service_account *described, const struct service *service,
			  const struct account *account)
{
	const struct service_settings *settings = service->settings;
	struct netaddr address = pool_netaddr(account->address);

	*described = (struct service_account){ 0 };
	gateway_name_format(account->gateway_id, described->name);
	mac_format(&account->mac, described->mac);
	netaddr_format(&address, described->address);
	described->local_hostname = xasprintf("%s.%s", described->name, settings->vpn_domain);
	described->account = (struct protocol_account){
		.vpn_username = described->name,
		.vpn_hub = settings->hub,
		.vpn_port = (uint16_t)settings->vpn_port,
		.vpn_hostname = settings->vpn_hostname,
		.vpn_local_hostname = described->local_hostname,
		.vpn_mac_address = described->mac,
		.vpn_ip_address = described->address,
		.vpn_prefix_length = settings->pool.length,
		.vpn_certificate = account->certificate,
		.vpn_server_certificates = service->credentials.server_certificates,
	};
}

void service_account_deinit(struct service_account *described)
{
	free(described->local_hostname);
}

int service_for_each_account(struct service *service, account_fn *on_account, void *owner)
{
	return account_store_for_each(service->store, on_account, owner);
}

uint32_t service_gateway_count(const struct service *service)
{
	uint32_t count = 0;

	(void)account_store_count(service->store, &count);
	return count;
}

uint32_t service_pool_free(const struct service *service)
{
	uint32_t count = 0;

	(void)account_store_count_free(service->store, &service->provision_settings.pool,
				       (int64_t)time(NULL), &count);
	return count;
}

bool service_connected(const struct service *service, unsigned *ret_connected)
{
	return connected_count_get(service->connected_count, ret_connected);
}

int64_t service_last_reconcile(const struct service *service)
{
	return service->last_reconcile;
}

const char *service_last_error(const struct service *service)
{
	for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
		if (service->problems[i])
			return service->problems[i];
	}
	return "";
}

void service_on_changed(struct service *service, service_changed_fn *on_changed, void *owner)
{
	service->on_changed = on_changed;
	service->owner = owner;
}

/* --- building --- */

/* They were there when the configuration was checked, a moment ago. */
static int load_credentials(struct service *service)
{
	struct config_refusal refusal = { 0 };
	int r = credentials_load(&service->credentials, service->settings, &refusal);

	if (r < 0)
		log_error("%s: %s", refusal.key, refusal.sentence);
	free(refusal.sentence);
	return r;
}

static int open_store(struct service *service)
{
	_cleanup_free_ char *path = settings_file(service->settings, NULL, FILE_DATABASE);
	int r = account_store_open(&service->store, path);

	if (r == -EPROTO)
		log_error("%s was written by a newer version of vpn-service", path);
	else if (r < 0)
		log_error_errno(r, "cannot open %s: %m", path);
	return r;
}

static int open_host_files(struct service *service)
{
	const struct service_settings *settings = service->settings;
	int r = host_files_open(&service->host_files, settings->hosts_directory,
				settings->dhcp_hosts_directory, settings->vpn_domain);

	if (r < 0)
		log_error_errno(r, "cannot open %s or %s: %m; run \"vpn-service setup\"",
				settings->hosts_directory, settings->dhcp_hosts_directory);
	return r;
}

static int open_softether(struct service *service)
{
	const struct service_settings *settings = service->settings;
	_cleanup_free_ char *url = settings_softether_url(settings, (uint16_t)settings->vpn_port);
	int r = softether_new(&service->softether, service->loop, url,
			      service->credentials.softether_password);

	if (r < 0)
		log_error_errno(r, "cannot set up the calls to SoftEther: %m");
	return r;
}

static int start_provision(struct service *service)
{
	const struct service_settings *settings = service->settings;
	struct provision_settings *provision = &service->provision_settings;
	int r;

	*provision = (struct provision_settings){
		.store = service->store,
		.host_files = service->host_files,
		.softether = service->softether,
		.hub = settings->hub,
		.issuer = { .certificate = service->credentials.hub_certificate,
			    .key = service->credentials.hub_key },
		.certificate_days = CERTIFICATE_DAYS,
		.address_rest_seconds = (int64_t)(2 * settings->lease_time / USEC_PER_SEC),
	};
	r = pool_init(&provision->pool, &settings->pool);
	if (r < 0)
		return r;
	return provision_new(&service->provision, service->loop, provision, &provision_listener,
			     service);
}

static int start_segment(struct service *service)
{
	const struct service_settings *settings = service->settings;
	_cleanup_free_ char *interface = settings_interface(settings);
	const struct segment_settings segment = {
		.interface = interface,
		.bridge = settings->bridge,
		.address = settings_address(settings),
		.prefix_length = settings->pool.length,
	};
	int r = segment_new(&service->segment, service->loop, &segment, on_segment_changed,
			    service);

	if (r < 0)
		log_error_errno(r, "cannot watch network interfaces: %m");
	return r;
}

static int start_tls_server(struct service *service)
{
	const struct service_settings *settings = service->settings;
	_cleanup_free_ char *certificate = settings_file(settings, settings->certificate,
							 FILE_API_CERTIFICATE);
	_cleanup_free_ char *key = settings_file(settings, settings->key, FILE_API_KEY);
	_cleanup_free_ char *client_ca = settings_file(settings, settings->client_ca,
						       FILE_API_CLIENT_CA);
	const struct tls_server_options options = {
		.address = settings->listen,
		.port = (uint16_t)settings->listen_port,
		.certificate_file = certificate,
		.key_file = key,
		.client_ca_file = client_ca,
		.max_request = SESSION_MAX_REQUEST,
	};
	const char *problem;
	int r = tls_server_new(&service->tls_server, service->loop, &options, &session_handlers,
			       service, &problem);

	if (r < 0)
		log_error_errno(r, "cannot serve the API on port %u: %s: %m",
				(unsigned)settings->listen_port, problem);
	return r;
}

int service_new(struct service **ret_service, struct loop *loop, struct bus *bus,
		const struct service_settings *settings)
{
	int (*const steps[])(struct service *) = {
		load_credentials, open_store,    open_host_files,  open_softether,
		start_provision,  start_segment, start_tls_server,
	};
	_cleanup_(service_freep) struct service *service = NULL;

	service = xnew(struct service);
	service->loop = loop;
	service->settings = settings;
	service->retry = (struct backoff)BACKOFF_INIT(RETRY_FIRST, RETRY_LONGEST);
	loop_timer_init(&service->next_run, loop, on_next_run);
	service->dnsmasq_reload = dnsmasq_reload_new(loop, bus);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r = steps[i](service);

		if (r < 0)
			return r;
	}
	service_reconcile(service, NULL, NULL);
	service->connected_count = connected_count_new(loop, service->softether, settings->hub,
						       on_connected_changed, service);
	*ret_service = steal_ptr(service);
	return 0;
}

struct service *service_free(struct service *service)
{
	if (!service)
		return NULL;
	service->on_changed = NULL;
	tls_server_free(service->tls_server); /* its sessions let go of jobs and queries */
	segment_free(service->segment);
	reconcile_free(service->reconcile);
	while (service->waiters)
		service_reconcile_forget(service, service->waiters->owner);
	provision_free(service->provision);
	softether_cancel(service->certificate_call);
	connected_count_free(service->connected_count);
	softether_free(service->softether);
	dnsmasq_reload_free(service->dnsmasq_reload);
	loop_timer_deinit(&service->next_run);
	host_files_close(service->host_files);
	account_store_close(service->store);
	credentials_deinit(&service->credentials);
	for (unsigned i = 0; i < PROBLEM_COUNT; i++)
		free(service->problems[i]);
	free(service);
	return NULL;
}
