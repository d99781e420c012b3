/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks and addresses that are asked one by one: what is possible, how many, in which order. */
#include "discoverd/remote_hosts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "tests/support/test.h"

static struct netaddr address_of(const char *text)
{
	struct netaddr address;

	assert_int_equal(netaddr_parse(&address, text), 0);
	return address;
}

static void networks_are_checked(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{ "10.1.0.0/22", 0 },          { "10.1.2.3/22", 0 }, /* host bits do not matter */
		{ "172.16.0.0/16", 0 },        { "10.1.0.7/32", 0 },
		{ "fd00:1::/112", 0 },         { "10.0.0.0/15", -E2BIG },
		{ "fd00:1::/64", -E2BIG },     { "0.0.0.0/0", -E2BIG },
		{ "10.1.0.0", -EINVAL },       { "10.1.0.0/33", -EINVAL },
		{ "cameras", -EINVAL },        { "", -EINVAL },
		{ "127.0.0.0/24", -EINVAL },   { "224.0.0.0/24", -EINVAL },
		{ "169.254.0.0/24", -EINVAL }, { "fe80::/120", -EINVAL },
		{ "0.0.0.0/24", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct remote_hosts hosts = { 0 };

		print_message("# %s\n", cases[i].text);
		assert_int_equal(remote_hosts_add_network(&hosts, cases[i].text), cases[i].result);
		assert_int_equal(hosts.network_count, cases[i].result == 0);
	}
}

static void there_is_a_limit_for_all_together(void **state)
{
	struct remote_hosts hosts = { 0 };

	assert_int_equal(remote_hosts_add_network(&hosts, "10.1.0.0/17"), 0);
	assert_int_equal(remote_hosts_add_network(&hosts, "10.2.0.0/17"), 0);
	assert_int_equal(remote_hosts_add_network(&hosts, "10.3.0.0/32"), -E2BIG);
	assert_int_equal(remote_hosts_count(&hosts), REMOTE_MAX_HOSTS);
	hosts = (struct remote_hosts){ 0 };
	for (unsigned i = 0; i < REMOTE_MAX_NETWORKS; i++)
		assert_int_equal(remote_hosts_add_network(&hosts, "10.1.0.0/32"), 0);
	assert_int_equal(remote_hosts_add_network(&hosts, "10.1.0.0/32"), -E2BIG);
}

/* All hosts in their order, separated by blanks. */
static const char *list(const struct remote_hosts *hosts, char *buffer, size_t size)
{
	char text[NETADDR_TEXT_SIZE];
	struct netaddr address;
	size_t used = 0;

	*buffer = '\0';
	for (uint32_t i = 0; i < remote_hosts_count(hosts); i++)
		if (remote_hosts_at(hosts, i, &address))
			used += (size_t)snprintf(buffer + used, size - used, "%s%s",
						 used ? " " : "", netaddr_format(&address, text));
	return buffer;
}

static void hosts_come_in_a_row(void **state)
{
	struct remote_hosts hosts = { 0 };
	struct netaddr added = address_of("192.0.2.9"), two = address_of("fd00::9");
	char buffer[512];

	assert_string_equal(list(&hosts, buffer, sizeof(buffer)), "");
	assert_int_equal(remote_hosts_add_network(&hosts, "10.1.0.4/30"), 0);
	assert_int_equal(remote_hosts_add_network(&hosts, "10.1.1.0/31"), 0);
	assert_int_equal(remote_hosts_add_network(&hosts, "10.1.2.7/32"), 0);
	assert_int_equal(remote_hosts_add_network(&hosts, "fd00:1::a0/127"), 0);
	assert_int_equal(remote_hosts_add(&hosts, &added), 1);
	assert_int_equal(remote_hosts_add(&hosts, &added), 0);
	assert_int_equal(remote_hosts_add(&hosts, &two), 1);
	assert_string_equal(list(&hosts, buffer, sizeof(buffer)),
			    "192.0.2.9 fd00::9 10.1.0.5 10.1.0.6 10.1.1.0 10.1.1.1 10.1.2.7 "
			    "fd00:1::a0 fd00:1::a1");
	assert_int_equal(remote_hosts_remove(&hosts, &added), 1);
	assert_int_equal(remote_hosts_remove(&hosts, &added), 0);
	assert_string_equal(list(&hosts, buffer, sizeof(buffer)),
			    "fd00::9 10.1.0.5 10.1.0.6 10.1.1.0 10.1.1.1 10.1.2.7 "
			    "fd00:1::a0 fd00:1::a1");
}

static void they_are_covered(void **state)
{
	static const struct {
		const char *text;
		bool covered;
	} cases[] = {
		{ "10.1.3.255", true }, { "10.1.4.0", false }, { "192.0.2.9", true },
		{ "192.0.2.8", false }, { "fd00::9", false },
	};
	struct remote_hosts hosts = { 0 };
	struct netaddr added = address_of("192.0.2.9"), address;

	assert_int_equal(remote_hosts_add_network(&hosts, "10.1.0.0/22"), 0);
	assert_int_equal(remote_hosts_add(&hosts, &added), 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		address = address_of(cases[i].text);
		assert_int_equal(remote_hosts_cover(&hosts, &address), cases[i].covered);
	}
}

static void added_ones_are_checked_and_bounded(void **state)
{
	static const char *const bad[] = { "127.0.0.1", "0.0.0.0",     "255.255.255.255",
					   "224.0.0.1", "169.254.1.1", "fe80::1",
					   "::1",       "ff02::1" };
	struct remote_hosts hosts = { 0 };
	struct netaddr address;
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		address = address_of(bad[i]);
		assert_int_equal(remote_hosts_add(&hosts, &address), -EINVAL);
	}
	for (unsigned i = 0; i < REMOTE_MAX_ADDED; i++) {
		snprintf(text, sizeof(text), "10.1.%u.%u", i / 100, i % 100 + 1);
		address = address_of(text);
		assert_int_equal(remote_hosts_add(&hosts, &address), 1);
	}
	assert_int_equal(remote_hosts_add(&hosts, &address), 0);
	address = address_of("10.9.9.9");
	assert_int_equal(remote_hosts_add(&hosts, &address), -ENOSPC);
}

static void the_file_is_read_back(void **state)
{
	struct remote_hosts hosts = { 0 }, read = { 0 };
	struct netaddr address;
	char text[REMOTE_MAX_TEXT], long_line[300];
	size_t size;

	remote_hosts_parse(&hosts, "10.1.0.1\nfd00::1\n");
	assert_int_equal(hosts.added_count, 2);
	assert_int_equal(remote_hosts_format(&hosts, text), 17);
	assert_string_equal(text, "10.1.0.1\nfd00::1\n");
	/* As many of the longest as there can be. */
	for (unsigned i = hosts.added_count; i < REMOTE_MAX_ADDED; i++) {
		snprintf(text, sizeof(text), "fd11:1111:1111:1111:1111:1111:1111:%x", 0x1000 + i);
		address = address_of(text);
		assert_int_equal(remote_hosts_add(&hosts, &address), 1);
	}
	size = remote_hosts_format(&hosts, text);
	assert_int_equal(size, strlen(text));
	remote_hosts_parse(&read, text);
	assert_int_equal(read.added_count, hosts.added_count);
	for (size_t i = 0; i < hosts.added_count; i++)
		assert_true(netaddr_equal(&read.added[i], &hosts.added[i]));

	/* What is damaged costs itself only. */
	memset(long_line, 'x', sizeof(long_line) - 1);
	long_line[sizeof(long_line) - 1] = '\0';
	snprintf(text, sizeof(text), "%s\n\n127.0.0.1\n10.1.0.300\n10.1.0.2", long_line);
	read = (struct remote_hosts){ 0 };
	remote_hosts_parse(&read, text);
	assert_int_equal(read.added_count, 1);
	remote_hosts_parse(&read, "");
	assert_int_equal(read.added_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_are_checked),
		cmocka_unit_test(there_is_a_limit_for_all_together),
		cmocka_unit_test(hosts_come_in_a_row),
		cmocka_unit_test(they_are_covered),
		cmocka_unit_test(added_ones_are_checked_and_bounded),
		cmocka_unit_test(the_file_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
