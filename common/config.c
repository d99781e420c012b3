/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files are read into a list of which options were set; defaults are filled in after the last file,
 * through the same parser as the files, so that a wrong default shows at the first start. The
 * values of one option are parsed in one place, parse_value().
 */
#include "common/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "common/netaddr.h"
#include "common/state_file.h"

#define MAX_FILE    (64 * 1024)
#define MAX_VALUE   4096
#define MAX_STRINGS 1024

/* One assignment: what a check has against a value is told with its place. */
struct origin {
	const struct config_option *option;
	size_t first_word, end_word; /* that it gave to a list */
	char *file;
	unsigned line;
};

struct parser {
	void *settings;
	const struct config_option *options;
	bool *is_set; /* one per option */
	const char *file;
	unsigned line;
	struct origin *origins;
	size_t origin_count;
	char **ret_error;
};

static void *option_field(const struct parser *parser, const struct config_option *option)
{
	return (char *)parser->settings + option->offset;
}

/* Says where and what; returns result. */
static int fail(const struct parser *parser, int result, const char *key, const char *sentence)
{
	if (parser->line)
		*parser->ret_error = xasprintf("%s:%u: %s: %s", parser->file, parser->line, key,
					       sentence);
	else
		*parser->ret_error = xasprintf("%s: %s: %s", parser->file, key, sentence);
	return result;
}

static int parse_bool(bool *ret_value, const char *text)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret_value = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

/* Digits; returns what follows them in *ret_end. */
static int parse_digits(uint64_t *ret_value, const char *text, const char **ret_end)
{
	uint64_t value = 0;
	const char *digit;

	for (digit = text; *digit >= '0' && *digit <= '9'; digit++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*digit - '0'), &value))
			return -EINVAL;
	if (digit == text)
		return -EINVAL;
	*ret_value = value;
	*ret_end = digit;
	return 0;
}

static bool is_within(const struct config_option *option, uint64_t value, uint64_t unit)
{
	uint64_t minimum, maximum;

	if (__builtin_mul_overflow(option->minimum, unit, &minimum))
		minimum = UINT64_MAX;
	if (!option->maximum || __builtin_mul_overflow(option->maximum, unit, &maximum))
		maximum = UINT64_MAX;
	return value >= minimum && value <= maximum;
}

static int parse_number(uint64_t *ret_value, const struct config_option *option, const char *text)
{
	const char *end;
	uint64_t value;

	if (parse_digits(&value, text, &end) < 0 || *end || !is_within(option, value, 1))
		return -EINVAL;
	*ret_value = value;
	return 0;
}

static int parse_seconds(usec_t *ret_value, const struct config_option *option, const char *text)
{
	static const struct {
		const char *name;
		usec_t size;
	} units[] = {
		{ "", USEC_PER_SEC },
		{ "s", USEC_PER_SEC },
		{ "ms", USEC_PER_MSEC },
		{ "min", 60 * USEC_PER_SEC },
		{ "h", 60 * 60 * USEC_PER_SEC },
	};
	const char *unit;
	uint64_t value;

	if (parse_digits(&value, text, &unit) < 0)
		return -EINVAL;
	unit += strspn(unit, " ");
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(unit, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(value, units[i].size, &value) ||
		    !is_within(option, value, USEC_PER_SEC))
			return -EINVAL;
		*ret_value = value;
		return 0;
	}
	return -EINVAL;
}

/* Adds the words of text to the list, unless they are too many. */
static int parse_strings(char ***list, const char *text)
{
	size_t count = strv_length(*list);

	for (size_t length; *text; text += length) {
		text += strspn(text, " \t");
		length = strcspn(text, " \t");
		if (!length)
			break;
		if (++count > MAX_STRINGS)
			return -E2BIG;
		_cleanup_free_ char *word = xstrndup(text, length);
		*list = strv_append(*list, word);
	}
	return 0;
}

static void replace_path(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

/* The sentence for a value that was refused. */
static int fail_value(const struct parser *parser, const struct config_option *option)
{
	static const char *const expected[] = {
		[CONFIG_STRING] = "must be text of at most 4096 bytes",
		[CONFIG_PATH] = "must be an absolute path, for example /etc/ssl/certs/ca.pem",
		[CONFIG_BOOL] = "must be yes or no",
		[CONFIG_NUMBER] = "must be a whole number",
		[CONFIG_SECONDS] = "must be a time span, for example 30s, 500ms, 5min or 2h",
		[CONFIG_ADDRESS] = "must be an IP address, for example 192.0.2.1",
		[CONFIG_PREFIX] = "must be an address and prefix length, for example 192.0.2.0/24",
		[CONFIG_STRINGS] = "must be at most 1024 words, separated by spaces",
	};
	const char *unit = option->type == CONFIG_SECONDS ? " seconds" : "";
	_cleanup_free_ char *sentence = NULL;

	if (option->type != CONFIG_NUMBER && option->type != CONFIG_SECONDS)
		return fail(parser, -EINVAL, option->key, expected[option->type]);
	if (option->maximum)
		sentence = xasprintf("%s, from %llu to %llu%s", expected[option->type],
				     (unsigned long long)option->minimum,
				     (unsigned long long)option->maximum, unit);
	else
		sentence = xasprintf("%s, at least %llu%s", expected[option->type],
				     (unsigned long long)option->minimum, unit);
	return fail(parser, -EINVAL, option->key, sentence);
}

static int parse_value(const struct parser *parser, const struct config_option *option,
		       const char *text)
{
	void *field = option_field(parser, option);
	int r = -EINVAL;

	switch (option->type) {
	case CONFIG_PATH:
		if (text[0] != '/')
			break;
		replace_path(field, text);
		r = 0;
		break;
	case CONFIG_STRING:
		/* It may be a token. */
		secret_free(*(char **)field);
		*(char **)field = xstrdup(text);
		r = 0;
		break;
	case CONFIG_BOOL:
		r = parse_bool(field, text);
		break;
	case CONFIG_NUMBER:
		r = parse_number(field, option, text);
		break;
	case CONFIG_SECONDS:
		r = parse_seconds(field, option, text);
		break;
	case CONFIG_ADDRESS:
		r = netaddr_parse(field, text);
		break;
	case CONFIG_PREFIX:
		r = netprefix_parse(field, text);
		break;
	case CONFIG_STRINGS:
		r = parse_strings(field, text);
		break;
	}
	return r < 0 ? fail_value(parser, option) : 0;
}

static void free_value(void *settings, const struct config_option *option)
{
	void *field = (char *)settings + option->offset;

	switch (option->type) {
	case CONFIG_STRING:
	case CONFIG_PATH:
		secret_free(*(char **)field);
		*(char **)field = NULL;
		break;
	case CONFIG_STRINGS:
		*(char ***)field = strv_free(*(char ***)field);
		break;
	case CONFIG_BOOL:
		*(bool *)field = false;
		break;
	case CONFIG_NUMBER:
		*(uint64_t *)field = 0;
		break;
	case CONFIG_SECONDS:
		*(usec_t *)field = 0;
		break;
	case CONFIG_ADDRESS:
		*(struct netaddr *)field = (struct netaddr){ 0 };
		break;
	case CONFIG_PREFIX:
		*(struct netprefix *)field = (struct netprefix){ 0 };
		break;
	}
}

void config_free(void *settings, const struct config_option *options)
{
	for (; options->key; options++)
		free_value(settings, options);
}

static bool has_control_character(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
			return true;
	return false;
}

/* Cuts the blanks at both ends, in place. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t\r");
	for (length = strlen(text); length && strchr(" \t\r", text[length - 1]); length--)
		;
	text[length] = '\0';
	return text;
}

static const struct config_option *find_option(const struct parser *parser, const char *key)
{
	for (const struct config_option *option = parser->options; option->key; option++)
		if (strcmp(option->key, key) == 0)
			return option;
	return NULL;
}

/* A key as it may be shown: whatever else stands there could be a secret on a line of its own. */
static bool key_is_valid(const char *key)
{
	size_t length = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return length > 0 && length <= 64 && !key[length];
}

static size_t count_words(const struct parser *parser, const struct config_option *option)
{
	if (option->type != CONFIG_STRINGS)
		return 0;
	return strv_length(*(char ***)option_field(parser, option));
}

static void note_origin(struct parser *parser, const struct config_option *option,
			size_t first_word)
{
	parser->origins = xrealloc_array(parser->origins, parser->origin_count + 1,
					 sizeof(*parser->origins));
	parser->origins[parser->origin_count++] = (struct origin){
		.option = option,
		.first_word = first_word,
		.end_word = count_words(parser, option),
		.file = xstrdup(parser->file),
		.line = parser->line,
	};
}

static int parse_assignment(struct parser *parser, char *line)
{
	const struct config_option *option;
	char *equals = strchr(line, '=');
	const char *key, *value;
	size_t words;
	bool *is_set;
	int r;

	if (!equals)
		return fail(parser, -EINVAL, "syntax", "write: key = value");
	*equals = '\0';
	key = trim(line);
	value = trim(equals + 1);
	if (!key_is_valid(key))
		return fail(parser, -EINVAL, "syntax", "write: key = value");
	option = find_option(parser, key);
	if (!option)
		return fail(parser, -EINVAL, key, "unknown key; --help lists the known ones");
	if (strlen(value) > MAX_VALUE)
		return fail_value(parser, option);
	is_set = &parser->is_set[option - parser->options];
	*is_set = *value;
	if (!*value) {
		free_value(parser->settings, option);
		note_origin(parser, option, 0);
		return 0;
	}
	words = count_words(parser, option);
	r = parse_value(parser, option, value);
	if (r == 0)
		note_origin(parser, option, words);
	return r;
}

static int parse_text(struct parser *parser, const char *name, const char *text, size_t size)
{
	const char *end = text + size, *newline;
	int r;

	parser->file = name;
	for (parser->line = 1; text < end; parser->line++, text = newline + 1) {
		_cleanup_secret_ char *copy = NULL;
		char *line;

		newline = memchr(text, '\n', (size_t)(end - text));
		if (!newline)
			newline = end;
		if (!utf8_is_valid(text, (size_t)(newline - text)))
			return fail(parser, -EINVAL, "syntax", "not UTF-8 text");
		copy = xstrndup(text, (size_t)(newline - text));
		line = trim(copy);
		if (has_control_character(line))
			return fail(parser, -EINVAL, "syntax", "holds a control character");
		if (*line && *line != '#' && *line != ';') {
			r = parse_assignment(parser, line);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int apply_defaults(struct parser *parser, const char *name)
{
	const struct config_option *option;
	int r;

	parser->file = name;
	parser->line = 0;
	for (option = parser->options; option->key; option++) {
		if (parser->is_set[option - parser->options])
			continue;
		if (option->required)
			return fail(parser, -EINVAL, option->key, "is missing and has no default");
		if (!option->fallback)
			continue;
		r = parse_value(parser, option, option->fallback);
		if (r < 0)
			return r;
	}
	return 0;
}

static void parser_init(struct parser *parser, void *settings, const struct config_option *options,
			char **ret_error)
{
	size_t count = 0;

	while (options[count].key)
		count++;
	*parser = (struct parser){
		.settings = settings,
		.options = options,
		.is_set = xcalloc(count, sizeof(bool)),
		.ret_error = ret_error,
	};
}

/* Ends a parse: nothing is left half set. */
static int parser_finish(struct parser *parser, int result)
{
	if (result < 0)
		config_free(parser->settings, parser->options);
	for (size_t i = 0; i < parser->origin_count; i++)
		free(parser->origins[i].file);
	free(parser->origins);
	free(parser->is_set);
	return result;
}

/* --- checks of the whole --- */

static int refuse(struct config_refusal *refusal, const char *key, size_t word, const char *format,
		  va_list arguments) PRINTF_FORMAT(4, 0);

static int refuse(struct config_refusal *refusal, const char *key, size_t word, const char *format,
		  va_list arguments)
{
	char sentence[1024];

	vsnprintf(sentence, sizeof(sentence), format, arguments);
	refusal->key = key;
	refusal->word = word;
	replace_string(&refusal->sentence, sentence);
	return -EINVAL;
}

int config_refuse(struct config_refusal *refusal, const char *key, const char *format, ...)
{
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = refuse(refusal, key, 0, format, arguments);
	va_end(arguments);
	return r;
}

int config_refuse_word(struct config_refusal *refusal, const char *key, size_t word,
		       const char *format, ...)
{
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = refuse(refusal, key, word, format, arguments);
	va_end(arguments);
	return r;
}

/* The assignment that is in force; NULL for a default. */
static const struct origin *find_origin(const struct parser *parser,
					const struct config_refusal *refusal)
{
	for (size_t i = parser->origin_count; i > 0; i--) {
		const struct origin *origin = &parser->origins[i - 1];
		const struct config_option *option = origin->option;

		if (strcmp(option->key, refusal->key) != 0)
			continue;
		if (!parser->is_set[option - parser->options])
			return NULL;
		if (option->type != CONFIG_STRINGS ||
		    (refusal->word >= origin->first_word && refusal->word < origin->end_word))
			return origin;
	}
	return NULL;
}

static int run_checks(struct parser *parser, const char *name, config_check_fn *const *checks)
{
	struct config_refusal refusal = { 0 };
	const struct origin *origin;
	int r = 0;

	for (; checks && *checks && r == 0; checks++)
		r = (*checks)(parser->settings, &refusal);
	if (r < 0 && refusal.sentence) {
		origin = find_origin(parser, &refusal);
		parser->file = origin ? origin->file : name;
		parser->line = origin ? origin->line : 0;
		(void)fail(parser, r, refusal.key, refusal.sentence);
	}
	free(refusal.sentence);
	return r;
}

int config_parse(void *settings, const struct config_option *options, const char *name,
		 const char *text, size_t size, config_check_fn *const *checks, char **ret_error)
{
	struct parser parser;
	int r;

	parser_init(&parser, settings, options, ret_error);
	r = parse_text(&parser, name, text, size);
	if (r == 0)
		r = apply_defaults(&parser, name);
	if (r == 0)
		r = run_checks(&parser, name, checks);
	return parser_finish(&parser, r);
}

static int parse_file(struct parser *parser, const char *path)
{
	char *text;
	size_t size;
	int r;

	r = file_read(path, MAX_FILE, &text, &size);
	if (r < 0) {
		if (r != -ENOENT)
			*parser->ret_error = xasprintf("%s: cannot be read: %s", path,
						       r == -EFBIG ? "larger than 64 KiB"
								   : strerror(-r));
		return r;
	}
	r = parse_text(parser, path, text, size);
	secret_free_sized(text, size);
	return r;
}

static int is_drop_in(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > strlen(".conf") &&
	       strcmp(entry->d_name + length - strlen(".conf"), ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int parse_directory(struct parser *parser, const char *path)
{
	_cleanup_free_ char *directory = xasprintf("%s.d", path);
	struct dirent **entries;
	int count, r = 0;

	count = scandir(directory, &entries, is_drop_in, by_name);
	if (count < 0) {
		if (errno == ENOENT)
			return 0;
		r = -errno;
		*parser->ret_error = xasprintf("%s: cannot be read: %s", directory, strerror(-r));
		return r;
	}
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *file = xasprintf("%s/%s", directory, entries[i]->d_name);

		/* One that went away meanwhile is no error. */
		if (r == 0 || r == -ENOENT)
			r = parse_file(parser, file);
		free(entries[i]);
	}
	free(entries);
	return r == -ENOENT ? 0 : r;
}

/* systemd.exec(5), CREDENTIALS: a directory of files that only this service can read. */
static void prefer_credentials(const struct parser *parser)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	const struct config_option *option;

	for (option = parser->options; directory && option->key; option++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", directory, option->key);

		if (option->credential && access(path, F_OK) == 0)
			replace_path(option_field(parser, option), path);
	}
}

int config_load(void *settings, const struct config_option *options, const char *path,
		config_check_fn *const *checks, char **ret_error)
{
	struct parser parser;
	int r;

	parser_init(&parser, settings, options, ret_error);
	r = parse_file(&parser, path);
	if (r == 0 || r == -ENOENT)
		r = parse_directory(&parser, path);
	if (r == 0)
		r = apply_defaults(&parser, path);
	if (r == 0) {
		prefer_credentials(&parser);
		r = run_checks(&parser, path, checks);
	}
	return parser_finish(&parser, r);
}
