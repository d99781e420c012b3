/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gatewayctl status: one screen that says where this gateway stands. */
#pragma once

#include "common/json.h"
#include "gatewayctl/screen.h"

/* From a snapshot. Pure but for the screen's file. */
void status_print(const cJSON *snapshot, const struct screen *screen);
