/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses as values: parsing accepts exactly one canonical notation of each kind and nothing
 * around it; formatting never fails. Pure.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define MAC_TEXT_SIZE       18 /* "aa:bb:cc:dd:ee:ff" */
#define NETADDR_TEXT_SIZE   46 /* INET6_ADDRSTRLEN */
#define NETPREFIX_TEXT_SIZE 50

struct mac_address {
	uint8_t octets[6];
};

struct netaddr {
	sa_family_t family; /* AF_INET, AF_INET6, or AF_UNSPEC: none */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

struct netprefix {
	struct netaddr address; /* host bits are kept as given; netprefix_network() clears them */
	uint8_t length;         /* 0..32 or 0..128 */
};

int mac_parse(struct mac_address *ret_mac,
	      const char *text); /* 0 or -EINVAL; ':' or '-', either case */
const char *mac_format(const struct mac_address *mac,
		       char buffer[static MAC_TEXT_SIZE]); /* lower case */
bool mac_equal(const struct mac_address *a, const struct mac_address *b);
bool mac_is_unicast(const struct mac_address *mac); /* not a group address and not all zero */

int netaddr_parse(struct netaddr *ret_address, const char *text);
const char *netaddr_format(const struct netaddr *address, char buffer[static NETADDR_TEXT_SIZE]);
bool netaddr_equal(const struct netaddr *a, const struct netaddr *b);
/* A host's own address: not unspecified, loopback, multicast, broadcast or 0/8. */
bool netaddr_is_unicast_host(const struct netaddr *address);
bool netaddr_is_link_local(const struct netaddr *address); /* 169.254/16, fe80::/10 */
int netaddr_from_sockaddr(struct netaddr *ret_address, uint16_t *ret_port,
			  const struct sockaddr *sockaddr);
socklen_t netaddr_to_sockaddr(const struct netaddr *address, uint16_t port,
			      struct sockaddr_storage *ret_sockaddr);

int netprefix_parse(struct netprefix *ret_prefix, const char *text); /* "10.0.0.0/8", "fd00::/64" */
const char *netprefix_format(const struct netprefix *prefix,
			     char buffer[static NETPREFIX_TEXT_SIZE]);
bool netprefix_contains(const struct netprefix *prefix, const struct netaddr *address);
struct netprefix netprefix_network(const struct netprefix *prefix);

int port_parse(uint16_t *ret_port, const char *text); /* 1..65535, digits only */

/* A host name, or what is spelled like one (an IPv4 address), that fits into a certificate. */
bool host_name_is_valid(const char *name);

/* scheme ("https://"), HOST or [ADDRESS], perhaps :PORT, and nothing more: no user, no path. */
bool url_is_origin(const char *url, const char *scheme);
