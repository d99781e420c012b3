/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the head of an HTTP or RTSP answer says about who made the device. Pure, one table. */
#pragma once

#include "discoverd/evidence.h"
#include "discoverd/response.h"

/* Adds vendor, serial, MAC and traits; not the service itself. */
void fingerprint_read(struct evidence *evidence, const struct response *response, usec_t time);
