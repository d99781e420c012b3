/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tunnel to the VPN host. */
#pragma once

#include "common/json.h"
#include "gatewayctl/screen.h"

/* From Vpn1's properties. Pure but for the screen's file. */
void vpn_print(const cJSON *vpn, const struct screen *screen);
