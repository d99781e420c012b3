/* SPDX-License-Identifier: GPL-3.0-or-later */
/* routed.conf as it is read, and as the table needs it. Pure. */
#pragma once

#include "common/config.h"
#include "routed/nft_table.h"

#define ROUTING_MAX_SERVICES 64
#define ROUTING_MAX_PATTERNS 16

struct routing_settings {
	char **closed_interfaces; /* names, or beginnings of names that end with '*' */
	char **open_services;     /* "tcp/22" */
};

config_check_fn routing_settings_check;
/*
 * Of settings that were checked. The options borrow from them and from services, an array of
 * ROUTING_MAX_SERVICES.
 */
void routing_settings_read(struct nft_table_options *ret_options,
			   struct nft_table_service *services,
			   const struct routing_settings *settings);
