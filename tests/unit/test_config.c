/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "common/netaddr.h"
#include "tests/support/test.h"

struct settings {
	char *name;
	char *file;
	bool enabled;
	uint64_t port;
	usec_t interval;
	struct netaddr address;
	struct netprefix prefix;
	char **servers;
	uint64_t unlimited;
};

#define OPTION(field, kind, ...)                                                           \
	{                                                                                  \
		.key = #field, .type = (kind), .offset = offsetof(struct settings, field), \
		.description = "For the test.", __VA_ARGS__                                \
	}

static const struct config_option options[] = {
	OPTION(name, CONFIG_STRING, .fallback = "nobody"),
	OPTION(file, CONFIG_PATH, .fallback = "/etc/hosts", .credential = true),
	OPTION(enabled, CONFIG_BOOL, .fallback = "yes"),
	OPTION(port, CONFIG_NUMBER, .fallback = "443", .minimum = 1, .maximum = 65535),
	OPTION(interval, CONFIG_SECONDS, .fallback = "5min", .minimum = 1, .maximum = 3600),
	OPTION(address, CONFIG_ADDRESS),
	OPTION(prefix, CONFIG_PREFIX, .fallback = "10.0.0.0/8"),
	OPTION(servers, CONFIG_STRINGS, .fallback = "one two"),
	OPTION(unlimited, CONFIG_NUMBER),
	CONFIG_END,
};

static const struct config_option required_option[] = {
	OPTION(name, CONFIG_STRING, .required = true),
	CONFIG_END,
};

static const struct settings empty;

static void parse(struct settings *settings, const char *text)
{
	char *error = NULL;
	int r = config_parse(settings, options, "test.conf", text, strlen(text), NULL, &error);

	if (r < 0)
		fail_msg("%s", error);
	assert_null(error);
}

/* The text must be refused with this sentence, and leave nothing set. */
static void assert_refused_by(const struct config_option *table, const char *text,
			      const char *sentence)
{
	struct settings settings = { 0 };
	_cleanup_free_ char *error = NULL;

	assert_int_equal(
		config_parse(&settings, table, "test.conf", text, strlen(text), NULL, &error),
		-EINVAL);
	assert_string_equal(error, sentence);
	assert_memory_equal(&settings, &empty, sizeof(settings));
}

static void assert_refused(const char *text, const char *sentence)
{
	assert_refused_by(options, text, sentence);
}

static void test_defaults(void **state)
{
	struct settings settings = { 0 };

	parse(&settings, "");
	assert_string_equal(settings.name, "nobody");
	assert_string_equal(settings.file, "/etc/hosts");
	assert_true(settings.enabled);
	assert_int_equal(settings.port, 443);
	assert_int_equal(settings.interval, 300 * USEC_PER_SEC);
	assert_int_equal(settings.address.family, AF_UNSPEC);
	assert_int_equal(settings.prefix.length, 8);
	assert_int_equal(strv_length(settings.servers), 2);
	assert_string_equal(settings.servers[1], "two");
	config_free(&settings, options);
	assert_memory_equal(&settings, &empty, sizeof(settings));
}

static void test_values(void **state)
{
	struct settings settings = { 0 };
	char text[NETADDR_TEXT_SIZE];

	parse(&settings, "# comment\n; comment\n\n"
			 "name =  G\xc3\xbcnther # not a comment \t\r\n"
			 "\tfile=/tmp/a b\n"
			 "enabled = off\nport = 65535\ninterval=90\n"
			 "address = 2001:db8::1\nprefix = 192.168.0.0/16\n"
			 "servers =  a \t b\nservers = c\nunlimited=18446744073709551615");
	assert_string_equal(settings.name, "G\xc3\xbcnther # not a comment");
	assert_string_equal(settings.file, "/tmp/a b");
	assert_false(settings.enabled);
	assert_int_equal(settings.port, 65535);
	assert_int_equal(settings.interval, 90 * USEC_PER_SEC);
	assert_string_equal(netaddr_format(&settings.address, text), "2001:db8::1");
	assert_int_equal(settings.prefix.length, 16);
	assert_int_equal(strv_length(settings.servers), 3);
	assert_string_equal(settings.servers[0], "a");
	assert_string_equal(settings.servers[2], "c");
	assert_true(settings.unlimited == UINT64_MAX);
	config_free(&settings, options);
}

static void test_last_wins_and_empty_resets(void **state)
{
	struct settings settings = { 0 };

	parse(&settings, "name = a\nname = b\nport = 1\nport =\nservers = x\nservers =\nservers=y\n"
			 "file = /a\nfile =\n");
	assert_string_equal(settings.name, "b");
	assert_int_equal(settings.port, 443);
	assert_string_equal(settings.file, "/etc/hosts");
	assert_int_equal(strv_length(settings.servers), 1);
	assert_string_equal(settings.servers[0], "y");
	config_free(&settings, options);
}

static void test_words_and_units(void **state)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };
	static const struct {
		const char *text;
		usec_t value;
	} spans[] = {
		{ "1", 1000000 },       { "2s", 2000000 },     { "1500ms", 1500000 },
		{ "2 min", 120000000 }, { "1h", 3600000000u },
	};
	char line[64];

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		struct settings settings = { 0 };

		snprintf(line, sizeof(line), "enabled = %s", yes[i]);
		parse(&settings, line);
		assert_true(settings.enabled);
		config_free(&settings, options);
		snprintf(line, sizeof(line), "enabled = %s", no[i]);
		parse(&settings, line);
		assert_false(settings.enabled);
		config_free(&settings, options);
	}
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
		struct settings settings = { 0 };

		snprintf(line, sizeof(line), "interval = %s", spans[i].text);
		parse(&settings, line);
		assert_true(settings.interval == spans[i].value);
		config_free(&settings, options);
	}
}

static void test_refused(void **state)
{
	static const char number[] = "test.conf:1: port: must be a whole number, from 1 to 65535";
	static const char span[] = "test.conf:1: interval: must be a time span, for example 30s, "
				   "500ms, 5min or 2h, from 1 to 3600 seconds";
	static const char syntax[] = "test.conf:1: syntax: write: key = value";

	assert_refused("port = 0", number);
	assert_refused("port = 65536", number);
	assert_refused("port = -1", number);
	assert_refused("port = 0x50", number);
	assert_refused("port = 80 90", number);
	assert_refused("port = 99999999999999999999", number);
	assert_refused("interval = 500ms", span);
	assert_refused("interval = 2h", span);
	assert_refused("interval = 5 days", span);
	assert_refused("interval = 1.5", span);
	assert_refused("interval = 18446744073709551615h", span);
	assert_refused("unlimited = x",
		       "test.conf:1: unlimited: must be a whole number, at least 0");
	assert_refused("enabled = maybe", "test.conf:1: enabled: must be yes or no");
	assert_refused("enabled = YES", "test.conf:1: enabled: must be yes or no");
	assert_refused("file = relative",
		       "test.conf:1: file: must be an absolute path, for example "
		       "/etc/ssl/certs/ca.pem");
	assert_refused("address = host",
		       "test.conf:1: address: must be an IP address, for example 192.0.2.1");
	assert_refused("prefix = 10.0.0.0", "test.conf:1: prefix: must be an address and prefix "
					    "length, for example 192.0.2.0/24");
	assert_refused("nothing = 1",
		       "test.conf:1: nothing: unknown key; --help lists the known ones");
	assert_refused("port", syntax);
	assert_refused("= 1", syntax);
	assert_refused("[section]", syntax);
	assert_refused("Port = 1", syntax);
	assert_refused("a secret on its own = 1", syntax);
	assert_refused("name = a\001b", "test.conf:1: syntax: holds a control character");
	assert_refused("name = a\xff", "test.conf:1: syntax: not UTF-8 text");
	/* After good lines: nothing of them stays. */
	assert_refused("name = x\nservers = a b\n\nport = none\n",
		       "test.conf:4: port: must be a whole number, from 1 to 65535");
}

static void test_limits(void **state)
{
	_cleanup_free_ char *text = xcalloc(1, 10000);
	struct settings settings = { 0 };
	size_t used;

	memcpy(text, "name=", 5);
	memset(text + 5, 'x', 4096);
	parse(&settings, text);
	assert_int_equal(strlen(settings.name), 4096);
	config_free(&settings, options);
	text[5 + 4096] = 'x';
	assert_refused(text, "test.conf:1: name: must be text of at most 4096 bytes");
	used = (size_t)snprintf(text, 10000, "servers=");
	for (unsigned i = 0; i < 1000; i++)
		used += (size_t)snprintf(text + used, 10000 - used, "a ");
	snprintf(text + used, 10000 - used,
		 "\nservers=1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 "
		 "2 3 4 5");
	assert_refused(text, "test.conf:2: servers: must be at most 1024 words, separated by "
			     "spaces");
}

static void test_required(void **state)
{
	struct settings settings = { 0 };
	char *error = NULL;

	assert_refused_by(required_option, "# nothing\n",
			  "test.conf: name: is missing and has no default");
	assert_refused_by(required_option, "name =\n",
			  "test.conf: name: is missing and has no default");
	assert_int_equal(
		config_parse(&settings, required_option, "test.conf", "name=x", 6, NULL, &error),
		0);
	config_free(&settings, required_option);
}

/* Refuses ports above 1000, servers named "bad", and intervals of more than a minute. */
static int check(const void *object, struct config_refusal *refusal)
{
	const struct settings *settings = object;

	if (settings->port > 1000)
		return config_refuse(refusal, "port", "must be at most %d", 1000);
	for (size_t i = 0; i < strv_length(settings->servers); i++)
		if (strcmp(settings->servers[i], "bad") == 0)
			return config_refuse_word(refusal, "servers", i, "write good");
	return 0;
}

static int second_check(const void *object, struct config_refusal *refusal)
{
	const struct settings *settings = object;

	return settings->interval > 60 * USEC_PER_SEC
		       ? config_refuse(refusal, "interval", "is too long")
		       : 0;
}

/* What a check refuses is told with the place where it was written. */
static void test_checks(void **state)
{
	static config_check_fn *const checks[] = { check, second_check, NULL };
	static const struct {
		const char *text, *sentence; /* NULL: accepted */
	} cases[] = {
		{ "interval = 60", NULL },
		{ "interval = 60\nport = 1001\n", "test.conf:2: port: must be at most 1000" },
		{ "port = 2000\nport = 3000\ninterval = 9\n",
		  "test.conf:2: port: must be at most 1000" },
		{ "interval = 60\nservers = a b\nservers = c bad\nservers = d\n",
		  "test.conf:3: servers: write good" },
		{ "interval = 60\nservers = a b bad\nservers =\nservers = bad\n",
		  "test.conf:4: servers: write good" },
		{ "interval = 60\nservers = bad\nservers =\n", NULL },
		/* A default has no line. */
		{ "port = 7\n", "test.conf: interval: is too long" },
		{ "port = 7\ninterval = 1\ninterval =\n", "test.conf: interval: is too long" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *error = NULL;
		struct settings settings = { 0 };
		int r = config_parse(&settings, options, "test.conf", cases[i].text,
				     strlen(cases[i].text), checks, &error);

		assert_int_equal(r, cases[i].sentence ? -EINVAL : 0);
		if (!cases[i].sentence) {
			config_free(&settings, options);
			continue;
		}
		assert_string_equal(error, cases[i].sentence);
		assert_memory_equal(&settings, &empty, sizeof(settings));
	}
}

struct directory {
	char path[64];
	char *main, *drop_ins, *first, *second, *ignored;
};

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	struct directory *directory = xnew(struct directory);

	test_make_directory(directory->path, sizeof(directory->path));
	directory->main = xasprintf("%s/x.conf", directory->path);
	directory->drop_ins = xasprintf("%s.d", directory->main);
	directory->first = xasprintf("%s/10-a.conf", directory->drop_ins);
	directory->second = xasprintf("%s/20-b.conf", directory->drop_ins);
	directory->ignored = xasprintf("%s/30-c.conf~", directory->drop_ins);
	*state = directory;
	return 0;
}

static int teardown(void **state)
{
	struct directory *directory = *state;

	unlink(directory->ignored);
	unlink(directory->second);
	unlink(directory->first);
	rmdir(directory->drop_ins);
	unlink(directory->main);
	rmdir(directory->path);
	free(directory->main);
	free(directory->drop_ins);
	free(directory->first);
	free(directory->second);
	free(directory->ignored);
	free(directory);
	return 0;
}

static void test_no_file(void **state)
{
	const struct directory *directory = *state;
	struct settings settings = { 0 };
	char *error = NULL;

	assert_int_equal(config_load(&settings, options, directory->main, NULL, &error), 0);
	assert_int_equal(settings.port, 443);
	config_free(&settings, options);
}

/* The credential takes the file's place, also when the configuration names one. */
static void test_credential(void **state)
{
	const struct directory *directory = *state;
	_cleanup_free_ char *credential = xasprintf("%s/file", directory->path);
	struct settings settings = { 0 };
	char *error = NULL;

	write_file(directory->main, "file = /etc/passwd\n");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory->path, 1), 0);
	assert_int_equal(config_load(&settings, options, directory->main, NULL, &error), 0);
	assert_string_equal(settings.file, "/etc/passwd"); /* there is no such credential */
	config_free(&settings, options);
	write_file(credential, "secret");
	assert_int_equal(config_load(&settings, options, directory->main, NULL, &error), 0);
	assert_string_equal(settings.file, credential);
	config_free(&settings, options);
	unlink(credential);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_drop_ins(void **state)
{
	const struct directory *directory = *state;
	struct settings settings = { 0 };
	char *error = NULL;

	write_file(directory->main, "name = main\nport = 1\nservers = m\n");
	assert_int_equal(mkdir(directory->drop_ins, 0700), 0);
	write_file(directory->second, "name = second\nservers = b\n");
	write_file(directory->first, "name = first\nport = 2\nservers = a\n");
	write_file(directory->ignored, "nonsense");
	assert_int_equal(config_load(&settings, options, directory->main, NULL, &error), 0);
	assert_string_equal(settings.name, "second");
	assert_int_equal(settings.port, 2);
	assert_int_equal(strv_length(settings.servers), 3);
	assert_string_equal(settings.servers[0], "m");
	assert_string_equal(settings.servers[1], "a");
	assert_string_equal(settings.servers[2], "b");
	config_free(&settings, options);
}

static void test_error_in_drop_in(void **state)
{
	const struct directory *directory = *state;
	struct settings settings = { 0 };
	_cleanup_free_ char *error = NULL, *expected = NULL;

	write_file(directory->main, "name = main\n");
	assert_int_equal(mkdir(directory->drop_ins, 0700), 0);
	write_file(directory->first, "\nfoo = 1\n");
	assert_int_equal(config_load(&settings, options, directory->main, NULL, &error), -EINVAL);
	expected = xasprintf("%s:2: foo: unknown key; --help lists the known ones",
			     directory->first);
	assert_string_equal(error, expected);
	assert_memory_equal(&settings, &empty, sizeof(settings));
}

static void test_check_in_drop_in(void **state)
{
	static config_check_fn *const checks[] = { check, NULL };
	const struct directory *directory = *state;
	_cleanup_free_ char *error = NULL, *expected = NULL;
	struct settings settings = { 0 };

	write_file(directory->main, "port = 5\n");
	assert_int_equal(mkdir(directory->drop_ins, 0700), 0);
	write_file(directory->first, "\nport = 5000\n");
	write_file(directory->second, "name = x\n");
	assert_int_equal(config_load(&settings, options, directory->main, checks, &error), -EINVAL);
	expected = xasprintf("%s:2: port: must be at most 1000", directory->first);
	assert_string_equal(error, expected);
}

static void test_unreadable(void **state)
{
	const struct directory *directory = *state;
	struct settings settings = { 0 };
	_cleanup_free_ char *error = NULL, *large = xcalloc(1, 70000);

	assert_int_equal(config_load(&settings, options, directory->path, NULL, &error), -EISDIR);
	assert_non_null(strstr(error, "cannot be read: Is a directory"));
	free(steal_ptr(error));
	memset(large, '\n', 69999);
	write_file(directory->main, large);
	assert_int_equal(config_load(&settings, options, directory->main, NULL, &error), -EFBIG);
	assert_non_null(strstr(error, "larger than 64 KiB"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_last_wins_and_empty_resets),
		cmocka_unit_test(test_words_and_units),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_checks),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credential, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop_ins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error_in_drop_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check_in_drop_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
