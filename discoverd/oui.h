/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the block of a MAC address says about the maker: a prior, never a proof, as brands relabel
 * and makers of cameras make other things, too. Pure; the table is made by tools/oui-table.py.
 */
#pragma once

#include "common/netaddr.h"
#include "discoverd/evidence.h"

/* The maker of cameras whose block the address is in, the narrowest one; NULL: none, or an address
 * that was not given by the IEEE. */
const char *oui_find(const struct mac_address *mac);
void oui_read(struct evidence *evidence, const struct mac_address *mac, usec_t time);
