/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes the ONVIF calls that need no password, to learn what a device is. See probe.h. */
#pragma once

#include "discoverd/probe.h"
