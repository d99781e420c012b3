/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What we attach to the table, its rules and elements, and the kernel keeps without looking at it:
 * entries of a type byte, a length byte and that many bytes (nft's own form). Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* nft skips the types that it does not know. */
enum nft_userdata_type {
	NFT_USERDATA_COMMENT = 0,  /* nft's own: shown to people; text */
	NFT_USERDATA_LAYOUT = 100, /* of the table: u32 */
	NFT_USERDATA_SET,          /* of a forward: the set it is in; text */
	NFT_USERDATA_NAME,         /* of a forward: its name; text */
	NFT_USERDATA_REVISION,     /* of a set of forwards: u64 */
	NFT_USERDATA_EXPIRES,      /* of a forward: i64, seconds since 1970 */
	NFT_USERDATA_DEADLINE,     /* of the same: u64, on the clock of loop_now() */
	NFT_USERDATA_KEEPS_CLIENT, /* of a forward: nothing; being there says it */
};

#define NFT_USERDATA_SIZE 256 /* the kernel's limit */

struct nft_userdata {
	uint8_t bytes[NFT_USERDATA_SIZE];
	size_t size;
};

/* An entry that does not fit asserts: callers know the bounds of what they put. */
void nft_userdata_put(struct nft_userdata *userdata, enum nft_userdata_type type, const void *value,
		      size_t size);
void nft_userdata_put_text(struct nft_userdata *userdata, enum nft_userdata_type type,
			   const char *text);

/* The value of the first entry of that type; NULL: none, or malformed data. Anything may come in.
 */
const uint8_t *nft_userdata_find(const void *userdata, size_t size, enum nft_userdata_type type,
				 size_t *ret_size);
/* The same for text: NUL-terminated inside its entry, else NULL. */
const char *nft_userdata_find_text(const void *userdata, size_t size, enum nft_userdata_type type);
