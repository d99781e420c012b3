/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The key is read from disk when it is needed and not held in memory in between. At most one key is
 * being made at a time.
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
#include "gatewayd/key_maker.h"
#include "gatewayd/local_interfaces.h"

#define MAKE_AGAIN (60 * USEC_PER_SEC)

struct identity {
	struct identity_options options;
	const struct state_dir *directory; /* the options' */
	char *secret;
	char claim_code[CLAIM_CODE_SIZE];
	struct mac_address mac;
	char *csr;
	bool rotating;
	struct key_maker *maker; /* or NULL */
	enum state_entry making; /* what it makes, or is to make */
	struct loop_timer make_again;
};

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free);
DEFINE_CLEANUP(X509 *, X509_free);
DEFINE_CLEANUP(BIO *, BIO_free);

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
	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, crypto_no_passphrase, NULL) : NULL;
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

/* The request of the newest key. -ENOENT: there is none; a damaged one is of no use to anybody. */
static int load_keys(struct identity *identity)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	int r;

	r = read_key(&key, identity->directory, STATE_NEXT_KEY);
	identity->rotating = r == 0;
	if (r < 0)
		r = read_key(&key, identity->directory, STATE_KEY);
	if (r < 0)
		return r == -EBADMSG ? -ENOENT : r;
	return make_csr(&identity->csr, key, &identity->mac);
}

static void on_key_made(const char *problem, void *owner)
{
	struct identity *identity = owner;
	_cleanup_free_ char *reason = xstrdup(problem);

	identity->maker = key_maker_free(identity->maker);
	if (!problem && load_keys(identity) < 0)
		reason = xstrdup("the private key that was made cannot be read");
	if (reason)
		loop_timer_arm(&identity->make_again, MAKE_AGAIN);
	identity->options.on_key(reason, identity->options.owner);
}

static int make_key(struct identity *identity, enum state_entry entry)
{
	_cleanup_free_ char *path = state_dir_path(identity->directory, entry);

	loop_timer_cancel(&identity->make_again);
	identity->maker = key_maker_free(identity->maker);
	identity->making = entry;
	return key_maker_start(&identity->maker, identity->options.loop, path, on_key_made,
			       identity);
}

static void on_make_again(struct loop_timer *timer)
{
	struct identity *identity = container_of(timer, struct identity, make_again);

	if (make_key(identity, identity->making) < 0)
		loop_timer_arm(timer, MAKE_AGAIN);
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
	r = load_keys(identity);
	return r == -ENOENT ? make_key(identity, STATE_KEY) : r;
}

int identity_open(struct identity **ret_identity, const struct identity_options *options)
{
	_cleanup_(identity_freep) struct identity *identity = xnew(struct identity);
	int r;

	identity->options = *options;
	identity->directory = options->directory;
	loop_timer_init(&identity->make_again, options->loop, on_make_again);
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
	key_maker_free(identity->maker);
	loop_timer_deinit(&identity->make_again);
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
	/* The one that is being made is as new. */
	return identity->maker ? 0 : make_key(identity, STATE_NEXT_KEY);
}

static bool key_fits(const struct state_dir *directory, enum state_entry entry, X509 *certificate)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;

	return read_key(&key, directory, entry) == 0 &&
	       EVP_PKEY_eq(X509_get0_pubkey(certificate), key) == 1;
}

static int find_key(enum state_entry *ret_entry, const struct identity *identity,
		    const char *certificate)
{
	static const enum state_entry keys[] = { STATE_KEY, STATE_NEXT_KEY };
	_cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(certificate, -1);
	_cleanup_(X509_freep) X509 *x509 = NULL;

	x509 = bio ? PEM_read_bio_X509(bio, NULL, crypto_no_passphrase, NULL) : NULL;
	if (!x509 || !X509_get0_pubkey(x509))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (key_fits(identity->directory, keys[i], x509)) {
			*ret_entry = keys[i];
			return 0;
		}
	return -EKEYREJECTED;
}

int identity_key_for(const struct identity *identity, const char *certificate)
{
	enum state_entry entry;
	int r = find_key(&entry, identity, certificate);

	return r < 0 ? r : state_dir_open_entry(identity->directory, entry);
}

int identity_settle(struct identity *identity, const char *certificate)
{
	enum state_entry entry;
	int r = find_key(&entry, identity, certificate);

	if (r < 0 || entry == STATE_KEY)
		return r;
	r = state_dir_move(identity->directory, STATE_NEXT_KEY, STATE_KEY);
	if (r == 0)
		identity->rotating = false;
	return r;
}

int identity_renew(struct identity *identity)
{
	static const enum state_entry mine[] = { STATE_NEXT_KEY, STATE_KEY, STATE_IDENTITY };
	int r;

	identity->maker = key_maker_free(identity->maker);
	for (size_t i = 0; i < ARRAY_SIZE(mine); i++) {
		r = state_dir_remove(identity->directory, mine[i]);
		if (r < 0)
			return r;
	}
	secret_free(identity->secret);
	identity->secret = NULL;
	free(identity->csr);
	identity->csr = NULL;
	return load(identity);
}
