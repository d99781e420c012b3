/* SPDX-License-Identifier: GPL-3.0-or-later */
/* On the VPN host: the gateways that vpn-service has provisioned. */
#pragma once

#include "common/json.h"
#include "gatewayctl/screen.h"

/* From VpnService1's properties with "gateways", its ListGateways. Pure but for the file. */
void gateways_print(const cJSON *service, const struct screen *screen);
