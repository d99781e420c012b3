/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/certificate_names.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "common/macros.h"
#include "discoverd/text.h"

#define MAX_HOSTS 4

static void add(char *buffer, size_t *used, const char *kind, const ASN1_STRING *value)
{
	char text[TEXT_SIZE], line[TEXT_SIZE + 32];
	unsigned char *utf8 = NULL;
	int length = ASN1_STRING_to_UTF8(&utf8, value), size;

	if (length < 0)
		return;
	text_clean(text, sizeof(text), (const char *)utf8, (size_t)length);
	OPENSSL_free(utf8);
	size = snprintf(line, sizeof(line), "%s %s\n", kind, text);
	if (*used + (size_t)size < CERTIFICATE_NAMES_SIZE)
		*used += (size_t)snprintf(buffer + *used, CERTIFICATE_NAMES_SIZE - *used, "%s",
					  line);
}

static void add_entry(char *buffer, size_t *used, const char *kind, const X509_NAME *name,
		      int entry)
{
	int index = X509_NAME_get_index_by_NID(name, entry, -1);

	if (index >= 0)
		add(buffer, used, kind, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
}

static void add_hosts(char *buffer, size_t *used, X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int found = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && found < MAX_HOSTS; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		add(buffer, used, "host", name->d.dNSName);
		found++;
	}
	GENERAL_NAMES_free(names);
}

void certificate_names_read(char buffer[static CERTIFICATE_NAMES_SIZE], const void *bytes,
			    size_t size)
{
	static const struct {
		const char *kind;
		bool issuer;
		int entry;
	} entries[] = {
		{ "organization", false, NID_organizationName },
		{ "unit", false, NID_organizationalUnitName },
		{ "name", false, NID_commonName },
		{ "serial", false, NID_serialNumber },
		{ "issuer-organization", true, NID_organizationName },
		{ "issuer-unit", true, NID_organizationalUnitName },
		{ "issuer-name", true, NID_commonName },
	};
	const unsigned char *at = bytes;
	X509 *certificate = size > LONG_MAX ? NULL : d2i_X509(NULL, &at, (long)size);
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t i = 0; certificate && i < ARRAY_SIZE(entries); i++)
		add_entry(buffer, &used, entries[i].kind,
			  entries[i].issuer ? X509_get_issuer_name(certificate)
					    : X509_get_subject_name(certificate),
			  entries[i].entry);
	if (certificate)
		add_hosts(buffer, &used, certificate);
	X509_free(certificate);
	ERR_clear_error();
}
