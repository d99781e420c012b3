/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpn-service/credentials.h"

#include <errno.h>
#include <string.h>

#include "common/certificate.h"
#include "common/config_files.h"
#include "common/memory.h"
#include "common/state_file.h"

#define MAX_CERTIFICATES 8

static const char setup[] = "run \"vpn-service setup\"";

/* Owned text of a file, that of the option key or, when that is not set, setup's. */
static int read_file(struct config_refusal *refusal, const char *key, const char *path,
		     char **ret_text)
{
	int r = file_read(path, MAX_CERTIFICATES * CERTIFICATE_MAX_PEM, ret_text, NULL);

	if (r < 0)
		return config_refuse(refusal, key, "%s cannot be read: %s; %s", path, strerror(-r),
				     setup);
	return 0;
}

/* One line of a file, without its end. */
static int read_secret(struct config_refusal *refusal, const char *key, const char *path,
		       char **ret_secret)
{
	int r = config_check_secret(refusal, key, path, setup);

	if (r == 0)
		r = read_file(refusal, key, path, ret_secret);
	if (r == 0)
		(*ret_secret)[strcspn(*ret_secret, "\r\n")] = '\0';
	return r;
}

static int load_secrets(struct credentials *credentials, const struct service_settings *settings,
			struct config_refusal *refusal)
{
	_cleanup_free_ char *token_file = settings_file(settings, settings->token_file, FILE_TOKEN);
	_cleanup_free_ char *password_file = settings_file(
		settings, settings->softether_password_file, FILE_SOFTETHER_PASSWORD);
	_cleanup_secret_ char *token = NULL;
	int r = read_secret(refusal, "token_file", token_file, &token);

	if (r < 0)
		return r;
	sha256(credentials->token_digest, token, strlen(token));
	credentials->has_token = true;
	return read_secret(refusal, "softether_password_file", password_file,
			   &credentials->softether_password);
}

/* A file of one or more certificates, so that the next one can be announced before it is used. */
static int load_server_certificates(struct credentials *credentials,
				    const struct service_settings *settings,
				    struct config_refusal *refusal)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	_cleanup_free_ char *path = settings_file(settings, NULL, FILE_VPN_CERTIFICATE);
	_cleanup_free_ char *text = NULL;
	const char *begin, *stop;
	int r = read_file(refusal, "state_directory", path, &text);

	if (r < 0)
		return r;
	for (begin = text; (stop = strstr(begin, end)); begin = stop) {
		_cleanup_free_ char *certificate = NULL;

		stop += strlen(end);
		certificate = xstrndup(begin, (size_t)(stop - begin));
		if (certificate_compare(certificate, certificate) < 0)
			break;
		credentials->server_certificates = strv_append(credentials->server_certificates,
							       certificate);
	}
	if (credentials->server_certificates && !*begin)
		return 0;
	return config_refuse(refusal, "state_directory", "%s is not a list of certificates; %s",
			     path, setup);
}

static int load_hub_authority(struct credentials *credentials,
			      const struct service_settings *settings,
			      struct config_refusal *refusal)
{
	_cleanup_free_ char *certificate = settings_file(settings, NULL, FILE_HUB_CERTIFICATE);
	_cleanup_free_ char *key = settings_file(settings, NULL, FILE_HUB_KEY);
	const struct config_key_pair pair = { "state_directory", certificate, "state_directory",
					      key };
	int r = config_check_key_pair(refusal, &pair, setup);

	if (r == 0)
		r = read_file(refusal, "state_directory", certificate,
			      &credentials->hub_certificate);
	return r < 0 ? r : read_file(refusal, "state_directory", key, &credentials->hub_key);
}

int credentials_load(struct credentials *credentials, const struct service_settings *settings,
		     struct config_refusal *refusal)
{
	int r = load_secrets(credentials, settings, refusal);

	if (r == 0)
		r = load_server_certificates(credentials, settings, refusal);
	return r < 0 ? r : load_hub_authority(credentials, settings, refusal);
}

/* What the API's TLS server reads by itself. */
static int check_api_files(const struct service_settings *settings, struct config_refusal *refusal)
{
	_cleanup_free_ char *certificate = settings_file(settings, settings->certificate,
							 FILE_API_CERTIFICATE);
	_cleanup_free_ char *key = settings_file(settings, settings->key, FILE_API_KEY);
	_cleanup_free_ char *authority = settings_file(settings, settings->client_ca,
						       FILE_API_CLIENT_CA);
	const struct config_key_pair pair = { "certificate", certificate, "key", key };
	int r = config_check_key_pair(refusal, &pair, setup);

	return r < 0 ? r : config_check_certificates(refusal, "client_ca", authority, setup);
}

int credentials_check(const void *object, struct config_refusal *refusal)
{
	const struct service_settings *settings = object;
	struct credentials credentials = { 0 };
	int r;

	if (!settings->vpn_hostname)
		return config_refuse(refusal, "vpn_hostname", "is missing; %s", setup);
	if (!settings->vpn_domain)
		return config_refuse(refusal, "vpn_domain", "is missing; %s", setup);
	r = credentials_load(&credentials, settings, refusal);
	credentials_deinit(&credentials);
	return r < 0 ? r : check_api_files(settings, refusal);
}

void credentials_deinit(struct credentials *credentials)
{
	secret_free(credentials->softether_password);
	secret_free(credentials->hub_key);
	free(credentials->hub_certificate);
	strv_free(credentials->server_certificates);
	*credentials = (struct credentials){ 0 };
}

bool credentials_token_is_right(const struct credentials *credentials, const char *token)
{
	uint8_t digest[SHA256_SIZE];
	uint8_t difference = 0;

	/* Digests have one length, which is what makes the comparison take the same time. */
	sha256(digest, token, strlen(token));
	for (size_t i = 0; i < SHA256_SIZE; i++)
		difference |= digest[i] ^ credentials->token_digest[i];
	return credentials->has_token && !difference;
}
