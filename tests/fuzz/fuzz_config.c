/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a configuration file. A refused one leaves nothing set and says why. */
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/netaddr.h"
#include "tests/fuzz/fuzz.h"

struct settings {
	char *name, *file;
	char **servers;
	uint64_t port;
	usec_t interval;
	struct netaddr address;
	struct netprefix prefix;
	bool enabled;
};

static const struct config_option options[] = {
	{ .key = "name", .type = CONFIG_STRING, .offset = offsetof(struct settings, name) },
	{ .key = "file", .type = CONFIG_PATH, .offset = offsetof(struct settings, file) },
	{ .key = "servers", .type = CONFIG_STRINGS, .offset = offsetof(struct settings, servers) },
	{ .key = "port",
	  .type = CONFIG_NUMBER,
	  .offset = offsetof(struct settings, port),
	  .fallback = "443",
	  .minimum = 1,
	  .maximum = 65535 },
	{ .key = "interval",
	  .type = CONFIG_SECONDS,
	  .offset = offsetof(struct settings, interval),
	  .maximum = 3600 },
	{ .key = "address", .type = CONFIG_ADDRESS, .offset = offsetof(struct settings, address) },
	{ .key = "prefix", .type = CONFIG_PREFIX, .offset = offsetof(struct settings, prefix) },
	{ .key = "enabled", .type = CONFIG_BOOL, .offset = offsetof(struct settings, enabled) },
	CONFIG_END,
};

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const struct settings empty;
	struct settings settings;
	_cleanup_free_ char *error = NULL;

	memset(&settings, 0, sizeof(settings));
	if (config_parse(&settings, options, "fuzz", (const char *)input, size, NULL, &error) < 0) {
		if (!error || !utf8_is_valid(error, strlen(error)))
			abort();
	} else {
		if (error || settings.port < 1 || settings.port > 65535 ||
		    (settings.file && settings.file[0] != '/'))
			abort();
		config_free(&settings, options);
	}
	if (memcmp(&settings, &empty, sizeof(settings)) != 0)
		abort();
	return 0;
}
