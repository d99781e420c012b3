/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpnd/settings.h"

#include <errno.h>
#include <stdio.h>
#include <openssl/rsa.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "tests/support/test.h"

#include "tests/support/certificate.h" /* uses cmocka */

/* Made once: RSA keys take their time. */
static char *certificate, *private_key, *other_key, *ec_certificate, *ec_key;

static char *pem_of(BIO *bio)
{
	char *data, *text;
	long size = BIO_get_mem_data(bio, &data);

	text = xstrndup(data, (size_t)size);
	BIO_free(bio);
	return text;
}

static char *certificate_pem(X509 *x509)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
	return pem_of(bio);
}

static char *key_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	return pem_of(bio);
}

static int make_keys(void **state)
{
	struct test_certificate ec = test_certificate_new("ec", NULL, NULL, 3600);
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *other = EVP_RSA_gen(2048);
	X509 *x509 = X509_dup(ec.certificate);

	X509_set_pubkey(x509, rsa);
	assert_true(X509_sign(x509, rsa, EVP_sha256()) > 0);
	certificate = certificate_pem(x509);
	private_key = key_pem(rsa);
	other_key = key_pem(other);
	ec_certificate = certificate_pem(ec.certificate);
	ec_key = key_pem(ec.key);
	X509_free(x509);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(other);
	test_certificate_free(&ec);
	return 0;
}

static int drop_keys(void **state)
{
	free(certificate);
	free(private_key);
	free(other_key);
	free(ec_certificate);
	free(ec_key);
	return 0;
}

static struct settings *make_settings(void)
{
	struct settings *settings = settings_new();
	char *error = NULL;

	assert_int_equal(settings_add_server(settings, "vpn2.example", 443, 20, &error), 0);
	assert_int_equal(settings_add_server(settings, "192.0.2.1", 80, -1, &error), 0);
	assert_int_equal(settings_add_server(settings, "vpn3.example", 443, 20, &error), 0);
	settings->hub = xstrdup("GW");
	settings->username = xstrdup("gateway7");
	settings->hostname = xstrdup("gateway7");
	assert_int_equal(mac_parse(&settings->mac, "02:ac:00:00:00:07"), 0);
	settings->has_mac = true;
	settings->certificate = xstrdup(certificate);
	settings->private_key = xstrdup(private_key);
	settings->server_certificates = strv_append(NULL, ec_certificate);
	assert_int_equal(netprefix_parse(&settings->address, "10.44.0.7/20"), 0);
	return settings;
}

static void good_settings_pass(void **state)
{
	_cleanup_(settings_freep) struct settings *settings = make_settings();
	_cleanup_free_ char *error = NULL;

	assert_int_equal(settings_check(settings, &error), 0);
	assert_int_equal(strlen(settings->certificate_digests.sha1), 40);
	assert_int_equal(strlen(settings->server_digests[0].sha256), 64);
	assert_int_equal(settings->server_certificate_count, 1);
}

static void servers_stand_in_order(void **state)
{
	_cleanup_(settings_freep) struct settings *settings = make_settings();
	_cleanup_free_ char *error = NULL;

	assert_int_equal(settings_check(settings, &error), 0);
	assert_string_equal(settings->servers[0].host, "192.0.2.1");
	assert_string_equal(settings->servers[1].host, "vpn2.example");
	assert_string_equal(settings->servers[2].host, "vpn3.example");
}

static void json_keeps_everything(void **state)
{
	_cleanup_(settings_freep) struct settings *settings = make_settings(), *read = NULL;
	_cleanup_free_ char *error = NULL;
	_cleanup_secret_ char *text = NULL;

	assert_int_equal(settings_check(settings, &error), 0);
	text = settings_to_json(settings);
	assert_int_equal(settings_from_json(&read, text, strlen(text), &error), 0);
	assert_true(settings_equal(settings, read));
	assert_string_equal(read->private_key, private_key);
	replace_string(&read->hub, "OTHER");
	assert_false(settings_equal(settings, read));
}

static void assert_refused(struct settings *settings, const char *word)
{
	_cleanup_free_ char *error = NULL;

	assert_int_equal(settings_check(settings, &error), -EINVAL);
	if (!error || strncmp(error, word, strlen(word)) != 0)
		fail_msg("said \"%s\", not \"%s…\"", error, word);
	settings_free(settings);
}

static struct settings *with_text(size_t offset, const char *value)
{
	struct settings *settings = make_settings();

	replace_string((char **)(void *)((char *)settings + offset), value);
	return settings;
}
#define WITH(member, value) with_text(offsetof(struct settings, member), value)

static void each_wrong_setting_is_named(void **state)
{
	struct settings *settings;

	assert_refused(WITH(hub, NULL), "hub:");
	assert_refused(WITH(hub, "a b"), "hub:");
	assert_refused(WITH(hub, "GW\nAccountDelete x"), "hub:");
	assert_refused(WITH(username, "-x"), "username:");
	assert_refused(WITH(username, ""), "username:");
	assert_refused(WITH(hostname, "a.b"), "hostname:");
	assert_refused(WITH(certificate, "no certificate"), "certificate:");
	assert_refused(WITH(private_key, NULL), "private_key:");
	assert_refused(WITH(private_key, "no key"), "private_key: it is not");
	assert_refused(WITH(private_key, other_key), "private_key: it does not belong");
	assert_refused(WITH(private_key, ec_key), "private_key: SoftEther takes RSA");
	settings = make_settings();
	settings->has_mac = false;
	assert_refused(settings, "mac_address:");
	settings = make_settings();
	settings->mac.octets[0] = 0x01;
	assert_refused(settings, "mac_address:");
	settings = make_settings();
	settings->address.length = 0;
	settings->address.length = 31;
	assert_refused(settings, "address, prefix_length:");
	settings = make_settings();
	settings->server_certificates = strv_append(settings->server_certificates, "x");
	assert_refused(settings, "server_certificates:");
	settings = make_settings();
	settings->server_certificates = strv_free(settings->server_certificates);
	assert_refused(settings, "server_certificates:");
}

static void two_certificates_in_one_are_refused(void **state)
{
	_cleanup_free_ char *both = xasprintf("%s%s", ec_certificate, ec_certificate);

	assert_refused(WITH(certificate, both), "certificate:");
}

static void servers_are_checked_as_they_come(void **state)
{
	static const char *const bad[] = { "", "-x", "a b", "a;b", "::1", "a/tcp", "caf\xc3\xa9" };
	_cleanup_(settings_freep) struct settings *settings = settings_new();
	char *error = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(settings_add_server(settings, bad[i], 80, 0, &error), -EINVAL);
		replace_string(&error, NULL);
	}
	assert_int_equal(settings_add_server(settings, "a", 0, 0, &error), -EINVAL);
	replace_string(&error, NULL);
	assert_int_equal(settings_add_server(settings, "a", 65536, 0, &error), -EINVAL);
	replace_string(&error, NULL);
	for (unsigned i = 0; i < SETTINGS_MAX_SERVERS; i++)
		assert_int_equal(settings_add_server(settings, "a", 80, 0, &error), 0);
	assert_int_equal(settings_add_server(settings, "a", 80, 0, &error), -EINVAL);
	free(error);
}

static void damaged_json_is_refused(void **state)
{
	_cleanup_(settings_freep) struct settings *settings = make_settings();
	struct settings *read = NULL;
	_cleanup_secret_ char *text = NULL;
	char *error = NULL;

	assert_int_equal(settings_check(settings, &error), 0);
	text = settings_to_json(settings);
	for (size_t size = 0; size < strlen(text); size += 37) {
		assert_int_equal(settings_from_json(&read, text, size, &error), -EINVAL);
		assert_non_null(error);
		replace_string(&error, NULL);
	}
	assert_int_equal(settings_from_json(&read, "{}", 2, &error), -EINVAL);
	free(error);
	assert_null(read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_settings_pass),
		cmocka_unit_test(servers_stand_in_order),
		cmocka_unit_test(json_keeps_everything),
		cmocka_unit_test(each_wrong_setting_is_named),
		cmocka_unit_test(two_certificates_in_one_are_refused),
		cmocka_unit_test(servers_are_checked_as_they_come),
		cmocka_unit_test(damaged_json_is_refused),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
