/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/crypto.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"

#define SECRET_BYTES     32
#define CLAIM_CHARACTERS 8 /* 40 bits, five each */

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void sha256(uint8_t ret_digest[static SHA256_SIZE], const void *data, size_t size)
{
	if (EVP_Digest(data, size, ret_digest, NULL, EVP_sha256(), NULL) != 1)
		abort(); /* out of memory, or an OpenSSL without SHA-256 */
}

void hex_format(char *ret_text, const uint8_t *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		ret_text[2 * i] = digits[data[i] >> 4];
		ret_text[2 * i + 1] = digits[data[i] & 15];
	}
	ret_text[2 * size] = '\0';
}

void sha256_hex(char ret_text[static SHA256_HEX_SIZE], const void *data, size_t size)
{
	uint8_t digest[SHA256_SIZE];

	sha256(digest, data, size);
	hex_format(ret_text, digest, sizeof(digest));
}

void secret_generate(char ret_secret[static SECRET_SIZE])
{
	uint8_t random[SECRET_BYTES];
	unsigned bits = 0, held = 0;
	size_t used = 0;

	random_fill(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++) {
		bits = bits << 8 | random[i];
		for (held += 8; held >= 6; held -= 6)
			ret_secret[used++] = base64url[bits >> (held - 6) & 63];
		bits &= 63;
	}
	/* 256 bits are 42 characters and four bits, which are padded with zeros. */
	ret_secret[used++] = base64url[bits << (6 - held) & 63];
	ret_secret[used] = '\0';
	OPENSSL_cleanse(random, sizeof(random));
	OPENSSL_cleanse(&bits, sizeof(bits));
}

bool secret_is_valid(const char *secret)
{
	return strnlen(secret, SECRET_SIZE) == SECRET_SIZE - 1 &&
	       strspn(secret, base64url) == SECRET_SIZE - 1;
}

static void format_claim_code(char ret_code[static CLAIM_CODE_SIZE],
			      const char characters[static CLAIM_CHARACTERS])
{
	memcpy(ret_code, characters, 4);
	ret_code[4] = '-';
	memcpy(ret_code + 5, characters + 4, 4);
	ret_code[9] = '\0';
}

void claim_code_derive(char ret_code[static CLAIM_CODE_SIZE], const char *secret)
{
	_cleanup_secret_ char *text = xasprintf("claim:%s", secret);
	uint8_t digest[SHA256_SIZE];
	char characters[CLAIM_CHARACTERS];
	uint64_t bits = 0;

	sha256(digest, text, strlen(text));
	for (size_t i = 0; i < 5; i++)
		bits = bits << 8 | digest[i];
	for (size_t i = 0; i < CLAIM_CHARACTERS; i++)
		characters[i] = crockford[bits >> (35 - 5 * i) & 31];
	format_claim_code(ret_code, characters);
}

/* What people write for a character of Crockford's alphabet, or 0. */
static char claim_character(char typed)
{
	if (typed >= 'a' && typed <= 'z')
		typed = (char)(typed - 'a' + 'A');
	if (typed == 'O')
		return '0';
	if (typed == 'I' || typed == 'L')
		return '1';
	return typed && strchr(crockford, typed) ? typed : 0;
}

int claim_code_parse(char ret_code[static CLAIM_CODE_SIZE], const char *typed)
{
	char characters[CLAIM_CHARACTERS];
	size_t count = 0;

	for (; *typed; typed++) {
		if (*typed == ' ' || *typed == '-')
			continue;
		if (count == CLAIM_CHARACTERS || !claim_character(*typed))
			return -EINVAL;
		characters[count++] = claim_character(*typed);
	}
	if (count != CLAIM_CHARACTERS)
		return -EINVAL;
	format_claim_code(ret_code, characters);
	return 0;
}

bool constant_time_equal(const char *a, const char *b)
{
	uint8_t digest_a[SHA256_SIZE], digest_b[SHA256_SIZE];

	/* Of equal size whatever the lengths are, so that not even those show in the time taken. */
	sha256(digest_a, a, strlen(a));
	sha256(digest_b, b, strlen(b));
	return CRYPTO_memcmp(digest_a, digest_b, sizeof(digest_a)) == 0;
}

int crypto_no_passphrase(char *buffer, int size, int writing, void *owner)
{
	return -1;
}
