/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The forwards of this host: the gateway's rules, and what others have set in routed. */
#pragma once

#include "common/json.h"
#include "gatewayctl/screen.h"

/*
 * { "forwards": [{set, name, protocol, port, target_address, target_port, interface, allow_from,
 *   expires, keep_client_address, state, error}] }
 * rules: Gateway1.Rules as objects, or NULL; kernel: what Routing1.List answered, or NULL;
 * devices: to find a forward's camera, or NULL. Members that are not known are absent. Pure; owned.
 */
cJSON *forwards_join(const cJSON *rules, const cJSON *kernel, const cJSON *devices);

/* A forward as Routing1.List has it, with named members. Pure; owned. */
cJSON *name_forward_members(const cJSON *forward);

void forwards_print(const cJSON *document, const struct screen *screen);
