/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vpn-service's configuration, and the places of the files that setup makes and the daemon uses. */
#pragma once

#include "common/config.h"
#include "common/netaddr.h"

struct service_settings {
	struct netaddr listen;
	uint64_t listen_port;
	char *certificate; /* these four: NULL means a file of setup's in the state directory */
	char *key;
	char *client_ca;
	char *token_file;
	char *vpn_hostname;
	uint64_t vpn_port;
	char *vpn_domain;
	struct netprefix pool;
	struct netaddr address; /* AF_UNSPEC: the pool's first */
	char *bridge;
	char *tap;
	char *softether_url;
	char *softether_password_file;
	char *softether_directory;
	char *hub;
	char *hosts_directory;
	char *dhcp_hosts_directory;
	char *dnsmasq_configuration;
	usec_t lease_time;
	char *state_directory;
};

extern const struct config_option settings_options[];

/* Of values and between options, for struct daemon_description; also for setup. */
config_check_fn settings_check;

/* 0, or -EINVAL: a host or domain name of letters, digits, dots and dashes. */
int settings_check_name(const char *name);

/* Owned paths and texts. */
char *settings_file(const struct service_settings *settings, const char *configured,
		    const char *name);
char *settings_softether_url(const struct service_settings *settings, uint16_t port);
char *settings_interface(const struct service_settings *settings); /* the TAP's kernel name */
struct netaddr settings_address(const struct service_settings *settings);

/* Names in the state directory. */
#define FILE_DATABASE           "accounts.db"
#define FILE_API_CERTIFICATE    "api-server.pem"
#define FILE_API_KEY            "api-server.key"
#define FILE_API_CLIENT_CA      "api-client-ca.pem"
#define FILE_TOKEN              "token"
#define FILE_HUB_CERTIFICATE    "hub-ca.pem"
#define FILE_HUB_KEY            "hub-ca.key"
#define FILE_SOFTETHER_PASSWORD "softether-password"
#define FILE_VPN_CERTIFICATE    "vpn-server.pem"
