/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DNS-SD over mDNS, through avahi-daemon, which may come, go and restart. See protocol.h. */
#pragma once

#include "discoverd/protocol.h"
