/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Called by discoverd: takes a connection from its standard input, a socket, and speaks TLS on it,
 * as tls_process.h says. It blocks; discoverd ends it when it takes too long.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"
#include "discoverd/certificate_names.h"

#define MAX_CERTIFICATES 16384 /* bytes of the chain that a server may send */
#define PIECE            4096

static int receive_descriptor(int from)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	int fd;

	if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message) ||
	    control.header.cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

static SSL *make_tls(int fd)
{
	SSL_CTX *context;
	SSL *tls;

	/* The host's openssl.cnf is about connections that are to be safe. */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return NULL;
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
	SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_max_cert_list(context, MAX_CERTIFICATES);
	/* To read what is no data, such as a ticket, must not end in waiting for data. */
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
	tls = SSL_new(context);
	SSL_CTX_free(context);
	if (tls && !SSL_set_fd(tls, fd)) {
		SSL_free(tls);
		return NULL;
	}
	return tls;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
	ssize_t written;

	while (size) {
		written = write(fd, bytes, size);
		if (written < 0)
			return false;
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

static bool report(int error, const char *names)
{
	char line[32];
	int size = snprintf(line, sizeof(line), "%d %zu\n", error, strlen(names));

	return write_all(STDIN_FILENO, line, (size_t)size) &&
	       write_all(STDIN_FILENO, names, strlen(names));
}

static bool report_certificate(SSL *tls)
{
	X509 *certificate = SSL_get0_peer_certificate(tls);
	char names[CERTIFICATE_NAMES_SIZE] = "";
	unsigned char *der = NULL;
	int size = certificate ? i2d_X509(certificate, &der) : 0;

	if (size > 0)
		certificate_names_read(names, der, (size_t)size);
	OPENSSL_free(der);
	return report(0, names);
}

/* Until either end has no more to say. */
static void relay(SSL *tls, int fd)
{
	struct pollfd ends[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				 { .fd = fd, .events = POLLIN } };
	char piece[PIECE];
	ssize_t size;

	for (;;) {
		if (!SSL_pending(tls) && poll(ends, 2, -1) < 0)
			return;
		if (ends[0].revents) {
			size = read(STDIN_FILENO, piece, sizeof(piece));
			if (size <= 0 || SSL_write(tls, piece, (int)size) <= 0)
				return;
		}
		if (ends[1].revents || SSL_pending(tls)) {
			size = SSL_read(tls, piece, sizeof(piece));
			if (size <= 0 && SSL_get_error(tls, (int)size) != SSL_ERROR_WANT_READ)
				return;
			if (size > 0 && !write_all(STDIN_FILENO, piece, (size_t)size))
				return;
		}
		ends[0].revents = ends[1].revents = 0;
	}
}

int main(int argc, char *argv[])
{
	SSL *tls;
	int fd, error;

	signal(SIGPIPE, SIG_IGN);
	fcntl(STDIN_FILENO, F_SETFL, 0); /* to block is what this process is for */
	fd = argc == 1 ? receive_descriptor(STDIN_FILENO) : -1;
	if (fd < 0) {
		fputs("usage: discoverd-tls (called by discoverd)\n", stderr);
		return 2;
	}
	fcntl(fd, F_SETFL, 0);
	tls = make_tls(fd);
	errno = 0;
	if (!tls || SSL_connect(tls) != 1) {
		error = errno ? errno : EPROTO;
		report(error, "");
	} else if (report_certificate(tls)) {
		relay(tls, fd);
	}
	SSL_free(tls);
	close(fd);
	return 0;
}
