/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vpnd's state directory. "Until the next boot" is kept as the kernel's id of the present boot. */
#include "vpnd/store.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"

#define SETTINGS_FILE "settings.json"
#define AWAY_FILE     "disconnected"
#define BOOT_ID_PATH  "/proc/sys/kernel/random/boot_id"
#define MAX_BOOT_ID   64

int store_load_settings(int directory_fd, struct settings **ret_settings, char **ret_error)
{
	_cleanup_secret_ char *text = NULL;
	size_t size;
	int r;

	r = state_file_read(directory_fd, SETTINGS_FILE, SETTINGS_MAX_JSON, &text, &size);
	if (r < 0) {
		if (r != -ENOENT)
			*ret_error = xstrdup(strerror(-r));
		return r;
	}
	return settings_from_json(ret_settings, text, size, ret_error);
}

int store_save_settings(int directory_fd, const struct settings *settings)
{
	_cleanup_secret_ char *text = settings_to_json(settings);

	return state_file_write(directory_fd, SETTINGS_FILE, text, strlen(text), 0600);
}

int store_remove_settings(int directory_fd)
{
	return state_file_remove(directory_fd, SETTINGS_FILE);
}

int store_set_away(int directory_fd, bool away)
{
	_cleanup_free_ char *boot = NULL;
	size_t size;
	int r;

	if (!away)
		return state_file_remove(directory_fd, AWAY_FILE);
	r = file_read(BOOT_ID_PATH, MAX_BOOT_ID, &boot, &size);
	if (r < 0)
		return r;
	return state_file_write(directory_fd, AWAY_FILE, boot, size, 0600);
}

bool store_is_away(int directory_fd)
{
	_cleanup_free_ char *boot = NULL, *stored = NULL;

	return file_read(BOOT_ID_PATH, MAX_BOOT_ID, &boot, NULL) == 0 &&
	       state_file_read(directory_fd, AWAY_FILE, MAX_BOOT_ID, &stored, NULL) == 0 &&
	       strcmp(boot, stored) == 0;
}
