/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules that the API gives a gateway: which of its ports lead where (protocol.md §1). Pure. */
#pragma once

#include "gatewayd/api_json.h"

#define API_MAX_RULES 8192

enum rule_protocol { RULE_TCP, RULE_UDP, RULE_PROTOCOL_COUNT };
const char *rule_protocol_name(enum rule_protocol protocol);

struct rule {
	uint64_t rule_id;
	enum rule_protocol protocol;
	uint16_t local_port_id;       /* on the VPN side */
	uint16_t port_id;             /* on the device */
	bool follows_device;          /* mac_address was given */
	struct netprefix *allow_from; /* owned; whence it may be used; NULL: from everywhere */
	size_t allow_from_count;
	struct mac_address mac;
	struct netaddr address;
	int64_t expires_at; /* 0: never */
	char *name;         /* or NULL */
};

struct rule_list {
	struct rule *rules;
	size_t count;
};

int rule_list_parse(struct rule_list **ret_list, const char *text, size_t size,
		    struct api_problem *problem);
struct rule_list *rule_list_free(struct rule_list *list);
DEFINE_CLEANUP(struct rule_list *, rule_list_free);
