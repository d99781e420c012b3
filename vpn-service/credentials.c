/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpn-service/credentials.h"

#include <errno.h>
#include <string.h>

#include "common/certificate.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/state_file.h"

#define MAX_SECRET_FILE  4096
#define MAX_CERTIFICATES 8

/* One line of a file, without its end. */
static int read_secret(const struct service_settings *settings, const char *configured,
		       const char *name, char **ret_secret)
{
	_cleanup_free_ char *path = settings_file(settings, configured, name);
	_cleanup_secret_ char *content = NULL;
	int r = file_read(path, MAX_SECRET_FILE, &content, NULL);

	if (r < 0)
		return log_error_errno(r, "%s: %m; run \"vpn-service setup\"", path);
	content[strcspn(content, "\r\n")] = '\0';
	if (!*content) {
		log_error("%s is empty; run \"vpn-service setup\"", path);
		return -EINVAL;
	}
	*ret_secret = steal_ptr(content);
	return 0;
}

static int read_file(const struct service_settings *settings, const char *name, char **ret_content)
{
	_cleanup_free_ char *path = settings_file(settings, NULL, name);
	int r = file_read(path, MAX_CERTIFICATES * CERTIFICATE_MAX_PEM, ret_content, NULL);

	if (r < 0)
		return log_error_errno(r, "%s: %m; run \"vpn-service setup\"", path);
	return 0;
}

static int load_token(struct credentials *credentials, const struct service_settings *settings)
{
	_cleanup_secret_ char *token = NULL;
	int r = read_secret(settings, settings->token_file, FILE_TOKEN, &token);

	if (r < 0)
		return r;
	sha256(credentials->token_digest, token, strlen(token));
	credentials->has_token = true;
	return 0;
}

/* A file of one or more certificates, so that the next one can be announced before it is used. */
static int load_server_certificates(struct credentials *credentials,
				    const struct service_settings *settings)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	_cleanup_free_ char *text = NULL;
	const char *begin, *stop;
	int r = read_file(settings, FILE_VPN_CERTIFICATE, &text);

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
	log_error("%s/%s is not a list of certificates", settings->state_directory,
		  FILE_VPN_CERTIFICATE);
	return -EINVAL;
}

static int load_hub_authority(struct credentials *credentials,
			      const struct service_settings *settings)
{
	int r = read_file(settings, FILE_HUB_CERTIFICATE, &credentials->hub_certificate);

	if (r < 0)
		return r;
	r = read_file(settings, FILE_HUB_KEY, &credentials->hub_key);
	if (r < 0)
		return r;
	r = certificate_check_key(credentials->hub_certificate, credentials->hub_key);
	if (r < 0)
		log_error("the hub's authority and its key do not belong together");
	return r;
}

int credentials_load(struct credentials *credentials, const struct service_settings *settings)
{
	int r = load_token(credentials, settings);

	if (r == 0)
		r = read_secret(settings, settings->softether_password_file,
				FILE_SOFTETHER_PASSWORD, &credentials->softether_password);
	if (r == 0)
		r = load_server_certificates(credentials, settings);
	return r < 0 ? r : load_hub_authority(credentials, settings);
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
