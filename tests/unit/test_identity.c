/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secret, key and request, on a real directory; OpenSSL itself judges the request. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/crypto.h"
#include "common/memory.h"
#include "gatewayd/identity.h"
#include "gatewayd/key_maker.h"

static char directory_path[] = "/tmp/test_identity.XXXXXX";
static struct loop *loop;
static struct state_dir *directory;

static int make_directory(void **state)
{
	return mkdtemp(directory_path) && loop_new(&loop) == 0 &&
			       state_dir_open(&directory, directory_path) == 0
		       ? 0
		       : -1;
}

static void on_key(const char *problem, void *owner)
{
	loop_stop(loop, problem ? -EIO : 0);
}

static int open_identity(struct identity **ret_identity)
{
	return identity_open(ret_identity, &(struct identity_options){ .loop = loop,
								       .directory = directory,
								       .on_key = on_key });
}

/* Opened, with its key. */
static struct identity *with_key(void)
{
	struct identity *identity;

	assert_int_equal(open_identity(&identity), 0);
	if (!identity_csr(identity))
		assert_int_equal(loop_run(loop), 0);
	assert_non_null(identity_csr(identity));
	return identity;
}

static int remove_directory(void **state)
{
	static const char *const names[] = { "identity.json", "key.pem", "next-key.pem" };
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory_path, names[i]);
		unlink(path);
	}
	state_dir_free(directory);
	loop_free(loop);
	return rmdir(directory_path);
}

static X509_REQ *read_request(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(request);
	return request;
}

/* A certificate for the key of a request, as the VPN host would sign it; owned PEM. */
static char *certify(const char *csr)
{
	X509_REQ *request = read_request(csr);
	EVP_PKEY *signer = EVP_RSA_gen(2048);
	X509 *certificate = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *copy;
	long size;

	X509_set_pubkey(certificate, X509_REQ_get0_pubkey(request));
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	assert_true(X509_sign(certificate, signer, EVP_sha256()) > 0);
	PEM_write_bio_X509(bio, certificate);
	size = BIO_get_mem_data(bio, &text);
	copy = xstrndup(text, (size_t)size);
	BIO_free(bio);
	X509_free(certificate);
	EVP_PKEY_free(signer);
	X509_REQ_free(request);
	return copy;
}

static void made_and_kept(void **state)
{
	_cleanup_(identity_freep) struct identity *first = NULL, *second = NULL;
	char code[CLAIM_CODE_SIZE], path[128];
	struct stat status;
	X509_REQ *request;
	EVP_PKEY *key;

	assert_int_equal(open_identity(&first), 0);
	assert_null(identity_csr(first));
	assert_int_equal(loop_run(loop), 0);
	assert_true(secret_is_valid(identity_secret(first)));
	assert_true(mac_is_unicast(identity_mac(first)));
	claim_code_derive(code, identity_secret(first));
	assert_string_equal(identity_claim_code(first), code);

	request = read_request(identity_csr(first));
	key = X509_REQ_get_pubkey(request);
	assert_int_equal(X509_REQ_verify(request, key), 1);
	assert_int_equal(EVP_PKEY_get_base_id(key), EVP_PKEY_RSA);
	assert_int_equal(EVP_PKEY_get_bits(key), 3072);
	EVP_PKEY_free(key);
	X509_REQ_free(request);

	snprintf(path, sizeof(path), "%s/key.pem", directory_path);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);

	second = with_key();
	assert_string_equal(identity_secret(first), identity_secret(second));
	assert_true(mac_equal(identity_mac(first), identity_mac(second)));
}

static void key_of_certificate(void **state)
{
	_cleanup_(identity_freep) struct identity *identity = NULL;
	_cleanup_free_ char *certificate = NULL, *next = NULL;
	_cleanup_close_ int fd = -1;
	char begin[28] = { 0 };

	identity = with_key();
	certificate = certify(identity_csr(identity));
	fd = identity_key_for(identity, certificate);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, begin, 27), 27);
	assert_string_equal(begin, "-----BEGIN PRIVATE KEY-----");

	assert_int_equal(identity_key_for(identity, "no certificate"), -EBADMSG);

	/* While a key is rotated in, the old certificate still has its key … */
	assert_int_equal(identity_rotate(identity), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_true(identity_is_rotating(identity));
	close(fd);
	fd = identity_key_for(identity, certificate);
	assert_true(fd >= 0);
	/* … and the new certificate has the new one: both, until the new certificate is stored. */
	next = certify(identity_csr(identity));
	close(fd);
	fd = identity_key_for(identity, next);
	assert_true(fd >= 0);
	assert_true(identity_is_rotating(identity));
	assert_int_equal(identity_settle(identity, certificate), 0);
	assert_true(identity_is_rotating(identity));

	/* After a power cut here, either certificate still has its key. */
	identity = identity_free(identity);
	identity = with_key();
	close(fd);
	fd = identity_key_for(identity, certificate);
	assert_true(fd >= 0);
	close(fd);
	fd = identity_key_for(identity, next);
	assert_true(fd >= 0);

	assert_int_equal(identity_settle(identity, next), 0);
	assert_false(identity_is_rotating(identity));
	assert_int_equal(identity_settle(identity, next), 0);
	assert_int_equal(identity_settle(identity, certificate), -EKEYREJECTED);
	assert_int_equal(identity_key_for(identity, certificate), -EKEYREJECTED);
}

static void renewed(void **state)
{
	_cleanup_(identity_freep) struct identity *identity = NULL;
	_cleanup_free_ char *secret = NULL, *csr = NULL;

	identity = with_key();
	secret = xstrdup(identity_secret(identity));
	csr = xstrdup(identity_csr(identity));
	assert_int_equal(identity_renew(identity), 0);
	assert_null(identity_csr(identity));
	assert_int_equal(loop_run(loop), 0);
	assert_string_not_equal(secret, identity_secret(identity));
	assert_string_not_equal(csr, identity_csr(identity));
}

static void damaged(void **state)
{
	_cleanup_(identity_freep) struct identity *identity = NULL;

	/* A key that cannot be read is replaced … */
	assert_int_equal(state_dir_write(directory, STATE_KEY, "garbage", 7), 0);
	identity = with_key();
	/* … the identity, which the owner approved, is not. */
	assert_int_equal(state_dir_write(directory, STATE_IDENTITY, "{\"m2m_secret\":7}", 16), 0);
	identity = identity_free(identity);
	assert_int_equal(open_identity(&identity), -EBADMSG);
}

/* A key that cannot be written is told, and the next one that is wanted is made all the same. */
static void cannot_be_made(void **state)
{
	_cleanup_(identity_freep) struct identity *identity = NULL;
	char path[128];

	assert_int_equal(state_dir_remove(directory, STATE_IDENTITY), 0);
	snprintf(path, sizeof(path), "%s/next-key.pem", directory_path);
	identity = with_key();
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(identity_rotate(identity), 0);
	assert_int_equal(loop_run(loop), -EIO);
	assert_false(identity_is_rotating(identity));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(identity_rotate(identity), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_true(identity_is_rotating(identity));
}

int main(int argc, char *argv[])
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_and_kept),  cmocka_unit_test(key_of_certificate),
		cmocka_unit_test(renewed),        cmocka_unit_test(damaged),
		cmocka_unit_test(cannot_be_made),
	};

	if (argc == 3 && strcmp(argv[1], KEY_MAKER_VERB) == 0)
		return key_maker_main(argv[2]);
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
