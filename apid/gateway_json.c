/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A gateway's announcement and its status. */
#include "apid/gateway_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/memory.h"

#define MAX_INTERFACES  64
#define MAX_HOSTNAME    253
#define MAX_VERSION     64
#define MAX_NAME        15 /* of an interface: IFNAMSIZ */
#define MAX_COUNTER     1000000000000000ULL
#define MAX_RTT_MS      600000.0
#define MAX_CONNECTIONS 100000000ULL

/* --- announcement --- */

static int interface_parse(cJSON *list, const cJSON *source, struct json_problem *problem)
{
	_cleanup_json_ cJSON *copy = json_new_object();
	char mac[MAC_TEXT_SIZE], address[NETADDR_TEXT_SIZE];
	int r;

	if (!cJSON_IsObject(source))
		return problem_in(problem, "item", "expected an object");
	r = member_string(copy, source, "name", MAX_NAME, problem);
	if (r >= 0)
		r = member_get_mac(source, "mac_address", mac, problem);
	if (r >= 0)
		r = member_get_address(source, "ip_address", AF_UNSPEC, address, problem);
	if (r >= 0)
		r = member_number(copy, source, "prefix_length", 128, problem);
	if (r < 0)
		return r;
	if (*mac)
		json_add_string(copy, "mac_address", mac);
	if (*address)
		json_add_string(copy, "ip_address", address);
	json_append(list, steal_ptr(copy));
	return 0;
}

static int interfaces_parse(char **ret_json, const cJSON *json, struct json_problem *problem)
{
	_cleanup_json_ cJSON *copy = json_new_array();
	const cJSON *list = NULL, *item;
	struct json_problem inner;
	int r = json_get_array(json, "interfaces", MAX_INTERFACES, &list);

	if (r < 0 && r != -ENOENT)
		return problem_in(problem, "interfaces", "expected a list of at most 64");
	json_for_each (item, list) {
		r = interface_parse(copy, item, &inner);
		if (r < 0)
			return problem_in(problem, "interfaces", inner.text);
	}
	*ret_json = json_print(copy);
	return 0;
}

static int get_optional_string(const cJSON *json, const char *name, size_t max_length,
			       const char **ret_text, struct json_problem *problem)
{
	int r = json_get_string(json, name, max_length, ret_text);

	if (r < 0 && r != -ENOENT)
		return problem_in(problem, name, "expected a text of bounded length");
	return 0;
}

int announcement_parse(struct announcement *ret_announcement, const cJSON *json,
		       struct json_problem *ret_problem)
{
	struct announcement announcement = { .secret = NULL };
	int r;

	if (!cJSON_IsObject(json))
		return problem_in(ret_problem, "body", "expected an object");
	r = member_get_mac(json, "mac_address", announcement.mac_address, ret_problem);
	if (r < 0)
		return r;
	if (!*announcement.mac_address)
		return problem_in(ret_problem, "mac_address", "required");
	if (json_get_string(json, "m2m_secret", SECRET_SIZE, &announcement.secret) < 0 ||
	    !secret_is_valid(announcement.secret))
		return problem_in(ret_problem, "m2m_secret",
				  "expected 256 random bits in base64url (43 characters)");
	if (json_get_string(json, "csr", MAX_CSR, &announcement.csr) < 0)
		return problem_in(ret_problem, "csr", "expected a certificate request in PEM");
	r = get_optional_string(json, "hostname", MAX_HOSTNAME, &announcement.hostname,
				ret_problem);
	if (r >= 0)
		r = get_optional_string(json, "sw_version", MAX_VERSION, &announcement.sw_version,
					ret_problem);
	if (r >= 0)
		r = interfaces_parse(&announcement.interfaces, json, ret_problem);
	if (r < 0)
		return r;
	*ret_announcement = announcement;
	return 0;
}

void announcement_clear(struct announcement *announcement)
{
	free(announcement->interfaces);
	announcement->interfaces = NULL;
}

/* --- status --- */

/* The tunnel's address, with or without its prefix length. */
static int status_vpn_address_copy(cJSON *copy, const cJSON *source, struct json_problem *problem)
{
	char text[NETPREFIX_TEXT_SIZE];
	struct netprefix prefix;
	const char *given;
	int r = json_get_string(source, "address", NETPREFIX_TEXT_SIZE, &given);

	if (r == -ENOENT || (r == 0 && !*given))
		return 0;
	if (r < 0 ||
	    (netaddr_parse(&prefix.address, given) < 0 && netprefix_parse(&prefix, given) < 0))
		return problem_in(problem, "address", "expected an IP address");
	json_add_string(copy, "address", netaddr_format(&prefix.address, text));
	return 0;
}

static int status_vpn_copy(cJSON *copy, const cJSON *source, struct json_problem *problem)
{
	int r = member_string(copy, source, "state", 32, problem);

	if (r >= 0)
		r = member_time(copy, source, "since", problem);
	if (r >= 0)
		r = member_string(copy, source, "server", MAX_TEXT, problem);
	if (r >= 0)
		r = status_vpn_address_copy(copy, source, problem);
	if (r >= 0)
		r = member_real(copy, source, "rtt_ms", MAX_RTT_MS, problem);
	return r;
}

static int status_forwards_copy(cJSON *copy, const cJSON *source, struct json_problem *problem)
{
	int r = member_number(copy, source, "active", UINT16_MAX, problem);

	return r < 0 ? r : member_number(copy, source, "connections", MAX_CONNECTIONS, problem);
}

static int status_part(cJSON *copy, const cJSON *json, const char *name,
		       int (*copy_part)(cJSON *, const cJSON *, struct json_problem *),
		       struct json_problem *problem)
{
	const cJSON *source;
	cJSON *part;
	int r = json_get_object(json, name, &source);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return problem_in(problem, name, "expected an object");
	part = json_new_object();
	json_add(copy, name, part);
	return copy_part(part, source, problem);
}

int status_parse(char **ret_json, const cJSON *json, struct json_problem *ret_problem)
{
	_cleanup_json_ cJSON *copy = json_new_object();
	int r;

	if (!cJSON_IsObject(json))
		return problem_in(ret_problem, "body", "expected an object");
	r = member_number(copy, json, "uptime_seconds", MAX_COUNTER, ret_problem);
	if (r >= 0)
		r = member_string(copy, json, "sw_version", MAX_VERSION, ret_problem);
	if (r >= 0)
		r = status_part(copy, json, "vpn", status_vpn_copy, ret_problem);
	if (r >= 0)
		r = status_part(copy, json, "forwards", status_forwards_copy, ret_problem);
	if (r >= 0)
		r = member_number(copy, json, "devices", MAX_COUNTER, ret_problem);
	if (r < 0)
		return r;
	*ret_json = json_print(copy);
	return 0;
}
