/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Allocation of our own objects. Running out of memory ends the process: every daemon restarts from
 * desired state, and a half-handled failure is worse. Sizes that come from outside must be checked
 * against a limit before they get here, so that nobody remote can cause that end.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include "common/macros.h"

void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc_array(void *pointer, size_t count, size_t size) __attribute__((returns_nonnull));
void *xmemdup(const void *source, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text);                /* NULL stays NULL */
char *xstrndup(const char *text, size_t limit); /* NULL stays NULL */
char *xasprintf(const char *format, ...) PRINTF_FORMAT(1, 2) __attribute__((returns_nonnull));

#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

/* Replaces the owned string in *text by a copy of value (which may be NULL). */
void replace_string(char **text, const char *value);

/* Overwrites before freeing: for keys, tokens, passwords. NULL-safe. */
void secret_free(char *secret);
void secret_free_sized(void *secret, size_t size);

static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void secret_freep(char **secret)
{
	secret_free(*secret);
}

/*
 * Gives back to the system, after a start or a burst of work, what is not needed for a while: freed
 * memory, and the program's and its libraries' code, which is read again from the page cache when
 * it is run. (A debugger's breakpoints go with the code: set them after.)
 */
void memory_give_back(void);

/* A descriptor that is closed at the end of its scope; -1 means none. */
static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#define _cleanup_free_   _cleanup_(freep)
#define _cleanup_secret_ _cleanup_(secret_freep)
#define _cleanup_close_  _cleanup_(closep)

/* A growing NULL-terminated array of owned strings. */
char **strv_append(char **strings, const char *text); /* takes strings, returns the grown array */
char **strv_copy(const char *const *strings);
size_t strv_length(char *const *strings);
char **strv_free(char **strings);
DEFINE_CLEANUP(char **, strv_free);
