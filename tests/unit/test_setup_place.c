/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/setup_place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "tests/support/test.h"

struct fixture {
	char path[64];
	char *target, *place;
};

static int setup(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	test_make_directory(fixture->path, sizeof(fixture->path));
	fixture->target = xasprintf("%s/target", fixture->path);
	fixture->place = xasprintf("%s/place", fixture->path);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->place);
	rmdir(fixture->place);
	unlink(fixture->target);
	rmdir(fixture->target);
	rmdir(fixture->path);
	free(fixture->target);
	free(fixture->place);
	free(fixture);
	return 0;
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

static int open_place(const struct fixture *fixture, mode_t mode)
{
	/* Ourselves: only root could give it away. */
	const struct passwd user = { .pw_uid = geteuid(), .pw_gid = getegid() };
	struct setup_place place = { .fd = -1 };
	int r = setup_place_open(&place, fixture->place, mode, &user);

	setup_place_close(&place);
	return r;
}

static void test_mode_is_as_told(void **state)
{
	const struct fixture *fixture = *state;
	mode_t mask = umask(077);

	assert_int_equal(open_place(fixture, 0755), 0);
	assert_int_equal(mode_of(fixture->place), 0755);
	assert_int_equal(open_place(fixture, 0700), 0);
	assert_int_equal(mode_of(fixture->place), 0700);
	umask(mask);
}

/* The daemon's user may own the directory above: what it puts there must not lead root astray. */
static void test_links_are_not_followed(void **state)
{
	const struct fixture *fixture = *state;
	int fd = open(fixture->target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlink(fixture->target, fixture->place), 0);
	assert_true(open_place(fixture, 0755) < 0);
	assert_int_equal(mode_of(fixture->target), 0600);

	unlink(fixture->target);
	assert_int_equal(mkdir(fixture->target, 0700), 0);
	assert_true(open_place(fixture, 0755) < 0);
	assert_int_equal(mode_of(fixture->target), 0700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mode_is_as_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
