/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/identity.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_burned_in(const struct mac_address *mac)
{
	return mac_is_unicast(mac) && !(mac->octets[0] & 2);
}

static bool mac_from_digits(struct mac_address *ret_mac, const char digits[static 12])
{
	char text[MAC_TEXT_SIZE];

	snprintf(text, sizeof(text), "%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", digits, digits + 2,
		 digits + 4, digits + 6, digits + 8, digits + 10);
	return mac_parse(ret_mac, text) == 0;
}

/* The 32 digits of a UUID in 8-4-4-4-12 form at the end of text, or false. */
static bool uuid_digits(const char *text, char ret_digits[static 32])
{
	static const unsigned groups[] = { 8, 4, 4, 4, 12 };
	size_t length = strlen(text), used = 0;

	if (length < 36)
		return false;
	text += length - 36;
	for (size_t group = 0; group < ARRAY_SIZE(groups); group++) {
		for (unsigned i = 0; i < groups[group]; i++) {
			if (!isxdigit((unsigned char)*text))
				return false;
			ret_digits[used++] = *text++;
		}
		if (group + 1 < ARRAY_SIZE(groups) && *text++ != '-')
			return false;
	}
	return true;
}

bool identity_mac_in_endpoint(const char *endpoint, struct mac_address *ret_mac, bool *ret_certain)
{
	size_t length = strlen(endpoint);
	char digits[32];

	if (length >= MAC_TEXT_SIZE - 1 &&
	    mac_parse(ret_mac, endpoint + length - (MAC_TEXT_SIZE - 1)) == 0 &&
	    mac_is_unicast(ret_mac)) {
		*ret_certain = true; /* urn:uuid:74:73:36:01:99:73 */
		return true;
	}
	if (!uuid_digits(endpoint, digits) || !mac_from_digits(ret_mac, digits + 20) ||
	    !mac_is_unicast(ret_mac))
		return false;
	/* RFC 4122: a version 1 UUID ends in the MAC of its maker's network card. */
	*ret_certain = digits[12] == '1' && is_burned_in(ret_mac);
	return true;
}

/* FNV-1a, 64 bit, whatever the case: a name, not a secret. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325;

	for (; *text; text++)
		value = (value ^ (uint64_t)tolower((unsigned char)*text)) * 0x100000001b3;
	return value;
}

/* What makers leave in the field who number nothing: 000000, 123456789, N/A. */
static bool is_distinctive(const char *serial)
{
	unsigned distinct = 0;

	for (size_t i = 0; serial[i]; i++)
		distinct += !memchr(serial, serial[i], i);
	return strlen(serial) >= 6 && distinct >= 4 && !strstr("0123456789012345678901", serial);
}

void identity_read(struct identity *ret_identity, const struct evidence *evidence,
		   const struct mac_address *link)
{
	const struct fact *endpoint = evidence_next(evidence, FIELD_ENDPOINT, NULL), *fact = NULL;
	const char *serial = evidence_best(evidence, FIELD_SERIAL);
	struct identity identity = { 0 };
	struct mac_address mac;
	bool certain;

	if (serial && is_distinctive(serial))
		identity.serial = hash(serial);

	if (link && mac_is_unicast(link)) {
		identity.links[0] = *link;
		identity.link_count = 1;
	}
	if (endpoint) {
		identity.endpoint = hash(endpoint->text);
		identity.has_tail = identity_mac_in_endpoint(endpoint->text, &identity.tail,
							     &certain);
		if (identity.has_tail && certain) {
			identity.has_told = true;
			identity.told = identity.tail;
		}
	}
	while ((fact = evidence_next(evidence, FIELD_MAC, fact))) {
		if (mac_parse(&mac, fact->text) < 0 || !mac_is_unicast(&mac))
			continue;
		identity.has_told = true;
		identity.told = mac;
		break;
	}
	*ret_identity = identity;
}

static bool has_link(const struct identity *identity, const struct mac_address *mac)
{
	for (size_t i = 0; i < identity->link_count; i++)
		if (mac_equal(&identity->links[i], mac))
			return true;
	return false;
}

/* a calls itself by a MAC that b is known to have on the wire. */
static bool claims_link_of(const struct identity *a, const struct identity *b)
{
	return (a->has_told && has_link(b, &a->told)) || (a->has_tail && has_link(b, &a->tail));
}

/* By name; the address tells only what has none. */
static bool same_endpoint(const struct identity *a, const struct identity *b)
{
	if (a->endpoint && b->endpoint)
		return a->endpoint == b->endpoint;
	return a->address.family != AF_UNSPEC && netaddr_equal(&a->address, &b->address);
}

bool identity_is_same(const struct identity *known, const struct identity *seen)
{
	for (size_t i = 0; i < seen->link_count; i++)
		if (has_link(known, &seen->links[i]))
			return true;
	if (claims_link_of(known, seen) || claims_link_of(seen, known))
		return true; /* one camera with two network cards, or one of the two is routed */
	if (known->link_count && seen->link_count)
		return false; /* cloned endpoint references and MACs end here */
	if (known->has_told && seen->has_told)
		return mac_equal(&known->told, &seen->told);
	/* Different ones prove nothing: protocols write the same one in different ways. */
	if (known->serial && known->serial == seen->serial)
		return true;
	return same_endpoint(known, seen);
}

void identity_merge(struct identity *known, const struct identity *seen)
{
	for (size_t i = 0; i < seen->link_count; i++)
		if (!has_link(known, &seen->links[i]) && known->link_count < IDENTITY_MAX_LINKS)
			known->links[known->link_count++] = seen->links[i];
	if (seen->has_told) {
		known->has_told = true;
		known->told = seen->told;
	}
	if (seen->has_tail) {
		known->has_tail = true;
		known->tail = seen->tail;
	}
	if (seen->serial)
		known->serial = seen->serial;
	if (seen->endpoint)
		known->endpoint = seen->endpoint;
	if (seen->address.family != AF_UNSPEC)
		known->address = seen->address;
}

bool identity_is_known(const struct identity *identity)
{
	return identity->link_count || identity->has_told || identity->endpoint ||
	       identity->address.family != AF_UNSPEC;
}

bool identity_mac(const struct identity *identity, struct mac_address *ret_mac)
{
	if (identity->link_count) {
		*ret_mac = identity->links[0];
		/* Of several network cards, the one it calls itself by. */
		if (identity->has_told && has_link(identity, &identity->told))
			*ret_mac = identity->told;
		else if (identity->has_tail && has_link(identity, &identity->tail))
			*ret_mac = identity->tail;
		return true;
	}
	if (identity->has_told)
		*ret_mac = identity->told;
	return identity->has_told;
}

const char *identity_name(const struct identity *identity, char buffer[static IDENTITY_NAME_SIZE])
{
	char text[NETADDR_TEXT_SIZE];
	struct mac_address mac;

	if (identity_mac(identity, &mac))
		snprintf(buffer, IDENTITY_NAME_SIZE, "%02x%02x%02x%02x%02x%02x", mac.octets[0],
			 mac.octets[1], mac.octets[2], mac.octets[3], mac.octets[4], mac.octets[5]);
	else if (identity->endpoint)
		snprintf(buffer, IDENTITY_NAME_SIZE, "e%016llx",
			 (unsigned long long)identity->endpoint);
	else
		snprintf(buffer, IDENTITY_NAME_SIZE, "a%016llx",
			 (unsigned long long)hash(netaddr_format(&identity->address, text)));
	return buffer;
}

/* The name of a MAC may begin with that letter too, but has 12 digits. */
bool identity_name_is_of_endpoint(const char *name)
{
	return name[0] == 'e' && strlen(name) == 1 + 16;
}
