/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/certificate.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "common/memory.h"
#include "tests/support/test.h"

/* Keys take a second each: made once. */
struct fixture {
	char *authority, *authority_key;
	EVP_PKEY *key, *short_key, *elliptic_key;
	char *request;
};

static char *bio_text(BIO *bio)
{
	char *content;
	long size = BIO_get_mem_data(bio, &content);
	char *text = xstrndup(content, (size_t)size);

	BIO_free(bio);
	return text;
}

static X509_REQ *request_new(EVP_PKEY *key, const char *name)
{
	X509_REQ *request = X509_REQ_new();

	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8,
				   (const unsigned char *)name, -1, -1, 0);
	X509_REQ_set_pubkey(request, key);
	return request;
}

static char *request_text(X509_REQ *request)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_X509_REQ(bio, request);
	X509_REQ_free(request);
	return bio_text(bio);
}

static char *make_request(EVP_PKEY *key, const char *name)
{
	X509_REQ *request = request_new(key, name);

	assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
	return request_text(request);
}

static X509 *parse(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(certificate);
	return certificate;
}

static int setup(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	assert_int_equal(certificate_create(&fixture->authority, &fixture->authority_key,
					    CERTIFICATE_KEY_RSA_3072, CERTIFICATE_AUTHORITY,
					    "Test gateways", 30, NULL),
			 0);
	fixture->key = EVP_RSA_gen(3072);
	fixture->short_key = EVP_RSA_gen(2048);
	fixture->elliptic_key = EVP_EC_gen("P-256");
	fixture->request = make_request(fixture->key, "I want to be root");
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	free(fixture->authority);
	free(fixture->authority_key);
	EVP_PKEY_free(fixture->key);
	EVP_PKEY_free(fixture->short_key);
	EVP_PKEY_free(fixture->elliptic_key);
	free(fixture->request);
	free(fixture);
	return 0;
}

static void assert_refused(const char *request)
{
	char fingerprint[SHA256_HEX_SIZE];
	const char *problem = NULL;

	assert_int_equal(certificate_check_request(fingerprint, request, &problem), -EINVAL);
	assert_non_null(problem);
}

static void test_good_request(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *again = make_request(fixture->key, "another name");
	char fingerprint[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE];
	const char *problem = NULL;

	assert_int_equal(certificate_check_request(fingerprint, fixture->request, &problem), 0);
	assert_null(problem);
	/* The key is what counts. */
	assert_int_equal(certificate_check_request(second, again, &problem), 0);
	assert_string_equal(fingerprint, second);
}

static void test_wrong_keys_are_refused(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *small = make_request(fixture->short_key, "x");
	_cleanup_free_ char *elliptic = make_request(fixture->elliptic_key, "x");

	assert_refused(small);
	assert_refused(elliptic);
}

static void test_request_must_prove_its_key(void **state)
{
	struct fixture *fixture = *state;
	EVP_PKEY *other = EVP_RSA_gen(3072);
	X509_REQ *stolen = request_new(fixture->key, "x");
	_cleanup_free_ char *text = NULL;

	assert_true(X509_REQ_sign(stolen, other, EVP_sha256()) > 0);
	text = request_text(stolen);
	assert_refused(text);
	EVP_PKEY_free(other);
}

static void test_only_one_request_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *twice = xasprintf("%s%s", fixture->request, fixture->request);
	_cleanup_free_ char *before = xasprintf("hello\n%s", fixture->request);
	_cleanup_free_ char *after = xasprintf("%shello\n", fixture->request);
	_cleanup_free_ char *crlf = xasprintf("%s\r\n", fixture->request);
	_cleanup_free_ char *cut = xstrndup(fixture->request, strlen(fixture->request) / 2);
	char fingerprint[SHA256_HEX_SIZE];
	const char *problem = NULL;

	assert_refused("");
	assert_refused("-----BEGIN ");
	assert_refused("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n");
	assert_refused(twice);
	assert_refused(before);
	assert_refused(after);
	assert_refused(cut);
	assert_refused(fixture->authority);
	assert_refused(fixture->authority_key);
	assert_int_equal(certificate_check_request(fingerprint, crlf, &problem), 0);
}

static void test_signed_certificate(void **state)
{
	struct fixture *fixture = *state;
	const struct certificate_issuer issuer = { fixture->authority, fixture->authority_key };
	_cleanup_free_ char *text = NULL, *second = NULL;
	char serial[CERTIFICATE_SERIAL_HEX], other_serial[CERTIFICATE_SERIAL_HEX];
	char name[64];
	int64_t expiry;
	X509 *certificate, *authority;

	assert_int_equal(
		certificate_sign_request(&text, serial, fixture->request, "gateway17", 10, &issuer),
		0);
	certificate = parse(text);
	authority = parse(fixture->authority);
	/* The name is ours, not the request's. */
	X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
				  sizeof(name));
	assert_string_equal(name, "gateway17");
	assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(certificate)), 1);
	assert_int_equal(X509_verify(certificate, X509_get0_pubkey(authority)), 1);
	assert_int_equal(X509_check_issued(authority, certificate), X509_V_OK);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(certificate), fixture->key), 1);
	assert_int_equal(X509_check_ca(certificate), 0);
	assert_true(X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT);
	/* Valid for clocks that are a little behind. */
	assert_true(X509_cmp_timeframe(NULL, X509_get0_notBefore(certificate),
				       X509_get0_notAfter(certificate)) == 0);
	assert_int_equal(certificate_expiry(&expiry, text), 0);
	assert_true(expiry > (int64_t)time(NULL) + 9 * 86400);
	assert_true(expiry < (int64_t)time(NULL) + 11 * 86400);
	X509_free(certificate);
	X509_free(authority);

	assert_int_equal(strlen(serial), 32);
	assert_true(serial[0] >= '4' && serial[0] <= '7');
	assert_int_equal(certificate_sign_request(&second, other_serial, fixture->request,
						  "gateway17", 10, &issuer),
			 0);
	assert_string_not_equal(serial, other_serial);
	assert_int_equal(certificate_compare(text, second), -ENOENT);
	assert_int_equal(certificate_compare(text, text), 0);
}

static void test_issuer_must_fit(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *other = NULL, *other_key = NULL, *text = NULL;
	char serial[CERTIFICATE_SERIAL_HEX];
	struct certificate_issuer issuer;

	assert_int_equal(certificate_create(&other, &other_key, CERTIFICATE_KEY_P256,
					    CERTIFICATE_AUTHORITY, "other", 1, NULL),
			 0);
	issuer = (struct certificate_issuer){ fixture->authority, other_key };
	assert_int_equal(certificate_sign_request(&text, serial, fixture->request, "x", 1, &issuer),
			 -EINVAL);
	assert_null(text);
	assert_int_equal(certificate_check_key(fixture->authority, other_key), -EINVAL);
	assert_int_equal(certificate_check_key(other, other_key), 0);
	assert_int_equal(certificate_check_key("x", "y"), -EINVAL);
}

static void test_server_names(void **state)
{
	_cleanup_free_ char *named = NULL, *named_key = NULL, *numbered = NULL,
			    *numbered_key = NULL;

	assert_int_equal(certificate_create(&named, &named_key, CERTIFICATE_KEY_P256,
					    CERTIFICATE_SERVER, "vpn.example.com", 1, NULL),
			 0);
	assert_int_equal(certificate_check_name(named, "vpn.example.com"), 0);
	assert_int_equal(certificate_check_name(named, "vpn.example.org"), -ENOENT);
	assert_int_equal(certificate_check_name(named, "192.0.2.1"), -ENOENT);
	assert_int_equal(certificate_create(&numbered, &numbered_key, CERTIFICATE_KEY_P256,
					    CERTIFICATE_SERVER, "192.0.2.1", 1, NULL),
			 0);
	assert_int_equal(certificate_check_name(numbered, "192.0.2.1"), 0);
	assert_int_equal(certificate_check_name(numbered, "192.0.2.2"), -ENOENT);
	assert_int_equal(certificate_check_name("x", "x"), -EINVAL);
}

static void test_base64_is_der(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *base64 = certificate_to_base64(fixture->authority);
	const char *body = strchr(fixture->authority, '\n') + 1;

	assert_non_null(base64);
	assert_memory_equal(base64, body, 64);
	assert_null(strchr(base64, '\n'));
	assert_null(certificate_to_base64("x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_request),
		cmocka_unit_test(test_wrong_keys_are_refused),
		cmocka_unit_test(test_request_must_prove_its_key),
		cmocka_unit_test(test_only_one_request_and_nothing_else),
		cmocka_unit_test(test_signed_certificate),
		cmocka_unit_test(test_issuer_must_fit),
		cmocka_unit_test(test_server_names),
		cmocka_unit_test(test_base64_is_der),
	};

	return cmocka_run_group_tests_name("certificate", tests, setup, teardown);
}
