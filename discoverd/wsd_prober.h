/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WS-Discovery on the wire: probes per interface, and an ear for Hello and Bye. See protocol.h. */
#pragma once

#include "discoverd/protocol.h"
