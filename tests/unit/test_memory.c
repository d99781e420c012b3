/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

static void test_strings(void **state)
{
	_cleanup_free_ char *copy = xstrdup("text"), *cut = xstrndup("text", 2);
	_cleanup_free_ char *made = xasprintf("%s-%d", "a", 7);

	assert_string_equal(copy, "text");
	assert_string_equal(cut, "te");
	assert_string_equal(made, "a-7");
	assert_null(xstrdup(NULL));
	assert_null(xstrndup(NULL, 3));
	replace_string(&copy, copy); /* a copy is made before the old one goes */
	assert_string_equal(copy, "text");
	replace_string(&copy, NULL);
	assert_null(copy);
}

static void test_string_arrays(void **state)
{
	static const char *const words[] = { "one", "two", NULL };
	_cleanup_(strv_freep) char **copy = strv_copy(words);
	_cleanup_(strv_freep) char **empty = strv_copy(NULL);

	assert_int_equal(strv_length(NULL), 0);
	assert_int_equal(strv_length(empty), 0);
	copy = strv_append(copy, "three");
	assert_int_equal(strv_length(copy), 3);
	assert_string_equal(copy[2], "three");
	assert_null(copy[3]);
	assert_null(strv_free(NULL));
}

static void test_sizes(void **state)
{
	_cleanup_free_ char *nothing = xcalloc(0, 0), *bytes = xmemdup("a\0b", 3);

	assert_non_null(nothing);
	assert_memory_equal(bytes, "a\0b", 3);
	bytes = xrealloc_array(bytes, 100, 10);
	assert_memory_equal(bytes, "a\0b", 3);
	secret_free(NULL);
	secret_free(xstrdup("secret"));
	secret_free_sized(NULL, 5);
}

static void test_ownership(void **state)
{
	_cleanup_free_ char *owned = xstrdup("x");
	_cleanup_free_ char *taken = steal_ptr(owned);
	int leaked;

	assert_null(owned);
	assert_string_equal(taken, "x");
	{
		_cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		_cleanup_close_ int kept = open("/dev/null", O_RDONLY | O_CLOEXEC);

		leaked = fd;
		assert_true(fd >= 0 && kept >= 0);
		close(steal_fd(&kept));
		assert_int_equal(kept, -1);
	}
	assert_int_equal(fcntl(leaked, F_GETFD), -1);
}

/* kB of a field of /proc/self/status */
static long status(const char *field)
{
	_cleanup_free_ char *line = NULL;
	FILE *file = fopen("/proc/self/status", "re");
	size_t size = 0, length = strlen(field);
	long value = -1;

	assert_non_null(file);
	while (value < 0 && getline(&line, &size, file) > 0)
		if (strncmp(line, field, length) == 0)
			value = strtol(line + length, NULL, 10);
	fclose(file);
	return value;
}

static void test_giving_back(void **state)
{
	static const char *const constant[] = { "a relocated", "constant" };
	static char written[] = "before";
	_cleanup_free_ char *owned = xstrdup("owned");
	long before = status("RssFile:");

	memcpy(written, "after.", sizeof(written));
	memory_give_back();
	assert_true(status("RssFile:") < before);
	assert_string_equal(written, "after.");
	assert_string_equal(owned, "owned");
	assert_string_equal(constant[0], "a relocated");
	assert_string_equal(constant[1], "constant");
	memory_give_back();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),     cmocka_unit_test(test_string_arrays),
		cmocka_unit_test(test_sizes),       cmocka_unit_test(test_ownership),
		cmocka_unit_test(test_giving_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
