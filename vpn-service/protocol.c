/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests and answers of the API connection. What a request does not say right is never guessed.
 */
#include "vpn-service/protocol.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "common/netstring.h"

static const char *const action_names[PROTOCOL_ACTION_COUNT] = {
	[PROTOCOL_CREATE] = "create",
	[PROTOCOL_DELETE] = "delete",
	[PROTOCOL_FORWARDS] = "forwards",
	[PROTOCOL_STATUS] = "status",
};

static const char *const error_names[PROTOCOL_ERROR_COUNT] = {
	[PROTOCOL_AUTHENTICATION_FAILED] = "authentication_failed",
	[PROTOCOL_PARSING_FAILED] = "parsing_failed",
	[PROTOCOL_INVALID] = "invalid",
	[PROTOCOL_EXHAUSTED] = "exhausted",
	[PROTOCOL_UNAVAILABLE] = "unavailable",
};

static int refuse(struct protocol_problem *problem, enum protocol_error error, const char *detail)
{
	*problem = (struct protocol_problem){ .error = error, .detail = detail };
	return -EINVAL;
}

static int parse_action(struct protocol_request *request, struct protocol_problem *problem)
{
	const char *name = action_names[PROTOCOL_CREATE]; /* as in the original, where it was all */
	int r = json_get_string(request->json, "action", 32, &name);

	if (r < 0 && r != -ENOENT)
		return refuse(problem, PROTOCOL_INVALID, "action must be a short text");
	for (unsigned i = 0; i < PROTOCOL_ACTION_COUNT; i++) {
		if (!strcmp(name, action_names[i])) {
			request->action = (enum protocol_action)i;
			return 0;
		}
	}
	return refuse(problem, PROTOCOL_INVALID,
		      "action must be create, delete, forwards or status");
}

static int parse_gateway_id(struct protocol_request *request, struct protocol_problem *problem)
{
	uint64_t number;

	if (json_get_number(request->json, "gateway_id", 1, UINT32_MAX, &number) < 0)
		return refuse(problem, PROTOCOL_INVALID,
			      "gateway_id must be a whole number from 1 to 4294967295");
	request->gateway_id = (uint32_t)number;
	return 0;
}

static int parse_after(struct protocol_request *request, struct protocol_problem *problem)
{
	uint64_t number = 0;
	int r = json_get_number(request->json, "after", 0, UINT32_MAX, &number);

	if (r < 0 && r != -ENOENT)
		return refuse(problem, PROTOCOL_INVALID,
			      "after must be a whole number from 0 to 4294967295");
	request->after = (uint32_t)number;
	return 0;
}

static int parse_members(struct protocol_request *request, struct protocol_problem *problem)
{
	int r = parse_action(request, problem);

	if (r < 0)
		return r;
	switch (request->action) {
	case PROTOCOL_CREATE:
		r = parse_gateway_id(request, problem);
		if (r < 0)
			return r;
		if (json_get_string(request->json, "csr", PROTOCOL_CSR_MAX, &request->csr) < 0)
			return refuse(problem, PROTOCOL_INVALID,
				      "csr must be a certificate request in PEM");
		return 0;
	case PROTOCOL_DELETE:
		return parse_gateway_id(request, problem);
	case PROTOCOL_STATUS:
		return parse_after(request, problem);
	case PROTOCOL_FORWARDS:
		return 0;
	case PROTOCOL_ACTION_COUNT:
		break;
	}
	return refuse(problem, PROTOCOL_INVALID, "unknown action");
}

int protocol_parse(struct protocol_request *ret_request, struct protocol_problem *ret_problem,
		   const char *payload, size_t size)
{
	int r;

	*ret_request = (struct protocol_request){ .token = "" };
	if (size > NETSTRING_MAX_PAYLOAD || json_parse(&ret_request->json, payload, size) < 0)
		return refuse(ret_problem, PROTOCOL_PARSING_FAILED, "the request is not JSON");
	if (!cJSON_IsObject(ret_request->json)) {
		protocol_request_deinit(ret_request); /* it cannot carry a token */
		return refuse(ret_problem, PROTOCOL_PARSING_FAILED,
			      "the request is not a JSON object");
	}
	r = json_get_string(ret_request->json, "token", PROTOCOL_TOKEN_MAX, &ret_request->token);
	if (r < 0 && r != -ENOENT)
		return refuse(ret_problem, PROTOCOL_INVALID, "token must be a text");
	return parse_members(ret_request, ret_problem);
}

void protocol_request_deinit(struct protocol_request *request)
{
	cJSON *token = request->json ? cJSON_GetObjectItemCaseSensitive(request->json, "token")
				     : NULL;

	if (cJSON_IsString(token))
		explicit_bzero(token->valuestring, strlen(token->valuestring));
	cJSON_Delete(request->json);
	*request = (struct protocol_request){ .token = "" };
}

static char *print_and_delete(cJSON *json)
{
	char *text = json_print(json);

	cJSON_Delete(json);
	return text;
}

char *protocol_answer_account(const struct protocol_account *account)
{
	cJSON *answer = json_new_object();
	cJSON *certificates = json_new_array();

	json_add_string(answer, "vpn_username", account->vpn_username);
	json_add_string(answer, "vpn_hub", account->vpn_hub);
	json_add_number(answer, "vpn_port", account->vpn_port);
	json_add_string(answer, "vpn_hostname", account->vpn_hostname);
	json_add_string(answer, "vpn_local_hostname", account->vpn_local_hostname);
	json_add_string(answer, "vpn_mac_address", account->vpn_mac_address);
	json_add_string(answer, "vpn_ip_address", account->vpn_ip_address);
	json_add_number(answer, "vpn_prefix_length", account->vpn_prefix_length);
	json_add_string(answer, "vpn_certificate", account->vpn_certificate);
	for (char *const *certificate = account->vpn_server_certificates; *certificate;
	     certificate++)
		json_append(certificates, cJSON_CreateString(*certificate));
	json_add(answer, "vpn_server_certificates", certificates);
	return print_and_delete(answer);
}

char *protocol_answer_deleted(void)
{
	cJSON *answer = json_new_object();

	json_add_bool(answer, "deleted", true);
	return print_and_delete(answer);
}

static cJSON *gateway_to_json(const struct protocol_gateway *gateway)
{
	char since[TIME_TEXT_SIZE];
	cJSON *json = json_new_object();

	json_add_number(json, "gateway_id", gateway->gateway_id);
	if (gateway->connected_since) {
		json_add_string(json, "connected_since",
				time_format(gateway->connected_since, since));
		json_add_string(json, "client_address", gateway->client_address);
	}
	json_add_string(json, "vpn_ip_address", gateway->vpn_ip_address);
	json_add_number(json, "bytes_in", (double)gateway->bytes_in);
	json_add_number(json, "bytes_out", (double)gateway->bytes_out);
	return json;
}

char *protocol_answer_status(const struct protocol_status *status, const char *version)
{
	cJSON *answer = json_new_object();
	cJSON *list = json_new_array();

	for (size_t i = 0; i < status->gateway_count; i++)
		json_append(list, gateway_to_json(&status->gateways[i]));
	json_add(answer, "gateways", list);
	if (status->more)
		json_add_bool(answer, "more", true);
	json_add_number(answer, "sessions", status->sessions);
	json_add_string(answer, "version", version);
	return print_and_delete(answer);
}

char *protocol_answer_error(enum protocol_error error, const char *detail)
{
	cJSON *answer = json_new_object();

	json_add_string(answer, "error", error_names[error]);
	json_add_string(answer, "detail", detail);
	return print_and_delete(answer);
}
