/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the setup commands of daemons ("vpn-service setup", "apid init") put files: a directory
 * that is made when missing, whose files belong to one user. Secrets and certificates that are
 * there are kept, so that such a command may be run again at any time. Failures are logged with
 * their path.
 */
#pragma once

#include <pwd.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/certificate.h"

struct setup_place {
	const char *path; /* borrowed */
	int fd;
	uid_t user;
	gid_t group;
};

/* One line of progress on standard output. */
void setup_say(const char *format, ...) PRINTF_FORMAT(1, 2);

/* The user that a daemon runs as; NULL, and said, when there is none: files are root's then. */
const struct passwd *setup_find_user(const char *name);

/* user NULL: root. To be closed by setup_place_close(), which takes what was never opened (fd -1).
 */
int setup_place_open(struct setup_place *ret_place, const char *path, mode_t mode,
		     const struct passwd *user);
void setup_place_close(struct setup_place *place);

/* Owned by the place's user, readable by nobody else unless mode says so. */
int setup_place_write(const struct setup_place *place, const char *name, const char *content,
		      mode_t mode);
/* Owned content, up to 64 KiB; -ENOENT, not logged: it is not there. */
int setup_place_read(const struct setup_place *place, const char *name, char **ret_content);
/* Writes what differs, and says so. Returns 1 when it did. */
int setup_place_update(const struct setup_place *place, const char *name, const char *content,
		       mode_t mode);

/* Reads a secret, or makes one: 256 random bits. Owned: secret_free(). */
int setup_ensure_secret(const struct setup_place *place, const char *name, char **ret_secret);

struct setup_pair {
	const struct setup_place *certificate_place;
	const char *certificate_name;
	const struct setup_place *key_place;
	const char *key_name;
	enum certificate_key key;
	enum certificate_purpose purpose;
	const char *subject;
	bool name_matters; /* make it again when it is for another name */
};

/*
 * Reads a certificate and its key, or makes both when one is missing or they do not match. issuer
 * NULL: self-signed. The key is owned: secret_free().
 */
int setup_ensure_pair(const struct setup_pair *pair, const struct certificate_issuer *issuer,
		      char **ret_certificate, char **ret_key);
