/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCP as others speak it: hears who comes, and what it calls itself. Sends nothing. See
 * protocol.h. */
#pragma once

#include "discoverd/protocol.h"
