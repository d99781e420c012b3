/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logging. Only main.c, root objects, state machines and on_<event>() functions log; pure and
 * common code returns errors. error: the operator must act; warning: degraded, retried by itself;
 * info: a state changed; debug: the rest. Never a token, a password, or a URL with user
 * information.
 *
 * Sinks: the journal's socket with structured fields when stderr is connected to it, else stderr
 * when it is a terminal, a pipe or a file, else syslog. Lines in a file begin with the time (RFC
 * 3339, UTC); a journal, a syslog or whoever reads a pipe adds its own.
 */
#pragma once

#include <errno.h>
#include <syslog.h>

#include "common/macros.h"

/* name: the identifier shown with each line; borrowed for ever. */
void log_open(const char *name, int max_level);
void log_set_max_level(int max_level);

/* fields: NULL-terminated "NAME=value" strings, or NULL. error: a positive errno for %m, or 0. */
void log_write(int level, int error, const char *const *fields, const char *format, ...)
	PRINTF_FORMAT(4, 5);

#define log_error(...)   log_write(LOG_ERR, 0, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, 0, NULL, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, 0, NULL, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, 0, NULL, __VA_ARGS__)

/* With structured fields: log_event(LOG_INFO, LOG_FIELDS("EVENT=state", "TUNNEL=vpn"), "…", …). */
#define LOG_FIELDS(...)               ((const char *const[]){ __VA_ARGS__, NULL })
#define log_event(level, fields, ...) log_write(level, 0, fields, __VA_ARGS__)

/* Take 0 or a negative errno, make it %m in the format, and return it: return log_error_errno(r,
 * "…: %m"). */
#define log_level_errno(level, result, ...)                    \
	({                                                     \
		int result_ = (result);                        \
		log_write(level, -result_, NULL, __VA_ARGS__); \
		result_;                                       \
	})
#define log_error_errno(result, ...)   log_level_errno(LOG_ERR, result, __VA_ARGS__)
#define log_warning_errno(result, ...) log_level_errno(LOG_WARNING, result, __VA_ARGS__)
#define log_debug_errno(result, ...)   log_level_errno(LOG_DEBUG, result, __VA_ARGS__)
