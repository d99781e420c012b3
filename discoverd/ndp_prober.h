/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who else speaks IPv6 on the link: one echo request to all of them per burst. See protocol.h. */
#pragma once

#include "discoverd/protocol.h"
