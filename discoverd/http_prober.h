/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks a port in HTTP, in TLS or not: GET /, and what that redirects to on the same port, heads
 * only; and looks at the certificate. See probe.h. */
#pragma once

#include "discoverd/probe.h"
