/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks a port in HTTP: GET /, head only. See probe.h. */
#pragma once

#include "discoverd/probe.h"
