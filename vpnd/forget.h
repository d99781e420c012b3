/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "vpnd forget": what Vpn1.Forget does, without the daemon: for removing it from a host. Run as
 * root, when vpnd does not run and SoftEther's client does.
 */
#pragma once

#include "vpnd/vpn.h"

/* Returns 0; -ETIMEDOUT or another -errno: what is wrong has been said. */
int forget_command(struct loop *loop, const struct vpn_options *options);
