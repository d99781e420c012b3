/* SPDX-License-Identifier: GPL-3.0-or-later */
/* On the VPN host: the gateways that vpn-service has provisioned. */
#pragma once

#include "common/json.h"
#include "gatewayctl/screen.h"

/*
 * Moves what ListSessions answered into the gateways of ListGateways: connected, and since when,
 * from where, and its bytes. sessions NULL: not known, connected is null. Pure.
 */
void gateways_join(cJSON *gateways, cJSON *sessions);

/* From VpnService1's properties with "gateways", joined. Pure but for the file. */
void gateways_print(const cJSON *service, const struct screen *screen);
