/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration that the API gives a gateway: its VPN account (protocol.md §1). Pure. */
#pragma once

#include "gatewayd/api_json.h"

#define API_MAX_SERVERS 16
#define API_MAX_PEM     8192

struct vpn_server {
	char *hostname;
	uint16_t port;
	int32_t priority;
};

struct configuration {
	uint64_t revision;
	uint64_t gateway_id;
	char *vpn_hub;
	char *vpn_username;
	struct vpn_server *vpn_servers;
	size_t vpn_server_count;
	char **vpn_server_certificates; /* PEM */
	char *vpn_certificate;          /* PEM */
	struct mac_address vpn_mac_address;
	struct netprefix vpn_address; /* family AF_UNSPEC: not told */
	char *vpn_local_hostname;
};

int configuration_parse(struct configuration **ret_configuration, const char *text, size_t size,
			struct api_problem *problem);
struct configuration *configuration_free(struct configuration *configuration);
DEFINE_CLEANUP(struct configuration *, configuration_free);
/* Whether the VPN account is the same; the revision does not count. */
bool configuration_same_vpn(const struct configuration *a, const struct configuration *b);
