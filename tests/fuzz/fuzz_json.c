/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text: parsed, printed and parsed again, and asked for members of each type. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

static void use_members(const cJSON *object)
{
	const char *text = NULL;
	const cJSON *item, *element;
	uint64_t number = 0;
	double real = 0;
	bool flag;
	int64_t seconds;

	if (json_get_string(object, "s", 20, &text) == 0) {
		if (strlen(text) > 20 || !utf8_is_valid(text, strlen(text)))
			abort();
		time_parse(&seconds, text);
	}
	if (json_get_number(object, "n", 1, 65535, &number) == 0 && (number < 1 || number > 65535))
		abort();
	if (json_get_real(object, "r", 0, 1, &real) == 0 && !(real >= 0 && real <= 1))
		abort();
	json_get_bool(object, "b", &flag);
	if (json_get_array(object, "l", 8, &item) == 0)
		json_for_each (element, item)
			use_members(element);
	if (json_get_object(object, "o", &item) == 0)
		use_members(item);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	_cleanup_json_ cJSON *json = NULL, *again = NULL;
	_cleanup_free_ char *text = NULL;

	if (json_parse(&json, (const char *)input, size) < 0)
		return 0;
	use_members(json);
	text = json_print(json);
	/* What we print we must be able to read, unless escapes made it longer than the limit. */
	if (strlen(text) <= JSON_MAX_SIZE && json_parse(&again, text, strlen(text)) < 0)
		abort();
	return 0;
}
