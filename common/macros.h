/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Language helpers: cleanup on scope exit, ownership transfer, embedded objects. No code of their
 * own. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(number)       (1U << (number))

#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define PRINTF_FORMAT(text, first) __attribute__((format(printf, text, first)))
#define MUST_CHECK                 __attribute__((warn_unused_result))

/* Runs function(&variable) when the variable leaves its scope. */
#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines x_freep() for _cleanup_, from a destructor x_free() that accepts NULL. */
#define DEFINE_CLEANUP(type, free_function)                \
	static inline void free_function##p(type *pointer) \
	{                                                  \
		if (*pointer)                              \
			free_function(*pointer);           \
	}                                                  \
	struct this_line_takes_a_semicolon

/* Moves ownership out of a _cleanup_ variable. */
#define steal_ptr(pointer)                               \
	({                                               \
		__typeof__(pointer) stolen_ = (pointer); \
		(pointer) = NULL;                        \
		stolen_;                                 \
	})

/* Time spans and points of the monotonic clock, in microseconds. */
typedef uint64_t usec_t;
#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC  ((usec_t)1000000)
#define USEC_INFINITY UINT64_MAX
