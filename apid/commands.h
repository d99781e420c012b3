/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sub-commands of apid for its host's operator: `apid init` (init.h), `apid user add
 * [--admin|--viewer] [--organisation NAME] NAME` (password on standard input) and `apid routes`
 * (the calls it answers).
 */
#pragma once

#include "apid/api.h"
#include "apid/store.h"
#include "common/daemon.h"

int command_run(struct daemon *daemon, int argc, char *argv[]);

/*
 * A user called name, with the password that stands on standard input; -EINVAL, said: one of them
 * will not do.
 */
int command_read_user(struct user *ret_user, const char *name, enum user_role role);
/* NULL: the default organisation. Root becomes the owner of the database's directory, for good. */
int command_store_user(const struct api_settings *settings, const struct user *user,
		       const char *organisation);
