/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the certificate of a TLS server says about its maker. Nobody vouches for it: it is a hint
 * among others. Pure, fuzzed.
 */
#pragma once

#include "discoverd/evidence.h"

/* names: as certificate_names.h has them. */
void certificate_message_read(struct evidence *evidence, const char *names, usec_t time);
