/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/udp_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/macros.h"
#include "common/memory.h"

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int open_bound(sa_family_t family, uint16_t port, unsigned ifindex)
{
	const struct netaddr any = { .family = family };
	_cleanup_close_ int fd = -1;
	struct sockaddr_storage address;
	socklen_t length = netaddr_to_sockaddr(&any, port, &address);
	int r = 0;

	fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (family == AF_INET6)
		r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (r >= 0 && port) {
		r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		if (r >= 0)
			r = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	}
	if (r >= 0 && ifindex)
		r = set_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)ifindex);
	if (r >= 0)
		r = family == AF_INET ? set_option(fd, IPPROTO_IP, IP_PKTINFO, 1)
				      : set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	/* Receive what is asked for: a whole site answers within half a second. */
	if (r >= 0)
		r = set_option(fd, SOL_SOCKET, SO_RCVBUF, 512 * 1024);
	if (r >= 0 && bind(fd, (const struct sockaddr *)&address, length) < 0)
		r = -errno;
	return r < 0 ? r : steal_fd(&fd);
}

int udp_socket_open(sa_family_t family, unsigned ifindex)
{
	_cleanup_close_ int fd = open_bound(family, 0, ifindex);
	int r;

	if (fd < 0)
		return fd;
	if (family == AF_INET) {
		const struct ip_mreqn interface = { .imr_ifindex = (int)ifindex };

		r = setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)) < 0
			    ? -errno
			    : 0;
		if (r >= 0)
			r = set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	} else {
		r = set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)ifindex);
		if (r >= 0)
			r = set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	}
	return r < 0 ? r : steal_fd(&fd);
}

int udp_socket_send_only(sa_family_t family)
{
	_cleanup_close_ int fd = open_bound(family, 0, 0);
	int r = fd < 0 ? fd : set_option(fd, SOL_SOCKET, SO_RCVBUF, 0); /* the least there is */

	return r < 0 ? r : steal_fd(&fd);
}

int udp_socket_listen(sa_family_t family, uint16_t port)
{
	return open_bound(family, port, 0);
}

static int change_membership(int fd, const struct netaddr *group, unsigned ifindex, bool join)
{
	struct group_req request = { .gr_interface = ifindex };
	int level = group->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;

	netaddr_to_sockaddr(group, 0, &request.gr_group);
	if (setsockopt(fd, level, join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request,
		       sizeof(request)) < 0 &&
	    errno != EADDRINUSE)
		return -errno;
	return 0;
}

int udp_socket_join(int fd, const struct netaddr *group, unsigned ifindex)
{
	return change_membership(fd, group, ifindex, true);
}

void udp_socket_leave(int fd, const struct netaddr *group, unsigned ifindex)
{
	change_membership(fd, group, ifindex, false);
}

void udp_socket_send(int fd, const struct netaddr *to, uint16_t port, unsigned ifindex,
		     const struct netaddr *source, const void *bytes, size_t size)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec vector = { .iov_base = (void *)bytes, .iov_len = size };
	struct sockaddr_storage address;
	struct msghdr message = { .msg_name = &address, .msg_iov = &vector, .msg_iovlen = 1 };
	struct cmsghdr *header;

	message.msg_namelen = netaddr_to_sockaddr(to, port, &address);
	if (to->family == AF_INET6)
		((struct sockaddr_in6 *)(void *)&address)->sin6_scope_id = ifindex;
	if (source && source->family == AF_INET && to->family == AF_INET) {
		const struct in_pktinfo info = { .ipi_ifindex = (int)ifindex,
						 .ipi_spec_dst = source->v4 };

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(info));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = IPPROTO_IP;
		header->cmsg_type = IP_PKTINFO;
		header->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(header), &info, sizeof(info));
	}
	(void)!sendmsg(fd, &message, MSG_NOSIGNAL);
}

static unsigned incoming_interface(struct msghdr *message)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(header), sizeof(info));
			return (unsigned)info.ipi_ifindex;
		}
		if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(header), sizeof(info));
			return info.ipi6_ifindex;
		}
	}
	return 0;
}

int udp_socket_receive(int fd, void *buffer, size_t size, struct netaddr *ret_from,
		       unsigned *ret_ifindex)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
			   CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control;
	struct iovec vector = { .iov_base = buffer, .iov_len = size };
	struct sockaddr_storage address;
	struct msghdr message = { .msg_name = &address,
				  .msg_namelen = sizeof(address),
				  .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
	uint16_t port;
	int r;

	if (length < 0)
		return -errno;
	r = netaddr_from_sockaddr(ret_from, &port, (const struct sockaddr *)&address);
	if (r < 0)
		return r;
	*ret_ifindex = incoming_interface(&message);
	return (int)length;
}
