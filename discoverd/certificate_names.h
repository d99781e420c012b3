/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names in a certificate, as text: a line "KIND VALUE" each. Kinds: organization, unit, name
 * (the common name), serial (serialNumber, not the certificate's), the first three also with
 * "issuer-" before them, and host, for each alternative name of that sort. For discoverd-tls: what
 * reads certificates costs megabytes. Pure, fuzzed.
 */
#pragma once

#include <stddef.h>

#define CERTIFICATE_NAMES_SIZE 4096

/* bytes: X.509 in DER. Fills the buffer, which stays empty for what is no certificate. */
void certificate_names_read(char buffer[static CERTIFICATE_NAMES_SIZE], const void *bytes,
			    size_t size);
