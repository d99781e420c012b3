/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a scan is under way and how far it has come, for those who watch. A scan is whatever asks
 * devices for anything but a sign of life: it runs as long as some part of discovery is busy.
 */
#pragma once

#include "common/loop.h"

struct scan_handlers {
	/* 0 to 99: as far as the part that is furthest behind; 100: no part is busy. */
	unsigned (*measure)(void *owner);
	void (*on_state)(void *owner);    /* a scan has begun or ended */
	void (*on_progress)(void *owner); /* scan->progress is another */
};

struct scan {
	struct loop_timer timer; /* armed during a scan */
	bool running;
	bool full;         /* on all interfaces, by request or at the start */
	unsigned progress; /* 0 to 100, never back during a scan; 100 between scans */
	const struct scan_handlers *handlers;
	void *owner;
};

/* handlers: borrowed. */
void scan_init(struct scan *scan, struct loop *loop, const struct scan_handlers *handlers,
	       void *owner);
void scan_deinit(struct scan *scan);

/* A full scan is to begin; false: one is under way, which is as good. One that is not full becomes
 * part of it. */
bool scan_begin_full(struct scan *scan);
/* Some part may have begun or ended. */
void scan_update(struct scan *scan);
