/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS for a connection to a device, in a process of its own: discoverd-tls. What speaks TLS and
 * reads certificates costs megabytes, which discoverd does not keep for the few moments that it
 * needs them; and what a stranger's handshake could break ends with that process.
 *
 * On the descriptor that takes the place of the connection first comes a line "ERROR SIZE\n": 0 or
 * an errno, and how many bytes of names of the server's certificate follow (certificate_names.h).
 * After that comes what the server sends, and what is written goes to it.
 *
 * Nothing is verified and everything old is accepted: cameras have certificates that they signed
 * themselves, and keys and versions of their first day. What is wanted is the certificate and the
 * server's name, which anybody may have; so nothing that is worth anything to anybody may ever be
 * sent over such a connection: no credential, no name of ours.
 */
#pragma once

#include "common/process.h"

/* Gives a connection away: fd is taken, and the descriptor in its place is filled in. */
int tls_process_start(struct process **ret_process, struct loop *loop, int fd, int *ret_fd);
