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

int routing_settings_check(const void *object, struct config_refusal *refusal)
{
	const struct routing_settings *settings = object;
	size_t patterns = strv_length(settings->closed_interfaces);
	size_t services = strv_length(settings->open_services);
	struct nft_table_service service;

	for (size_t i = 0; i < patterns; i++)
		if (!pattern_is_valid(settings->closed_interfaces[i]))
			return config_refuse_word(refusal, "closed_interfaces", i,
						  "\"%s\" is neither the name of an interface "
						  "nor the beginning of one with a '*'",
						  settings->closed_interfaces[i]);
	for (size_t i = 0; i < services; i++)
		if (parse_service(&service, settings->open_services[i]) < 0)
			return config_refuse_word(refusal, "open_services", i,
						  "\"%s\" is not like tcp/22 or udp/123",
						  settings->open_services[i]);
	if (patterns > ROUTING_MAX_PATTERNS)
		return config_refuse_word(refusal, "closed_interfaces", ROUTING_MAX_PATTERNS,
					  "must be at most %d", ROUTING_MAX_PATTERNS);
	if (services > ROUTING_MAX_SERVICES)
		return config_refuse_word(refusal, "open_services", ROUTING_MAX_SERVICES,
					  "must be at most %d", ROUTING_MAX_SERVICES);
	return 0;
}

void routing_settings_read(struct nft_table_options *ret_options,
			   struct nft_table_service *services,
			   const struct routing_settings *settings)
{
	struct nft_table_options options = {
		.closed_interfaces = settings->closed_interfaces,
		.services = services,
	};

	for (char **item = settings->open_services; item && *item; item++)
		(void)parse_service(&services[options.service_count++], *item);
	*ret_options = options;
}
