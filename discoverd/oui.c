/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/oui.h"

#include <stddef.h>

#define LOCALLY_ADMINISTERED 0x02

static const struct block {
	uint64_t first;
	uint8_t bits; /* 24, 28 or 36 */
	const char *maker;
} blocks[] = {
#include "discoverd/oui_table.h"
	{ UINT64_MAX, 0, NULL }, /* the table may be empty */
};

static bool contains(const struct block *block, uint64_t address)
{
	return (address ^ block->first) >> (48 - block->bits) == 0;
}

const char *oui_find(const struct mac_address *mac)
{
	const struct block *best = NULL;
	uint64_t address = 0;

	if (mac->octets[0] & LOCALLY_ADMINISTERED || !mac_is_unicast(mac))
		return NULL;
	for (size_t i = 0; i < sizeof(mac->octets); i++)
		address = address << 8 | mac->octets[i];
	for (const struct block *block = blocks; block->maker; block++)
		if (contains(block, address) && (!best || block->bits > best->bits))
			best = block;
	return best ? best->maker : NULL;
}

void oui_read(struct evidence *evidence, const struct mac_address *mac, usec_t time)
{
	const char *maker = oui_find(mac);

	if (!maker)
		return;
	evidence_add(evidence, SOURCE_OUI, FIELD_TRAIT, "camera-oui", time);
	evidence_add(evidence, SOURCE_OUI, FIELD_VENDOR, maker, time);
}
