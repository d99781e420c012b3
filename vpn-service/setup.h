/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "vpn-service setup": brings a stock SoftEther vpnserver and dnsmasq, and this host's keys and
 * directories, into the state that vpn-service needs. Run as root, as often as one likes.
 */
#pragma once

#include "vpn-service/settings.h"

struct loop;

/* argv[0] is the command's name. Returns 0; -EINVAL: wrong usage; other -errno. All is printed. */
int setup_command(struct loop *loop, const struct service_settings *settings, int argc,
		  char *argv[]);
