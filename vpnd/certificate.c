/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates and keys in PEM, read with OpenSSL from memory. */
#include "vpnd/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

static X509 *read_certificate(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate, *second;

	if (!bio)
		abort();
	certificate = PEM_read_bio_X509(bio, NULL, crypto_no_passphrase, NULL);
	second = certificate ? PEM_read_bio_X509(bio, NULL, crypto_no_passphrase, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (!second)
		return certificate;
	X509_free(second);
	X509_free(certificate);
	return NULL;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key;

	if (!bio)
		abort();
	key = PEM_read_bio_PrivateKey(bio, NULL, crypto_no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

static int digest_hex(const X509 *certificate, const EVP_MD *kind, char *ret_text, size_t size)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (X509_digest(certificate, kind, digest, &length) != 1 || 2 * length + 1 != size)
		return -EINVAL;
	hex_format(ret_text, digest, length);
	return 0;
}

int certificate_digests(struct certificate_digests *ret_digests, const char *pem)
{
	struct certificate_digests digests;
	X509 *certificate = read_certificate(pem);
	int r = -EINVAL;

	if (!certificate)
		return r;
	r = digest_hex(certificate, EVP_sha1(), digests.sha1, sizeof(digests.sha1));
	if (r == 0)
		r = digest_hex(certificate, EVP_sha256(), digests.sha256, sizeof(digests.sha256));
	X509_free(certificate);
	if (r < 0)
		return r;
	for (char *c = digests.sha1; *c; c++)
		if (*c >= 'a' && *c <= 'f')
			*c = (char)(*c - 'a' + 'A');
	*ret_digests = digests;
	return 0;
}

/* Encrypt.c of SoftEther takes these sizes and no other. */
static bool key_is_supported(const EVP_PKEY *key)
{
	static const int sizes[] = { 1024, 1536, 2048, 3072, 4096 };

	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (EVP_PKEY_get_bits(key) == sizes[i])
			return true;
	return false;
}

enum certificate_key certificate_check_key(const char *certificate_pem, const char *key_pem)
{
	enum certificate_key result = CERTIFICATE_KEY_DIFFERS;
	X509 *certificate = read_certificate(certificate_pem);
	EVP_PKEY *key = read_key(key_pem);

	if (!key)
		result = CERTIFICATE_KEY_UNREADABLE;
	else if (!key_is_supported(key))
		result = CERTIFICATE_KEY_UNSUPPORTED;
	else if (certificate && X509_check_private_key(certificate, key) == 1)
		result = CERTIFICATE_KEY_FITS;
	ERR_clear_error();
	EVP_PKEY_free(key);
	X509_free(certificate);
	return result;
}
