/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "apid init": makes a freshly installed API host ready: authority and server certificate, what
 * vpn-service's setup has made for us, the first user. Run as root, as often as one likes.
 */
#pragma once

#include "apid/api.h"

/* argv[0] is the command's name. Returns 0; -EINVAL: wrong usage; other -errno. All is printed. */
int init_command(const struct api_settings *settings, int argc, char *argv[]);
