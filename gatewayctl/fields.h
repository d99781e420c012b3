/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading what daemons said, as JSON with names in snake_case: anything may be absent. Pure. */
#pragma once

#include "common/json.h"

const cJSON *field(const cJSON *json, const char *name);     /* NULL when absent */
const char *field_text(const cJSON *json, const char *name); /* NULL when absent or empty */
int64_t field_number(const cJSON *json, const char *name);   /* 0 when absent */
bool field_is(const cJSON *json, const char *name, const char *value);

/* Of a device: what an operator calls it, and its services as "80 554"; owned. */
const char *device_title(const cJSON *device);
char *device_ports(const cJSON *device);
/* "facts", a(ssqsxdd), become objects: source, field, port, value, time, weight, alone. */
void device_name_facts(cJSON *device);
/* Sure enough to be reported as a camera: the same bound as in gatewayd. */
bool device_is_camera(const cJSON *device);

/* Of a rule: "tcp 10000", and "192.168.1.10:80" or "-" while its device has no address; owned. */
char *rule_port(const cJSON *rule);
char *rule_target(const cJSON *rule);
