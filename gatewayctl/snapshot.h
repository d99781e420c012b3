/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the daemons of this gateway say about themselves, at one moment. */
#pragma once

#include "common/bus.h"
#include "common/json.h"

/*
 * { "ok": bool, "problems": [{daemon, text}],
 *   "gateway": {properties}, "vpn": {…}, "routing": {…}, "discovery": {…, "devices": [{…}]} }
 * Properties in snake_case; a daemon that is not running is null. Owned.
 */
cJSON *snapshot_take(struct bus *bus);

/* Fills "ok" and "problems" from the rest. Pure; for the test. */
void snapshot_judge(cJSON *snapshot);

/* Gateway1.Rules, a(tsqsqss), as objects with named members. */
void name_rule_members(cJSON *gateway);
