/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which ports of a device to ask for which service, in which order: those that something points to,
 * then the usual ones, the services in turn. Pure.
 */
#pragma once

#include "discoverd/evidence.h"

#define PROBE_PLAN_MAX 32

/* A new one has its line here, below, and in the table of probe_plan.c. */
enum probe_service {
	PROBE_RTSP,
	PROBE_HTTP,
	PROBE_HTTPS,
	PROBE_RTSPS,
	PROBE_ONVIF, /* over HTTP: on a port that is asked in HTTP as well */
	PROBE_SERVICE_COUNT,
};
extern const struct service_probe rtsp_probe;
extern const struct service_probe http_probe;
extern const struct service_probe onvif_probe;

const struct service_probe *probe_service_probe(enum probe_service service);
const char *probe_service_name(enum probe_service service); /* as in FIELD_SERVICE, FIELD_HINT */

struct probe_step {
	uint16_t port;
	enum probe_service service;
	bool secure; /* in TLS */
	bool hinted; /* asked in any case; the others only while the service is missing */
	bool likely; /* hinted, or where the service is most often */
};

/* A port is asked for one service, as what it does not say, it says to nobody. But ONVIF is a
 * service within another. */
bool probe_step_is_same(const struct probe_step *a, const struct probe_step *b);

struct probe_plan {
	struct probe_step steps[PROBE_PLAN_MAX];
	size_t count;
};

/* usual: also ports that nothing points to. Empty for a device that must not be asked at all. */
void probe_plan_make(struct probe_plan *ret_plan, const struct evidence *evidence, bool usual);
/* The path of the ONVIF device service on a port; NULL: not known. Lives until the evidence
 * changes. */
const char *probe_plan_onvif_path(const struct evidence *evidence, uint16_t port);
