/* SPDX-License-Identifier: GPL-3.0-or-later */
/* routed.conf as it is read, and as the table needs it. Pure. */
#pragma once

#include "routed/nft_table.h"

#define ROUTING_MAX_SERVICES 64
#define ROUTING_MAX_PATTERNS 16

struct routing_settings {
	char **closed_interfaces; /* names, or beginnings of names that end with '*' */
	char **open_services;     /* "tcp/22" */
};

/*
 * 0, or -EINVAL and an owned sentence. The options borrow from the settings and from services, an
 * array of ROUTING_MAX_SERVICES.
 */
int routing_settings_read(struct nft_table_options *ret_options, struct nft_table_service *services,
			  const struct routing_settings *settings, char **ret_error);
