/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apid/json_members.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"

int problem_in(struct json_problem *problem, const char *member, const char *expected)
{
	snprintf(problem->text, sizeof(problem->text), "%.32s: %.120s", member, expected);
	return -EINVAL;
}

int member_string(cJSON *copy, const cJSON *source, const char *name, size_t max_length,
		  struct json_problem *problem)
{
	const char *text;
	int r = json_get_string(source, name, max_length, &text);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return problem_in(problem, name, "expected a text of bounded length");
	json_add_string(copy, name, text);
	return 0;
}

int member_number(cJSON *copy, const cJSON *source, const char *name, uint64_t maximum,
		  struct json_problem *problem)
{
	uint64_t value;
	int r = json_get_number(source, name, 0, maximum, &value);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return problem_in(problem, name, "expected a number in range");
	json_add_number(copy, name, (double)value);
	return 0;
}

int member_real(cJSON *copy, const cJSON *source, const char *name, double maximum,
		struct json_problem *problem)
{
	double value;
	int r = json_get_real(source, name, 0, maximum, &value);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return problem_in(problem, name, "expected a number in range");
	json_add_number(copy, name, value);
	return 0;
}

int member_time(cJSON *copy, const cJSON *source, const char *name, struct json_problem *problem)
{
	char text[TIME_TEXT_SIZE];
	const char *given;
	int64_t seconds;
	int r = json_get_string(source, name, 40, &given);

	if (r == -ENOENT)
		return 0;
	if (r < 0 || time_parse(&seconds, given) < 0)
		return problem_in(problem, name, "expected a time as 2026-11-20T10:00:00Z");
	json_add_string(copy, name, time_format(seconds, text));
	return 0;
}

int member_get_mac(const cJSON *source, const char *name, char ret_text[static MAC_TEXT_SIZE],
		   struct json_problem *problem)
{
	struct mac_address mac;
	const char *text;
	int r = json_get_string(source, name, MAC_TEXT_SIZE, &text);

	ret_text[0] = '\0';
	if (r == -ENOENT || (r == 0 && !*text))
		return 0;
	if (r < 0 || mac_parse(&mac, text) < 0)
		return problem_in(problem, name, "expected a MAC address as aa:bb:cc:dd:ee:ff");
	if (mac_equal(&mac, &(struct mac_address){ { 0 } }))
		return 0;
	if (!mac_is_unicast(&mac))
		return problem_in(problem, name, "expected a single device's MAC address");
	mac_format(&mac, ret_text);
	return 0;
}

int member_get_address(const cJSON *source, const char *name, sa_family_t family,
		       char ret_text[static NETADDR_TEXT_SIZE], struct json_problem *problem)
{
	struct netaddr address;
	const char *text;
	int r = json_get_string(source, name, NETADDR_TEXT_SIZE, &text);

	ret_text[0] = '\0';
	if (r == -ENOENT || (r == 0 && !*text))
		return 0;
	if (r < 0 || netaddr_parse(&address, text) < 0 || !netaddr_is_unicast_host(&address) ||
	    (family != AF_UNSPEC && address.family != family))
		return problem_in(problem, name, "expected an IP address");
	netaddr_format(&address, ret_text);
	return 0;
}

int member_strings(cJSON *copy, const cJSON *source, const char *name, size_t max_items,
		   bool (*check)(const char *text), struct json_problem *problem)
{
	_cleanup_json_ cJSON *texts = json_new_array();
	const cJSON *list = NULL, *item;
	int r = json_get_array(source, name, max_items, &list);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return problem_in(problem, name, "expected a list of bounded length");
	json_for_each (item, list) {
		if (!cJSON_IsString(item) || strlen(item->valuestring) > MAX_TEXT ||
		    (check && !check(item->valuestring)))
			return problem_in(problem, name, "holds a wrong value");
		json_append(texts, cJSON_CreateString(item->valuestring));
	}
	json_add(copy, name, steal_ptr(texts));
	return 0;
}
