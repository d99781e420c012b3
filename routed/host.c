/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routed/host.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "common/memory.h"

int host_addresses(struct host_address **ret_addresses, size_t *ret_count)
{
	struct host_address *addresses = NULL;
	size_t count = 0, capacity = 0;
	struct ifaddrs *list, *item;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (item = list; item; item = item->ifa_next) {
		if (!item->ifa_addr)
			continue;
		if (count == capacity) {
			capacity = capacity ? 2 * capacity : 16;
			addresses = xrealloc_array(addresses, capacity, sizeof(*addresses));
		}
		addresses[count] = (struct host_address){ 0 };
		memcpy(addresses[count].interface, item->ifa_name,
		       strnlen(item->ifa_name, IFNAMSIZ - 1));
		if (netaddr_from_sockaddr(&addresses[count].address, NULL, item->ifa_addr) >= 0)
			count++;
	}
	freeifaddrs(list);
	*ret_addresses = addresses;
	*ret_count = count;
	return 0;
}

int64_t host_wall_clock(bool *ret_synchronised)
{
	struct timex state = { .modes = 0 };
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	*ret_synchronised = adjtimex(&state) >= 0 && !(state.status & STA_UNSYNC);
	return (int64_t)wall.tv_sec * (int64_t)USEC_PER_SEC + wall.tv_nsec / 1000;
}

bool host_forwards(sa_family_t family)
{
	const char *path = family == AF_INET6 ? "/proc/sys/net/ipv6/conf/all/forwarding"
					      : "/proc/sys/net/ipv4/ip_forward";
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char value = '0';

	return fd >= 0 && read(fd, &value, 1) == 1 && value != '0';
}
