/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Members of documents from outside, checked one by one. Pure. The member_…() functions copy one
 * checked member from a source into a rebuilt document, and leave out an absent one. All return 0,
 * or -EINVAL with a sentence in problem that names the member.
 */
#pragma once

#include <stdbool.h>

#include "common/json.h"
#include "common/netaddr.h"

#define PROBLEM_SIZE 160
struct json_problem {
	char text[PROBLEM_SIZE];
};

#define MAX_TEXT 1024 /* what cameras say of themselves */

/* Returns -EINVAL. */
int problem_in(struct json_problem *problem, const char *member, const char *expected);

int member_string(cJSON *copy, const cJSON *source, const char *name, size_t max_length,
		  struct json_problem *problem);
int member_number(cJSON *copy, const cJSON *source, const char *name, uint64_t maximum,
		  struct json_problem *problem);
int member_real(cJSON *copy, const cJSON *source, const char *name, double maximum,
		struct json_problem *problem);
int member_time(cJSON *copy, const cJSON *source, const char *name, struct json_problem *problem);
/* A list of texts; check is NULL, or says whether one is acceptable. */
int member_strings(cJSON *copy, const cJSON *source, const char *name, size_t max_items,
		   bool (*check)(const char *text), struct json_problem *problem);

/*
 * ret_text gets the canonical form, or "" when the member is absent. A MAC address of zeros is how
 * interfaces without one (tunnels) write that.
 */
int member_get_mac(const cJSON *source, const char *name, char ret_text[static MAC_TEXT_SIZE],
		   struct json_problem *problem);
/* family: AF_UNSPEC for any. */
int member_get_address(const cJSON *source, const char *name, sa_family_t family,
		       char ret_text[static NETADDR_TEXT_SIZE], struct json_problem *problem);
