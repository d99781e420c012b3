/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Edits the text of vpnserver's configuration file, for the few switches that have no JSON-RPC of
 * their own. Pure.
 */
#pragma once

#include <stdbool.h>

struct softether_switch {
	const char *section; /* below "root", such as "ServerConfiguration" */
	const char *key;
	bool value;
};

/*
 * Returns the owned new text, or NULL when all the switches have their values already. A switch
 * that the file does not have is left out: an older or newer vpnserver does not know it.
 */
char *softether_config_edit(const char *text, const struct softether_switch *switches,
			    unsigned switch_count);
