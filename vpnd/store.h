/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What vpnd keeps on disk: the settings (secret, 0600), and that it was told to stay away until
 * the next boot. */
#pragma once

#include <stdbool.h>

#include "vpnd/settings.h"

/* 0; -ENOENT: none; else -errno and an owned sentence. */
int store_load_settings(int directory_fd, struct settings **ret_settings, char **ret_error);
int store_save_settings(int directory_fd, const struct settings *settings);
int store_remove_settings(int directory_fd);

/* Holds until the next boot. */
int store_set_away(int directory_fd, bool away);
bool store_is_away(int directory_fd);
