/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What vpnd is told by Configure: where the VPN is, who we are there, whom to trust. Checked once,
 * here; everything behind may rely on it. Stored as one JSON text, so that certificate and key
 * never come from different times. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/netaddr.h"
#include "vpnd/certificate.h"

#define SETTINGS_MAX_SERVERS      8
#define SETTINGS_MAX_CERTIFICATES 8
#define SETTINGS_MAX_PEM          16384
#define SETTINGS_MAX_JSON         (1024 * 1024)

struct server {
	char *host;
	uint16_t port;
	int32_t priority; /* lowest first */
};

struct settings {
	struct server servers[SETTINGS_MAX_SERVERS]; /* sorted by settings_check() */
	size_t server_count;
	char *hub;
	char *username;
	char *hostname;
	struct mac_address mac;
	bool has_mac;
	char *certificate;
	char *private_key;          /* secret */
	char **server_certificates; /* any of them is accepted */
	struct netprefix address;   /* what DHCP is expected to give; length 0: unknown */

	/* Filled by settings_check(). */
	struct certificate_digests certificate_digests;
	struct certificate_digests server_digests[SETTINGS_MAX_CERTIFICATES];
	size_t server_certificate_count;
};

struct settings *settings_new(void);
struct settings *settings_free(struct settings *settings);
DEFINE_CLEANUP(struct settings *, settings_free);

/* -EINVAL and an owned sentence that says which setting is wrong and what it should be. */
int settings_add_server(struct settings *settings, const char *host, int64_t port, int32_t priority,
			char **ret_error);
int settings_check(struct settings *settings, char **ret_error);

bool settings_equal(const struct settings *a, const struct settings *b);

char *settings_to_json(const struct settings *settings); /* owned, secret; needs a check before */
/* The same checks; -EINVAL also for text that is not such JSON. */
int settings_from_json(struct settings **ret_settings, const char *text, size_t size,
		       char **ret_error);
