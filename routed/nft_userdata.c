/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routed/nft_userdata.h"

#include <assert.h>
#include <string.h>

void nft_userdata_put(struct nft_userdata *userdata, enum nft_userdata_type type, const void *value,
		      size_t size)
{
	assert(size <= UINT8_MAX && userdata->size + 2 + size <= sizeof(userdata->bytes));
	userdata->bytes[userdata->size++] = (uint8_t)type;
	userdata->bytes[userdata->size++] = (uint8_t)size;
	memcpy(userdata->bytes + userdata->size, value, size);
	userdata->size += size;
}

void nft_userdata_put_text(struct nft_userdata *userdata, enum nft_userdata_type type,
			   const char *text)
{
	nft_userdata_put(userdata, type, text, strlen(text) + 1);
}

const uint8_t *nft_userdata_find(const void *userdata, size_t size, enum nft_userdata_type type,
				 size_t *ret_size)
{
	const uint8_t *entry = userdata;

	while (size >= 2 && size - 2 >= entry[1]) {
		if (entry[0] == type) {
			*ret_size = entry[1];
			return entry + 2;
		}
		size -= 2U + entry[1];
		entry += 2U + entry[1];
	}
	return NULL;
}

const char *nft_userdata_find_text(const void *userdata, size_t size, enum nft_userdata_type type)
{
	const uint8_t *value = nft_userdata_find(userdata, size, type, &size);

	if (!value || !memchr(value, '\0', size))
		return NULL;
	return (const char *)value;
}
