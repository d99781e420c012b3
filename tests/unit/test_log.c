/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/test.h"

static int pipe_ends[2];

/* Standard error becomes a pipe while the log is written. */
static int setup(void **state)
{
	assert_int_equal(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
	return 0;
}

static int teardown(void **state)
{
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return 0;
}

static const char *written(void)
{
	static char buffer[16384];
	ssize_t size = read(pipe_ends[0], buffer, sizeof(buffer) - 1);

	buffer[size > 0 ? size : 0] = '\0';
	return buffer;
}

#define LOGGED(statement)                          \
	({                                         \
		int saved_ = dup(STDERR_FILENO);   \
		dup2(pipe_ends[1], STDERR_FILENO); \
		log_open("tester", LOG_INFO);      \
		statement;                         \
		dup2(saved_, STDERR_FILENO);       \
		close(saved_);                     \
		written();                         \
	})

static void test_levels(void **state)
{
	assert_string_equal(LOGGED(log_error("broken")), "tester: error: broken\n");
	assert_string_equal(LOGGED(log_warning("odd")), "tester: warning: odd\n");
	assert_string_equal(LOGGED(log_info("fine %d", 7)), "tester: fine 7\n");
	assert_string_equal(LOGGED(log_debug("noise")), "");
	assert_string_equal(LOGGED({
				    log_set_max_level(LOG_DEBUG);
				    log_debug("noise");
			    }),
			    "tester: debug: noise\n");
}

static void test_errno(void **state)
{
	int result = 0;

	errno = EAGAIN;
	assert_string_equal(LOGGED(result = log_error_errno(-ENOENT, "cannot open: %m")),
			    "tester: error: cannot open: No such file or directory\n");
	assert_int_equal(result, -ENOENT);
}

static void test_fields(void **state)
{
	assert_string_equal(LOGGED(log_event(LOG_INFO, LOG_FIELDS("EVENT=state", "NEW=up"), "up")),
			    "tester: up EVENT=state NEW=up\n");
}

/* Nobody else adds the time to what is written to a file. */
static void test_times_in_files(void **state)
{
	char path[] = "/tmp/evercam-log-XXXXXX", text[256] = "";
	int file = mkstemp(path), saved = dup(STDERR_FILENO);
	struct tm calendar = { 0 };
	const char *rest;
	time_t before = time(NULL), logged;

	assert_true(file >= 0);
	unlink(path);
	dup2(file, STDERR_FILENO);
	log_open("tester", LOG_INFO);
	log_event(LOG_WARNING, LOG_FIELDS("EVENT=state"), "up");
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(pread(file, text, sizeof(text) - 1, 0) > 0);
	close(file);
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &calendar);
	assert_non_null(rest);
	logged = timegm(&calendar);
	assert_true(logged >= before && logged <= time(NULL));
	assert_int_equal(strspn(rest + 1, "0123456789"), 3);
	assert_string_equal(rest + 4, "Z tester: warning: up EVENT=state\n");
	/* The next log is to a pipe again. */
	assert_string_equal(LOGGED(log_info("fine")), "tester: fine\n");
}

/* A camera's name must not forge a line or drive the terminal. */
static void test_control_characters(void **state)
{
	assert_string_equal(LOGGED(log_info("name %s", "a\nroot: error: b\033[2J\x7f")),
			    "tester: name a?root: error: b?[2J?\n");
}

static void test_long_line(void **state)
{
	static char longest[10000];
	const char *text;

	memset(longest, 'x', sizeof(longest) - 1);
	text = LOGGED(log_info("%s", longest));
	assert_true(strlen(text) > 1000 && strlen(text) < 9000);
	assert_int_equal(text[strlen(text) - 1], '\n');
	text = LOGGED(log_event(LOG_INFO, LOG_FIELDS(longest), "%s", longest));
	assert_int_equal(text[strlen(text) - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errno, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_times_in_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_control_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_line, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
