/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/state_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "tests/support/test.h"

struct fixture {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	test_make_directory(fixture->path, sizeof(fixture->path));
	fixture->fd = state_directory_open(fixture->path);
	assert_true(fixture->fd >= 0);
	*state = fixture;
	return 0;
}

/* Removes the files and at most two levels of directories that a test made. */
static void remove_tree(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		_cleanup_free_ char *child = xasprintf("%s/%s", path, entry->d_name);

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (entry->d_type == DT_DIR)
			remove_tree(child);
		else
			unlink(child);
	}
	if (directory)
		closedir(directory);
	rmdir(path);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	close(fixture->fd);
	remove_tree(fixture->path);
	free(fixture);
	return 0;
}

static unsigned count_entries(const struct fixture *fixture)
{
	DIR *directory = opendir(fixture->path);
	unsigned count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count - 2;
}

static void test_write_and_read(void **state)
{
	const struct fixture *fixture = *state;
	_cleanup_free_ char *content = NULL;
	struct stat status;
	size_t size;

	assert_int_equal(state_file_write(fixture->fd, "key", "first\0part", 10, 0600), 0);
	assert_int_equal(state_file_read(fixture->fd, "key", 10, &content, &size), 0);
	assert_int_equal(size, 10);
	assert_memory_equal(content, "first\0part", 11);
	assert_int_equal(fstatat(fixture->fd, "key", &status, 0), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(state_file_write(fixture->fd, "key", "", 0, 0644), 0);
	free(steal_ptr(content));
	assert_int_equal(state_file_read(fixture->fd, "key", 10, &content, NULL), 0);
	assert_string_equal(content, "");
	assert_int_equal(fstatat(fixture->fd, "key", &status, 0), 0);
	assert_int_equal(status.st_mode & 0777, 0644);
	assert_int_equal(count_entries(fixture), 1);
}

/* The mode is what was asked for, whatever the umask. */
static void test_umask(void **state)
{
	const struct fixture *fixture = *state;
	struct stat status;
	mode_t before = umask(077);

	assert_int_equal(state_file_write(fixture->fd, "public", "x", 1, 0644), 0);
	umask(before);
	assert_int_equal(fstatat(fixture->fd, "public", &status, 0), 0);
	assert_int_equal(status.st_mode & 0777, 0644);
}

static void test_read_limits(void **state)
{
	const struct fixture *fixture = *state;
	_cleanup_free_ char *large = xcalloc(1, 100000), *content = NULL;
	size_t size;

	memset(large, 'x', 100000);
	assert_int_equal(state_file_write(fixture->fd, "large", large, 100000, 0600), 0);
	assert_int_equal(state_file_read(fixture->fd, "large", 99999, &content, &size), -EFBIG);
	assert_null(content);
	assert_int_equal(state_file_read(fixture->fd, "large", 100000, &content, &size), 0);
	assert_int_equal(size, 100000);
	assert_memory_equal(content, large, 100000);
	assert_int_equal(content[size], 0);
	free(steal_ptr(content));
	assert_int_equal(state_file_read(fixture->fd, "none", 10, &content, NULL), -ENOENT);
	assert_int_equal(file_read(fixture->path, 10, &content, NULL), -EISDIR);
	assert_int_equal(file_read("/proc/self/status", 100000, &content, &size), 0);
	assert_memory_equal(content, "Name:\t", 6);
}

static void test_names(void **state)
{
	const struct fixture *fixture = *state;
	static const char *const bad[] = { "", ".", "..", "a/b", "../a", "/etc/passwd" };
	char longest[NAME_MAX + 2];
	char *content = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(state_file_write(fixture->fd, bad[i], "x", 1, 0600), -EINVAL);
		assert_int_equal(state_file_read(fixture->fd, bad[i], 10, &content, NULL), -EINVAL);
		assert_int_equal(state_file_remove(fixture->fd, bad[i]), -EINVAL);
	}
	memset(longest, 'n', sizeof(longest));
	longest[NAME_MAX] = '\0';
	assert_int_equal(state_file_write(fixture->fd, longest, "x", 1, 0600), -EINVAL);
	assert_null(content);
	assert_int_equal(count_entries(fixture), 0);
}

/* What a crash in the middle, or an attacker with a link, left behind. */
static void test_leftovers(void **state)
{
	const struct fixture *fixture = *state;
	_cleanup_free_ char *content = NULL;
	int fd;

	fd = openat(fixture->fd, "victim", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(symlinkat("victim", fixture->fd, ".key.new"), 0);
	assert_int_equal(state_file_write(fixture->fd, "key", "new", 3, 0600), 0);
	assert_int_equal(state_file_read(fixture->fd, "victim", 10, &content, NULL), 0);
	assert_string_equal(content, "");
	assert_int_equal(count_entries(fixture), 2);
	free(steal_ptr(content));
	assert_int_equal(symlinkat("victim", fixture->fd, "link"), 0);
	assert_int_equal(state_file_read(fixture->fd, "link", 10, &content, NULL), -ELOOP);
}

/* A directory in its place cannot be replaced; the old state stays and nothing is left over. */
static void test_failure_leaves_nothing(void **state)
{
	const struct fixture *fixture = *state;

	assert_int_equal(mkdirat(fixture->fd, "key", 0700), 0);
	assert_int_equal(state_file_write(fixture->fd, "key", "x", 1, 0600), -EISDIR);
	assert_int_equal(count_entries(fixture), 1);
}

static void test_remove(void **state)
{
	const struct fixture *fixture = *state;

	assert_int_equal(state_file_write(fixture->fd, "key", "x", 1, 0600), 0);
	assert_int_equal(state_file_remove(fixture->fd, "key"), 0);
	assert_int_equal(state_file_remove(fixture->fd, "key"), 0);
	assert_int_equal(count_entries(fixture), 0);
}

/* A FIFO must not stop the daemon. */
static void test_fifo(void **state)
{
	const struct fixture *fixture = *state;
	_cleanup_free_ char *content = NULL;

	assert_int_equal(mkfifoat(fixture->fd, "fifo", 0600), 0);
	assert_int_equal(state_file_read(fixture->fd, "fifo", 10, &content, NULL), 0);
	assert_string_equal(content, "");
}

static void test_directory(void **state)
{
	const struct fixture *fixture = *state;
	_cleanup_free_ char *deep = xasprintf("%s/one/two", fixture->path);
	_cleanup_free_ char *one = xasprintf("%s/one", fixture->path);
	_cleanup_free_ char *file = xasprintf("%s/file", fixture->path);
	mode_t before = umask(077);
	struct stat status;
	int fd;

	fd = state_directory_open(deep);
	umask(before);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(stat(one, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0755);
	close(fd);
	assert_int_equal(state_file_write(fixture->fd, "file", "x", 1, 0600), 0);
	assert_int_equal(state_directory_open(file), -ENOTDIR);
	assert_int_equal(state_directory_open("relative"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_write_and_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_umask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failure_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fifo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
