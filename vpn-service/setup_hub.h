/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub of the gateways: group and policy, authority, options, TAP. */
#pragma once

#include "vpn-service/settings.h"
#include "vpn-service/setup_rpc.h"

/* Makes what is missing. certificate: of the authority that signs gateways' certificates, PEM. */
int setup_hub(struct setup_rpc *rpc, const struct service_settings *settings,
	      const char *certificate);
