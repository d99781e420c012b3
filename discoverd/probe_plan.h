/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which ports of a device to ask, in which order: those that something points to, then the usual
 * ones, rtsp and http in turn. Pure.
 */
#pragma once

#include "discoverd/evidence.h"

#define PROBE_PLAN_MAX 24

enum probe_service {
	PROBE_RTSP,
	PROBE_HTTP,
	PROBE_SERVICE_COUNT,
};

struct probe_step {
	uint16_t port;
	enum probe_service service;
	bool hinted; /* asked in any case; the others only while the service is missing */
};

struct probe_plan {
	struct probe_step steps[PROBE_PLAN_MAX];
	size_t count;
};

/* usual: also ports that nothing points to. */
void probe_plan_make(struct probe_plan *ret_plan, const struct evidence *evidence, bool usual);
