/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpn-service/softether_config.h"

#include <string.h>

#include "common/memory.h"
#include "tests/support/test.h"

static const struct softether_switch switches[] = {
	{ "DDnsClient", "Disabled", true },
	{ "ServerConfiguration", "UseKeepConnect", false },
};

static char *edit(const char *text)
{
	return softether_config_edit(text, switches, ARRAY_SIZE(switches));
}

static const char stock[] = "\xef\xbb\xbf# Software Configuration File\r\n"
			    "declare root\r\n"
			    "{\r\n"
			    "\tuint ConfigRevision 7\r\n"
			    "\tbool Disabled false\r\n"
			    "\r\n"
			    "\tdeclare DDnsClient\r\n"
			    "\t{\r\n"
			    "\t\tbool Disabled false\r\n"
			    "\t\tbyte Key Wfzc0HFpo7qkvZG8mwnGLOhVzDY=\r\n"
			    "\t}\r\n"
			    "\tdeclare ServerConfiguration\r\n"
			    "\t{\r\n"
			    "\t\tbool Disabled false\r\n"
			    "\t\tbool UseKeepConnect true\r\n"
			    "\r\n"
			    "\t\tdeclare Deeper\r\n"
			    "\t\t{\r\n"
			    "\t\t\tbool UseKeepConnect true\r\n"
			    "\t\t}\r\n"
			    "\t}\r\n"
			    "}\r\n";

static void test_only_what_is_wrong_changes(void **state)
{
	_cleanup_free_ char *edited = edit(stock), *again = NULL;
	size_t prefix = (size_t)(strstr(stock, "\t\tbool Disabled") - stock);

	assert_non_null(edited);
	assert_memory_equal(edited, stock, prefix);
	assert_non_null(
		strstr(edited, "DDnsClient\r\n\t{\r\n\t\tbool Disabled true\r\n\t\tbyte Key"));
	assert_non_null(strstr(edited, "ServerConfiguration\r\n\t{\r\n\t\tbool Disabled false\r\n"
				       "\t\tbool UseKeepConnect false\r\n"));
	/* The same names elsewhere are other things. */
	assert_non_null(strstr(edited, "\t\t\tbool UseKeepConnect true\r\n"));
	assert_non_null(strstr(edited, "ConfigRevision 7\r\n\tbool Disabled false\r\n"));
	assert_int_equal(strlen(edited), strlen(stock) - 1 + 1);
	again = edit(edited);
	assert_null(again);
}

static void test_values_are_not_searched(void **state)
{
	assert_null(edit("declare root\n{\n\tdeclare DDnsClient\n\t{\n"
			 "\t\tstring Name bool Disabled false\n\t}\n}\n"));
}

static void test_other_texts(void **state)
{
	static const char *const texts[] = {
		"",          "\n",
		"}\n}\n}\n", "{{{{",
		"declare",   "declare \n{\n",
		"\t\t\t",    "declare root\n{\n\tdeclare DDnsClient",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_null(edit(texts[i]));
}

static void test_end_without_newline(void **state)
{
	_cleanup_free_ char *edited = edit(
		"declare root\n{\ndeclare DDnsClient\n{\nbool Disabled false");

	assert_non_null(edited);
	assert_non_null(strstr(edited, "bool Disabled true"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_is_wrong_changes),
		cmocka_unit_test(test_values_are_not_searched),
		cmocka_unit_test(test_other_texts),
		cmocka_unit_test(test_end_without_newline),
	};

	return cmocka_run_group_tests_name("softether_config", tests, NULL, NULL);
}
