/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apid/password.h"

#include <features.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#include "common/crypto.h"
#include "common/memory.h"

#define SALT_SIZE  16
#define HASH_SIZE  32
#define COST       16384 /* N: with r = 8, 16 MiB */
#define BLOCK      8
#define PARALLEL   3
#define MAX_MEMORY 67108864ULL /* bytes */

struct scrypt_cost {
	uint64_t n, r, p;
};

static void scrypt(uint8_t ret_hash[static HASH_SIZE], const char *password,
		   const uint8_t salt[static SALT_SIZE], struct scrypt_cost cost)
{
	uint64_t memory = MAX_MEMORY;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)password,
						  strlen(password)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, SALT_SIZE),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &cost.n),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &cost.r),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &cost.p),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;

	if (!context || EVP_KDF_derive(context, ret_hash, HASH_SIZE, parameters) != 1)
		abort(); /* out of memory: the parameters are ours */
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
#ifdef __GLIBC__
	malloc_trim(0); /* or its 16 MiB stay with us for good */
#endif
}

void password_hash(char ret_record[static PASSWORD_RECORD_SIZE], const char *password)
{
	uint8_t salt[SALT_SIZE], hash[HASH_SIZE];
	char salt_text[2 * SALT_SIZE + 1], hash_text[2 * HASH_SIZE + 1];
	struct scrypt_cost cost = { COST, BLOCK, PARALLEL };

	random_fill(salt, sizeof(salt));
	scrypt(hash, password, salt, cost);
	hex_format(salt_text, salt, sizeof(salt));
	hex_format(hash_text, hash, sizeof(hash));
	snprintf(ret_record, PASSWORD_RECORD_SIZE, "scrypt$%llu$%llu$%llu$%s$%s",
		 (unsigned long long)cost.n, (unsigned long long)cost.r, (unsigned long long)cost.p,
		 salt_text, hash_text);
	OPENSSL_cleanse(hash, sizeof(hash));
	OPENSSL_cleanse(hash_text, sizeof(hash_text));
}

static bool hex_parse(uint8_t *ret_bytes, size_t size, const char *text)
{
	unsigned value;

	if (strlen(text) != 2 * size || strspn(text, "0123456789abcdef") != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (sscanf(text + 2 * i, "%2x", &value) != 1)
			return false;
		ret_bytes[i] = (uint8_t)value;
	}
	return true;
}

bool password_matches(const char *record, const char *password)
{
	char salt_text[2 * SALT_SIZE + 1], hash_text[2 * HASH_SIZE + 1];
	uint8_t salt[SALT_SIZE], kept[HASH_SIZE], hash[HASH_SIZE];
	unsigned n, r, p;
	bool equal;

	if (sscanf(record, "scrypt$%6u$%2u$%2u$%32[0-9a-f]$%64[0-9a-f]", &n, &r, &p, salt_text,
		   hash_text) != 5 ||
	    !hex_parse(salt, sizeof(salt), salt_text) || !hex_parse(kept, sizeof(kept), hash_text))
		return false;
	/* What the file may ask for is bounded, whoever wrote it. */
	if (n < 2 || n > 32768 || (n & (n - 1)) || r < 1 || r > 16 || p < 1 || p > 16)
		return false;
	scrypt(hash, password, salt, (struct scrypt_cost){ n, r, p });
	equal = CRYPTO_memcmp(hash, kept, sizeof(hash)) == 0;
	OPENSSL_cleanse(hash, sizeof(hash));
	return equal;
}
