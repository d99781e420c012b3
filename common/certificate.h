/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates as PEM text: what SoftEther takes (RSA-3072; it refuses elliptic curves) and what
 * the API's connection takes (P-256). Keys of gateways are made by the gateways; only requests get
 * here.
 */
#pragma once

#include <stdint.h>

#include "common/crypto.h"

#define CERTIFICATE_MAX_PEM     16384
#define CERTIFICATE_SERIAL_SIZE 16
#define CERTIFICATE_SERIAL_HEX  (2 * CERTIFICATE_SERIAL_SIZE + 1)

enum certificate_key {
	CERTIFICATE_KEY_RSA_3072,
	CERTIFICATE_KEY_P256,
};

enum certificate_purpose {
	CERTIFICATE_AUTHORITY,
	CERTIFICATE_SERVER, /* subject is its host name or address, repeated as subjectAltName */
	CERTIFICATE_CLIENT,
};

struct certificate_issuer {
	const char *certificate; /* PEM; NULL: self-signed */
	const char *key;         /* PEM */
};

/* Makes a key and a certificate for it. The key is owned: secret_free(). */
int certificate_create(char **ret_certificate, char **ret_key, enum certificate_key key,
		       enum certificate_purpose purpose, const char *subject, unsigned days,
		       const struct certificate_issuer *issuer);

/*
 * Checks a PKCS#10 request in PEM: one request and nothing else, signed with its own key, key
 * RSA-3072 with a sane exponent. Gives the SHA-256 of the key (SubjectPublicKeyInfo), by which a
 * repeated request is recognised. -EINVAL points *ret_problem at a constant sentence.
 */
int certificate_check_request(char ret_fingerprint[static SHA256_HEX_SIZE], const char *request,
			      const char **ret_problem);

/*
 * Signs a request as a client certificate. Name and extensions come from us alone: the request
 * gives nothing but its key.
 */
int certificate_sign_request(char **ret_certificate, char ret_serial[static CERTIFICATE_SERIAL_HEX],
			     const char *request, const char *subject, unsigned days,
			     const struct certificate_issuer *issuer);

/* Seconds since 1970 of notAfter, or -EINVAL. */
int certificate_expiry(int64_t *ret_seconds, const char *certificate);

/* Owned DER in base64, as SoftEther's JSON has it; NULL: not a certificate. */
char *certificate_to_base64(const char *certificate);

/* 0 when both are the same certificate. -EINVAL: one of them is none; -ENOENT: they differ. */
int certificate_compare(const char *certificate, const char *other);
/* 0 when it is a server's of this host name or address; -ENOENT: of another. */
int certificate_check_name(const char *certificate, const char *name);
/* 0 when the key belongs to the certificate. */
int certificate_check_key(const char *certificate, const char *key);
