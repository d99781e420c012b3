/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One writer per directory is assumed (each daemon owns its own), so the temporary file has a fixed
 * name: a crash in the middle leaves at most one, which the next write removes.
 */
#include "common/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"

#define FIRST_BUFFER 4096

static bool name_is_valid(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strlen(name) < NAME_MAX - 5;
}

static int write_all(int fd, const char *content, size_t size)
{
	ssize_t written;

	while (size) {
		written = write(fd, content, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		content += written;
		size -= (size_t)written;
	}
	return 0;
}

static int write_temporary(int directory_fd, const char *name, const void *content, size_t size,
			   mode_t mode)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* The umask does not decide who may read it. */
	if (fchmod(fd, mode) < 0)
		return -errno;
	r = write_all(fd, content, size);
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

int state_file_write(int directory_fd, const char *name, const void *content, size_t size,
		     mode_t mode)
{
	char temporary[NAME_MAX + 1];
	int r;

	if (!name_is_valid(name))
		return -EINVAL;
	snprintf(temporary, sizeof(temporary), ".%s.new", name);
	r = write_temporary(directory_fd, temporary, content, size, mode);
	if (r == 0 && renameat(directory_fd, temporary, directory_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(directory_fd, temporary, 0);
		return r;
	}
	return fsync(directory_fd) < 0 ? -errno : 0;
}

/* Grows by copying, so that no part of a secret stays behind in freed memory. */
static char *grow(char *buffer, size_t used, size_t *capacity)
{
	char *larger = xcalloc(2, *capacity);

	memcpy(larger, buffer, used);
	secret_free_sized(buffer, *capacity);
	*capacity *= 2;
	return larger;
}

static int read_all(int fd, size_t max_size, char **ret_content, size_t *ret_size)
{
	size_t capacity = FIRST_BUFFER, used = 0;
	char *buffer = xcalloc(1, capacity);
	ssize_t count;

	for (;;) {
		/* One byte stays free for the NUL. */
		if (used + 1 == capacity)
			buffer = grow(buffer, used, &capacity);
		count = read(fd, buffer + used, capacity - used - 1);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		used += (size_t)count;
		if (used > max_size) {
			count = -1;
			errno = EFBIG;
			break;
		}
	}
	if (count < 0) {
		int error = errno;

		secret_free_sized(buffer, capacity);
		return -error;
	}
	buffer[used] = '\0';
	*ret_content = buffer;
	if (ret_size)
		*ret_size = used;
	return 0;
}

/* Not blocking and no terminal, in case the path names a FIFO or a device. */
static int read_at(int directory_fd, const char *path, int flags, size_t max_size,
		   char **ret_content, size_t *ret_size)
{
	_cleanup_close_ int fd = -1;

	fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
	if (fd < 0)
		return -errno;
	return read_all(fd, max_size, ret_content, ret_size);
}

int state_file_read(int directory_fd, const char *name, size_t max_size, char **ret_content,
		    size_t *ret_size)
{
	if (!name_is_valid(name))
		return -EINVAL;
	return read_at(directory_fd, name, O_NOFOLLOW, max_size, ret_content, ret_size);
}

int file_read(const char *path, size_t max_size, char **ret_content, size_t *ret_size)
{
	return read_at(AT_FDCWD, path, 0, max_size, ret_content, ret_size);
}

int state_file_remove(int directory_fd, const char *name)
{
	if (!name_is_valid(name))
		return -EINVAL;
	if (unlinkat(directory_fd, name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(directory_fd) < 0 ? -errno : 0;
}

/* A directory above the state directory belongs to all daemons: each may pass through it. */
static int make_parents(const char *path)
{
	_cleanup_free_ char *parent = xstrdup(path);

	for (char *slash = parent + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(parent, 0755) == 0) {
			if (chmod(parent, 0755) < 0) /* whatever the umask */
				return -errno;
		} else if (errno != EEXIST) {
			return -errno;
		}
		*slash = '/';
	}
	return 0;
}

int state_directory_open(const char *path)
{
	int fd, r;

	if (path[0] != '/')
		return -EINVAL;
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		if (errno != ENOENT)
			return -errno;
		r = make_parents(path);
		if (r < 0)
			return r;
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
