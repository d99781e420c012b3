/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What setup has made for the daemon and is read once, at its start: token, keys, certificates. */
#pragma once

#include <stdbool.h>

#include "common/crypto.h"
#include "vpn-service/settings.h"

struct credentials {
	char *softether_password;
	char *hub_certificate; /* of the authority that signs gateways' certificates, PEM */
	char *hub_key;
	char **server_certificates; /* those that gateways accept of vpnserver, PEM */
	uint8_t token_digest[SHA256_SIZE];
	bool has_token;
};

/* Whether setup has done its work: for struct daemon_description. */
config_check_fn credentials_check;

/* 0, or -EINVAL. What was loaded stays for credentials_deinit(). */
int credentials_load(struct credentials *credentials, const struct service_settings *settings,
		     struct config_refusal *refusal);
void credentials_deinit(struct credentials *credentials);

/* Takes the same time whatever token is; without a token of our own nothing is right. */
bool credentials_token_is_right(const struct credentials *credentials, const char *token);
