/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks of files that a configuration names: what would stop a daemon, or make it fail later, is
 * said before it starts. Whether a file can be read is a question of who asks: --check-config finds
 * the same as the daemon when it is run as the daemon's user.
 */
#pragma once

#include "common/config.h"

/*
 * Each returns 0, or refuses the option of that key. remedy ends the sentence: "make it with …";
 * NULL: none.
 */

/* PEM, one certificate or more. */
int config_check_certificates(struct config_refusal *refusal, const char *key, const char *path,
			      const char *remedy);

/* PEM: a certificate, perhaps with its chain, and its private key. */
struct config_key_pair {
	const char *certificate_key, *certificate_path;
	const char *key_key, *key_path;
};
int config_check_key_pair(struct config_refusal *refusal, const struct config_key_pair *pair,
			  const char *remedy);

/* One line that is not empty. */
int config_check_secret(struct config_refusal *refusal, const char *key, const char *path,
			const char *remedy);
