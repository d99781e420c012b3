/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/address_store.h"

#include <errno.h>
#include <fcntl.h>

#include "common/memory.h"
#include "common/state_file.h"

#define FILE_NAME "addresses"

int address_store_load(const char *directory, struct remote_hosts *hosts)
{
	_cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = state_file_read(fd, FILE_NAME, REMOTE_MAX_TEXT, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	remote_hosts_parse(hosts, text);
	return 0;
}

int address_store_save(const char *directory, const struct remote_hosts *hosts)
{
	_cleanup_close_ int fd = state_directory_open(directory);
	char text[REMOTE_MAX_TEXT];

	if (fd < 0)
		return fd == -ENOENT ? -ENOTDIR : fd; /* the directory above it is missing */
	return state_file_write(fd, FILE_NAME, text, remote_hosts_format(hosts, text), 0600);
}
