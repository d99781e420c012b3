/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's end of a TLS connection, over a socket that does not block; the socket is borrowed.
 *
 * Nothing is verified and everything old is accepted: cameras have certificates that they signed
 * themselves, and keys and versions of their first day. What is wanted is the certificate and the
 * server's name, which anybody may have; so nothing that is worth anything to anybody may ever be
 * sent over such a connection: no credential, no name of ours.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls;

void tls_new(struct tls **ret_tls, int fd);
struct tls *tls_free(struct tls *tls); /* without a word to the other end */

/* 0; -EAGAIN: call again when the socket is ready for ret_wanted (LOOP_READ or LOOP_WRITE);
 * -EPROTO: it does not speak TLS, or none that we do; another error of the socket. */
int tls_handshake(struct tls *tls, unsigned *ret_wanted);
/* As recv() and send(), with a negative errno for an error. */
ssize_t tls_receive(struct tls *tls, void *buffer, size_t size);
ssize_t tls_send(struct tls *tls, const void *bytes, size_t size);

/* The server's own certificate in DER, allocated; 0 if it has none. After the handshake. */
size_t tls_certificate(struct tls *tls, uint8_t **ret_certificate);
