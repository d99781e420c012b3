/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers in pieces, one after the other, and what never ends. */
#include "discoverd/response_reader.h"

#include <string.h>

#include "tests/support/test.h"

#define OK      "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
	const char *bytes;
	enum response_part part;
	const char *body;
	bool kept;
	size_t left; /* bytes of what comes next */
} answers[] = {
	{ OK "Content-Length: 3\r\n\r\nabcHTTP/1.1", RESPONSE_WHOLE, "abc", true, 8 },
	{ OK "Content-Length: 3\r\n\r\nab", RESPONSE_BODY, "ab", true, 0 },
	{ OK "Content-Length: 0\r\n\r\n", RESPONSE_WHOLE, "", true, 0 },
	{ OK "Content-Length: 3\r\nConnection: close\r\n\r\nabc", RESPONSE_WHOLE, "abc", false, 0 },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", RESPONSE_WHOLE, "abc", false, 0 },
	{ "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\nabc",
	  RESPONSE_WHOLE, "abc", true, 0 },
	/* Until the connection ends. */
	{ OK "\r\nabc", RESPONSE_BODY, "abc", false, 0 },
	{ OK "Content-Length: many\r\n\r\nabc", RESPONSE_BODY, "abc", false, 0 },
	/* None at all. */
	{ "HTTP/1.1 304 Not Modified\r\n\r\nHTTP", RESPONSE_WHOLE, "", true, 4 },
	{ "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nRTSP", RESPONSE_WHOLE, "", true, 4 },
	{ "RTSP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nv=0R", RESPONSE_WHOLE, "v=0", true, 1 },
	{ "RTSP/1.0 400 Bad\r\nConnection: close\r\n\r\n", RESPONSE_WHOLE, "", false, 0 },
	/* What came before the answer itself. */
	{ "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\na", RESPONSE_WHOLE, "a",
	  true, 0 },
	{ "HTTP/1.1 100 Continue\r\n\r\n", RESPONSE_HEAD, "", false, 0 },
	{ "\r\n\n" OK "Content-Length: 1\r\n\r\na", RESPONSE_WHOLE, "a", true, 0 },
	{ CHUNKED "2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\nHT", RESPONSE_WHOLE, "abc", true, 2 },
	{ CHUNKED "2  \r\nab\r\n0\r\nX: y\r\nZ: a\r\n\r\n", RESPONSE_WHOLE, "ab", true, 0 },
	{ CHUNKED "0A\nabcdefghij\n0\n\n", RESPONSE_WHOLE, "abcdefghij", true, 0 },
	{ OK "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n1\r\na\r\n0\r\n\r\n",
	  RESPONSE_WHOLE, "a", true, 0 },
	{ CHUNKED "2\r\nab\r\n0\r\n", RESPONSE_BODY, "ab", true, 0 },
	{ CHUNKED "9\r\nab", RESPONSE_BODY, "ab", true, 0 },
	{ CHUNKED "<a/>\r\n", RESPONSE_WHOLE, "", false, 0 },
	{ CHUNKED "fffffffff", RESPONSE_WHOLE, "", false, 4 },
	{ "SSH-2.0-nobody", RESPONSE_BAD, "", false, 13 },
	{ "HTTP/1.1 20", RESPONSE_HEAD, "", false, 0 },
	{ "", RESPONSE_HEAD, "", false, 0 },
};

/* In pieces of so many bytes; returns how many were read. */
static size_t read_pieces(struct response_reader *reader, const char *bytes, size_t size,
			  size_t piece)
{
	size_t used = 0, now, width;

	while (used < size && reader->part < RESPONSE_WHOLE) {
		width = size - used < piece ? size - used : piece;
		now = response_reader_read(reader, bytes + used, width, false);
		used += now;
		if (now < width)
			break;
	}
	return used;
}

static void answers_in_pieces_of_any_size(void **state)
{
	static const size_t pieces[] = { 1, 2, 7, 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		for (size_t j = 0; j < ARRAY_SIZE(pieces); j++) {
			_cleanup_(response_reader_deinit) struct response_reader reader = { 0 };
			size_t size = strlen(answers[i].bytes), used;

			used = read_pieces(&reader, answers[i].bytes, size, pieces[j]);
			assert_int_equal(reader.part, answers[i].part);
			if (reader.part !=
			    RESPONSE_BAD) /* known by its first byte, or as a whole */
				assert_int_equal(size - used, answers[i].left);
			if (reader.part != RESPONSE_BODY && reader.part != RESPONSE_WHOLE)
				continue;
			assert_int_equal(reader.length, strlen(answers[i].body));
			if (reader.length)
				assert_memory_equal(reader.bytes, answers[i].body, reader.length);
			assert_int_equal(response_reader_is_kept(&reader), answers[i].kept);
			response_reader_read(&reader, "", 0, true);
			assert_int_equal(reader.part, RESPONSE_WHOLE);
			if (answers[i].part == RESPONSE_BODY)
				assert_false(response_reader_is_kept(&reader));
		}
}

static void one_answer_after_the_other(void **state)
{
	static const char first[] = OK "Content-Length: 5\r\n\r\nfirst";
	static const char second[] = "HTTP/1.1 401 No\r\nContent-Length: 2\r\n"
				     "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n"
				     "WWW-Authenticate: Basic realm=\"b\"\r\n\r\nno";
	_cleanup_(response_reader_deinit) struct response_reader reader = { 0 };

	response_reader_read(&reader, first, strlen(first), false);
	assert_int_equal(reader.part, RESPONSE_WHOLE);
	response_reader_reset(&reader);
	assert_int_equal(reader.part, RESPONSE_HEAD);
	response_reader_read(&reader, second, strlen(second), false);
	assert_int_equal(reader.part, RESPONSE_WHOLE);
	assert_int_equal(reader.response.status, 401);
	assert_int_equal(reader.response.realm_count, 2);
	assert_string_equal(reader.response.realms[0], "a");
	assert_string_equal(reader.response.realms[1], "b");
	assert_memory_equal(reader.bytes, "no", 2);
}

/* A stream of pictures, a head of a million lines: read no further than is worth it. */
static void what_never_ends(void **state)
{
	static const char *const heads[] = {
		OK "\r\n",           OK "Content-Length: 999999999999\r\n\r\n",
		CHUNKED "20000\r\n", CHUNKED "1;",
		CHUNKED "0\r\n",     OK
	};
	char bytes[1000];

	memset(bytes, 'x', sizeof(bytes));
	bytes[998] = '\r';
	bytes[999] = '\n';
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		_cleanup_(response_reader_deinit) struct response_reader reader = { 0 };
		size_t read = 0;

		response_reader_read(&reader, heads[i], strlen(heads[i]), false);
		while (reader.part < RESPONSE_WHOLE && read < 10 * RESPONSE_MAX_REST)
			read += response_reader_read(&reader, bytes, sizeof(bytes), false);
		assert_int_equal(reader.part, RESPONSE_WHOLE);
		assert_int_equal(reader.response.status, 200);
		assert_false(response_reader_is_kept(&reader));
		assert_true(reader.length <= RESPONSE_MAX_BODY);
		assert_true(reader.capacity <= RESPONSE_MAX_BODY);
		assert_true(read <= RESPONSE_MAX_BODY + RESPONSE_MAX_REST + sizeof(bytes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_pieces_of_any_size),
		cmocka_unit_test(one_answer_after_the_other),
		cmocka_unit_test(what_never_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
