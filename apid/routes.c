/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segment by segment comparison of a path with each template. The table is short and each
 * comparison ends at the first differing segment, so a search structure would only hide the table.
 */
#include "apid/routes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_SEGMENT 32

int route_parse_id(uint64_t *ret_id, const char *text, size_t size)
{
	uint64_t id = 0;

	if (size == 0 || size > 18 || text[0] == '0')
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		id = id * 10 + (uint64_t)(text[i] - '0');
	}
	*ret_id = id;
	return 0;
}

static bool segment_is(const char *segment, size_t size, const char *text)
{
	return strlen(text) == size && memcmp(segment, text, size) == 0;
}

static bool parameter_parse(struct route_parameters *parameters, const char *name, size_t name_size,
			    const char *value, size_t size)
{
	char text[MAX_SEGMENT];

	if (segment_is(name, name_size, "{id}"))
		return route_parse_id(&parameters->id, value, size) == 0;
	if (segment_is(name, name_size, "{rule_id}"))
		return route_parse_id(&parameters->rule_id, value, size) == 0;
	if (!segment_is(name, name_size, "{mac}") || size >= sizeof(text))
		return false;
	memcpy(text, value, size);
	text[size] = '\0';
	return mac_parse(&parameters->mac, text) == 0;
}

static bool template_matches(const char *template, const char *path,
			     struct route_parameters *parameters)
{
	size_t template_size, size;

	while (*template == '/' && *path == '/') {
		template ++;
		path++;
		template_size = strcspn(template, "/");
		size = strcspn(path, "/");
		if (*template == '{') {
			if (!parameter_parse(parameters, template, template_size, path, size))
				return false;
		} else if (template_size != size || memcmp(template, path, size) != 0) {
			return false;
		}
		template += template_size;
		path += size;
	}
	return *template == '\0' && *path == '\0';
}

enum route_result route_find(const struct route *routes, size_t count, const char *method,
			     const char *path, const struct route **ret_route,
			     struct route_parameters *ret_parameters,
			     char ret_allowed[static ROUTE_ALLOWED_SIZE])
{
	struct route_parameters parameters;
	size_t used = 0;

	ret_allowed[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		parameters = (struct route_parameters){ .id = 0 };
		if (!template_matches(routes[i].path, path, &parameters))
			continue;
		if (strcmp(routes[i].method, method) == 0) {
			*ret_route = &routes[i];
			*ret_parameters = parameters;
			return ROUTE_FOUND;
		}
		if (used < ROUTE_ALLOWED_SIZE)
			used += (size_t)snprintf(ret_allowed + used, ROUTE_ALLOWED_SIZE - used,
						 "%s%s", used ? ", " : "", routes[i].method);
	}
	return used ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}
