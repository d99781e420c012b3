/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makers of cameras issue certificates at the factory, with the serial number or the MAC address of
 * each in the subject ("CN=axis-accc8e012345, serialNumber=ACCC8E012345, O=Axis Communications
 * AB"), or let the firmware sign one for itself with the maker's name in it, the same for all. So a
 * serial number counts only from a maker we know, and a MAC address only if the block is that
 * maker's.
 */
#include "discoverd/certificate_message.h"

#include <ctype.h>
#include <string.h>

#include "common/netaddr.h"
#include "discoverd/oui.h"
#include "discoverd/vendor.h"

/* The value of the next line of a kind, or of any that ends with it; NULL: no more. */
static const char *next_name(const char **names, const char *kind, char text[static TEXT_SIZE])
{
	size_t length, width = strlen(kind);
	const char *line, *space;

	while (**names) {
		line = *names;
		length = strcspn(line, "\n");
		*names = line + length + (line[length] == '\n');
		space = memchr(line, ' ', length);
		if (!space || (size_t)(space - line) < width ||
		    memcmp(space - width, kind, width) != 0)
			continue;
		text_clean(text, TEXT_SIZE, space + 1, length - (size_t)(space + 1 - line));
		return text;
	}
	return NULL;
}

/* The subject's names come first. */
static const struct vendor *find_vendor(const char *names)
{
	static const char *const kinds[] = { "organization", "unit", "name" };
	const struct vendor *vendor;
	char text[TEXT_SIZE];
	const char *at;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (at = names; next_name(&at, kinds[i], text);) {
			/* Hosts are called DESKTOP-LNE4K2Q: that is nobody's model. */
			vendor = vendor_named(text);
			if (vendor)
				return vendor;
		}
	return NULL;
}

/* The word of twelve hexadecimal digits in a name such as "axis-accc8e012345.local". */
static void read_mac(struct evidence *evidence, const struct vendor *vendor, const char *text,
		     usec_t time)
{
	char digits[13], canonical[MAC_TEXT_SIZE];
	struct mac_address mac;
	const char *maker;
	size_t width;

	for (; *text; text += width ? width : 1) {
		for (width = 0; isalnum((unsigned char)text[width]);)
			width++;
		if (width != 12 || strspn(text, "0123456789abcdefABCDEF") != 12)
			continue;
		memcpy(digits, text, 12);
		digits[12] = '\0';
		for (size_t i = 0; i < 6; i++) {
			memcpy(canonical + 3 * i, digits + 2 * i, 2);
			canonical[3 * i + 2] = i < 5 ? ':' : '\0';
		}
		maker = mac_parse(&mac, canonical) == 0 ? oui_find(&mac) : NULL;
		if (maker && strcmp(maker, vendor->name) == 0)
			evidence_add_mac(evidence, SOURCE_CERTIFICATE, digits, time);
	}
}

void certificate_message_read(struct evidence *evidence, const char *names, usec_t time)
{
	static const char *const individual[] = { "serial", "name", "host" };
	const struct vendor *vendor = find_vendor(names);
	char text[TEXT_SIZE];
	const char *at = names;

	if (!vendor)
		return;
	evidence_add(evidence, SOURCE_CERTIFICATE, FIELD_VENDOR, vendor->name, time);
	if (!vendor_is_general(vendor))
		evidence_add(evidence, SOURCE_CERTIFICATE, FIELD_TRAIT, "certificate-vendor", time);
	if (next_name(&at, "serial", text))
		evidence_add(evidence, SOURCE_CERTIFICATE, FIELD_SERIAL, text, time);
	for (size_t i = 0; i < ARRAY_SIZE(individual); i++)
		for (at = names; next_name(&at, individual[i], text);)
			read_mac(evidence, vendor, text, time);
}
