/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/response.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *bytes;
	size_t length;
};

/* "RTSP/1.0 200 OK"; some firmwares forget the reason phrase. */
static bool parse_status_line(struct response *response, struct span line)
{
	static const char names[][6] = { [RESPONSE_HTTP] = "HTTP/", [RESPONSE_RTSP] = "RTSP/" };
	const char *b = line.bytes;

	if (line.length < 12)
		return false;
	if (memcmp(b, names[RESPONSE_HTTP], 5) == 0)
		response->protocol = RESPONSE_HTTP;
	else if (memcmp(b, names[RESPONSE_RTSP], 5) == 0)
		response->protocol = RESPONSE_RTSP;
	else
		return false;
	if (!isdigit((unsigned char)b[5]) || b[6] != '.' || !isdigit((unsigned char)b[7]) ||
	    b[8] != ' ')
		return false;
	for (size_t i = 9; i < 12; i++) {
		if (!isdigit((unsigned char)b[i]))
			return false;
		response->status = response->status * 10 + (unsigned)(b[i] - '0');
	}
	if (line.length > 12 && b[12] != ' ')
		return false;
	/* Unless the head says otherwise; RTSP keeps it in any version. */
	response->closes = response->protocol == RESPONSE_HTTP && b[5] == '1' && b[7] == '0';
	return response->status >= 100 && response->status <= 599;
}

static bool is_prefix_of_status_line(const char *bytes, size_t size)
{
	size_t length = size < 5 ? size : 5;

	return memcmp(bytes, "HTTP/", length) == 0 || memcmp(bytes, "RTSP/", length) == 0;
}

/* realm="…" or realm=…; a quoted string may hold \" (RFC 9110, section 5.6.4). */
static void add_realm(struct response *response, struct span value)
{
	char text[TEXT_SIZE], *at, *out, *end;

	if (response->realm_count == RESPONSE_MAX_REALMS)
		return;
	text_clean(text, sizeof(text), value.bytes, value.length);
	at = strcasestr(text, "realm=");
	if (!at)
		return;
	at += strlen("realm=");
	out = response->realms[response->realm_count];
	if (*at == '"') {
		for (at++; *at && *at != '"'; at++) {
			if (*at == '\\' && at[1])
				at++;
			*out++ = *at;
		}
		*out = '\0';
	} else {
		end = at + strcspn(at, ", ");
		text_clean(out, TEXT_SIZE, at, (size_t)(end - at));
	}
	response->realm_count++;
}

/* Whether one of the words of a list is this one (RFC 9110, section 5.6.1). */
static bool lists(struct span value, const char *word)
{
	char text[TEXT_SIZE];

	text_clean(text, sizeof(text), value.bytes, value.length);
	return text_has_word(text, word, false);
}

static bool name_is(struct span name, const char *text)
{
	return name.length == strlen(text) && strncasecmp(name.bytes, text, name.length) == 0;
}

/* Of several, the last counts; what is no number is none. */
static void parse_length(struct response *response, struct span value)
{
	char text[TEXT_SIZE];
	uint64_t length = 0;

	text_clean(text, sizeof(text), value.bytes, value.length);
	if (!*text || text[strspn(text, "0123456789")])
		return;
	for (const char *digit = text; *digit && length < RESPONSE_MAX_LENGTH; digit++)
		length = length * 10 + (uint64_t)(*digit - '0');
	response->has_length = true;
	response->content_length = (uint32_t)(length < RESPONSE_MAX_LENGTH ? length
									   : RESPONSE_MAX_LENGTH);
}

static void parse_header(struct response *response, struct span line)
{
	const char *colon = memchr(line.bytes, ':', line.length);
	struct span name = { line.bytes, 0 }, value;

	if (!colon)
		return;
	name.length = (size_t)(colon - line.bytes);
	while (name.length && name.bytes[name.length - 1] == ' ')
		name.length--;
	value.bytes = colon + 1;
	value.length = line.length - (size_t)(value.bytes - line.bytes);
	if (name_is(name, "Server"))
		text_clean(response->server, TEXT_SIZE, value.bytes, value.length);
	else if (name_is(name, "Location"))
		text_clean(response->location, TEXT_SIZE, value.bytes, value.length);
	else if (name_is(name, "Content-Type"))
		text_clean(response->content_type, TEXT_SIZE, value.bytes, value.length);
	else if (name_is(name, "WWW-Authenticate"))
		add_realm(response, value);
	else if (name_is(name, "Connection")) {
		response->closes = lists(value, "close") ||
				   (response->closes && !lists(value, "keep-alive"));
	} else if (name_is(name, "Transfer-Encoding")) {
		response->chunked = lists(value, "chunked");
		response->has_length |= response->chunked;
	} else if (name_is(name, "Content-Length")) {
		parse_length(response, value);
	}
}

/* The next line without its end; false if the bytes hold no whole line. */
static bool next_line(const char *bytes, size_t size, size_t *offset, bool at_end,
		      struct span *ret_line)
{
	const char *start = bytes + *offset, *end;
	size_t left = size - *offset;

	if (!left)
		return false;
	end = memchr(start, '\n', left);
	if (!end && !at_end)
		return false;
	ret_line->bytes = start;
	ret_line->length = end ? (size_t)(end - start) : left;
	*offset += ret_line->length + (end ? 1 : 0);
	if (ret_line->length && start[ret_line->length - 1] == '\r')
		ret_line->length--;
	return true;
}

enum response_state response_parse(struct response *ret_response, const char *bytes, size_t size,
				   bool at_end)
{
	struct response response = { 0 };
	size_t offset = 0;
	struct span line;

	if (size > RESPONSE_MAX_HEAD) {
		size = RESPONSE_MAX_HEAD;
		at_end = true; /* enough to know it by */
	}
	if (size && !is_prefix_of_status_line(bytes, size))
		return RESPONSE_INVALID;
	if (!next_line(bytes, size, &offset, at_end, &line))
		return at_end ? RESPONSE_INVALID : RESPONSE_INCOMPLETE;
	if (!parse_status_line(&response, line))
		return RESPONSE_INVALID;
	for (;;) {
		if (!next_line(bytes, size, &offset, at_end, &line)) {
			if (!at_end)
				return RESPONSE_INCOMPLETE;
			break;
		}
		if (!line.length)
			break;
		parse_header(&response, line);
	}
	response.head_size = offset;
	*ret_response = response;
	return RESPONSE_COMPLETE;
}
