/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UDP sockets as discovery needs them: bound to an interface, told where a packet came in. */
#pragma once

#include "common/netaddr.h"

#define UDP_MAX_PACKET 65536

/* A socket on a port of its own, that sends and receives on one interface only. Returns the
 * descriptor or -errno. */
int udp_socket_open(sa_family_t family, unsigned ifindex);
/* A socket that only sends, on any interface. */
int udp_socket_send_only(sa_family_t family);
/* A socket that shares a well-known port with whoever else listens there. */
int udp_socket_listen(sa_family_t family, uint16_t port);
int udp_socket_join(int fd, const struct netaddr *group, unsigned ifindex);
void udp_socket_leave(int fd, const struct netaddr *group, unsigned ifindex);

/* source: NULL lets the kernel choose. Losses are not errors: the network may lose it as well. */
void udp_socket_send(int fd, const struct netaddr *to, uint16_t port, unsigned ifindex,
		     const struct netaddr *source, const void *bytes, size_t size);

/* The next packet's size, or -errno (-EAGAIN: none waits). */
int udp_socket_receive(int fd, void *buffer, size_t size, struct netaddr *ret_from,
		       unsigned *ret_ifindex);
