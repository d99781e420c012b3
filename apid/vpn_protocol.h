/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests to vpn-service and its answers (protocol.md §3), as JSON texts. Pure. Everything in an
 * answer is checked: a gateway gets only what is an address, a name, a port, a certificate.
 */
#pragma once

#include "common/json.h"

/* Owned; hold the token: end with secret_free(). */
char *vpn_create_request(const char *token, uint64_t gateway_id, const char *csr);
char *vpn_delete_request(const char *token, uint64_t gateway_id);

enum vpn_answer_kind {
	VPN_ANSWER_ACCOUNT, /* document is the checked account, for the configuration */
	VPN_ANSWER_DELETED,
	VPN_ANSWER_UNAVAILABLE, /* try again soon; detail says why, here and below */
	VPN_ANSWER_REFUSED,     /* it will not help to try again soon */
	VPN_ANSWER_INVALID,     /* not an answer of the protocol */
};
#define VPN_DETAIL_SIZE 256
struct vpn_answer {
	enum vpn_answer_kind kind;
	char *document; /* JSON, owned */
	char detail[VPN_DETAIL_SIZE];
};
void vpn_answer_parse(struct vpn_answer *ret_answer, const char *text, size_t size);
void vpn_answer_clear(struct vpn_answer *answer);
