/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cJSON is lenient where it matters: it takes text that is not UTF-8, control characters inside
 * strings, "\u0000" (which cuts the string), and a thousand levels. So the text is checked by one
 * pass over its bytes before cJSON sees it; that pass also bounds the number of values, because
 * each costs some 80 bytes of memory for as little as two bytes of text.
 */
#include "common/json.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/memory.h"

#define MAX_VALUES       131072
#define MAX_EXACT_DOUBLE 9007199254740992.0 /* 2^53: beyond, a double skips integers */

/* Length of the valid UTF-8 sequence at text (RFC 3629, table 3-7 of Unicode), or 0. */
static size_t utf8_sequence(const unsigned char *text, size_t size)
{
	unsigned char lowest = 0x80, highest = 0xbf;
	size_t length;

	if (text[0] < 0x80)
		return text[0] ? 1 : 0;
	if (text[0] >= 0xc2 && text[0] <= 0xdf)
		length = 2;
	else if ((text[0] & 0xf0) == 0xe0)
		length = 3;
	else if (text[0] >= 0xf0 && text[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (text[0] == 0xe0)
		lowest = 0xa0; /* shorter forms exist */
	else if (text[0] == 0xed)
		highest = 0x9f; /* surrogates */
	else if (text[0] == 0xf0)
		lowest = 0x90;
	else if (text[0] == 0xf4)
		highest = 0x8f; /* beyond U+10FFFF */
	if (size < length || text[1] < lowest || text[1] > highest)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

bool utf8_is_valid(const char *text, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length;

	for (size_t i = 0; i < size; i += length) {
		length = utf8_sequence(bytes + i, size - i);
		if (!length)
			return false;
	}
	return true;
}

/* Steps over the string whose opening quote is at text[start]; returns the index after its end. */
static int scan_string(const char *text, size_t size, size_t start, size_t *ret_next)
{
	for (size_t i = start + 1; i < size; i++) {
		if ((unsigned char)text[i] < ' ')
			return -EINVAL;
		if (text[i] == '"') {
			*ret_next = i + 1;
			return 0;
		}
		if (text[i] != '\\')
			continue;
		if (size - i > 5 && memcmp(text + i, "\\u0000", 6) == 0)
			return -EINVAL;
		i++;
	}
	return -EINVAL;
}

static int scan(const char *text, size_t size)
{
	unsigned depth = 0, values = 1;
	size_t next;

	for (size_t i = 0; i < size; i = next) {
		next = i + 1;
		switch (text[i]) {
		case '"':
			if (scan_string(text, size, i, &next) < 0)
				return -EINVAL;
			break;
		case '{':
		case '[':
			if (++depth > JSON_MAX_DEPTH || ++values > MAX_VALUES)
				return -EINVAL;
			break;
		case '}':
		case ']':
			if (depth-- == 0)
				return -EINVAL;
			break;
		case ',':
			if (++values > MAX_VALUES)
				return -EINVAL;
			break;
		default:
			break;
		}
	}
	return depth ? -EINVAL : 0;
}

static bool is_blank(const char *text, const char *end)
{
	for (; text < end; text++)
		if (!strchr(" \t\r\n", *text))
			return false;
	return true;
}

int json_parse(cJSON **ret_json, const char *text, size_t size)
{
	_cleanup_json_ cJSON *json = NULL;
	const char *end = NULL;

	if (size > JSON_MAX_SIZE)
		return -EMSGSIZE;
	if (size == 0 || !utf8_is_valid(text, size) || scan(text, size) < 0)
		return -EINVAL;
	json = cJSON_ParseWithLengthOpts(text, size, &end, false);
	if (!json || !is_blank(end, text + size))
		return -EINVAL;
	*ret_json = steal_ptr(json);
	return 0;
}

char *json_print(const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	if (!text)
		abort();
	return text;
}

typedef cJSON_bool is_type_fn(const cJSON *item);

/* The member, when it is there and not null, and of the type. */
static int get_member(const cJSON *object, const char *name, is_type_fn *is_type,
		      const cJSON **ret_item)
{
	const cJSON *item;

	if (object && !cJSON_IsObject(object))
		return -EINVAL;
	item = cJSON_GetObjectItemCaseSensitive(object, name);
	if (!item || cJSON_IsNull(item))
		return -ENOENT;
	if (!is_type(item))
		return -EINVAL;
	*ret_item = item;
	return 0;
}

int json_get_string(const cJSON *object, const char *name, size_t max_length,
		    const char **ret_value)
{
	const cJSON *item;
	size_t length;
	int r = get_member(object, name, cJSON_IsString, &item);

	if (r < 0)
		return r;
	length = strlen(item->valuestring);
	if (length > max_length || !utf8_is_valid(item->valuestring, length))
		return -EINVAL;
	*ret_value = item->valuestring;
	return 0;
}

int json_get_number(const cJSON *object, const char *name, uint64_t minimum, uint64_t maximum,
		    uint64_t *ret_value)
{
	const cJSON *item;
	uint64_t value;
	int r = get_member(object, name, cJSON_IsNumber, &item);

	if (r < 0)
		return r;
	if (!(item->valuedouble >= 0 && item->valuedouble <= MAX_EXACT_DOUBLE))
		return -EINVAL;
	value = (uint64_t)item->valuedouble;
	if (item->valuedouble - (double)value > 0 || value < minimum || value > maximum)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int json_get_real(const cJSON *object, const char *name, double minimum, double maximum,
		  double *ret_value)
{
	const cJSON *item;
	int r = get_member(object, name, cJSON_IsNumber, &item);

	if (r < 0)
		return r;
	if (!(item->valuedouble >= minimum && item->valuedouble <= maximum))
		return -EINVAL;
	*ret_value = item->valuedouble;
	return 0;
}

int json_get_bool(const cJSON *object, const char *name, bool *ret_value)
{
	const cJSON *item;
	int r = get_member(object, name, cJSON_IsBool, &item);

	if (r < 0)
		return r;
	*ret_value = cJSON_IsTrue(item);
	return 0;
}

int json_get_array(const cJSON *object, const char *name, size_t max_items, const cJSON **ret_array)
{
	const cJSON *item, *element;
	size_t count = 0;
	int r = get_member(object, name, cJSON_IsArray, &item);

	if (r < 0)
		return r;
	json_for_each (element, item) {
		if (++count > max_items)
			return -EINVAL;
	}
	*ret_array = item;
	return 0;
}

int json_get_object(const cJSON *object, const char *name, const cJSON **ret_object)
{
	return get_member(object, name, cJSON_IsObject, ret_object);
}

static cJSON *not_null(cJSON *item)
{
	if (!item)
		abort();
	return item;
}

cJSON *json_new_object(void)
{
	return not_null(cJSON_CreateObject());
}

cJSON *json_new_array(void)
{
	return not_null(cJSON_CreateArray());
}

/* What a device calls itself may be in any encoding; what we send must be UTF-8. */
static char *replace_invalid_utf8(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	size_t size = strlen(text), used = 0, length;
	char *clean = xcalloc(size + 1, strlen(replacement));

	for (size_t i = 0; i < size;) {
		length = utf8_sequence((const unsigned char *)text + i, size - i);
		if (length) {
			memcpy(clean + used, text + i, length);
			used += length;
			i += length;
		} else {
			memcpy(clean + used, replacement, strlen(replacement));
			used += strlen(replacement);
			i++;
		}
	}
	return clean;
}

void json_add_string(cJSON *object, const char *name, const char *value)
{
	_cleanup_free_ char *clean = NULL;

	if (!value)
		return;
	if (!utf8_is_valid(value, strlen(value)))
		value = clean = replace_invalid_utf8(value);
	json_add(object, name, not_null(cJSON_CreateString(value)));
}

void json_add_number(cJSON *object, const char *name, double value)
{
	json_add(object, name, not_null(cJSON_CreateNumber(value)));
}

void json_add_bool(cJSON *object, const char *name, bool value)
{
	json_add(object, name, not_null(cJSON_CreateBool(value)));
}

void json_add(cJSON *object, const char *name, cJSON *item)
{
	if (!cJSON_AddItemToObject(object, name, item))
		abort();
}

void json_append(cJSON *array, cJSON *item)
{
	if (!cJSON_AddItemToArray(array, item))
		abort();
}

/* Reads exactly count digits. */
static int read_digits(const char **text, unsigned count, int *ret_value)
{
	int value = 0;

	for (; count; count--, (*text)++) {
		if (**text < '0' || **text > '9')
			return -EINVAL;
		value = value * 10 + (**text - '0');
	}
	*ret_value = value;
	return 0;
}

int time_parse(int64_t *ret_seconds, const char *text)
{
	/* What follows each number. */
	static const char separators[] = "--T::";
	static const unsigned char digits[] = { 4, 2, 2, 2, 2, 2 };
	int parts[6];
	struct tm calendar, normalised;
	time_t seconds;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (read_digits(&text, digits[i], &parts[i]) < 0)
			return -EINVAL;
		if (i < strlen(separators) && *text++ != separators[i])
			return -EINVAL;
	}
	if (*text == '.') {
		text++;
		if (*text < '0' || *text > '9')
			return -EINVAL;
		text += strspn(text, "0123456789");
	}
	if (strcmp(text, "Z") != 0)
		return -EINVAL;
	/* 60: a leap second (RFC 3339 section 5.6). */
	if (parts[0] < 1970 || parts[3] > 23 || parts[4] > 59 || parts[5] > 60)
		return -EINVAL;
	calendar = (struct tm){ .tm_year = parts[0] - 1900,
				.tm_mon = parts[1] - 1,
				.tm_mday = parts[2] };
	seconds = timegm(&calendar);
	/* timegm() turns February 30 into March; then the date does not come back as it went in. */
	if (!gmtime_r(&seconds, &normalised) || normalised.tm_mon != parts[1] - 1 ||
	    normalised.tm_mday != parts[2])
		return -EINVAL;
	*ret_seconds = (int64_t)seconds + parts[3] * 3600 + parts[4] * 60 + parts[5];
	return 0;
}

const char *time_format(int64_t seconds, char buffer[static TIME_TEXT_SIZE])
{
	const int64_t last = INT64_C(253402300799); /* 9999-12-31T23:59:59Z */
	time_t bounded;
	struct tm calendar;

	bounded = (time_t)(seconds < 0 ? 0 : seconds > last ? last : seconds);
	gmtime_r(&bounded, &calendar);
	strftime(buffer, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &calendar);
	return buffer;
}
