/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The devices that discoverd found. */
#pragma once

#include "common/json.h"
#include "gatewayctl/screen.h"

/* A table, sorted by address, or what to do when there are none. Pure but for the screen's file. */
void devices_print(const cJSON *devices, const struct screen *screen);

/* online, offline, or unsure: not sure enough to be reported as a camera. */
const char *device_state(const cJSON *device);
