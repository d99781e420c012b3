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
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

#include "common/netaddr.h"
#include "discoverd/oui.h"
#include "discoverd/vendor.h"

#define MAX_NAMES 8 /* alternative ones that are looked at */

static bool read_entry(char text[static TEXT_SIZE], const X509_NAME *name, int kind)
{
	int index = X509_NAME_get_index_by_NID(name, kind, -1);
	const ASN1_STRING *value;
	unsigned char *utf8 = NULL;
	int length;

	if (index < 0)
		return false;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
	length = ASN1_STRING_to_UTF8(&utf8, value);
	if (length < 0)
		return false;
	text_clean(text, TEXT_SIZE, (const char *)utf8, (size_t)length);
	OPENSSL_free(utf8);
	return text[0] != '\0';
}

static const struct vendor *find_vendor(X509 *certificate)
{
	static const int kinds[] = { NID_organizationName, NID_organizationalUnitName,
				     NID_commonName };
	const X509_NAME *names[] = { X509_get_subject_name(certificate),
				     X509_get_issuer_name(certificate) };
	const struct vendor *vendor;
	char text[TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t j = 0; j < ARRAY_SIZE(kinds); j++) {
			vendor = read_entry(text, names[i], kinds[j]) ? vendor_recognise(text)
								      : NULL;
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

static void read_alternative_names(struct evidence *evidence, const struct vendor *vendor,
				   X509 *certificate, usec_t time)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	char text[TEXT_SIZE];

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && i < MAX_NAMES; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		text_clean(text, sizeof(text), (const char *)ASN1_STRING_get0_data(name->d.dNSName),
			   (size_t)ASN1_STRING_length(name->d.dNSName));
		read_mac(evidence, vendor, text, time);
	}
	GENERAL_NAMES_free(names);
}

static void read_subject(struct evidence *evidence, const struct vendor *vendor, X509 *certificate,
			 usec_t time)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	char text[TEXT_SIZE];

	if (read_entry(text, subject, NID_serialNumber)) {
		evidence_add(evidence, SOURCE_CERTIFICATE, FIELD_SERIAL, text, time);
		read_mac(evidence, vendor, text, time);
	}
	if (read_entry(text, subject, NID_commonName))
		read_mac(evidence, vendor, text, time);
}

int certificate_message_read(struct evidence *evidence, const void *bytes, size_t size, usec_t time)
{
	const unsigned char *at = bytes;
	const struct vendor *vendor;
	X509 *certificate;

	certificate = size > LONG_MAX ? NULL : d2i_X509(NULL, &at, (long)size);
	ERR_clear_error();
	if (!certificate)
		return -EBADMSG;
	vendor = find_vendor(certificate);
	if (vendor) {
		evidence_add(evidence, SOURCE_CERTIFICATE, FIELD_VENDOR, vendor->name, time);
		if (!vendor_is_general(vendor))
			evidence_add(evidence, SOURCE_CERTIFICATE, FIELD_TRAIT,
				     "certificate-vendor", time);
		read_subject(evidence, vendor, certificate, time);
		read_alternative_names(evidence, vendor, certificate, time);
	}
	ERR_clear_error();
	X509_free(certificate);
	return 0;
}
