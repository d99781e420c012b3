/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that must survive a power cut: written whole (temporary file in the same directory, fsync,
 * rename, fsync of the directory), so that a reader sees the old content or the new, never a part.
 */
#pragma once

#include <sys/types.h>

#include "common/macros.h"

/* Names are relative to directory_fd (an open directory) and hold no '/'. */
int state_file_write(int directory_fd, const char *name, const void *content, size_t size,
		     mode_t mode);

/* Reads all of it, NUL-terminated and owned; -ENOENT, -EFBIG beyond max_size. ret_size may be NULL.
 */
int state_file_read(int directory_fd, const char *name, size_t max_size, char **ret_content,
		    size_t *ret_size);

int state_file_remove(int directory_fd, const char *name); /* 0 also when it was not there */

/* Opens (and makes, mode 0700, when missing) a state directory. Returns a descriptor or -errno. */
int state_directory_open(const char *path);

/* Reads any file by path, bounded, as above: certificates, keys, /proc. */
int file_read(const char *path, size_t max_size, char **ret_content, size_t *ret_size);
