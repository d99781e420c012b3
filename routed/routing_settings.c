/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routed/routing_settings.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "routed/forward.h"

static int parse_service(struct nft_table_service *ret_service, const char *text)
{
	struct nft_table_service service;

	if (strncmp(text, "tcp/", 4) == 0)
		service.protocol = IPPROTO_TCP;
	else if (strncmp(text, "udp/", 4) == 0)
		service.protocol = IPPROTO_UDP;
	else
		return -EINVAL;
	if (port_parse(&service.port, text + 4) < 0)
		return -EINVAL;
	*ret_service = service;
	return 0;
}

/* Names as the kernel gives them, with or without one '*' at their end. */
static bool pattern_is_valid(const char *pattern)
{
	size_t length = strlen(pattern);
	char name[IFNAMSIZ + 1];

	if (length == 0 || length > IFNAMSIZ || strcmp(pattern, "*") == 0 ||
	    strcmp(pattern, "lo") == 0)
		return false;
	memcpy(name, pattern, length + 1);
	if (name[length - 1] == '*')
		name[length - 1] = '\0';
	return forward_interface_is_valid(name);
}

static int check(const struct routing_settings *settings, char **ret_error)
{
	struct nft_table_service service;
	char **item;

	for (item = settings->closed_interfaces; item && *item; item++)
		if (!pattern_is_valid(*item)) {
			*ret_error = xasprintf(
				"closed_interfaces: \"%s\" is neither the name of an "
				"interface nor the beginning of one with a '*'",
				*item);
			return -EINVAL;
		}
	for (item = settings->open_services; item && *item; item++)
		if (parse_service(&service, *item) < 0) {
			*ret_error = xasprintf(
				"open_services: \"%s\" is not like tcp/22 or udp/123", *item);
			return -EINVAL;
		}
	if (strv_length(settings->closed_interfaces) > ROUTING_MAX_PATTERNS ||
	    strv_length(settings->open_services) > ROUTING_MAX_SERVICES) {
		*ret_error = xasprintf("at most %d closed_interfaces and %d open_services",
				       ROUTING_MAX_PATTERNS, ROUTING_MAX_SERVICES);
		return -EINVAL;
	}
	return 0;
}

int routing_settings_read(struct nft_table_options *ret_options, struct nft_table_service *services,
			  const struct routing_settings *settings, char **ret_error)
{
	struct nft_table_options options = {
		.closed_interfaces = settings->closed_interfaces,
		.services = services,
	};
	int r;

	r = check(settings, ret_error);
	if (r < 0)
		return r;
	for (char **item = settings->open_services; item && *item; item++)
		(void)parse_service(&services[options.service_count++], *item);
	*ret_options = options;
	return 0;
}
