/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/probe_plan.h"

#include <string.h>

static const uint16_t usual_ports[PROBE_SERVICE_COUNT][8] = {
	[PROBE_RTSP] = { 554, 8554, 10554, 5554, 7447, 5544, 7070, 8556 },
	[PROBE_HTTP] = { 80, 8080, 81, 8000, 8081, 88, 8090, 85 },
};

static void add_step(struct probe_plan *plan, uint16_t port, enum probe_service service,
		     bool hinted)
{
	if (plan->count == PROBE_PLAN_MAX)
		return;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].port == port)
			return; /* each port once: what it does not say, it says to nobody */
	plan->steps[plan->count++] =
		(struct probe_step){ .port = port, .service = service, .hinted = hinted };
}

static void add_facts(struct probe_plan *plan, const struct evidence *evidence, enum field field)
{
	const struct fact *fact = NULL;

	while ((fact = evidence_next(evidence, field, fact))) {
		/* Hints must leave room for what they may be hiding. */
		if (field == FIELD_HINT && plan->count >= PROBE_PLAN_MAX / 2)
			return;
		if (strcmp(fact->text, "rtsp") == 0)
			add_step(plan, fact->port, PROBE_RTSP, true);
		else if (strcmp(fact->text, "http") == 0)
			add_step(plan, fact->port, PROBE_HTTP, true);
	}
}

/* A port that was announced to be TLS is not asked in the clear. */
static bool is_secure(const struct evidence *evidence, uint16_t port)
{
	const struct fact *fact = NULL;

	while ((fact = evidence_next(evidence, FIELD_HINT, fact)))
		if (fact->port == port &&
		    (strcmp(fact->text, "https") == 0 || strcmp(fact->text, "rtsps") == 0))
			return true;
	return false;
}

void probe_plan_make(struct probe_plan *ret_plan, const struct evidence *evidence, bool usual)
{
	struct probe_plan plan = { 0 };

	add_facts(&plan, evidence, FIELD_SERVICE);
	add_facts(&plan, evidence, FIELD_HINT);
	for (size_t i = 0; usual && i < ARRAY_SIZE(usual_ports[0]); i++)
		for (enum probe_service service = 0; service < PROBE_SERVICE_COUNT; service++)
			if (!is_secure(evidence, usual_ports[service][i]))
				add_step(&plan, usual_ports[service][i], service, false);
	*ret_plan = plan;
}
