/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TCP socket on any port of 127.0.0.1 that discoverd may call: the kernel gives out some that are
 * those of industrial controllers. */
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include "common/netaddr.h"
#include "discoverd/forbidden_port.h"
#include "tests/support/test.h"

static inline int local_port_bind(uint16_t *ret_port)
{
	struct sockaddr_storage bound;
	struct netaddr address;
	socklen_t length;
	int fd;

	do {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(fd >= 0);
		netaddr_parse(&address, "127.0.0.1");
		length = netaddr_to_sockaddr(&address, 0, &bound);
		assert_int_equal(bind(fd, (struct sockaddr *)&bound, length), 0);
		length = sizeof(bound);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &length), 0);
		netaddr_from_sockaddr(&address, ret_port, (struct sockaddr *)&bound);
		if (port_is_forbidden(*ret_port))
			close(fd);
	} while (port_is_forbidden(*ret_port));
	return fd;
}
