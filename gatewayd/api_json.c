/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The documents of the Gateway API. Each parser builds its struct beside the caller's and hands it
 * over only when every member it knows is of the right type and in range; so a wrong document never
 * leaves half a configuration in force. Unknown members are ignored (protocol.md).
 *
 * Names that later reach other programs (hub, user, host names) are held to the characters such
 * names need, here, at the first place that sees them.
 */
#include "gatewayd/api_json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"

#define MAX_NAME 255

int api_refuse(struct api_problem *problem, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem->text, sizeof(problem->text), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* Names the member of a getter's failure; 0 stays 0. */
int api_member(struct api_problem *problem, const char *name, int result)
{
	if (result == 0)
		return 0;
	return api_refuse(problem, result == -ENOENT ? "%s is missing" : "%s is not valid", name);
}

/* The same for a member that may be absent. */
int api_optional(struct api_problem *problem, const char *name, int result)
{
	return result == -ENOENT ? 0 : api_member(problem, name, result);
}

int api_parse_object(cJSON **ret_json, const char *text, size_t size, struct api_problem *problem)
{
	_cleanup_json_ cJSON *json = NULL;
	int r;

	r = json_parse(&json, text, size);
	if (r < 0)
		return api_refuse(problem, r == -EMSGSIZE ? "the answer is too large"
							  : "the answer is not JSON");
	if (!cJSON_IsObject(json))
		return api_refuse(problem, "the answer is not a JSON object");
	*ret_json = steal_ptr(json);
	return 0;
}

static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

/* Host, hub and user names; an IPv6 address as host may also hold colons. */
static bool is_plain_name(const char *text, bool colons)
{
	if (!*text || *text == '-' || *text == '.')
		return false;
	for (; *text; text++)
		if (!is_name_character(*text) && !(colons && *text == ':'))
			return false;
	return true;
}

int api_get_name(const cJSON *json, const char *name, bool colons, char **ret_value,
		 struct api_problem *problem)
{
	const char *value;
	int r;

	r = json_get_string(json, name, MAX_NAME, &value);
	if (r == 0 && !is_plain_name(value, colons))
		r = -EINVAL;
	if (r < 0)
		return api_member(problem, name, r);
	*ret_value = xstrdup(value);
	return 0;
}

int api_get_time(const cJSON *json, const char *name, int64_t *ret_seconds)
{
	const char *text;
	int r;

	r = json_get_string(json, name, 64, &text);
	if (r < 0)
		return r;
	return time_parse(ret_seconds, text);
}

int api_get_port(const cJSON *json, const char *name, uint16_t *ret_port)
{
	uint64_t value;
	int r;

	r = json_get_number(json, name, 1, UINT16_MAX, &value);
	if (r < 0)
		return r;
	*ret_port = (uint16_t)value;
	return 0;
}

int announcement_parse(struct announcement *ret_announcement, const char *text, size_t size,
		       struct api_problem *problem)
{
	_cleanup_json_ cJSON *json = NULL;
	struct announcement announcement = { 0 };
	const char *status;
	int r;

	r = api_parse_object(&json, text, size, problem);
	if (r < 0)
		return r;
	r = api_member(problem, "status", json_get_string(json, "status", 32, &status));
	if (r < 0)
		return r;
	announcement.approved = strcmp(status, "approved") == 0;
	if (!announcement.approved && strcmp(status, "pending") != 0)
		return api_refuse(problem, "status is neither pending nor approved");
	r = api_optional(problem, "retry_after",
			 json_get_number(json, "retry_after", 0, API_MAX_RETRY_AFTER,
					 &announcement.retry_after_seconds));
	if (r < 0)
		return r;
	*ret_announcement = announcement;
	return 0;
}

/* Goes into a header line: visible ASCII only. */
static bool is_token(const char *text)
{
	const char *c;

	for (c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return c != text;
}

int api_token_parse(struct api_token *ret_token, const char *text, size_t size,
		    struct api_problem *problem)
{
	_cleanup_json_ cJSON *json = NULL;
	struct api_token token = { 0 };
	const char *value;
	int r;

	r = api_parse_object(&json, text, size, problem);
	if (r < 0)
		return r;
	r = json_get_string(json, "token", API_MAX_TOKEN, &value);
	if (r == 0 && !is_token(value))
		r = -EINVAL;
	if (r < 0)
		return api_member(problem, "token", r);
	r = api_member(problem, "gateway_id",
		       json_get_number(json, "gateway_id", 1, API_MAX_ID, &token.gateway_id));
	if (r < 0)
		return r;
	r = api_optional(problem, "expires_at",
			 api_get_time(json, "expires_at", &token.expires_at));
	if (r < 0)
		return r;
	r = api_optional(problem, "obtained_at",
			 api_get_time(json, "obtained_at", &token.obtained_at));
	if (r < 0)
		return r;
	token.token = xstrdup(value);
	*ret_token = token;
	return 0;
}

char *api_token_print(const struct api_token *token)
{
	_cleanup_json_ cJSON *json = json_new_object();
	char buffer[TIME_TEXT_SIZE];

	json_add_string(json, "token", token->token);
	json_add_number(json, "gateway_id", (double)token->gateway_id);
	if (token->expires_at > 0)
		json_add_string(json, "expires_at", time_format(token->expires_at, buffer));
	if (token->obtained_at > 0)
		json_add_string(json, "obtained_at", time_format(token->obtained_at, buffer));
	return json_print(json);
}

void api_token_clear(struct api_token *token)
{
	secret_free(token->token);
	*token = (struct api_token){ 0 };
}

int changes_parse(struct changes *ret_changes, const char *text, size_t size,
		  struct api_problem *problem)
{
	static const char *const names[] = { "rules", "configuration", "vpn", "identify" };
	_cleanup_json_ cJSON *json = NULL;
	struct changes changes = { 0 };
	const cJSON *array, *item;
	int r;

	r = api_parse_object(&json, text, size, problem);
	if (r < 0)
		return r;
	r = api_member(problem, "revision",
		       json_get_number(json, "revision", 0, API_MAX_ID, &changes.revision));
	if (r < 0)
		return r;
	r = api_member(problem, "changed", json_get_array(json, "changed", 64, &array));
	if (r < 0)
		return r;
	json_for_each (item, array) {
		if (!cJSON_IsString(item))
			return api_refuse(problem, "changed is not a list of names");
		for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
			if (strcmp(item->valuestring, names[i]) == 0)
				changes.changed |= BIT(i);
	}
	*ret_changes = changes;
	return 0;
}

/* Ends up in LastError and the log: control characters would garble both. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

char *problem_document_parse(const char *text, size_t size)
{
	_cleanup_json_ cJSON *json = NULL;
	const char *title = NULL, *detail = NULL;
	char *sentence;

	if (json_parse(&json, text, size) < 0 || !cJSON_IsObject(json))
		return NULL;
	(void)json_get_string(json, "title", 200, &title);
	(void)json_get_string(json, "detail", 400, &detail);
	if (title && detail)
		sentence = xasprintf("%s: %s", title, detail);
	else if (title || detail)
		sentence = xstrdup(title ? title : detail);
	else
		return NULL;
	make_printable(sentence);
	return sentence;
}

uint64_t etag_revision(const char *etag)
{
	uint64_t value = 0;

	if (!etag)
		return 0;
	if (strncmp(etag, "W/", 2) == 0)
		etag += 2;
	if (*etag == '"')
		etag++;
	for (; *etag >= '0' && *etag <= '9'; etag++) {
		if (value > API_MAX_ID / 10)
			return 0;
		value = value * 10 + (uint64_t)(*etag - '0');
	}
	return *etag == '"' || *etag == '\0' ? value : 0;
}
