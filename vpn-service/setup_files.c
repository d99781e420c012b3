/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two places: the state directory belongs to the daemon's user and holds what the daemon reads; the
 * private directory next to the configuration belongs to root and holds what only setup needs (the
 * keys of the VPN server and of the API's authority) and what is to be copied to the API's host.
 */
#include "vpn-service/setup_files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/setup_place.h"

#define DAEMON_USER       "evercam-vpn-service"
#define PRIVATE_DIRECTORY CONFIG_DIRECTORY "/vpn-service"
#define CLIENT_DIRECTORY  PRIVATE_DIRECTORY "/api-client"
#define DROP_IN_DIRECTORY CONFIG_DIRECTORY "/vpn-service.conf.d"
#define DROP_IN_FILE      "50-setup.conf"

/* Names in the private directory. */
#define FILE_API_NAME        "api-name"
#define FILE_VPN_KEY         "vpn-server.key"
#define FILE_API_CA          "api-ca.pem"
#define FILE_API_CA_KEY      "api-ca.key"
#define FILE_API_CLIENT      "vpn-service-client.crt"
#define FILE_API_CLIENT_KEY  "vpn-service-client.key"
#define FILE_API_CLIENT_ROOT "vpn-service-ca.crt"
#define FILE_API_TOKEN       "vpn-service.token"
#define FILE_API_ADDRESS     "vpn-service.address"

/* TLS between API and vpn-service: an authority of its own, which vouches for these two only. */
static int make_api_tls(const struct setup_place *state, const struct setup_place *private,
			const struct setup_place *client, const char *api_name)
{
	_cleanup_free_ char *authority = NULL, *server = NULL, *customer = NULL;
	_cleanup_secret_ char *authority_key = NULL, *server_key = NULL, *customer_key = NULL;
	struct certificate_issuer issuer;
	int r;

	r = setup_ensure_pair(&(struct setup_pair){ private, FILE_API_CA, private, FILE_API_CA_KEY,
						    CERTIFICATE_KEY_P256, CERTIFICATE_AUTHORITY,
						    "Evercam vpn-service API authority" },
			      NULL, &authority, &authority_key);
	if (r < 0)
		return r;
	issuer = (struct certificate_issuer){ .certificate = authority, .key = authority_key };
	r = setup_ensure_pair(&(struct setup_pair){ state, FILE_API_CERTIFICATE, state,
						    FILE_API_KEY, CERTIFICATE_KEY_P256,
						    CERTIFICATE_SERVER, api_name, true },
			      &issuer, &server, &server_key);
	if (r < 0)
		return r;
	r = setup_ensure_pair(&(struct setup_pair){ client, FILE_API_CLIENT, client,
						    FILE_API_CLIENT_KEY, CERTIFICATE_KEY_P256,
						    CERTIFICATE_CLIENT, "apid" },
			      &issuer, &customer, &customer_key);
	if (r < 0)
		return r;
	r = setup_place_write(state, FILE_API_CLIENT_CA, authority, 0644);
	if (r < 0)
		return r;
	return setup_place_write(client, FILE_API_CLIENT_ROOT, authority, 0644);
}

/* What the API puts into its configuration: where this service listens. */
static int make_address(const struct service_settings *settings, const struct setup_place *client,
			const char *api_name)
{
	_cleanup_free_ char *line = xasprintf("%s:%u\n", api_name, (unsigned)settings->listen_port);
	int r = setup_place_update(client, FILE_API_ADDRESS, line, 0644);

	return r < 0 ? r : 0;
}

static int make_token(const struct setup_place *state, const struct setup_place *client)
{
	_cleanup_secret_ char *token = NULL, *line = NULL;
	int r = setup_ensure_secret(state, FILE_TOKEN, &token);

	if (r < 0)
		return r;
	line = xasprintf("%s\n", token);
	return setup_place_write(client, FILE_API_TOKEN, line, 0600);
}

/* What vpnserver works with: its own certificate, and the authority of the gateways'. */
static int make_vpn_keys(struct setup_files *files, const struct service_settings *settings,
			 const struct setup_place *state, const struct setup_place *private)
{
	_cleanup_secret_ char *hub_key = NULL;
	int r = setup_ensure_pair(&(struct setup_pair){ state, FILE_HUB_CERTIFICATE, state,
							FILE_HUB_KEY, CERTIFICATE_KEY_RSA_3072,
							CERTIFICATE_AUTHORITY, "Evercam gateways" },
				  NULL, &files->hub_certificate, &hub_key);

	if (r < 0)
		return r;
	return setup_ensure_pair(&(struct setup_pair){ state, FILE_VPN_CERTIFICATE, private,
						       FILE_VPN_KEY, CERTIFICATE_KEY_RSA_3072,
						       CERTIFICATE_SERVER, settings->vpn_hostname },
				 NULL, &files->vpn_certificate, &files->vpn_key);
}

int setup_files_api_name(const struct service_settings *settings, const char *told, char **ret_name)
{
	_cleanup_(setup_place_close) struct setup_place private = { .fd = -1 };
	int r = setup_place_open(&private, PRIVATE_DIRECTORY, 0700, NULL);

	if (r < 0)
		return r;
	if (!told) {
		r = setup_place_read(&private, FILE_API_NAME, ret_name);
		if (r != -ENOENT)
			return r;
		told = settings->vpn_hostname;
	}
	*ret_name = xstrdup(told);
	return setup_place_write(&private, FILE_API_NAME, told, 0644);
}

static int make_in(struct setup_files *files, const struct service_settings *settings,
		   const char *api_name, const struct setup_place *state,
		   const struct setup_place *private, const struct setup_place *client)
{
	int r = setup_ensure_secret(state, FILE_SOFTETHER_PASSWORD, &files->softether_password);

	if (r == 0)
		r = make_vpn_keys(files, settings, state, private);
	if (r == 0)
		r = make_api_tls(state, private, client, api_name);
	if (r == 0)
		r = make_token(state, client);
	if (r == 0)
		r = make_address(settings, client, api_name);
	return r;
}

int setup_files_make(struct setup_files *files, const struct service_settings *settings,
		     const char *api_name)
{
	const struct passwd *user = setup_find_user(DAEMON_USER);
	_cleanup_(setup_place_close) struct setup_place state = { .fd = -1 };
	_cleanup_(setup_place_close) struct setup_place private = { .fd = -1 };
	_cleanup_(setup_place_close) struct setup_place client = { .fd = -1 };
	_cleanup_(setup_place_close) struct setup_place hosts = { .fd = -1 };
	_cleanup_(setup_place_close) struct setup_place dhcp_hosts = { .fd = -1 };
	int r = setup_place_open(&state, settings->state_directory, 0700, user);

	if (r == 0)
		r = setup_place_open(&private, PRIVATE_DIRECTORY, 0700, NULL);
	if (r == 0)
		r = setup_place_open(&client, CLIENT_DIRECTORY, 0700, NULL);
	/* dnsmasq reads these as its own user, after it has dropped root. */
	if (r == 0)
		r = setup_place_open(&hosts, settings->hosts_directory, 0755, user);
	if (r == 0)
		r = setup_place_open(&dhcp_hosts, settings->dhcp_hosts_directory, 0755, user);
	if (r == 0)
		r = make_in(files, settings, api_name, &state, &private, &client);
	return r;
}

void setup_files_deinit(struct setup_files *files)
{
	secret_free(files->softether_password);
	secret_free(files->vpn_key);
	free(files->hub_certificate);
	free(files->vpn_certificate);
}

/* Returns 1 when the file did not say that yet. */
static int write_configuration(const char *directory, const char *name, const char *content)
{
	_cleanup_(setup_place_close) struct setup_place place = { .fd = -1 };
	int r = setup_place_open(&place, directory, 0755, NULL);

	return r < 0 ? r : setup_place_update(&place, name, content, 0644);
}

int setup_files_configure(const struct service_settings *settings)
{
	char pool[NETPREFIX_TEXT_SIZE];
	_cleanup_free_ char *content = xasprintf(
		"# Written by \"vpn-service setup\" and written again when it is run again.\n"
		"vpn_hostname = %s\n"
		"vpn_domain = %s\n"
		"vpn_port = %u\n"
		"pool = %s\n"
		"%s%s%s",
		settings->vpn_hostname, settings->vpn_domain, (unsigned)settings->vpn_port,
		netprefix_format(&settings->pool, pool), settings->bridge ? "bridge = " : "",
		settings->bridge ? settings->bridge : "", settings->bridge ? "\n" : "");
	int r = write_configuration(DROP_IN_DIRECTORY, DROP_IN_FILE, content);

	return r < 0 ? r : 0;
}

int setup_files_dnsmasq(const struct service_settings *settings)
{
	_cleanup_free_ char *interface = settings_interface(settings);
	_cleanup_free_ char *directory = xstrdup(settings->dnsmasq_configuration);
	_cleanup_free_ char *content = NULL;
	struct netprefix network = netprefix_network(&settings->pool);
	struct netaddr mask = { .family = AF_INET };
	char network_text[NETADDR_TEXT_SIZE], mask_text[NETADDR_TEXT_SIZE];
	char *slash = strrchr(directory, '/');

	if (!slash || slash == directory || !slash[1]) {
		log_error("dnsmasq_configuration must be a file in a directory");
		return -EINVAL;
	}
	mask.v4.s_addr = htonl(~(UINT32_MAX >> settings->pool.length));
	netaddr_format(&network.address, network_text);
	netaddr_format(&mask, mask_text);
	content = xasprintf("# Written by \"vpn-service setup\": addresses and names of the "
			    "gateways on the VPN.\n"
			    "# This dnsmasq serves the VPN segment and nothing else.\n"
			    "interface=%s\n"
			    "except-interface=lo\n"
			    "bind-dynamic\n"
			    "no-hosts\n"
			    "no-resolv\n"
			    "local=/%s/\n"
			    "domain=%s\n"
			    "hostsdir=%s\n"
			    "dhcp-hostsdir=%s\n"
			    "# Known gateways only, each at its own address; no default route, no "
			    "name server.\n"
			    "dhcp-range=%s,static,%s,%u\n"
			    "dhcp-authoritative\n"
			    "dhcp-ignore-names\n"
			    "dhcp-option=option:router\n"
			    "dhcp-option=option:dns-server\n"
			    "# So that vpn-service can have removed leases forgotten at once.\n"
			    "enable-dbus\n",
			    settings->bridge ? settings->bridge : interface, settings->vpn_domain,
			    settings->vpn_domain, settings->hosts_directory,
			    settings->dhcp_hosts_directory, network_text, mask_text,
			    (unsigned)(settings->lease_time / USEC_PER_SEC));
	*slash = '\0';
	return write_configuration(directory, slash + 1, content);
}

void setup_files_print_api_client(void)
{
	setup_say("\nFor the API: copy the directory " CLIENT_DIRECTORY
		  " to its host, and run there");
	setup_say("    apid init --vpn-service api-client --name NAME");
}
