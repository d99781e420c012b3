/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few cryptographic values that two programs must compute the same way. Thin over
 * OpenSSL.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/random.h"

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65
#define SECRET_SIZE     44 /* 256 random bits in base64url without padding, and NUL */
#define CLAIM_CODE_SIZE 10 /* "XXXX-XXXX" and NUL */

void sha256(uint8_t ret_digest[static SHA256_SIZE], const void *data, size_t size);
void sha256_hex(char ret_text[static SHA256_HEX_SIZE], const void *data,
		size_t size); /* lower case */
void hex_format(char *ret_text /* 2*size+1 */, const uint8_t *data, size_t size);

/* Makes a machine secret or token: 256 random bits, base64url. */
void secret_generate(char ret_secret[static SECRET_SIZE]);
bool secret_is_valid(const char *secret); /* 43 characters of base64url */

/* The claim code (protocol.md §1): first 40 bits of SHA-256("claim:" || secret), Crockford base32.
 */
void claim_code_derive(char ret_code[static CLAIM_CODE_SIZE], const char *secret);
/* What a person typed -> canonical XXXX-XXXX: case, spaces, dashes, O/0 and I/L/1. 0 or -EINVAL. */
int claim_code_parse(char ret_code[static CLAIM_CODE_SIZE], const char *typed);

/* For PEM_read_bio_…(): what is encrypted cannot be read. Else OpenSSL asks on the terminal. */
int crypto_no_passphrase(char *buffer, int size, int writing, void *owner);

bool constant_time_equal(const char *a, const char *b);
