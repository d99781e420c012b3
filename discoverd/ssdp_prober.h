/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SSDP on the wire: searches per interface, an ear for NOTIFY, and the descriptions that both point
 * to. See protocol.h. */
#pragma once

#include "discoverd/protocol.h"
