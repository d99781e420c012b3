/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of setup that talks to vpnserver. */
#pragma once

#include "vpn-service/settings.h"
#include "vpn-service/setup_files.h"

struct loop;

/* Failures are logged. Takes seconds: says what it is doing. */
int setup_softether(struct loop *loop, const struct service_settings *settings,
		    const struct setup_files *files);
