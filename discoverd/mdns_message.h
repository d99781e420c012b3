/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a service announced by DNS-SD says of a device. Pure: avahi has taken the packets apart. */
#pragma once

#include "discoverd/evidence.h"

#define MDNS_MAX_TXT 64

/* The types to browse for, "_axis-video._tcp" and so on; NULL-terminated. */
extern const char *const mdns_types[];

struct mdns_service {
	const char *type;
	const char *instance; /* "AXIS M1065-L - ACCC8E012345" */
	const char *host;     /* "axis-accc8e012345.local" */
	uint16_t port;
	const char *txt[MDNS_MAX_TXT]; /* "key=value" */
	size_t txt_count;
};

/* Adds nothing for a service that has nothing to do with video or its opposite. */
void mdns_message_read(struct evidence *evidence, const struct mdns_service *service, usec_t time);
