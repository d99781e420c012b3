/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/config_files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/memory.h"
#include "common/state_file.h"

#define MAX_CERTIFICATES (2 * 1024 * 1024) /* all the authorities that a system trusts */
#define MAX_SECRET       4096

static int refuse_file(struct config_refusal *refusal, const char *key, const char *path,
		       const char *problem, const char *remedy)
{
	return config_refuse(refusal, key, "%s %s%s%s", path, problem, remedy ? "; " : "",
			     remedy ? remedy : "");
}

static int read_file(struct config_refusal *refusal, const char *key, const char *path,
		     size_t limit, const char *remedy, char **ret_text, size_t *ret_size)
{
	int r = file_read(path, limit, ret_text, ret_size);
	_cleanup_free_ char *problem = NULL;

	if (r >= 0)
		return 0;
	if (r == -EACCES)
		problem = xasprintf("cannot be read by the user with number %u: %s",
				    (unsigned)geteuid(), strerror(-r));
	else
		problem = xasprintf("cannot be read: %s",
				    r == -EFBIG ? "it is too large" : strerror(-r));
	return refuse_file(refusal, key, path, problem, remedy);
}

int config_check_certificates(struct config_refusal *refusal, const char *key, const char *path,
			      const char *remedy)
{
	_cleanup_free_ char *text = NULL;
	int r = read_file(refusal, key, path, MAX_CERTIFICATES, remedy, &text, NULL);

	if (r < 0)
		return r;
	if (certificate_compare(text, text) < 0)
		return refuse_file(refusal, key, path, "holds no certificate in PEM", remedy);
	return 0;
}

int config_check_key_pair(struct config_refusal *refusal, const struct config_key_pair *pair,
			  const char *remedy)
{
	_cleanup_free_ char *certificate = NULL;
	char *key = NULL;
	size_t size = 0;
	int r;

	r = config_check_certificates(refusal, pair->certificate_key, pair->certificate_path,
				      remedy);
	if (r == 0)
		r = read_file(refusal, pair->certificate_key, pair->certificate_path,
			      MAX_CERTIFICATES, remedy, &certificate, NULL);
	if (r == 0)
		r = read_file(refusal, pair->key_key, pair->key_path, CERTIFICATE_MAX_PEM, remedy,
			      &key, &size);
	if (r < 0)
		return r;
	if (certificate_check_key(certificate, key) < 0)
		r = refuse_file(refusal, pair->key_key, pair->key_path,
				"is not the private key of the certificate", remedy);
	secret_free_sized(key, size);
	return r;
}

int config_check_secret(struct config_refusal *refusal, const char *key, const char *path,
			const char *remedy)
{
	char *text = NULL;
	size_t size = 0;
	int r = read_file(refusal, key, path, MAX_SECRET, remedy, &text, &size);

	if (r == 0 && strcspn(text, "\r\n") == 0)
		r = refuse_file(refusal, key, path, "has an empty first line", remedy);
	secret_free_sized(text, size);
	return r;
}
