/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks a port in RTSP: OPTIONS, then a DESCRIBE that cannot succeed. See probe.h. */
#pragma once

#include "discoverd/probe.h"
