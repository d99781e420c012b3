/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration document. It is built beside the caller's and handed over only when every
 * member is of the right type and in range, so that a wrong one never leaves half a configuration
 * in force.
 */
#include "gatewayd/configuration.h"

#include <errno.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"

static bool is_certificate(const char *text)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";

	return strncmp(text, begin, sizeof(begin) - 1) == 0;
}

static int parse_server(struct vpn_server *server, const cJSON *json, struct api_problem *problem)
{
	uint64_t priority = 0;
	int r;

	if (!cJSON_IsObject(json))
		return api_refuse(problem, "vpn_servers holds something that is not an object");
	r = api_get_name(json, "vpn_hostname", true, &server->hostname, problem);
	if (r < 0)
		return r;
	r = api_member(problem, "vpn_port", api_get_port(json, "vpn_port", &server->port));
	if (r < 0)
		return r;
	r = api_optional(problem, "priority",
			 json_get_number(json, "priority", 0, 1000000, &priority));
	server->priority = (int32_t)priority;
	return r;
}

/* vpn_servers, or for an API that knows one server only, the original's vpn_hostname and vpn_port.
 */
static int parse_servers(struct configuration *configuration, const cJSON *json,
			 struct api_problem *problem)
{
	const cJSON *array, *item;
	int r;

	configuration->vpn_servers = xcalloc(API_MAX_SERVERS, sizeof(struct vpn_server));
	r = json_get_array(json, "vpn_servers", API_MAX_SERVERS, &array);
	if (r == -ENOENT) {
		configuration->vpn_server_count = 1;
		return parse_server(&configuration->vpn_servers[0], json, problem);
	}
	if (r < 0)
		return api_member(problem, "vpn_servers", r);
	json_for_each (item, array) {
		r = parse_server(&configuration->vpn_servers[configuration->vpn_server_count++],
				 item, problem);
		if (r < 0)
			return r;
	}
	if (configuration->vpn_server_count == 0)
		return api_refuse(problem, "vpn_servers is empty");
	return 0;
}

static int parse_certificates(struct configuration *configuration, const cJSON *json,
			      struct api_problem *problem)
{
	const char *certificate;
	const cJSON *array, *item;
	int r;

	r = json_get_array(json, "vpn_server_certificates", API_MAX_SERVERS, &array);
	if (r < 0)
		return api_member(problem, "vpn_server_certificates", r);
	json_for_each (item, array) {
		if (!cJSON_IsString(item) || strlen(item->valuestring) > API_MAX_PEM ||
		    !is_certificate(item->valuestring))
			return api_refuse(problem,
					  "vpn_server_certificates holds something that is no "
					  "PEM certificate");
		configuration->vpn_server_certificates = strv_append(
			configuration->vpn_server_certificates, item->valuestring);
	}
	/* Without a pin the tunnel would accept any server. */
	if (!configuration->vpn_server_certificates)
		return api_refuse(problem, "vpn_server_certificates is empty");
	r = json_get_string(json, "vpn_certificate", API_MAX_PEM, &certificate);
	if (r == 0 && !is_certificate(certificate))
		r = -EINVAL;
	if (r < 0)
		return api_member(problem, "vpn_certificate", r);
	configuration->vpn_certificate = xstrdup(certificate);
	return 0;
}

static int parse_addresses(struct configuration *configuration, const cJSON *json,
			   struct api_problem *problem)
{
	struct netaddr address;
	uint64_t length;
	const char *text;
	int r;

	r = json_get_string(json, "vpn_mac_address", MAC_TEXT_SIZE - 1, &text);
	if (r == 0)
		r = mac_parse(&configuration->vpn_mac_address, text);
	if (r == 0 && !mac_is_unicast(&configuration->vpn_mac_address))
		r = -EINVAL;
	if (r < 0)
		return api_member(problem, "vpn_mac_address", r);

	r = json_get_string(json, "vpn_ip_address", NETADDR_TEXT_SIZE - 1, &text);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = netaddr_parse(&address, text);
	if (r == 0 && !netaddr_is_unicast_host(&address))
		r = -EINVAL;
	if (r < 0)
		return api_member(problem, "vpn_ip_address", r);
	r = api_member(problem, "vpn_prefix_length",
		       json_get_number(json, "vpn_prefix_length", 1,
				       address.family == AF_INET ? 32 : 128, &length));
	if (r < 0)
		return r;
	configuration->vpn_address.address = address;
	configuration->vpn_address.length = (uint8_t)length;
	return 0;
}

int configuration_parse(struct configuration **ret_configuration, const char *text, size_t size,
			struct api_problem *problem)
{
	_cleanup_(configuration_freep) struct configuration *configuration = NULL;
	_cleanup_json_ cJSON *json = NULL;
	int r;

	r = api_parse_object(&json, text, size, problem);
	if (r < 0)
		return r;
	configuration = xnew(struct configuration);
	r = api_member(problem, "revision",
		       json_get_number(json, "revision", 0, API_MAX_ID, &configuration->revision));
	if (r < 0)
		return r;
	r = api_member(
		problem, "gateway_id",
		json_get_number(json, "gateway_id", 1, API_MAX_ID, &configuration->gateway_id));
	if (r < 0)
		return r;
	r = api_get_name(json, "vpn_hub", false, &configuration->vpn_hub, problem);
	if (r < 0)
		return r;
	r = api_get_name(json, "vpn_username", false, &configuration->vpn_username, problem);
	if (r < 0)
		return r;
	r = api_get_name(json, "vpn_local_hostname", false, &configuration->vpn_local_hostname,
			 problem);
	if (r < 0)
		return r;
	r = parse_servers(configuration, json, problem);
	if (r < 0)
		return r;
	r = parse_certificates(configuration, json, problem);
	if (r < 0)
		return r;
	r = parse_addresses(configuration, json, problem);
	if (r < 0)
		return r;
	*ret_configuration = steal_ptr(configuration);
	return 0;
}

struct configuration *configuration_free(struct configuration *configuration)
{
	if (!configuration)
		return NULL;
	for (size_t i = 0; i < configuration->vpn_server_count; i++)
		free(configuration->vpn_servers[i].hostname);
	free(configuration->vpn_servers);
	free(configuration->vpn_hub);
	free(configuration->vpn_username);
	free(configuration->vpn_certificate);
	free(configuration->vpn_local_hostname);
	strv_free(configuration->vpn_server_certificates);
	free(configuration);
	return NULL;
}

static bool same_certificates(char *const *a, char *const *b)
{
	for (; *a && *b; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return !*a && !*b;
}

bool configuration_same_vpn(const struct configuration *a, const struct configuration *b)
{
	if (a->vpn_server_count != b->vpn_server_count ||
	    !same_certificates(a->vpn_server_certificates, b->vpn_server_certificates))
		return false;
	for (size_t i = 0; i < a->vpn_server_count; i++)
		if (strcmp(a->vpn_servers[i].hostname, b->vpn_servers[i].hostname) != 0 ||
		    a->vpn_servers[i].port != b->vpn_servers[i].port ||
		    a->vpn_servers[i].priority != b->vpn_servers[i].priority)
			return false;
	return strcmp(a->vpn_hub, b->vpn_hub) == 0 &&
	       strcmp(a->vpn_username, b->vpn_username) == 0 &&
	       strcmp(a->vpn_certificate, b->vpn_certificate) == 0 &&
	       strcmp(a->vpn_local_hostname, b->vpn_local_hostname) == 0 &&
	       mac_equal(&a->vpn_mac_address, &b->vpn_mac_address) &&
	       a->vpn_address.length == b->vpn_address.length &&
	       netaddr_equal(&a->vpn_address.address, &b->vpn_address.address);
}
