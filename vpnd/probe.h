/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one line by which vpnd-probe says who answers at a VPN server's address. SoftEther's client
 * retries without ever telling why; this tells an unplugged cable from a wrong certificate, and
 * which of several pinned certificates is the server's present one. Pure.
 */
#pragma once

#include <stddef.h>

#include "common/crypto.h"

#define PROBE_LINE_MAX 320
#define PROBE_TEXT_MAX 128

enum probe_result {
	PROBE_UNRESOLVED,  /* the name has no address */
	PROBE_UNREACHABLE, /* nobody answers */
	PROBE_NOT_TLS,     /* somebody answers, but it is no VPN server */
	PROBE_EXPIRED,     /* sha256 is set, but its time is over or has not begun */
	PROBE_CERTIFICATE, /* sha256 is set */
	PROBE_RESULT_COUNT
};

struct probe_report {
	enum probe_result result;
	char sha256[SHA256_HEX_SIZE]; /* of the certificate shown, lower-case; or empty */
	char text[PROBE_TEXT_MAX];    /* the system's words for what failed; or empty */
};

/* Without a newline. Unprintable characters of text become '?'. */
void probe_format(char ret_line[static PROBE_LINE_MAX], const struct probe_report *report);
/* -EINVAL: not such a line. */
int probe_parse(struct probe_report *ret_report, const char *line);
