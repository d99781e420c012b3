/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What gatewayd keeps on disk, /var/lib/evercam-gateway/gatewayd: everything needed to go on after
 * a crash at any point, without the API. Each entry is one file, written whole or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"

enum state_entry {
	STATE_IDENTITY,      /* machine secret and MAC label */
	STATE_KEY,           /* private key of the VPN account */
	STATE_NEXT_KEY,      /* the one being rotated in: its certificate has not come yet */
	STATE_TOKEN,         /* the API's token */
	STATE_CONFIGURATION, /* last good configuration */
	STATE_RULES,         /* last good rules */
	STATE_ADDRESSES,     /* last known addresses of the devices that rules follow */
	STATE_REVOKED,       /* present: the API has revoked this gateway */
	STATE_RESETTING,     /* present: a reset has begun and is to be finished */
	STATE_ENTRY_COUNT,
};

struct state_dir;

int state_dir_open(struct state_dir **ret_directory, const char *path);
struct state_dir *state_dir_free(struct state_dir *directory);
DEFINE_CLEANUP(struct state_dir *, state_dir_free);

/* -ENOENT when absent. The content is NUL-terminated and owned; free secrets with secret_free(). */
int state_dir_read(const struct state_dir *directory, enum state_entry entry, char **ret_content,
		   size_t *ret_size);
int state_dir_write(const struct state_dir *directory, enum state_entry entry, const char *content,
		    size_t size);
int state_dir_remove(const struct state_dir *directory, enum state_entry entry);
bool state_dir_has(const struct state_dir *directory, enum state_entry entry);
/* Moves one entry onto another, in one step. */
int state_dir_move(const struct state_dir *directory, enum state_entry from, enum state_entry to);
/* Its path, owned: for a child that writes it. */
char *state_dir_path(const struct state_dir *directory, enum state_entry entry);
/* A descriptor to read the entry by, for handing on. Owned; or -errno. */
int state_dir_open_entry(const struct state_dir *directory, enum state_entry entry);

/*
 * A document of the API with its entity tag, so that the first question after a restart can be
 * "has it changed?". A file that cannot be understood is -EINVAL.
 */
int state_dir_write_document(const struct state_dir *directory, enum state_entry entry,
			     const char *etag, const char *text, size_t size);
int state_dir_read_document(const struct state_dir *directory, enum state_entry entry,
			    char **ret_etag /* NULL when none */, char **ret_text);
