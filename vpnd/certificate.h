/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The few questions vpnd has about certificates and keys. Thin over OpenSSL; pure. */
#pragma once

#include "common/crypto.h"
#include "common/macros.h"

#define CERTIFICATE_SHA1_SIZE 41 /* upper-case hex, as SoftEther shows it, and NUL */

struct certificate_digests {
	char sha1[CERTIFICATE_SHA1_SIZE];
	char sha256[SHA256_HEX_SIZE];
};

/* Of the DER form of one PEM certificate. -EINVAL: it is not exactly one. */
int certificate_digests(struct certificate_digests *ret_digests, const char *pem);

enum certificate_key {
	CERTIFICATE_KEY_FITS,
	CERTIFICATE_KEY_UNREADABLE,  /* not a PEM key, or encrypted */
	CERTIFICATE_KEY_UNSUPPORTED, /* SoftEther signs with RSA of 1024…4096 bits only */
	CERTIFICATE_KEY_DIFFERS,     /* belongs to another certificate */
};
enum certificate_key certificate_check_key(const char *certificate_pem, const char *key_pem);
