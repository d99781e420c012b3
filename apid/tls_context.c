/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apid/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "common/memory.h"

#define SESSION_CONTEXT "evercam-apid"

static SSL_CTX *context_new(const SSL_METHOD *method)
{
	SSL_CTX *context = SSL_CTX_new(method);

	if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
		abort(); /* out of memory, or an OpenSSL without TLS 1.2 */
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* Thousands of gateways wait in long-polls: an idle connection keeps no record buffers. */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	return context;
}

static char *file_error(const char *what, const char *path)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return xasprintf("%s %s: %s", what, path, reason ? reason : "cannot be used");
}

static int context_load(SSL_CTX *context, const struct tls_files *files, char **ret_error)
{
	if (files->authority && SSL_CTX_load_verify_locations(context, files->authority, NULL) != 1)
		*ret_error = file_error("authority", files->authority);
	else if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
		*ret_error = file_error("certificate", files->certificate);
	else if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1)
		*ret_error = file_error("key", files->key);
	else
		return 0;
	return -EINVAL;
}

int tls_server_context_new(SSL_CTX **ret_context, const struct tls_files *files, char **ret_error)
{
	SSL_CTX *context = context_new(TLS_server_method());
	int r = context_load(context, files, ret_error);

	if (r < 0) {
		SSL_CTX_free(context);
		return r;
	}
	SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_id_context(context, (const unsigned char *)SESSION_CONTEXT,
				       strlen(SESSION_CONTEXT));
	*ret_context = context;
	return 0;
}

int tls_client_context_new(SSL_CTX **ret_context, const struct tls_files *files, char **ret_error)
{
	SSL_CTX *context = context_new(TLS_client_method());
	int r = context_load(context, files, ret_error);

	if (r < 0) {
		SSL_CTX_free(context);
		return r;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	*ret_context = context;
	return 0;
}
