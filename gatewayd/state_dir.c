/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One file per entry, mode 0600: no other user needs any of them, and most hold secrets. */
#include "gatewayd/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "common/state_file.h"

#define ENTRY_MODE   0600
#define MAX_DOCUMENT ((size_t)JSON_MAX_SIZE)

struct state_dir {
	char *path;
	int fd;
};

static const struct {
	const char *name;
	size_t max_size;
} entries[STATE_ENTRY_COUNT] = {
	[STATE_IDENTITY] = { "identity.json", 4096 },
	[STATE_KEY] = { "key.pem", 16384 },
	[STATE_NEXT_KEY] = { "next-key.pem", 16384 },
	[STATE_TOKEN] = { "token.json", 8192 },
	[STATE_CONFIGURATION] = { "configuration.json", MAX_DOCUMENT },
	[STATE_RULES] = { "rules.json", MAX_DOCUMENT },
	[STATE_ADDRESSES] = { "addresses.json", MAX_DOCUMENT },
	[STATE_REVOKED] = { "revoked", 256 },
	[STATE_RESETTING] = { "resetting", 256 },
};

int state_dir_open(struct state_dir **ret_directory, const char *path)
{
	struct state_dir *directory;
	int fd;

	fd = state_directory_open(path);
	if (fd < 0)
		return fd;
	directory = xnew(struct state_dir);
	directory->path = xstrdup(path);
	directory->fd = fd;
	*ret_directory = directory;
	return 0;
}

struct state_dir *state_dir_free(struct state_dir *directory)
{
	if (!directory)
		return NULL;
	close(directory->fd);
	free(directory->path);
	free(directory);
	return NULL;
}

int state_dir_read(const struct state_dir *directory, enum state_entry entry, char **ret_content,
		   size_t *ret_size)
{
	return state_file_read(directory->fd, entries[entry].name, entries[entry].max_size,
			       ret_content, ret_size);
}

int state_dir_write(const struct state_dir *directory, enum state_entry entry, const char *content,
		    size_t size)
{
	if (size > entries[entry].max_size)
		return -EFBIG;
	return state_file_write(directory->fd, entries[entry].name, content, size, ENTRY_MODE);
}

int state_dir_remove(const struct state_dir *directory, enum state_entry entry)
{
	return state_file_remove(directory->fd, entries[entry].name);
}

bool state_dir_has(const struct state_dir *directory, enum state_entry entry)
{
	return faccessat(directory->fd, entries[entry].name, F_OK, 0) == 0;
}

int state_dir_move(const struct state_dir *directory, enum state_entry from, enum state_entry to)
{
	if (renameat(directory->fd, entries[from].name, directory->fd, entries[to].name) < 0)
		return -errno;
	return fsync(directory->fd) < 0 ? -errno : 0;
}

char *state_dir_path(const struct state_dir *directory, enum state_entry entry)
{
	return xasprintf("%s/%s", directory->path, entries[entry].name);
}

int state_dir_open_entry(const struct state_dir *directory, enum state_entry entry)
{
	int fd = openat(directory->fd, entries[entry].name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

int state_dir_write_document(const struct state_dir *directory, enum state_entry entry,
			     const char *etag, const char *text, size_t size)
{
	_cleanup_json_ cJSON *json = json_new_object();
	_cleanup_free_ char *content = NULL;
	cJSON *document = NULL;
	int r;

	r = json_parse(&document, text, size);
	if (r < 0)
		return r;
	json_add_string(json, "etag", etag);
	json_add(json, "document", document);
	content = json_print(json);
	return state_dir_write(directory, entry, content, strlen(content));
}

int state_dir_read_document(const struct state_dir *directory, enum state_entry entry,
			    char **ret_etag, char **ret_text)
{
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_free_ char *content = NULL;
	const cJSON *document;
	const char *etag = NULL;
	size_t size;
	int r;

	r = state_dir_read(directory, entry, &content, &size);
	if (r < 0)
		return r;
	r = json_parse(&json, content, size);
	if (r < 0)
		return r;
	document = cJSON_GetObjectItemCaseSensitive(json, "document");
	if (!document)
		return -EINVAL;
	(void)json_get_string(json, "etag", 256, &etag);
	*ret_etag = xstrdup(etag);
	*ret_text = json_print(document);
	return 0;
}
