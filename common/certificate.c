/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates on OpenSSL 3. Serial numbers are 128 random bits with a first octet of 0x40..0x7f:
 * all have the same length and none has a leading zero, so that SoftEther, which compares serials
 * octet by octet, and OpenSSL agree on their spelling.
 *
 * Certificates start a day before they are made: gateways without a battery-backed clock come up
 * some time in the past.
 */
#include "common/certificate.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "common/memory.h"
#include "common/netaddr.h"

#define SECONDS_PER_DAY 86400L

DEFINE_CLEANUP(BIO *, BIO_free);
DEFINE_CLEANUP(X509 *, X509_free);
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free);
DEFINE_CLEANUP(X509_EXTENSION *, X509_EXTENSION_free);
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(BIGNUM *, BN_free);

/* OpenSSL's error queue is per thread and for ever: what is not wanted must be thrown away. */
static int openssl_failure(int result)
{
	ERR_clear_error();
	return result;
}

static BIO *bio_from_text(const char *text)
{
	size_t size = strlen(text);

	return size > CERTIFICATE_MAX_PEM ? NULL : BIO_new_mem_buf(text, (int)size);
}

static char *bio_to_text(BIO *bio)
{
	char *content = NULL;
	long size = BIO_get_mem_data(bio, &content);

	return xstrndup(content, (size_t)size);
}

static X509 *certificate_parse(const char *text)
{
	_cleanup_(BIO_freep) BIO *bio = bio_from_text(text);

	return bio ? PEM_read_bio_X509(bio, NULL, crypto_no_passphrase, NULL) : NULL;
}

static EVP_PKEY *key_parse(const char *text)
{
	_cleanup_(BIO_freep) BIO *bio = bio_from_text(text);

	return bio ? PEM_read_bio_PrivateKey(bio, NULL, crypto_no_passphrase, NULL) : NULL;
}

static EVP_PKEY *key_generate(enum certificate_key kind)
{
	switch (kind) {
	case CERTIFICATE_KEY_RSA_3072:
		return EVP_RSA_gen(3072);
	case CERTIFICATE_KEY_P256:
		return EVP_EC_gen("P-256");
	}
	return NULL;
}

static int add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
	_cleanup_(X509_EXTENSION_freep) X509_EXTENSION *extension = NULL;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&context);
	extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	return extension && X509_add_ext(certificate, extension, -1) ? 0 : -EIO;
}

static int add_extensions(X509 *certificate, X509 *issuer, enum certificate_purpose purpose,
			  const char *subject)
{
	struct netaddr address;
	bool is_address = netaddr_parse(&address, subject) == 0;
	_cleanup_free_ char *name = xasprintf("%s:%s", is_address ? "IP" : "DNS", subject);
	bool authority = purpose == CERTIFICATE_AUTHORITY;

	if (add_extension(certificate, issuer, NID_basic_constraints,
			  authority ? "critical,CA:TRUE" : "critical,CA:FALSE") < 0 ||
	    add_extension(certificate, issuer, NID_key_usage,
			  authority ? "critical,keyCertSign,cRLSign"
				    : "critical,digitalSignature,keyEncipherment") < 0 ||
	    add_extension(certificate, issuer, NID_subject_key_identifier, "hash") < 0 ||
	    add_extension(certificate, issuer, NID_authority_key_identifier, "keyid") < 0)
		return -EIO;
	switch (purpose) {
	case CERTIFICATE_AUTHORITY:
		return 0;
	case CERTIFICATE_SERVER:
		if (add_extension(certificate, issuer, NID_subject_alt_name, name) < 0)
			return -EIO;
		return add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth");
	case CERTIFICATE_CLIENT:
		return add_extension(certificate, issuer, NID_ext_key_usage, "clientAuth");
	}
	return -EINVAL;
}

static int set_serial(X509 *certificate, char ret_serial[static CERTIFICATE_SERIAL_HEX])
{
	_cleanup_(BN_freep) BIGNUM *number = NULL;
	uint8_t serial[CERTIFICATE_SERIAL_SIZE];

	random_fill(serial, sizeof(serial));
	serial[0] = (serial[0] & 0x3f) | 0x40;
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	if (!number || !BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)))
		return -EIO;
	hex_format(ret_serial, serial, sizeof(serial));
	return 0;
}

/* issuer NULL: self-signed with signing_key. */
static int issue(char **ret_certificate, char ret_serial[static CERTIFICATE_SERIAL_HEX],
		 EVP_PKEY *key, enum certificate_purpose purpose, const char *subject,
		 unsigned days, X509 *issuer, EVP_PKEY *signing_key)
{
	_cleanup_(X509_freep) X509 *certificate = X509_new();
	_cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME *name;

	if (!certificate || !bio || strlen(subject) > 64)
		return -EINVAL;
	name = X509_get_subject_name(certificate);
	if (!X509_set_version(certificate, X509_VERSION_3) ||
	    set_serial(certificate, ret_serial) < 0 ||
	    !X509_gmtime_adj(X509_getm_notBefore(certificate), -SECONDS_PER_DAY) ||
	    !X509_gmtime_adj(X509_getm_notAfter(certificate), SECONDS_PER_DAY * (long)days) ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)subject,
					-1, -1, 0) ||
	    !X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : name) ||
	    !X509_set_pubkey(certificate, key) ||
	    add_extensions(certificate, issuer ? issuer : certificate, purpose, subject) < 0 ||
	    X509_sign(certificate, signing_key, EVP_sha256()) <= 0 ||
	    !PEM_write_bio_X509(bio, certificate))
		return -EIO;
	*ret_certificate = bio_to_text(bio);
	return 0;
}

static int issuer_load(X509 **ret_certificate, EVP_PKEY **ret_key,
		       const struct certificate_issuer *issuer)
{
	_cleanup_(X509_freep) X509 *certificate = certificate_parse(issuer->certificate);
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = key_parse(issuer->key);

	if (!certificate || !key || !X509_check_private_key(certificate, key))
		return openssl_failure(-EINVAL);
	*ret_certificate = steal_ptr(certificate);
	*ret_key = steal_ptr(key);
	return 0;
}

int certificate_create(char **ret_certificate, char **ret_key, enum certificate_key kind,
		       enum certificate_purpose purpose, const char *subject, unsigned days,
		       const struct certificate_issuer *issuer)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = key_generate(kind);
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *issuer_key = NULL;
	_cleanup_(X509_freep) X509 *issuer_certificate = NULL;
	/* Secure memory is not needed for the copy, but its end is overwritten. */
	_cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_secmem());
	char serial[CERTIFICATE_SERIAL_HEX];
	int r;

	if (!key || !bio)
		return openssl_failure(-EIO);
	if (issuer) {
		r = issuer_load(&issuer_certificate, &issuer_key, issuer);
		if (r < 0)
			return r;
	}
	if (!PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		return openssl_failure(-EIO);
	r = issue(ret_certificate, serial, key, purpose, subject, days, issuer_certificate,
		  issuer ? issuer_key : key);
	if (r < 0)
		return openssl_failure(r);
	*ret_key = bio_to_text(bio);
	return 0;
}

/* Exactly one PEM block: text before or after it would be somebody's attempt at something else. */
static X509_REQ *request_parse(const char *text)
{
	static const char begin[] = "-----BEGIN ", end[] = "-----END CERTIFICATE REQUEST-----";
	_cleanup_(BIO_freep) BIO *bio = NULL;
	const char *tail;

	if (strncmp(text, begin, strlen(begin)) || strstr(text + 1, begin))
		return NULL;
	tail = strstr(text, end);
	if (!tail || strspn(tail + strlen(end), "\r\n") != strlen(tail + strlen(end)))
		return NULL;
	bio = bio_from_text(text);
	return bio ? PEM_read_bio_X509_REQ(bio, NULL, crypto_no_passphrase, NULL) : NULL;
}

static const char *key_problem(EVP_PKEY *key)
{
	_cleanup_(BN_freep) BIGNUM *exponent = NULL;

	if (!key || !EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) != 3072)
		return "the key of the certificate request must be RSA with 3072 bits";
	if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) ||
	    !BN_is_word(exponent, RSA_F4))
		return "the public exponent of the certificate request's key must be 65537";
	return NULL;
}

int certificate_check_request(char ret_fingerprint[static SHA256_HEX_SIZE], const char *text,
			      const char **ret_problem)
{
	_cleanup_(X509_REQ_freep) X509_REQ *request = request_parse(text);
	unsigned char *encoded = NULL;
	EVP_PKEY *key;
	int size;

	if (!request) {
		*ret_problem = "csr is not one PKCS#10 certificate request in PEM";
		return openssl_failure(-EINVAL);
	}
	key = X509_REQ_get0_pubkey(request);
	*ret_problem = key_problem(key);
	if (*ret_problem)
		return openssl_failure(-EINVAL);
	if (X509_REQ_verify(request, key) != 1) {
		*ret_problem = "the certificate request is not signed with its own key";
		return openssl_failure(-EINVAL);
	}
	size = i2d_PUBKEY(key, &encoded);
	if (size <= 0) {
		*ret_problem = "the key of the certificate request cannot be encoded";
		return openssl_failure(-EINVAL);
	}
	sha256_hex(ret_fingerprint, encoded, (size_t)size);
	OPENSSL_free(encoded);
	return 0;
}

int certificate_sign_request(char **ret_certificate, char ret_serial[static CERTIFICATE_SERIAL_HEX],
			     const char *text, const char *subject, unsigned days,
			     const struct certificate_issuer *issuer)
{
	_cleanup_(X509_REQ_freep) X509_REQ *request = request_parse(text);
	_cleanup_(X509_freep) X509 *issuer_certificate = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *issuer_key = NULL;
	int r;

	if (!request)
		return openssl_failure(-EINVAL);
	r = issuer_load(&issuer_certificate, &issuer_key, issuer);
	if (r < 0)
		return r;
	r = issue(ret_certificate, ret_serial, X509_REQ_get0_pubkey(request), CERTIFICATE_CLIENT,
		  subject, days, issuer_certificate, issuer_key);
	return r < 0 ? openssl_failure(r) : 0;
}

int certificate_expiry(int64_t *ret_seconds, const char *text)
{
	_cleanup_(X509_freep) X509 *certificate = certificate_parse(text);
	int days, seconds;

	if (!certificate || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
		return openssl_failure(-EINVAL);
	*ret_seconds = (int64_t)time(NULL) + (int64_t)days * SECONDS_PER_DAY + seconds;
	return 0;
}

int certificate_compare(const char *text, const char *other_text)
{
	_cleanup_(X509_freep) X509 *certificate = certificate_parse(text);
	_cleanup_(X509_freep) X509 *other = certificate_parse(other_text);

	if (!certificate || !other)
		return openssl_failure(-EINVAL);
	return X509_cmp(certificate, other) == 0 ? 0 : -ENOENT;
}

int certificate_check_key(const char *text, const char *key_text)
{
	_cleanup_(X509_freep) X509 *certificate = certificate_parse(text);
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = key_parse(key_text);

	if (!certificate || !key || !X509_check_private_key(certificate, key))
		return openssl_failure(-EINVAL);
	return 0;
}

int certificate_check_name(const char *text, const char *name)
{
	_cleanup_(X509_freep) X509 *certificate = certificate_parse(text);
	struct netaddr address;
	int r;

	if (!certificate)
		return openssl_failure(-EINVAL);
	if (netaddr_parse(&address, name) == 0)
		r = X509_check_ip_asc(certificate, name, 0);
	else
		r = X509_check_host(certificate, name, 0, 0, NULL);
	return r == 1 ? 0 : openssl_failure(-ENOENT);
}

char *certificate_to_base64(const char *text)
{
	_cleanup_(X509_freep) X509 *certificate = certificate_parse(text);
	unsigned char *encoded = NULL;
	char *base64;
	int size = certificate ? i2d_X509(certificate, &encoded) : 0;

	if (size <= 0) {
		ERR_clear_error();
		return NULL;
	}
	base64 = xcalloc(1, 4 * (((size_t)size + 2) / 3) + 1);
	EVP_EncodeBlock((unsigned char *)base64, encoded, size);
	OPENSSL_free(encoded);
	return base64;
}
