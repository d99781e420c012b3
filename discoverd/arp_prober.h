/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ARP on the wire: hears who is there, and asks every address of a network. See protocol.h. */
#pragma once

#include "discoverd/protocol.h"
