/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apid - the Gateway API: approves gateways, gives them their configuration and rules. */
#include <stddef.h>

#include "apid/api.h"
#include "apid/commands.h"
#include "common/daemon.h"
#include "common/log.h"

#define SETTING(type_, key_, field, fallback_, description_, ...)                               \
	{                                                                                       \
		.key = (key_), .type = (type_), .offset = offsetof(struct api_settings, field), \
		.fallback = (fallback_), .description = (description_), __VA_ARGS__             \
	}
#define SECRET(key_, field, fallback_, description_) \
	SETTING(CONFIG_PATH, key_, field, fallback_, description_, .credential = true)
#define ETC "/etc/evercam-gateway/"

static const struct config_option options[] = {
	SETTING(CONFIG_STRING, "listen", listen, "0.0.0.0:443",
		"Address and port of the HTTPS server; [::]:443 for IPv6."),
	SETTING(CONFIG_PATH, "certificate", certificate, ETC "apid.crt",
		"The server's certificate with its chain, PEM."),
	SECRET("key", key, ETC "apid.key", "The certificate's key, PEM."),
	SETTING(CONFIG_PATH, "database", database, "/var/lib/evercam-gateway/apid/api.db",
		"Where everything is kept (SQLite)."),
	SETTING(CONFIG_STRING, "public_url", public_url, NULL,
		"URL under which gateways reach this API, without /v1; given to them in their "
		"configuration."),
	SETTING(CONFIG_BOOL, "expose_auto", expose_automatically, "yes",
		"Forward the HTTP and RTSP port of every discovered camera."),
	SETTING(CONFIG_STRING, "vpn_service", vpn_service, NULL,
		"HOST:PORT of the vpn-service that makes the gateways' VPN accounts."),
	SETTING(CONFIG_PATH, "vpn_service_ca", vpn_service_ca, ETC "vpn-service-ca.crt",
		"Authority of vpn-service's certificate, PEM."),
	SETTING(CONFIG_PATH, "vpn_service_certificate", vpn_service_certificate,
		ETC "vpn-service-client.crt", "Our certificate for vpn-service, PEM."),
	SECRET("vpn_service_key", vpn_service_key, ETC "vpn-service-client.key", "Its key, PEM."),
	SECRET("vpn_service_token_file", vpn_service_token_file, ETC "vpn-service.token",
	       "File with the token that vpn-service expects."),
	{
		.key = "request_timeout",
		.type = CONFIG_SECONDS,
		.offset = offsetof(struct api_settings, request_timeout),
		.fallback = "30",
		.description = "Longest time for a request to arrive, and for an answer to leave.",
		.minimum = 1,
		.maximum = 300,
	},
	{
		.key = "max_connections",
		.type = CONFIG_NUMBER,
		.offset = offsetof(struct api_settings, max_connections),
		.fallback = "16384",
		.description = "Connections at the same time; more wait in the queue.",
		.minimum = 4,
		.maximum = 1000000,
	},
	{
		.key = "max_connections_per_address",
		.type = CONFIG_NUMBER,
		.offset = offsetof(struct api_settings, max_connections_per_address),
		.fallback = "1024",
		.description = "Of them from one client's address (IPv6: network of 64 bits);"
			       " 0: no limit.",
		.maximum = 1000000,
	},
	CONFIG_END,
};

static int run(struct daemon *daemon)
{
	_cleanup_(api_freep) struct api *api = NULL;
	int r = api_new(&api, daemon->loop, daemon->settings);

	return r < 0 ? r : daemon_run(daemon);
}

int main(int argc, char *argv[])
{
	static const struct daemon_description description = {
		.name = "apid",
		.summary = "The Evercam Gateway API.",
		.options = options,
		.settings_size = sizeof(struct api_settings),
		.check = api_settings_check,
		.check_start = api_files_check,
		.check_work = api_vpn_files_check,
		.run = run,
		.command = command_run,
	};

	return daemon_main(argc, argv, &description);
}
