/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The context, which is what costs memory, lives as long as any connection does: most of the time
 * there is none.
 */
#include "discoverd/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "common/loop.h"
#include "common/memory.h"

#define MAX_CERTIFICATES 16384 /* bytes of the chain that a server may send */

struct tls {
	SSL *ssl;
};

static SSL_CTX *context;
static unsigned users; /* of the context */

static SSL_CTX *make_context(void)
{
	SSL_CTX *made;

	/* The host's openssl.cnf is about connections that are to be safe. */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	made = SSL_CTX_new(TLS_client_method());
	if (!made)
		abort();
	SSL_CTX_set_verify(made, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_security_level(made, 0);
	SSL_CTX_set_min_proto_version(made, TLS1_VERSION);
	SSL_CTX_set_cipher_list(made, "ALL:@SECLEVEL=0");
	SSL_CTX_set_options(made, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF |
					  SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(made, MAX_CERTIFICATES);
	return made;
}

void tls_new(struct tls **ret_tls, int fd)
{
	struct tls *tls = xnew(struct tls);

	if (!users++)
		context = make_context();
	tls->ssl = SSL_new(context);
	if (!tls->ssl || !SSL_set_fd(tls->ssl, fd))
		abort();
	SSL_set_connect_state(tls->ssl);
	*ret_tls = tls;
}

struct tls *tls_free(struct tls *tls)
{
	if (!tls)
		return NULL;
	SSL_free(tls->ssl);
	free(tls);
	if (!--users) {
		SSL_CTX_free(context);
		context = NULL;
	}
	return NULL;
}

/* A negative errno for what an operation returned; 0 at the end of the stream. */
static int error_of(struct tls *tls, int result)
{
	int error = errno;

	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return error ? -error : -EPROTO;
	default:
		return -EPROTO;
	}
}

int tls_handshake(struct tls *tls, unsigned *ret_wanted)
{
	int result;

	ERR_clear_error();
	errno = 0;
	result = SSL_do_handshake(tls->ssl);
	if (result == 1)
		return 0;
	*ret_wanted = SSL_want_write(tls->ssl) ? LOOP_WRITE : LOOP_READ;
	result = error_of(tls, result);
	return result ? result : -EPROTO;
}

ssize_t tls_receive(struct tls *tls, void *buffer, size_t size)
{
	int result;

	ERR_clear_error();
	errno = 0;
	result = SSL_read(tls->ssl, buffer, size > INT_MAX ? INT_MAX : (int)size);
	return result > 0 ? result : error_of(tls, result);
}

ssize_t tls_send(struct tls *tls, const void *bytes, size_t size)
{
	int result;

	ERR_clear_error();
	errno = 0;
	result = SSL_write(tls->ssl, bytes, size > INT_MAX ? INT_MAX : (int)size);
	return result > 0 ? result : error_of(tls, result);
}

size_t tls_certificate(struct tls *tls, uint8_t **ret_certificate)
{
	X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
	unsigned char *der = NULL;
	int size = certificate ? i2d_X509(certificate, &der) : 0;

	if (size <= 0)
		return 0;
	*ret_certificate = xmemdup(der, (size_t)size);
	OPENSSL_free(der);
	return (size_t)size;
}
