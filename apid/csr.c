/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SoftEther takes RSA only, and 3072 bits is what this product uses everywhere: any other size
 * would come from something that is not our gateway.
 */
#include "apid/csr.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define KEY_BITS 3072

static bool key_is_acceptable(X509_REQ *request)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);

	return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	       EVP_PKEY_get_bits(key) == KEY_BITS && X509_REQ_verify(request, key) == 1;
}

bool csr_is_acceptable(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_REQ *request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	bool acceptable = request && key_is_acceptable(request);

	X509_REQ_free(request);
	BIO_free(bio);
	ERR_clear_error();
	return acceptable;
}
