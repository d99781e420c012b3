/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which handler answers a request: method and path template to table entry. Pure: the table's
 * entries are handlers.c's and others', the matching knows none of them.
 *
 * A template is fixed segments and typed ones: {id} and {rule_id} are numbers from 1, {mac} is a
 * MAC address. A segment of the wrong type is a path that does not exist.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/netaddr.h"

struct call;
/* Answers or holds the call and returns 0, or returns -errno for the storage's failures. */
typedef int route_fn(struct call *call);

enum route_access {
	ACCESS_PUBLIC,  /* nobody in particular; the handler checks secrets itself */
	ACCESS_GATEWAY, /* the gateway's token; {id} is that gateway */
	ACCESS_USER,    /* a person's session */
	ACCESS_EITHER,  /* one or the other */
};

enum user_role { ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN, ROLE_COUNT };

struct route {
	const char *method;
	const char *path;
	route_fn *handle;
	enum route_access access;
	enum user_role role; /* the least a person needs */
	bool has_body;       /* JSON */
};

struct route_parameters {
	uint64_t id, rule_id;
	struct mac_address mac;
};

enum route_result {
	ROUTE_FOUND,
	ROUTE_NO_PATH,   /* 404 */
	ROUTE_NO_METHOD, /* 405: the path exists for other methods */
};

/* ret_allowed gets the methods of the path, "GET, POST", with ROUTE_NO_METHOD. */
#define ROUTE_ALLOWED_SIZE 64
enum route_result route_find(const struct route *routes, size_t count, const char *method,
			     const char *path, const struct route **ret_route,
			     struct route_parameters *ret_parameters,
			     char ret_allowed[static ROUTE_ALLOWED_SIZE]);

/* Digits only, 1..INT64_MAX, no leading zero. 0 or -EINVAL. */
int route_parse_id(uint64_t *ret_id, const char *text, size_t size);

extern const struct route api_routes[];
extern const size_t api_route_count;
