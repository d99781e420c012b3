/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/url.h"

#include <stdio.h>
#include <string.h>

#include "common/macros.h"
#include "tests/support/test.h"

/* As "rtsps user 10.0.0.9 322 /path", or NULL where it is refused. */
static const struct {
	const char *text, *read;
} cases[] = {
	{ "http://10.0.0.9/onvif/device_service", "http 10.0.0.9 80 /onvif/device_service" },
	{ "HTTP://10.0.0.9:8899", "http 10.0.0.9 8899 /" },
	{ "https://[fe80::1%25eth0]:8443/x?a=b&c=%20#d", "https fe80::1 8443 /x?a=b&c=%20" },
	{ "https://[2001:db8::1]", "https 2001:db8::1 443 /" },
	{ "rtsp://admin:s3:c@r/t@10.0.0.9/live", NULL },
	{ "rtsp://admin:s3c@ret@10.0.0.9:8554/live", "rtsp user 10.0.0.9 8554 /live" },
	{ "rtsps://camera.local/live", "rtsps - 322 /live" },
	{ "http://0.0.0.0:8081/a", "http 0.0.0.0 8081 /a" },
	{ "", NULL },
	{ "http://", NULL },
	{ "http:///x", NULL },
	{ "http://:80/x", NULL },
	{ "http://10.0.0.9:/x", NULL },
	{ "http://10.0.0.9:0/x", NULL },
	{ "http://10.0.0.9:65536/x", NULL },
	{ "http://10.0.0.9:80a/x", NULL },
	{ "http://[::1/x", NULL },
	{ "http://[::1]x/x", NULL },
	{ "http://10.0.0.9?x", NULL },
	{ "http://10.0.0.9/a b", NULL },
	{ "http://10.0.0.9/a\r\nX-Other: b", NULL },
	{ "http://10.0.0.9/\xc3\xa9", NULL },
	{ "http://10.0.0.9/<x>", NULL },
	{ "ftp://10.0.0.9/x", NULL },
	{ "/x", NULL },
};

static void describe(char *buffer, size_t size, const struct url *url)
{
	char host[NETADDR_TEXT_SIZE] = "-";

	if (url->host.family != AF_UNSPEC)
		netaddr_format(&url->host, host);
	snprintf(buffer, size, "%s%s%s %s %u %s", url->rtsp ? "rtsp" : "http",
		 url->secure ? "s" : "", url->has_user ? " user" : "", host, url->port, url->path);
}

static void urls_in_pieces(void **state)
{
	char text[2 * TEXT_SIZE];
	struct url url;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool read = url_read(&url, cases[i].text, strlen(cases[i].text));

		print_message("# case %zu\n", i);
		assert_int_equal(read, cases[i].read != NULL);
		if (!read)
			continue;
		describe(text, sizeof(text), &url);
		assert_string_equal(text, cases[i].read);
	}
}

static void the_longest_path(void **state)
{
	char text[TEXT_SIZE + 32] = "http://10.0.0.9/";
	size_t start = strlen(text);
	struct url url;

	memset(text + start, 'a', TEXT_SIZE);
	assert_true(url_read(&url, text, start - 1 + TEXT_MAX));
	assert_int_equal(strlen(url.path), TEXT_MAX);
	assert_false(url_read(&url, text, start + TEXT_MAX));
}

static void paths_from_a_base(void **state)
{
	struct url base, url;
	char text[2 * TEXT_SIZE];

	assert_true(url_read(&base, "https://10.0.0.9:8443/a/b", 25));
	assert_true(url_read_relative(&url, &base, "/c?d"));
	describe(text, sizeof(text), &url);
	assert_string_equal(text, "https 10.0.0.9 8443 /c?d");
	assert_true(url_read_relative(&url, &base, "http://10.0.0.8/e"));
	describe(text, sizeof(text), &url);
	assert_string_equal(text, "http 10.0.0.8 80 /e");
	assert_false(url_read_relative(&url, &base, "//10.0.0.8/e"));
	assert_false(url_read_relative(&url, &base, "/a b"));
	assert_false(url_read_relative(&url, &base, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_in_pieces),
		cmocka_unit_test(the_longest_path),
		cmocka_unit_test(paths_from_a_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
