/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS settings of our two ends: the HTTPS server, and the client of vpn-service. TLS >= 1.2. */
#pragma once

#include <openssl/ssl.h>

struct tls_files {
	const char *authority;   /* of the other end; the client's only */
	const char *certificate; /* ours, with its chain */
	const char *key;
};
/* -EINVAL: a file cannot be used; *ret_error is an owned sentence. End with SSL_CTX_free(). */
int tls_server_context_new(SSL_CTX **ret_context, const struct tls_files *files, char **ret_error);
int tls_client_context_new(SSL_CTX **ret_context, const struct tls_files *files, char **ret_error);
