/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apid/vpn_protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/netaddr.h"

#define MAX_NAME         253
#define MAX_CERTIFICATE  16384
#define MAX_CERTIFICATES 8

static char *request_print(const char *action, const char *token, uint64_t gateway_id,
			   const char *csr)
{
	_cleanup_json_ cJSON *request = json_new_object();
	char *text;

	json_add_string(request, "action", action);
	json_add_string(request, "token", token);
	json_add_number(request, "gateway_id", (double)gateway_id);
	json_add_string(request, "csr", csr);
	text = json_print(request);
	/* cJSON would free its copy of the token as it is. */
	explicit_bzero(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "token")),
		       strlen(token));
	return text;
}

char *vpn_create_request(const char *token, uint64_t gateway_id, const char *csr)
{
	return request_print("create", token, gateway_id, csr);
}

char *vpn_delete_request(const char *token, uint64_t gateway_id)
{
	return request_print("delete", token, gateway_id, NULL);
}

static int copy_name(cJSON *document, const cJSON *answer, const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
	const char *text;

	if (json_get_string(answer, name, MAX_NAME, &text) < 0 || !*text ||
	    strspn(text, allowed) != strlen(text))
		return -EINVAL;
	json_add_string(document, name, text);
	return 0;
}

static int copy_number(cJSON *document, const cJSON *answer, const char *name, uint64_t minimum,
		       uint64_t maximum)
{
	uint64_t number;

	if (json_get_number(answer, name, minimum, maximum, &number) < 0)
		return -EINVAL;
	json_add_number(document, name, (double)number);
	return 0;
}

static bool is_certificate(const char *text)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";

	return strncmp(text, begin, strlen(begin)) == 0 &&
	       strstr(text, "-----END CERTIFICATE-----");
}

static int copy_certificates(cJSON *document, const cJSON *answer)
{
	_cleanup_json_ cJSON *copy = json_new_array();
	const cJSON *list, *item;
	const char *text;

	if (json_get_string(answer, "vpn_certificate", MAX_CERTIFICATE, &text) < 0 ||
	    !is_certificate(text))
		return -EINVAL;
	json_add_string(document, "vpn_certificate", text);
	/* Without a server certificate to expect, the gateway could not tell its server. */
	if (json_get_array(answer, "vpn_server_certificates", MAX_CERTIFICATES, &list) < 0 ||
	    cJSON_GetArraySize(list) == 0)
		return -EINVAL;
	json_for_each (item, list) {
		if (!cJSON_IsString(item) || strlen(item->valuestring) > MAX_CERTIFICATE ||
		    !is_certificate(item->valuestring))
			return -EINVAL;
		json_append(copy, cJSON_CreateString(item->valuestring));
	}
	json_add(document, "vpn_server_certificates", steal_ptr(copy));
	return 0;
}

static int copy_addresses(cJSON *document, const cJSON *answer)
{
	char mac_text[MAC_TEXT_SIZE], address_text[NETADDR_TEXT_SIZE];
	struct netaddr address;
	struct mac_address mac;
	const char *text;

	if (json_get_string(answer, "vpn_mac_address", MAC_TEXT_SIZE, &text) < 0 ||
	    mac_parse(&mac, text) < 0 || !mac_is_unicast(&mac))
		return -EINVAL;
	json_add_string(document, "vpn_mac_address", mac_format(&mac, mac_text));
	if (json_get_string(answer, "vpn_ip_address", NETADDR_TEXT_SIZE, &text) < 0 ||
	    netaddr_parse(&address, text) < 0 || !netaddr_is_unicast_host(&address))
		return -EINVAL;
	json_add_string(document, "vpn_ip_address", netaddr_format(&address, address_text));
	return copy_number(document, answer, "vpn_prefix_length", 1, 128);
}

static void account_parse(struct vpn_answer *answer, const cJSON *json)
{
	static const char *const names[] = { "vpn_username", "vpn_hub", "vpn_hostname",
					     "vpn_local_hostname" };
	_cleanup_json_ cJSON *document = json_new_object();
	const char *wrong = NULL;

	for (size_t i = 0; !wrong && i < ARRAY_SIZE(names); i++)
		if (copy_name(document, json, names[i]) < 0)
			wrong = names[i];
	if (!wrong && copy_number(document, json, "vpn_port", 1, UINT16_MAX) < 0)
		wrong = "vpn_port";
	if (!wrong && copy_addresses(document, json) < 0)
		wrong = "vpn_mac_address, vpn_ip_address or vpn_prefix_length";
	if (!wrong && copy_certificates(document, json) < 0)
		wrong = "vpn_certificate or vpn_server_certificates";
	if (wrong) {
		answer->kind = VPN_ANSWER_INVALID;
		snprintf(answer->detail, sizeof(answer->detail), "wrong %s in the answer", wrong);
		return;
	}
	answer->kind = VPN_ANSWER_ACCOUNT;
	answer->document = json_print(document);
}

static void failure_parse(struct vpn_answer *answer, const cJSON *json, const char *error)
{
	const char *detail = "";

	(void)json_get_string(json, "detail", VPN_DETAIL_SIZE, &detail);
	answer->kind = strcmp(error, "unavailable") == 0 ? VPN_ANSWER_UNAVAILABLE
							 : VPN_ANSWER_REFUSED;
	snprintf(answer->detail, sizeof(answer->detail), "%s%s%s", error, *detail ? ": " : "",
		 detail);
}

void vpn_answer_parse(struct vpn_answer *ret_answer, const char *text, size_t size)
{
	_cleanup_json_ cJSON *json = NULL;
	const char *error;
	bool deleted;
	int r;

	*ret_answer = (struct vpn_answer){ .kind = VPN_ANSWER_INVALID };
	if (json_parse(&json, text, size) < 0 || !cJSON_IsObject(json)) {
		snprintf(ret_answer->detail, sizeof(ret_answer->detail),
			 "the answer is not a JSON object");
		return;
	}
	r = json_get_string(json, "error", 64, &error);
	if (r == 0)
		failure_parse(ret_answer, json, error);
	else if (r == -ENOENT && json_get_bool(json, "deleted", &deleted) == 0 && deleted)
		ret_answer->kind = VPN_ANSWER_DELETED;
	else
		account_parse(ret_answer, json);
}

void vpn_answer_clear(struct vpn_answer *answer)
{
	free(answer->document);
	answer->document = NULL;
}
