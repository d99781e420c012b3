/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop, as libavahi-client wants to see one. */
#pragma once

#include <avahi-common/watch.h>

#include "common/loop.h"

/* Fills in the functions; the loop is borrowed and must outlive every use of poll. */
void avahi_poll_init(AvahiPoll *poll, struct loop *loop);
