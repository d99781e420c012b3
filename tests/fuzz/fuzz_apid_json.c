/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that apid reads from gateways, people and vpn-service, from bytes to rules. */
#include <stdlib.h>
#include <string.h>

#include "apid/gateway_json.h"
#include "apid/routes.h"
#include "apid/rules.h"
#include "apid/session.h"
#include "apid/vpn_protocol.h"
#include "common/certificate.h"
#include "common/crypto.h"
#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_devices(const cJSON *json)
{
	_cleanup_(device_list_clear) struct device_list list = { .count = 0 };
	_cleanup_rules_ struct rule_list rules = { .count = 0 };
	struct json_problem problem;

	if (device_list_parse(&list, json, &problem) < 0)
		return;
	if (rules_derive(&rules, list.devices, list.count))
		abort(); /* so few devices fill no gateway */
	for (size_t i = 0; i < rules.count; i++)
		cJSON_Delete(rule_to_json(&rules.rules[i], true));
}

static void fuzz_documents(const cJSON *json)
{
	_cleanup_(announcement_clear) struct announcement announcement = { .secret = NULL };
	_cleanup_(rule_report_list_clear) struct rule_report_list reports = { .count = 0 };
	_cleanup_(rule_request_clear) struct rule_request request = { .port = 0 };
	_cleanup_free_ char *status = NULL;
	struct json_problem problem;

	(void)announcement_parse(&announcement, json, &problem);
	(void)rule_report_list_parse(&reports, json, &problem);
	(void)rule_request_parse(&request, json, &problem);
	(void)status_parse(&status, json, &problem);
	fuzz_devices(json);
}

static void fuzz_text(const char *text)
{
	struct route_parameters parameters;
	char allowed[ROUTE_ALLOWED_SIZE], token[SECRET_SIZE], code[CLAIM_CODE_SIZE];
	char fingerprint[SHA256_HEX_SIZE];
	const struct route *route;
	const char *problem;

	(void)route_find(api_routes, api_route_count, "GET", text, &route, &parameters, allowed);
	(void)session_cookie_parse(token, text);
	(void)claim_code_parse(code, text);
	(void)certificate_check_request(fingerprint, text, &problem);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	_cleanup_(vpn_answer_clear) struct vpn_answer answer = { .document = NULL };
	_cleanup_free_ char *text = xstrndup((const char *)input, size);
	_cleanup_json_ cJSON *json = NULL;

	if (json_parse(&json, (const char *)input, size) == 0)
		fuzz_documents(json);
	vpn_answer_parse(&answer, (const char *)input, size);
	fuzz_text(text);
	return 0;
}
