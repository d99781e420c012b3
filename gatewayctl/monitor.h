/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gatewayctl monitor: what happens on this host, as it happens. */
#pragma once

#include "common/json.h"
#include "gatewayctl/live.h"

/*
 * What a change means to an operator: an array of {daemon, event, text, …}, often empty. Events:
 * present, absent, state, problem, solved, api, configuration, rules, scan, device-found,
 * device-changed, device-lost, forward, forward-removed, address, forwarding, gateways. Pure;
 * owned.
 */
cJSON *monitor_events(const struct live_change *change);
