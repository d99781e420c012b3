/* SPDX-License-Identifier: GPL-3.0-or-later */
/* D-Bus values as JSON: properties keep their names in snake_case, "ClaimCode" as "claim_code". */
#pragma once

#include "common/bus_message.h"
#include "common/json.h"

/* The value the reader stands on; owned, never NULL (null for a type that JSON has not). */
cJSON *bus_value_to_json(struct bus_reader *reader);
/* The entries of an a{sv} (or a{oa…}) that the reader stands on. */
cJSON *bus_dict_to_json(struct bus_reader *reader);
/* Owned. */
char *snake_case(const char *name);
