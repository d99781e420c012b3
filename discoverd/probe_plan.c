/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/probe_plan.h"

#include <string.h>

#include "discoverd/forbidden_port.h"

#define MAX_USUAL 8

static const struct {
	const char *name;
	const struct service_probe *probe;
	bool secure;
	uint16_t usual[MAX_USUAL]; /* 0: none in that turn */
} services[PROBE_SERVICE_COUNT] = {
	[PROBE_RTSP] = { "rtsp",
			 &rtsp_probe,
			 false,
			 { 554, 8554, 10554, 5554, 7447, 5544, 7070, 8556 } },
	[PROBE_HTTP] = { "http", &http_probe, false, { 80, 8080, 81, 8000, 8081, 88, 8090, 85 } },
	/* Streams and pages elsewhere matter more than pages that there are in the clear, too. */
	[PROBE_HTTPS] = { "https", &http_probe, true, { 0, 443 } },
	[PROBE_RTSPS] = { "rtsps", &rtsp_probe, true, { 0 } },
	[PROBE_ONVIF] = { "onvif", &onvif_probe, false, { 8899, 2020, 8000 } },
};

const struct service_probe *probe_service_probe(enum probe_service service)
{
	return services[service].probe;
}

const char *probe_service_name(enum probe_service service)
{
	return services[service].name;
}

bool probe_step_is_same(const struct probe_step *a, const struct probe_step *b)
{
	return a->port == b->port && (a->service == PROBE_ONVIF) == (b->service == PROBE_ONVIF);
}

static void add_step(struct probe_plan *plan, struct probe_step step)
{
	if (plan->count == PROBE_PLAN_MAX || port_is_forbidden(step.port))
		return;
	for (size_t i = 0; i < plan->count; i++)
		if (probe_step_is_same(&plan->steps[i], &step))
			return;
	plan->steps[plan->count++] = step;
}

static void add_facts(struct probe_plan *plan, const struct evidence *evidence, enum field field)
{
	const struct fact *fact = NULL;

	while ((fact = evidence_next(evidence, field, fact))) {
		/* Hints must leave room for what they may be hiding. */
		if (field == FIELD_HINT && plan->count >= PROBE_PLAN_MAX / 2)
			return;
		for (enum probe_service service = 0; service < PROBE_SERVICE_COUNT; service++)
			if (strcmp(fact->text, services[service].name) == 0)
				add_step(plan, (struct probe_step){
						       .port = fact->port,
						       .service = service,
						       .secure = services[service].secure,
						       .hinted = true,
						       .likely = true,
					       });
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

/* A camera that speaks ONVIF on a port of its own has its web pages beside that, at the usual one:
 * that the first speaks HTTP does not explain the second. */
static void add_web_site(struct probe_plan *plan, const struct evidence *evidence)
{
	const uint16_t port = services[PROBE_HTTP].usual[0];
	const struct fact *fact = evidence_next(evidence, FIELD_ONVIF, NULL);

	if (fact && fact->port != port && !is_secure(evidence, fact->port) &&
	    !is_secure(evidence, port))
		add_step(plan, (struct probe_step){ .port = port,
						    .service = PROBE_HTTP,
						    .hinted = true,
						    .likely = true });
}

/* Where the device says its ONVIF service is; else wherever it speaks HTTP. */
static void add_onvif(struct probe_plan *plan, const struct evidence *evidence)
{
	struct probe_step step = { .service = PROBE_ONVIF, .hinted = true, .likely = true };
	const struct fact *fact = NULL;

	while ((fact = evidence_next(evidence, FIELD_ONVIF, fact))) {
		step.port = fact->port;
		step.secure = is_secure(evidence, fact->port);
		add_step(plan, step);
	}
	step.hinted = false;
	while ((fact = evidence_next(evidence, FIELD_SERVICE, fact))) {
		step.port = fact->port;
		step.secure = strcmp(fact->text, "https") == 0;
		if (step.secure || strcmp(fact->text, "http") == 0)
			add_step(plan, step);
	}
}

static void add_usual_port(struct probe_plan *plan, const struct evidence *evidence,
			   enum probe_service service, size_t number)
{
	uint16_t port = services[service].usual[number];
	const struct probe_step step = {
		.port = port,
		.service = service,
		.secure = services[service].secure,
		.likely = !number && (service == PROBE_RTSP || service == PROBE_HTTP),
	};

	if (port && (step.secure || !is_secure(evidence, port)))
		add_step(plan, step);
}

/* ONVIF comes last: it may be found where HTTP is. */
static void add_usual(struct probe_plan *plan, const struct evidence *evidence)
{
	for (size_t i = 0; i < MAX_USUAL; i++)
		for (enum probe_service service = 0; service < PROBE_ONVIF; service++)
			add_usual_port(plan, evidence, service, i);
	for (size_t i = 0; i < MAX_USUAL; i++)
		add_usual_port(plan, evidence, PROBE_ONVIF, i);
}

void probe_plan_make(struct probe_plan *ret_plan, const struct evidence *evidence, bool usual)
{
	struct probe_plan plan = { 0 };

	if (!evidence_has_trait(evidence, "printer")) {
		add_facts(&plan, evidence, FIELD_SERVICE);
		add_facts(&plan, evidence, FIELD_HINT);
		if (usual)
			add_web_site(&plan, evidence);
		add_onvif(&plan, evidence);
		if (usual)
			add_usual(&plan, evidence);
	}
	*ret_plan = plan;
}

const char *probe_plan_onvif_path(const struct evidence *evidence, uint16_t port)
{
	const struct fact *fact = NULL, *other = NULL;

	while ((fact = evidence_next(evidence, FIELD_ONVIF, fact))) {
		if (fact->port == port)
			return fact->text;
		if (!other)
			other = fact; /* the path may be right although the port is not */
	}
	return other ? other->text : NULL;
}
