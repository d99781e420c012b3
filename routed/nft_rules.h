/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of the table inet evercam. Pure. */
#pragma once

#include "routed/nft_table.h"

/* Fills the (empty) chains. */
void nft_rules_add(struct nft_batch *batch, const struct nft_table_options *options);
