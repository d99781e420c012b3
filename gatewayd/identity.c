/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SoftEther takes RSA only, and 3072 bits are the size it takes that is still good (facts: design
 * decision 7). The key is read from disk when it is needed and not held in memory in between.
 *
 * The MAC is fixed with the secret on the first start: a gateway whose default route moves to
 * another interface is still the same gateway.
 */
#include "gatewayd/identity.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/crypto.h"
#include "common/json.h"
#include "common/memory.h"
#include "gatewayd/local_interfaces.h"

#define KEY_BITS 3072

struct identity {
	const struct state_dir *directory;
	char *secret;
	char claim_code[CLAIM_CODE_SIZE];
	struct mac_address mac;
	char *csr;
	bool rotating;
};

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free);
DEFINE_CLEANUP(X509 *, X509_free);
DEFINE_CLEANUP(BIO *, BIO_free);

static int write_key(const struct state_dir *directory, enum state_entry entry, EVP_PKEY *key)
{
	/* Secure memory: overwritten when freed. */
	_cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long size;

	if (!bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return -EIO;
	size = BIO_get_mem_data(bio, &text);
	return state_dir_write(directory, entry, text, (size_t)size);
}

static int make_key(const struct state_dir *directory, enum state_entry entry)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);

	return key ? write_key(directory, entry, key) : -EIO;
}

static int read_key(EVP_PKEY **ret_key, const struct state_dir *directory, enum state_entry entry)
{
	_cleanup_secret_ char *text = NULL;
	_cleanup_(BIO_freep) BIO *bio = NULL;
	EVP_PKEY *key;
	size_t size;
	int r;

	r = state_dir_read(directory, entry, &text, &size);
	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(text, (int)size);
	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	if (!key)
		return -EBADMSG;
	*ret_key = key;
	return 0;
}

static X509_REQ *make_request(EVP_PKEY *key, const struct mac_address *mac)
{
	_cleanup_(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
	char label[MAC_TEXT_SIZE];
	X509_NAME *subject;

	if (!request || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1)
		return NULL;
	/* For people; the VPN host names the certificate by the account. */
	subject = X509_REQ_get_subject_name(request);
	mac_format(mac, label);
	if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (unsigned char *)label, -1, -1,
				       0) != 1 ||
	    X509_REQ_set_pubkey(request, key) != 1 ||
	    X509_REQ_sign(request, key, EVP_sha256()) <= 0)
		return NULL;
	return steal_ptr(request);
}

static int make_csr(char **ret_csr, EVP_PKEY *key, const struct mac_address *mac)
{
	_cleanup_(X509_REQ_freep) X509_REQ *request = make_request(key, mac);
	_cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long size;

	if (!request || !bio || PEM_write_bio_X509_REQ(bio, request) != 1)
		return -EIO;
	size = BIO_get_mem_data(bio, &text);
	free(*ret_csr);
	*ret_csr = xstrndup(text, (size_t)size);
	return 0;
}

/* The request of the newest key, making the current key when there is none. */
static int load_keys(struct identity *identity)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	int r;

	r = read_key(&key, identity->directory, STATE_NEXT_KEY);
	identity->rotating = r == 0;
	if (r < 0) {
		r = read_key(&key, identity->directory, STATE_KEY);
		/* An unreadable key is of no use to anybody: with a new one the API can go on. */
		if (r == -ENOENT || r == -EBADMSG) {
			r = make_key(identity->directory, STATE_KEY);
			if (r == 0)
				r = read_key(&key, identity->directory, STATE_KEY);
		}
	}
	if (r < 0)
		return r;
	return make_csr(&identity->csr, key, &identity->mac);
}

static int make_label(struct identity *identity)
{
	char secret[SECRET_SIZE], mac[MAC_TEXT_SIZE];
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_secret_ char *text = NULL;
	int r;

	r = local_interfaces_label(&identity->mac);
	if (r < 0)
		return r;
	secret_generate(secret);
	json = json_new_object();
	json_add_string(json, "m2m_secret", secret);
	json_add_string(json, "mac_address", mac_format(&identity->mac, mac));
	text = json_print(json);
	secret_free(identity->secret);
	identity->secret = xstrdup(secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	return state_dir_write(identity->directory, STATE_IDENTITY, text, strlen(text));
}

static int load_label(struct identity *identity)
{
	_cleanup_secret_ char *text = NULL;
	_cleanup_json_ cJSON *json = NULL;
	const char *secret, *mac;
	size_t size;
	int r;

	r = state_dir_read(identity->directory, STATE_IDENTITY, &text, &size);
	if (r < 0)
		return r;
	if (json_parse(&json, text, size) < 0 ||
	    json_get_string(json, "m2m_secret", SECRET_SIZE, &secret) < 0 ||
	    !secret_is_valid(secret) ||
	    json_get_string(json, "mac_address", MAC_TEXT_SIZE, &mac) < 0 ||
	    mac_parse(&identity->mac, mac) < 0)
		return -EBADMSG;
	identity->secret = xstrdup(secret);
	return 0;
}

/* A damaged file is an error, not a reason for a new identity: the owner has approved the old. */
static int load(struct identity *identity)
{
	int r;

	r = load_label(identity);
	if (r == -ENOENT)
		r = make_label(identity);
	if (r < 0)
		return r;
	claim_code_derive(identity->claim_code, identity->secret);
	return load_keys(identity);
}

int identity_open(struct identity **ret_identity, const struct state_dir *directory)
{
	_cleanup_(identity_freep) struct identity *identity = xnew(struct identity);
	int r;

	identity->directory = directory;
	r = load(identity);
	if (r < 0)
		return r;
	*ret_identity = steal_ptr(identity);
	return 0;
}

struct identity *identity_free(struct identity *identity)
{
	if (!identity)
		return NULL;
	secret_free(identity->secret);
	free(identity->csr);
	free(identity);
	return NULL;
}

const char *identity_secret(const struct identity *identity)
{
	return identity->secret;
}

const char *identity_claim_code(const struct identity *identity)
{
	return identity->claim_code;
}

const struct mac_address *identity_mac(const struct identity *identity)
{
	return &identity->mac;
}

const char *identity_csr(const struct identity *identity)
{
	return identity->csr;
}

bool identity_is_rotating(const struct identity *identity)
{
	return identity->rotating;
}

int identity_rotate(struct identity *identity)
{
	int r;

	r = make_key(identity->directory, STATE_NEXT_KEY);
	if (r < 0)
		return r;
	return load_keys(identity);
}

static bool key_fits(const struct state_dir *directory, enum state_entry entry, X509 *certificate)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;

	return read_key(&key, directory, entry) == 0 &&
	       EVP_PKEY_eq(X509_get0_pubkey(certificate), key) == 1;
}

int identity_key_for(struct identity *identity, const char *certificate)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(certificate, -1);
	_cleanup_(X509_freep) X509 *x509 = NULL;
	int r;

	x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	if (!x509 || !X509_get0_pubkey(x509))
		return -EBADMSG;
	if (!key_fits(identity->directory, STATE_KEY, x509)) {
		if (!key_fits(identity->directory, STATE_NEXT_KEY, x509))
			return -EKEYREJECTED;
		r = state_dir_move(identity->directory, STATE_NEXT_KEY, STATE_KEY);
		if (r < 0)
			return r;
		identity->rotating = false;
	}
	return state_dir_open_entry(identity->directory, STATE_KEY);
}

int identity_renew(struct identity *identity)
{
	static const enum state_entry mine[] = { STATE_NEXT_KEY, STATE_KEY, STATE_IDENTITY };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(mine); i++) {
		r = state_dir_remove(identity->directory, mine[i]);
		if (r < 0)
			return r;
	}
	secret_free(identity->secret);
	identity->secret = NULL;
	return load(identity);
}
