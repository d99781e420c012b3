/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/response_reader.h"

#include <ctype.h>
#include <string.h>

#include "common/memory.h"

#define FIRST_CAPACITY 1024 /* most answers are shorter */
#define STATUS_LINE    256

static void keep(struct response_reader *reader, const char *bytes, size_t size)
{
	if (reader->length + size > reader->capacity) {
		reader->capacity = reader->capacity ? reader->capacity : FIRST_CAPACITY;
		while (reader->capacity < reader->length + size)
			reader->capacity *= 2;
		reader->bytes = xrealloc_array(reader->bytes, reader->capacity, 1);
	}
	memcpy(reader->bytes + reader->length, bytes, size);
	reader->length += size;
}

static void finish(struct response_reader *reader, bool cut)
{
	reader->part = RESPONSE_WHOLE;
	reader->cut = cut;
}

static bool has_body(const struct response *response)
{
	/* RFC 9110, section 6.4.1; RFC 2326, section 4.4 (an RTSP body has a length). */
	if (response->status == 204 || response->status == 304)
		return false;
	return !response->has_length ? response->protocol == RESPONSE_HTTP
				     : response->chunked || response->content_length;
}

/* --- head --- */

static void start_body(struct response_reader *reader, bool at_end)
{
	reader->line = reader->length = 0;
	reader->part = RESPONSE_BODY;
	reader->left = reader->response.chunked ? 0 : reader->response.content_length;
	if (at_end || !has_body(&reader->response))
		finish(reader, at_end);
}

/* at_end: a head that lacks its empty line counts all the same. */
static void read_head(struct response_reader *reader, bool at_end)
{
	struct response *response = &reader->response;

	if (response_parse(response, reader->bytes, reader->length, at_end) != RESPONSE_COMPLETE) {
		reader->part = RESPONSE_BAD;
	} else if (response->status / 100 == 1 && response->status != 101 && !at_end) {
		reader->line = reader->length = 0; /* the answer itself is still to come */
	} else {
		start_body(reader, at_end);
	}
}

static size_t read_head_bytes(struct response_reader *reader, const char *bytes, size_t size)
{
	bool begun = reader->length > STATUS_LINE, ended = false;
	size_t used = 0;

	while (used < size && !ended && reader->length < RESPONSE_MAX_HEAD) {
		char byte = bytes[used++];

		if (!reader->length && (byte == '\r' || byte == '\n'))
			continue; /* RFC 9112, section 2.2, of what came before */
		keep(reader, &byte, 1);
		ended = byte == '\n' && !reader->line;
		if (byte == '\n')
			reader->line = 0;
		else
			reader->line += byte != '\r';
	}
	if (ended || reader->length == RESPONSE_MAX_HEAD)
		read_head(reader, !ended);
	else if (!begun && reader->length &&
		 response_parse(&reader->response, reader->bytes, reader->length, false) ==
			 RESPONSE_INVALID)
		reader->part = RESPONSE_BAD; /* it need not be waited for */
	return used;
}

/* --- body --- */

/* Keeps or passes over bytes of the body, at most those that are left. */
static size_t take(struct response_reader *reader, const char *bytes, size_t size)
{
	size_t room = RESPONSE_MAX_BODY - reader->length, kept;

	if (size > reader->left)
		size = reader->left;
	kept = size < room ? size : room;
	keep(reader, bytes, kept);
	reader->left -= size;
	reader->passed += size - kept;
	return size;
}

static void read_chunk_size(struct response_reader *reader, char byte)
{
	if (byte == '\n') {
		reader->chunk = reader->left ? CHUNK_BYTES : CHUNK_TRAILER;
		if (!reader->line) /* no size: what is not chunks ends the body */
			finish(reader, true);
		reader->line = 0;
		reader->sized = false;
	} else if (!reader->sized && isxdigit((unsigned char)byte)) {
		reader->line++;
		reader->left = reader->left * 16 + (size_t)(isdigit((unsigned char)byte)
								    ? byte - '0'
								    : (byte | 0x20) - 'a' + 10);
		if (reader->left > RESPONSE_MAX_BODY + RESPONSE_MAX_REST)
			finish(reader, true);
	} else {
		reader->sized = true; /* an extension, which nobody uses */
	}
}

static void read_around_chunk(struct response_reader *reader, char byte)
{
	if (byte != '\n') {
		reader->line += byte != '\r';
		return;
	}
	if (reader->chunk == CHUNK_TRAILER && !reader->line)
		finish(reader, false);
	else if (reader->chunk == CHUNK_END)
		reader->chunk = CHUNK_SIZE;
	reader->line = 0;
}

static size_t read_chunk_bytes(struct response_reader *reader, const char *bytes, size_t size)
{
	size_t used;

	if (reader->chunk == CHUNK_BYTES) {
		used = take(reader, bytes, size);
		if (!reader->left)
			reader->chunk = CHUNK_END;
		return used;
	}
	if (reader->chunk == CHUNK_SIZE)
		read_chunk_size(reader, *bytes);
	else
		read_around_chunk(reader, *bytes);
	reader->passed++;
	return 1;
}

static size_t read_body_bytes(struct response_reader *reader, const char *bytes, size_t size)
{
	const struct response *response = &reader->response;
	size_t used;

	if (response->chunked) {
		used = read_chunk_bytes(reader, bytes, size);
	} else {
		if (!response->has_length)
			reader->left = size;
		used = take(reader, bytes, size);
		if (response->has_length && !reader->left)
			finish(reader, false);
	}
	if (reader->part == RESPONSE_BODY && reader->passed > RESPONSE_MAX_REST)
		finish(reader, true);
	return used;
}

size_t response_reader_read(struct response_reader *reader, const char *bytes, size_t size,
			    bool at_end)
{
	size_t used = 0;

	while (used < size && reader->part < RESPONSE_WHOLE)
		used += reader->part == RESPONSE_HEAD
				? read_head_bytes(reader, bytes + used, size - used)
				: read_body_bytes(reader, bytes + used, size - used);
	if (at_end && reader->part == RESPONSE_HEAD)
		read_head(reader, true);
	else if (at_end && reader->part == RESPONSE_BODY)
		finish(reader, true);
	return used;
}

bool response_reader_is_kept(const struct response_reader *reader)
{
	return !reader->cut && !reader->response.closes &&
	       (reader->response.has_length || !has_body(&reader->response));
}

void response_reader_reset(struct response_reader *reader)
{
	char *bytes = reader->bytes;
	size_t capacity = reader->capacity;

	*reader = (struct response_reader){ .bytes = bytes, .capacity = capacity };
}

void response_reader_deinit(struct response_reader *reader)
{
	free(reader->bytes);
	*reader = (struct response_reader){ 0 };
}
