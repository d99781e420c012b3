/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Passwords as they are kept: "scrypt$N$r$p$SALT$HASH" (RFC 7914; salt and hash in hexadecimal), so
 * that the cost can be raised later without losing anyone. One check takes some 50 ms and 16 MiB.
 */
#pragma once

#include <stdbool.h>

#include "apid/store.h"

#define PASSWORD_MIN 8
#define PASSWORD_MAX 256

void password_hash(char ret_record[static PASSWORD_RECORD_SIZE], const char *password);
/* Takes the same time for a wrong password as for a right one. A malformed record matches none. */
bool password_matches(const char *record, const char *password);
