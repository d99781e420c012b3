/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/bus_json.h"

#include <string.h>

#include "common/memory.h"

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* The last character of a word: an upper one behind it begins the next. */
static bool ends_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

char *snake_case(const char *name)
{
	char *text = xcalloc(2 * strlen(name) + 1, 1), *out = text, before = '\0';

	/* An object path is a name already. */
	if (*name == '/') {
		memcpy(text, name, strlen(name) + 1);
		return text;
	}
	for (; *name; before = *name++) {
		if (is_upper(*name) && ends_word(before))
			*out++ = '_';
		*out++ = (char)(is_upper(*name) ? *name - 'A' + 'a' : *name);
	}
	return text;
}

static cJSON *checked(cJSON *json)
{
	if (!json)
		abort();
	return json;
}

static cJSON *number(struct bus_reader *reader, char type)
{
	double real = 0;
	uint64_t u64 = 0;
	uint32_t u32 = 0;
	uint16_t u16 = 0;
	uint8_t u8 = 0;
	int64_t i64 = 0;
	int32_t i32 = 0;

	switch (type) {
	case 'd':
		(void)bus_read_double(reader, &real);
		return checked(cJSON_CreateNumber(real));
	case 't':
		(void)bus_read_u64(reader, &u64);
		return checked(cJSON_CreateNumber((double)u64));
	case 'x':
		(void)bus_read_i64(reader, &i64);
		return checked(cJSON_CreateNumber((double)i64));
	case 'u':
		(void)bus_read_u32(reader, &u32);
		return checked(cJSON_CreateNumber(u32));
	case 'i':
		(void)bus_read_i32(reader, &i32);
		return checked(cJSON_CreateNumber(i32));
	case 'q':
		(void)bus_read_u16(reader, &u16);
		return checked(cJSON_CreateNumber(u16));
	default:
		(void)bus_read_u8(reader, &u8);
		return checked(cJSON_CreateNumber(u8));
	}
}

static cJSON *text(struct bus_reader *reader)
{
	const char *value = "";

	(void)bus_read_string(reader, &value);
	return checked(cJSON_CreateString(value));
}

static cJSON *boolean(struct bus_reader *reader)
{
	bool value = false;

	(void)bus_read_bool(reader, &value);
	return checked(cJSON_CreateBool(value));
}

/* An array or a struct. */
static cJSON *list(struct bus_reader *reader)
{
	cJSON *array = json_new_array();
	struct bus_reader inside;

	if (bus_enter(reader, &inside) < 0)
		return array;
	while (!bus_reader_at_end(&inside))
		json_append(array, bus_value_to_json(&inside));
	return array;
}

cJSON *bus_dict_to_json(struct bus_reader *reader)
{
	cJSON *object = json_new_object();
	struct bus_reader inside, value;
	const char *key;

	if (bus_enter(reader, &inside) < 0)
		return object;
	while (bus_next_entry(&inside, &key, &value)) {
		_cleanup_free_ char *name = snake_case(key);

		json_add(object, name, bus_value_to_json(&value));
	}
	return object;
}

static bool is_dict(const struct bus_reader *reader)
{
	struct bus_reader copy = *reader, inside;

	return bus_enter(&copy, &inside) == 0 && bus_reader_type(&inside) == 'e';
}

cJSON *bus_value_to_json(struct bus_reader *reader)
{
	struct bus_reader inside;
	char type = bus_reader_type(reader);

	switch (type) {
	case 's':
	case 'o':
	case 'g':
		return text(reader);
	case 'b':
		return boolean(reader);
	case 'a':
		return is_dict(reader) ? bus_dict_to_json(reader) : list(reader);
	case 'r':
		return list(reader);
	case 'v':
		if (bus_enter(reader, &inside) == 0)
			return bus_value_to_json(&inside);
		break;
	case 'd':
	case 't':
	case 'x':
	case 'u':
	case 'i':
	case 'q':
	case 'y':
		return number(reader, type);
	default:
		break;
	}
	bus_skip(reader);
	return checked(cJSON_CreateNull());
}
