/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the certificate of a TLS server says about its maker. Nobody vouches for it: it is a hint
 * among others. Pure, fuzzed.
 */
#pragma once

#include "discoverd/evidence.h"

/* 0, or -EBADMSG for what is not an X.509 certificate in DER. */
int certificate_message_read(struct evidence *evidence, const void *bytes, size_t size,
			     usec_t time);
