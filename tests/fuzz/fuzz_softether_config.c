/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vpnserver's configuration file, edited: the second edit must find nothing left to do. */
#include "vpn-service/softether_config.h"

#include <stdlib.h>

#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const struct softether_switch switches[] = {
		{ "DDnsClient", "Disabled", true },
		{ "ServerConfiguration", "UseKeepConnect", false },
	};
	_cleanup_free_ char *text = xstrndup((const char *)input, size);
	_cleanup_free_ char *edited = softether_config_edit(text, switches, ARRAY_SIZE(switches));
	_cleanup_free_ char *again = NULL;

	if (edited)
		again = softether_config_edit(edited, switches, ARRAY_SIZE(switches));
	if (again)
		abort();
	return 0;
}
