/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpn-service/host_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/state_file.h"
#include "tests/support/test.h"

struct fixture {
	char directory[32];
	char *hosts, *dhcp;
	struct host_files *files;
};

static int setup(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	test_make_directory(fixture->directory, sizeof(fixture->directory));
	fixture->hosts = xasprintf("%s/hosts", fixture->directory);
	fixture->dhcp = xasprintf("%s/dhcp", fixture->directory);
	assert_int_equal(mkdir(fixture->hosts, 0700), 0);
	assert_int_equal(mkdir(fixture->dhcp, 0700), 0);
	assert_int_equal(
		host_files_open(&fixture->files, fixture->hosts, fixture->dhcp, "vpn.example"), 0);
	*state = fixture;
	return 0;
}

static bool want_nothing(uint32_t gateway_id, void *owner)
{
	return false;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	host_files_prune(fixture->files, want_nothing, NULL);
	host_files_close(fixture->files);
	rmdir(fixture->hosts);
	rmdir(fixture->dhcp);
	rmdir(fixture->directory);
	free(fixture->hosts);
	free(fixture->dhcp);
	free(fixture);
	return 0;
}

static struct account account_of(uint32_t gateway_id)
{
	return (struct account){ .gateway_id = gateway_id,
				 .mac = pool_mac(gateway_id),
				 .address = 0x0a2c0010 + gateway_id };
}

static char *content_of(const char *directory, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	char *content = NULL;

	(void)file_read(path, 1000, &content, NULL);
	return content;
}

static void make_file(const char *directory, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fclose(file);
}

static ino_t inode_of(const char *directory, const char *name, mode_t *ret_mode)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	*ret_mode = status.st_mode & 0777;
	return status.st_ino;
}

static void test_records(void **state)
{
	struct fixture *fixture = *state;
	struct account account = account_of(17);
	_cleanup_free_ char *host = NULL, *lease = NULL;
	ino_t first, second;
	mode_t mode;

	umask(077);
	assert_int_equal(host_files_write(fixture->files, &account), 0);
	host = content_of(fixture->hosts, "gateway17");
	lease = content_of(fixture->dhcp, "gateway17");
	assert_string_equal(host, "10.44.0.33 gateway17.vpn.example gateway17\n");
	assert_string_equal(lease, "02:ac:00:00:00:11,10.44.0.33\n");
	/* dnsmasq can read it; the same again does not make it read it again. */
	first = inode_of(fixture->hosts, "gateway17", &mode);
	assert_int_equal(mode, 0644);
	assert_int_equal(host_files_write(fixture->files, &account), 0);
	second = inode_of(fixture->hosts, "gateway17", &mode);
	assert_int_equal(first, second);
	account.address++;
	assert_int_equal(host_files_write(fixture->files, &account), 0);
	free(host);
	host = content_of(fixture->hosts, "gateway17");
	assert_string_equal(host, "10.44.0.34 gateway17.vpn.example gateway17\n");
}

static void test_remove(void **state)
{
	struct fixture *fixture = *state;
	struct account account = account_of(1);

	assert_int_equal(host_files_remove(fixture->files, 1), 0);
	assert_int_equal(host_files_write(fixture->files, &account), 0);
	assert_int_equal(host_files_remove(fixture->files, 1), 1);
	assert_null(content_of(fixture->hosts, "gateway1"));
	assert_null(content_of(fixture->dhcp, "gateway1"));
}

static bool want_even(uint32_t gateway_id, void *owner)
{
	return gateway_id % 2 == 0;
}

static void test_prune(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *kept = NULL, *foreign = NULL, *path = NULL;

	for (uint32_t i = 1; i <= 4; i++) {
		struct account account = account_of(i);

		assert_int_equal(host_files_write(fixture->files, &account), 0);
	}
	make_file(fixture->hosts, ".gateway2"); /* a crash in the middle of writing */
	make_file(fixture->hosts, "printer");
	assert_int_equal(host_files_prune(fixture->files, want_even, NULL), 5);
	kept = content_of(fixture->hosts, "gateway2");
	foreign = content_of(fixture->hosts, "printer");
	assert_non_null(kept);
	assert_non_null(foreign);
	assert_null(content_of(fixture->dhcp, "gateway1"));
	assert_null(content_of(fixture->hosts, ".gateway2"));
	path = xasprintf("%s/printer", fixture->hosts);
	unlink(path);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "",
					   "gateway",
					   "gateway0",
					   "gateway01",
					   "gateway-1",
					   "gateway1x",
					   "gateway 1",
					   "Gateway1",
					   "xgateway1",
					   "gateway4294967296",
					   "gateway99999999999999999999" };
	char buffer[GATEWAY_NAME_SIZE];
	uint32_t number = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(gateway_name_parse(bad[i], &number), -EINVAL);
	assert_int_equal(number, 7);
	assert_int_equal(gateway_name_parse("gateway4294967295", &number), 0);
	assert_int_equal(number, UINT32_MAX);
	assert_string_equal(gateway_name_format(UINT32_MAX, buffer), "gateway4294967295");
}

static void test_missing_directory(void **state)
{
	struct host_files *files = NULL;

	assert_int_equal(host_files_open(&files, "/nonexistent", "/tmp", "x"), -ENOENT);
	assert_null(files);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_records),
		TEST(test_remove),
		TEST(test_prune),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_missing_directory),
	};

	return cmocka_run_group_tests_name("host_files", tests, NULL, NULL);
}
