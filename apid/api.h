/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Gateway API: the root object, which owns the store, the server and what hangs on them. */
#pragma once

#include "apid/changes.h"
#include "apid/provisioner.h"
#include "apid/session.h"
#include "common/config.h"

struct api_settings {
	char *listen, *certificate, *key, *database, *public_url;
	char *vpn_service, *vpn_service_ca, *vpn_service_certificate, *vpn_service_key;
	char *vpn_service_token_file;
	usec_t request_timeout;
	uint64_t max_connections, max_connections_per_address;
	bool expose_automatically;
};

struct api {
	struct loop *loop;
	const struct api_settings *settings;
	struct store *store;
	struct sessions *sessions;
	struct changes *changes;
	struct provisioner *provisioner;
	struct provisioner_options provisioner_options;
	struct http_server *server;
	struct rate_limit announcements, repetitions, claims;
};

config_check_fn api_settings_check;
config_check_fn api_files_check;
config_check_fn api_vpn_files_check; /* which it needs only when it asks vpn-service */
/* Settings are borrowed. Failures have been logged. */
int api_new(struct api **ret_api, struct loop *loop, const struct api_settings *settings);
struct api *api_free(struct api *api);
DEFINE_CLEANUP(struct api *, api_free);
