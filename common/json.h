/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON from outside: bounded parsing and typed, range-checked access on top of cJSON. Unknown
 * members are ignored, known ones must have the right type. Pure.
 *
 * Getters return 0; -ENOENT when the member is absent (or null); -EINVAL when it has another type,
 * is out of range, too long, or not valid UTF-8. Out-parameters are untouched on failure.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

#define JSON_MAX_SIZE  (1024 * 1024)
#define JSON_MAX_DEPTH 16

/* 0, -EMSGSIZE, -EINVAL. The whole text must be one value. */
int json_parse(cJSON **ret_json, const char *text, size_t size);
char *json_print(const cJSON *json); /* compact, owned; aborts when out of memory */
static inline void json_freep(cJSON **json)
{
	cJSON_Delete(*json);
}
#define _cleanup_json_ _cleanup_(json_freep)

int json_get_string(const cJSON *object, const char *name, size_t max_length,
		    const char **ret_value);
int json_get_number(const cJSON *object, const char *name, uint64_t minimum, uint64_t maximum,
		    uint64_t *ret_value); /* integers only */
int json_get_real(const cJSON *object, const char *name, double minimum, double maximum,
		  double *ret_value);
int json_get_bool(const cJSON *object, const char *name, bool *ret_value);
int json_get_array(const cJSON *object, const char *name, size_t max_items,
		   const cJSON **ret_array);
int json_get_object(const cJSON *object, const char *name, const cJSON **ret_object);

/* Builders that abort when out of memory. A NULL string is not added. */
cJSON *json_new_object(void) __attribute__((returns_nonnull));
cJSON *json_new_array(void) __attribute__((returns_nonnull));
void json_add_string(cJSON *object, const char *name, const char *value);
void json_add_number(cJSON *object, const char *name, double value);
void json_add_bool(cJSON *object, const char *name, bool value);
void json_add(cJSON *object, const char *name, cJSON *item); /* takes item */
void json_append(cJSON *array, cJSON *item);                 /* takes item */

#define json_for_each(item, array) \
	for ((item) = (array) ? (array)->child : NULL; (item); (item) = (item)->next)

bool utf8_is_valid(const char *text, size_t size); /* no NUL, no surrogates, no overlong forms */

/* RFC 3339 in UTC: "2026-11-20T10:00:00Z". */
#define TIME_TEXT_SIZE 21
int time_parse(int64_t *ret_seconds,
	       const char *text); /* -EINVAL; fractions are accepted and cut */
const char *time_format(int64_t seconds, char buffer[static TIME_TEXT_SIZE]);
