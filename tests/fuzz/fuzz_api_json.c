/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every answer of the Gateway API, from bytes to structs, and on to a plan. */
#include "gatewayd/api_json.h"
#include "gatewayd/configuration.h"
#include "gatewayd/desired_state.h"
#include "gatewayd/rule_list.h"

#include <stdlib.h>

#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

static void plan(const struct rule_list *rules, const struct configuration *configuration)
{
	struct address_table addresses = { 0 };
	struct forward_list forwards;
	struct plan planned;

	plan_make(&planned, rules, configuration, &addresses, 1000000);
	forward_list_make(&forwards, &planned);
	if (forwards.count != planned.active)
		abort();
	forward_list_clear(&forwards);
	plan_clear(&planned);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	_cleanup_(configuration_freep) struct configuration *configuration = NULL;
	_cleanup_(rule_list_freep) struct rule_list *rules = NULL;
	struct address_table addresses = { 0 };
	const char *text = (const char *)input;
	struct announcement announcement;
	struct api_token token = { 0 };
	struct api_problem problem;
	struct changes changes;

	(void)configuration_parse(&configuration, text, size, &problem);
	(void)rule_list_parse(&rules, text, size, &problem);
	plan(rules, configuration);
	(void)announcement_parse(&announcement, text, size, &problem);
	(void)changes_parse(&changes, text, size, &problem);
	if (api_token_parse(&token, text, size, &problem) == 0)
		api_token_clear(&token);
	free(problem_document_parse(text, size));
	(void)address_table_parse(&addresses, text, size);
	address_table_clear(&addresses);
	return 0;
}
