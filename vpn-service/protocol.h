/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The wire format between API and vpn-service (protocol.md §3), inside its netstrings: requests
 * from JSON, answers to JSON. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "common/netaddr.h"

#define PROTOCOL_TOKEN_MAX 256
#define PROTOCOL_CSR_MAX   8192

enum protocol_action {
	PROTOCOL_CREATE,
	PROTOCOL_DELETE,
	PROTOCOL_FORWARDS,
	PROTOCOL_STATUS,
	PROTOCOL_ACTION_COUNT
};

enum protocol_error {
	PROTOCOL_AUTHENTICATION_FAILED,
	PROTOCOL_PARSING_FAILED,
	PROTOCOL_INVALID,
	PROTOCOL_EXHAUSTED,
	PROTOCOL_UNAVAILABLE,
	PROTOCOL_ERROR_COUNT
};

/* Strings are borrowed from json, which belongs to the request. */
struct protocol_request {
	cJSON *json;
	enum protocol_action action;
	const char *token;   /* "" when absent */
	uint32_t gateway_id; /* create, delete */
	const char *csr;     /* create */
	uint32_t after;      /* status: only gateways with greater numbers; 0: from the first */
};

struct protocol_problem {
	enum protocol_error error;
	const char *detail; /* constant */
};

/*
 * Returns 0; or -EINVAL with *ret_problem set. The token is given out in either case, because a
 * peer without the right one is told nothing but that.
 */
int protocol_parse(struct protocol_request *ret_request, struct protocol_problem *ret_problem,
		   const char *payload, size_t size);
void protocol_request_deinit(struct protocol_request *request); /* overwrites the token */

/* Everything the gateway needs, as answered to create. */
struct protocol_account {
	const char *vpn_username;
	const char *vpn_hub;
	uint16_t vpn_port;
	const char *vpn_hostname;
	const char *vpn_local_hostname;
	const char *vpn_mac_address;
	const char *vpn_ip_address;
	uint8_t vpn_prefix_length;
	const char *vpn_certificate;
	char *const *vpn_server_certificates; /* NULL-terminated */
};

struct protocol_gateway {
	uint32_t gateway_id;
	int64_t connected_since; /* 0: not connected */
	char client_address[NETADDR_TEXT_SIZE];
	char vpn_ip_address[NETADDR_TEXT_SIZE];
	uint64_t bytes_in; /* from the gateway, since it connected */
	uint64_t bytes_out;
};

/* A status answer must fit a netstring: a longer list is asked for in pieces, by "after". */
#define PROTOCOL_STATUS_MAX 256
struct protocol_status {
	struct protocol_gateway gateways[PROTOCOL_STATUS_MAX]; /* in the order of numbers */
	size_t gateway_count;
	bool more;         /* there are gateways with greater numbers */
	unsigned sessions; /* all that are connected */
};

/* Answers are owned JSON text. */
char *protocol_answer_account(const struct protocol_account *account);
char *protocol_answer_deleted(void);
char *protocol_answer_status(const struct protocol_status *status, const char *version);
char *protocol_answer_error(enum protocol_error error, const char *detail);
