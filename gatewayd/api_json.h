/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the Gateway API tells us: JSON -> structs (protocol.md §1). Pure. Everything is bounded and
 * checked here, so that later code can pass the values on to other daemons unchanged. A document
 * is taken as a whole or refused as a whole: -EINVAL, and problem names the member
 * ("rules[3].port_id").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/json.h"
#include "common/macros.h"
#include "common/netaddr.h"

#define API_PROBLEM_SIZE    96
#define API_MAX_TOKEN       1024
#define API_MAX_RETRY_AFTER 3600
#define API_MAX_ID          ((uint64_t)1 << 53) /* integers that JSON numbers hold exactly */

/* A sentence of bounded length: which member is wrong. */
struct api_problem {
	char text[API_PROBLEM_SIZE];
};

/*
 * For the documents' parsers: each names the member in the problem and returns -EINVAL, or passes 0
 * on. api_member() takes a getter's result, api_optional() one that may be -ENOENT.
 */
int api_refuse(struct api_problem *problem, const char *format, ...) PRINTF_FORMAT(2, 3);
int api_member(struct api_problem *problem, const char *name, int result);
int api_optional(struct api_problem *problem, const char *name, int result);
int api_parse_object(cJSON **ret_json, const char *text, size_t size, struct api_problem *problem);
/* A host, hub or user name: no character that another program could take for anything else. */
int api_get_name(const cJSON *json, const char *name, bool colons, char **ret_value,
		 struct api_problem *problem);
int api_get_time(const cJSON *json, const char *name, int64_t *ret_seconds);
int api_get_port(const cJSON *json, const char *name, uint16_t *ret_port);

/* --- answer of POST /gateways --- */

struct announcement {
	bool approved; /* otherwise pending */
	uint64_t retry_after_seconds;
};

int announcement_parse(struct announcement *ret_announcement, const char *text, size_t size,
		       struct api_problem *problem);

/* --- token --- */

struct api_token {
	char *token;
	uint64_t gateway_id;
	int64_t expires_at;  /* seconds since 1970, or 0: not told */
	int64_t obtained_at; /* when we got it; kept in our own copy only */
};

int api_token_parse(struct api_token *ret_token, const char *text, size_t size,
		    struct api_problem *problem);
char *api_token_print(const struct api_token *token); /* our own copy, for the state directory */
void api_token_clear(struct api_token *token);

/* --- answer of GET …/changes --- */

#define CHANGED_RULES         BIT(0)
#define CHANGED_CONFIGURATION BIT(1)
#define CHANGED_VPN           BIT(2)
#define CHANGED_IDENTIFY      BIT(3)

struct changes {
	uint64_t revision;
	unsigned changed; /* CHANGED_… */
};

int changes_parse(struct changes *ret_changes, const char *text, size_t size,
		  struct api_problem *problem);

/* The title and detail of an RFC 9457 problem, as one owned sentence; NULL when there is none. */
char *problem_document_parse(const char *text, size_t size);

/* The number in an entity tag such as "17" or W/"17"; 0 when it holds none. */
uint64_t etag_revision(const char *etag);
