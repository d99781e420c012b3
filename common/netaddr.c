/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/netaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/macros.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mac_parse(struct mac_address *ret_mac, const char *text)
{
	struct mac_address mac;
	int high, low;

	if (strlen(text) != MAC_TEXT_SIZE - 1 || (text[2] != ':' && text[2] != '-'))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(mac.octets); i++) {
		high = hex_digit(text[3 * i]);
		low = hex_digit(text[3 * i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		if (i < sizeof(mac.octets) - 1 && text[3 * i + 2] != text[2])
			return -EINVAL;
		mac.octets[i] = (uint8_t)(high << 4 | low);
	}
	*ret_mac = mac;
	return 0;
}

const char *mac_format(const struct mac_address *mac, char buffer[static MAC_TEXT_SIZE])
{
	const uint8_t *o = mac->octets;

	snprintf(buffer, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", o[0], o[1], o[2], o[3],
		 o[4], o[5]);
	return buffer;
}

bool mac_equal(const struct mac_address *a, const struct mac_address *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

bool mac_is_unicast(const struct mac_address *mac)
{
	static const struct mac_address zero;

	return !(mac->octets[0] & 1) && !mac_equal(mac, &zero);
}

int netaddr_parse(struct netaddr *ret_address, const char *text)
{
	struct netaddr address = { .family = AF_INET };

	if (strchr(text, ':')) {
		address.family = AF_INET6;
		if (inet_pton(AF_INET6, text, &address.v6) != 1)
			return -EINVAL;
	} else if (inet_pton(AF_INET, text, &address.v4) != 1) {
		return -EINVAL;
	}
	*ret_address = address;
	return 0;
}

const char *netaddr_format(const struct netaddr *address, char buffer[static NETADDR_TEXT_SIZE])
{
	buffer[0] = '\0';
	if (address->family == AF_INET)
		inet_ntop(AF_INET, &address->v4, buffer, NETADDR_TEXT_SIZE);
	else if (address->family == AF_INET6)
		inet_ntop(AF_INET6, &address->v6, buffer, NETADDR_TEXT_SIZE);
	return buffer;
}

bool netaddr_equal(const struct netaddr *a, const struct netaddr *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == AF_INET)
		return a->v4.s_addr == b->v4.s_addr;
	if (a->family == AF_INET6)
		return IN6_ARE_ADDR_EQUAL(&a->v6, &b->v6);
	return true;
}

bool netaddr_is_unicast_host(const struct netaddr *address)
{
	if (address->family == AF_INET) {
		uint32_t v4 = ntohl(address->v4.s_addr);

		/* 0/8 "this network", 127/8 loopback, 224/4 multicast, 240/4 reserved and broadcast
		 */
		return v4 >> 24 != 0 && v4 >> 24 != 127 && v4 >> 28 < 14;
	}
	if (address->family == AF_INET6) {
		const struct in6_addr *v6 = &address->v6;

		/* An IPv4 address in IPv6 clothes would get past the checks on IPv4. */
		return !IN6_IS_ADDR_UNSPECIFIED(v6) && !IN6_IS_ADDR_LOOPBACK(v6) &&
		       !IN6_IS_ADDR_MULTICAST(v6) && !IN6_IS_ADDR_V4MAPPED(v6) &&
		       !IN6_IS_ADDR_V4COMPAT(v6);
	}
	return false;
}

bool netaddr_is_link_local(const struct netaddr *address)
{
	if (address->family == AF_INET)
		return ntohl(address->v4.s_addr) >> 16 == 0xa9fe;
	return address->family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address->v6);
}

int netaddr_from_sockaddr(struct netaddr *ret_address, uint16_t *ret_port,
			  const struct sockaddr *sockaddr)
{
	struct netaddr address = { .family = sockaddr->sa_family };
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;
	in_port_t port;

	/* By copy, because the caller's buffer may be of bytes, aligned in any way. */
	if (sockaddr->sa_family == AF_INET) {
		memcpy(&v4, sockaddr, sizeof(v4));
		address.v4 = v4.sin_addr;
		port = v4.sin_port;
	} else if (sockaddr->sa_family == AF_INET6) {
		memcpy(&v6, sockaddr, sizeof(v6));
		port = v6.sin6_port;
		if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
			address.family = AF_INET;
			memcpy(&address.v4, v6.sin6_addr.s6_addr + 12, sizeof(address.v4));
		} else {
			address.v6 = v6.sin6_addr;
		}
	} else {
		return -EAFNOSUPPORT;
	}
	*ret_address = address;
	if (ret_port)
		*ret_port = ntohs(port);
	return 0;
}

socklen_t netaddr_to_sockaddr(const struct netaddr *address, uint16_t port,
			      struct sockaddr_storage *ret_sockaddr)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memset(ret_sockaddr, 0, sizeof(*ret_sockaddr));
	if (address->family == AF_INET) {
		v4.sin_addr = address->v4;
		memcpy(ret_sockaddr, &v4, sizeof(v4));
		return sizeof(v4);
	}
	if (address->family == AF_INET6) {
		v6.sin6_addr = address->v6;
		memcpy(ret_sockaddr, &v6, sizeof(v6));
		return sizeof(v6);
	}
	return 0;
}

/* Decimal without sign, blanks or leading zeros. */
static int parse_decimal(const char *text, unsigned long maximum, unsigned long *ret_value)
{
	unsigned long value = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (unsigned long)(*text - '0');
		if (value > maximum)
			return -EINVAL;
	}
	*ret_value = value;
	return 0;
}

int netprefix_parse(struct netprefix *ret_prefix, const char *text)
{
	const char *slash = strchr(text, '/');
	char address[NETADDR_TEXT_SIZE];
	struct netprefix prefix;
	unsigned long length;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (netaddr_parse(&prefix.address, address) < 0)
		return -EINVAL;
	if (parse_decimal(slash + 1, prefix.address.family == AF_INET ? 32 : 128, &length) < 0)
		return -EINVAL;
	prefix.length = (uint8_t)length;
	*ret_prefix = prefix;
	return 0;
}

const char *netprefix_format(const struct netprefix *prefix,
			     char buffer[static NETPREFIX_TEXT_SIZE])
{
	char address[NETADDR_TEXT_SIZE];

	if (prefix->address.family == AF_UNSPEC)
		buffer[0] = '\0';
	else
		snprintf(buffer, NETPREFIX_TEXT_SIZE, "%s/%u",
			 netaddr_format(&prefix->address, address), prefix->length);
	return buffer;
}

struct netprefix netprefix_network(const struct netprefix *prefix)
{
	struct netprefix network = *prefix;
	uint8_t *bytes = network.address.v6.s6_addr;
	size_t size = prefix->address.family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < size; i++) {
		if (8 * i >= prefix->length)
			bytes[i] = 0;
		else if (8 * (i + 1) > prefix->length)
			bytes[i] &= (uint8_t)(0xff << (8 * (i + 1) - prefix->length));
	}
	return network;
}

bool netprefix_contains(const struct netprefix *prefix, const struct netaddr *address)
{
	struct netprefix network, other = { .address = *address, .length = prefix->length };

	if (address->family != prefix->address.family || address->family == AF_UNSPEC)
		return false;
	network = netprefix_network(prefix);
	other = netprefix_network(&other);
	return netaddr_equal(&network.address, &other.address);
}

int port_parse(uint16_t *ret_port, const char *text)
{
	unsigned long port;

	if (parse_decimal(text, UINT16_MAX, &port) < 0 || port == 0)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

bool host_name_is_valid(const char *name)
{
	size_t length = strlen(name);
	size_t label = 0;

	if (length == 0 || length > 64)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = name[i];
		bool is_edge = label == 0 || i + 1 == length || name[i + 1] == '.';

		if (c == '.' ? label == 0 || i + 1 == length
			     : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				 (c >= '0' && c <= '9') || (c == '-' && !is_edge)))
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return true;
}

bool url_is_origin(const char *url, const char *scheme)
{
	static const char digits[] = "0123456789abcdefABCDEF:.";
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	const char *host = url + strlen(scheme), *end;
	bool has_brackets;
	uint16_t port;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return false;
	has_brackets = *host == '[';
	host += has_brackets;
	end = host + strspn(host, has_brackets ? digits : letters);
	if (end == host || (has_brackets && *end++ != ']'))
		return false;
	return !*end || (*end == ':' && port_parse(&port, end + 1) == 0);
}
