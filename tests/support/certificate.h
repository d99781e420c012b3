/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates made on the spot, so that no test depends on the date or on files in the tree. */
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

struct test_certificate {
	EVP_PKEY *key;
	X509 *certificate;
};

static inline void test_add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

/*
 * issuer NULL: self-signed authority. names: "DNS:localhost,IP:127.0.0.1", or NULL. Valid from a
 * day ago until seconds from now, which may be negative.
 */
static inline struct test_certificate test_certificate_new(const char *common_name,
							   const struct test_certificate *issuer,
							   const char *names, long seconds)
{
	struct test_certificate made = { .certificate = X509_new() };
	X509_NAME *name;

	/* EC is fast to make; what is tested here does not depend on the algorithm. */
	made.key = EVP_EC_gen("P-256");
	assert_non_null(made.key);
	X509_set_version(made.certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate),
			 (long)(uintptr_t)made.key & 0xffffff);
	X509_gmtime_adj(X509_getm_notBefore(made.certificate), -86400);
	X509_gmtime_adj(X509_getm_notAfter(made.certificate), seconds);
	X509_set_pubkey(made.certificate, made.key);
	name = X509_get_subject_name(made.certificate);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
				   -1, -1, 0);
	X509_set_issuer_name(made.certificate,
			     issuer ? X509_get_subject_name(issuer->certificate) : name);
	test_add_extension(made.certificate, NID_basic_constraints,
			   issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names)
		test_add_extension(made.certificate, NID_subject_alt_name, names);
	assert_true(X509_sign(made.certificate, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
	return made;
}

static inline void test_certificate_free(struct test_certificate *certificate)
{
	X509_free(certificate->certificate);
	EVP_PKEY_free(certificate->key);
}

static inline void test_certificate_write(const struct test_certificate *certificate,
					  const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, certificate->certificate), 1);
	fclose(file);
}
