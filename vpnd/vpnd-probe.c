/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "vpnd-probe HOST PORT": connects, looks at the certificate that is shown, and says so in one
 * line (probe.h). It sends nothing but a TLS handshake. Name lookup and connecting block here, in
 * a process of their own, under the time-out of vpnd's process runner.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "vpnd/probe.h"

#define CONNECT_PATIENCE_MS 4000
#define ANSWER_PATIENCE     4 /* seconds for each read of the handshake */

static int report(const struct probe_report *result)
{
	char line[PROBE_LINE_MAX];

	probe_format(line, result);
	return puts(line) < 0 ? 1 : 0;
}

static int report_failure(enum probe_result result, const char *text)
{
	struct probe_report failure = { .result = result };

	snprintf(failure.text, sizeof(failure.text), "%s", text);
	return report(&failure);
}

/* Returns 0 or a positive errno. */
static int connect_in_time(int fd, const struct addrinfo *address)
{
	const struct timeval patience = { .tv_sec = ANSWER_PATIENCE };
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int error = 0;

	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			return errno;
		if (poll(&ready, 1, CONNECT_PATIENCE_MS) != 1)
			return ETIMEDOUT;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			return errno;
	}
	if (error == 0) {
		fcntl(fd, F_SETFL, 0);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	}
	return error;
}

/* A connected descriptor, or -1 and the last address's errno. */
static int connect_to_any(const struct addrinfo *addresses, int *ret_error)
{
	for (const struct addrinfo *address = addresses; address; address = address->ai_next) {
		int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0) {
			*ret_error = errno;
			continue;
		}
		*ret_error = connect_in_time(fd, address);
		if (*ret_error == 0)
			return fd;
		close(fd);
	}
	return -1;
}

static int report_certificate(const X509 *certificate)
{
	struct probe_report seen = { .result = PROBE_CERTIFICATE };
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (!certificate || X509_digest(certificate, EVP_sha256(), digest, &length) != 1 ||
	    length != SHA256_SIZE)
		return report_failure(PROBE_NOT_TLS, "it shows no certificate");
	hex_format(seen.sha256, digest, length);
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
		seen.result = PROBE_EXPIRED;
		snprintf(seen.text, sizeof(seen.text), "has expired");
	} else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
		seen.result = PROBE_EXPIRED;
		snprintf(seen.text, sizeof(seen.text), "is not valid yet: is the clock right?");
	}
	return report(&seen);
}

/* Nothing is verified here: the certificate itself is what vpnd compares with its pins. */
static int probe_tls(int fd, const char *host)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *tls = context ? SSL_new(context) : NULL;
	struct in_addr literal;
	int r;

	if (!tls || SSL_set_fd(tls, fd) != 1)
		return report_failure(PROBE_NOT_TLS, "OpenSSL does not work here");
	SSL_set_verify(tls, SSL_VERIFY_NONE, NULL);
	if (inet_pton(AF_INET, host, &literal) != 1)
		SSL_set_tlsext_host_name(tls, host);
	if (SSL_connect(tls) == 1) {
		X509 *certificate = SSL_get1_peer_certificate(tls);

		r = report_certificate(certificate);
		X509_free(certificate);
	} else {
		const char *reason = ERR_reason_error_string(ERR_peek_last_error());

		r = report_failure(PROBE_NOT_TLS, reason ? reason : "the handshake got no answer");
	}
	SSL_free(tls);
	SSL_CTX_free(context);
	return r;
}

int main(int argc, char *argv[])
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICSERV };
	struct addrinfo *addresses = NULL;
	int fd, r, error = 0;

	if (argc != 3) {
		fputs("usage: vpnd-probe HOST PORT (called by vpnd)\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	r = getaddrinfo(argv[1], argv[2], &hints, &addresses);
	if (r != 0)
		return report_failure(PROBE_UNRESOLVED, gai_strerror(r));
	fd = connect_to_any(addresses, &error);
	freeaddrinfo(addresses);
	if (fd < 0)
		return report_failure(PROBE_UNREACHABLE, strerror(error));
	r = probe_tls(fd, argv[1]);
	close(fd);
	return r;
}
