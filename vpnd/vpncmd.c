/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Command files for vpncmd and its CSV answers. Every string taken from an answer is bounded; what
 * is not recognised is skipped, so that a newer client with more lines stays readable.
 */
#include "vpnd/vpncmd.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/memory.h"

#define PROMPT "VPN Client>"

struct text {
	const char *start;
	size_t size;
};

static bool text_starts_with(struct text text, const char *prefix)
{
	size_t length = strlen(prefix);

	return text.size >= length && memcmp(text.start, prefix, length) == 0;
}

static void text_copy(char ret_value[static VPNCMD_TEXT_SIZE], struct text text)
{
	size_t size = text.size < VPNCMD_TEXT_SIZE ? text.size : VPNCMD_TEXT_SIZE - 1;

	memcpy(ret_value, text.start, size);
	ret_value[size] = '\0';
}

/* Takes the next line off the text, without its line end. */
static bool next_line(struct text *rest, struct text *ret_line)
{
	const char *end;

	if (rest->size == 0)
		return false;
	end = memchr(rest->start, '\n', rest->size);
	ret_line->start = rest->start;
	ret_line->size = end ? (size_t)(end - rest->start) : rest->size;
	rest->start += ret_line->size + (end ? 1 : 0);
	rest->size -= ret_line->size + (end ? 1 : 0);
	if (ret_line->size > 0 && ret_line->start[ret_line->size - 1] == '\r')
		ret_line->size--;
	return true;
}

/* One command and everything up to the next one. */
struct section {
	struct text command;
	struct text body;
};

static bool next_section(struct text *rest, struct section *ret_section)
{
	struct text line;

	do {
		if (!next_line(rest, &line))
			return false;
	} while (!text_starts_with(line, PROMPT));
	ret_section->command.start = line.start + strlen(PROMPT);
	ret_section->command.size = line.size - strlen(PROMPT);
	ret_section->body = (struct text){ .start = rest->start };
	for (;;) {
		struct text ahead = *rest;

		if (!next_line(&ahead, &line) || text_starts_with(line, PROMPT))
			break;
		ret_section->body.size += rest->size - ahead.size;
		*rest = ahead;
	}
	return true;
}

static bool section_is(const struct section *section, const char *command)
{
	return text_starts_with(section->command, command) &&
	       (section->command.size == strlen(command) ||
		section->command.start[strlen(command)] == ' ');
}

/* One CSV field off the line, unquoted into value and cut at its size. False at the end. */
static bool next_field(struct text *line, char ret_value[static VPNCMD_TEXT_SIZE])
{
	bool quoted = false;
	size_t used = 0, position = 0;

	if (!line->start)
		return false;
	for (; position < line->size; position++) {
		char c = line->start[position];

		if (c == '"') {
			if (quoted && position + 1 < line->size && line->start[position + 1] == '"')
				position++;
			else {
				quoted = !quoted;
				continue;
			}
		} else if (c == ',' && !quoted) {
			break;
		}
		if (used < VPNCMD_TEXT_SIZE - 1)
			ret_value[used++] = c;
	}
	ret_value[used] = '\0';
	if (position < line->size) {
		line->start += position + 1;
		line->size -= position + 1;
	} else {
		line->start = NULL;
	}
	return true;
}

static bool section_error(struct text body, unsigned *ret_code)
{
	static const char mark[] = "Error occurred. (Error code: ";
	struct text line;

	while (next_line(&body, &line)) {
		unsigned code = 0;

		if (!text_starts_with(line, mark))
			continue;
		for (size_t i = strlen(mark);
		     i < line.size && isdigit((unsigned char)line.start[i]); i++)
			code = code < 100000 ? code * 10 + (unsigned)(line.start[i] - '0') : code;
		*ret_code = code;
		return true;
	}
	return false;
}

/* "CN=…, SERIAL=… (Digest: MD5="…", SHA1="59DC…")" -> 59DC… */
static void copy_sha1(char ret_digest[static VPNCMD_DIGEST_SIZE], const char *text)
{
	const char *found = NULL, *next = text;
	size_t length;

	/* The last one: a subject may say SHA1=" too. */
	while ((next = strstr(next, "SHA1=\""))) {
		next += strlen("SHA1=\"");
		found = next;
	}
	if (!found)
		return;
	length = strspn(found, "0123456789ABCDEF");
	if (length != VPNCMD_DIGEST_SIZE - 1)
		return;
	memcpy(ret_digest, found, length);
	ret_digest[length] = '\0';
}

static unsigned parse_small_number(const char *text)
{
	unsigned value = 0;

	for (; isdigit((unsigned char)*text) && value < 100000; text++)
		value = value * 10 + (unsigned)(*text - '0');
	return value;
}

static void read_account_item(struct vpncmd_account *account, const char *item, const char *value)
{
	static const struct {
		const char *item;
		size_t offset;
	} texts[] = {
		{ "Destination VPN Server Host Name", offsetof(struct vpncmd_account, host) },
		{ "Destination VPN Server Virtual Hub Name", offsetof(struct vpncmd_account, hub) },
		{ "Device Name Used for Connection", offsetof(struct vpncmd_account, nic) },
		{ "User Name", offsetof(struct vpncmd_account, username) },
	};
	static const struct {
		const char *item;
		size_t offset;
	} switches[] = {
		{ "Verify Server Certificate", offsetof(struct vpncmd_account, verify_server) },
		{ "Retry on Untrusted Server Certificate",
		  offsetof(struct vpncmd_account, retry_untrusted) },
		{ "No Adjustment for Routing Table", offsetof(struct vpncmd_account, keep_routes) },
		{ "Disable UDP Acceleration", offsetof(struct vpncmd_account, without_udp) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(item, texts[i].item) == 0)
			memcpy((char *)account + texts[i].offset, value, strlen(value) + 1);
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (strcmp(item, switches[i].item) == 0)
			*(bool *)((char *)account + switches[i].offset) = strcmp(value, "Enable") ==
									  0;
	if (strcmp(item, "Destination VPN Server Port Number") == 0)
		account->port = (uint16_t)parse_small_number(value);
	else if (strcmp(item, "Registered Server Individual Certificate") == 0)
		copy_sha1(account->server_certificate_sha1, value);
	else if (strcmp(item, "Client Certificate for Authentication Use") == 0)
		copy_sha1(account->certificate_sha1, value);
	else if (strcmp(item, "Number of TCP Connections to Use in VPN Communication") == 0)
		account->tcp_connections = parse_small_number(value);
}

static void read_nic_list(struct vpncmd_state *state, struct text body, const char *nic)
{
	char name[VPNCMD_TEXT_SIZE], status[VPNCMD_TEXT_SIZE], mac[VPNCMD_TEXT_SIZE];
	struct text line;

	while (next_line(&body, &line)) {
		char separated[MAC_TEXT_SIZE];

		if (!next_field(&line, name) || !next_field(&line, status) ||
		    !next_field(&line, mac) || strcmp(name, nic) != 0)
			continue;
		state->nic_exists = true;
		if (strlen(mac) != 12)
			continue;
		for (size_t i = 0; i < 6; i++) {
			separated[3 * i] = mac[2 * i];
			separated[3 * i + 1] = mac[2 * i + 1];
			separated[3 * i + 2] = i < 5 ? ':' : '\0';
		}
		if (mac_parse(&state->nic_mac, separated) < 0)
			state->nic_mac = (struct mac_address){ 0 };
	}
}

static void read_account_list(struct vpncmd_state *state, struct text body, const char *account)
{
	char name[VPNCMD_TEXT_SIZE], status[VPNCMD_TEXT_SIZE];
	struct text line;

	while (next_line(&body, &line)) {
		if (!next_field(&line, name) || !next_field(&line, status) ||
		    strcmp(name, account) != 0)
			continue;
		state->account_exists = true;
		if (strcmp(status, "Connected") == 0)
			state->session = VPNCMD_CONNECTED;
		else if (strcmp(status, "Connecting") == 0)
			state->session = VPNCMD_CONNECTING;
	}
}

static void read_items(struct vpncmd_state *state, const struct section *section)
{
	char item[VPNCMD_TEXT_SIZE], value[VPNCMD_TEXT_SIZE];
	bool is_status = section_is(section, "AccountStatusGet");
	struct text body = section->body, line;

	while (next_line(&body, &line)) {
		struct text fields = line;

		if (!next_field(&fields, item) || !next_field(&fields, value))
			continue;
		if (!is_status)
			read_account_item(&state->account, item, value);
		else if (strcmp(item, "Current Session has been Established since") == 0)
			memcpy(state->session_since, value, sizeof(value));
	}
}

int vpncmd_parse_state(struct vpncmd_state *ret_state, const char *output, size_t size,
		       const char *nic, const char *account)
{
	bool seen_nics = false, seen_accounts = false, seen_account = false;
	struct text rest = { output, size };
	struct vpncmd_state state = { 0 };
	struct section section;
	unsigned code;

	while (next_section(&rest, &section)) {
		bool failed = section_error(section.body, &code);

		if (section_is(&section, "NicList") && !failed && !seen_nics) {
			read_nic_list(&state, section.body, nic);
			seen_nics = true;
		} else if (section_is(&section, "AccountList") && !failed && !seen_accounts) {
			read_account_list(&state, section.body, account);
			seen_accounts = true;
		} else if (section_is(&section, "AccountGet") && !seen_account) {
			if (!failed)
				read_items(&state, &section);
			seen_account = true;
		} else if (section_is(&section, "AccountStatusGet") && !failed) {
			read_items(&state, &section);
			break; /* it repeats what the server says of itself: nothing follows it */
		}
	}
	if (!seen_nics || !seen_accounts || !seen_account) {
		struct vpncmd_error error;

		if (vpncmd_find_error(&error, output, size) && error.code == 1)
			return -ECONNREFUSED;
		return -EBADMSG;
	}
	*ret_state = state;
	return 0;
}

/* vpncmd's own complaints have no code: a wrong parameter, a file it cannot read. */
static bool is_complaint(struct text line)
{
	static const char *const beginnings[] = {
		"The parameter \"",
		"Cannot find specified file",
		"The command \"",
		"There was an error in the",
	};

	static const char unknown[] = "\": Command not found.";

	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (text_starts_with(line, beginnings[i]))
			return true;
	return memmem(line.start, line.size, unknown, strlen(unknown)) != NULL;
}

/* Errors that say that it is already as the command wants it. */
static bool is_harmless(const struct vpncmd_error *error)
{
	static const struct {
		const char *command;
		unsigned code;
	} harmless[] = {
		{ "NicCreate", 30 },         /* exists */
		{ "NicDelete", 29 },         /* does not exist */
		{ "AccountConnect", 35 },    /* is active */
		{ "AccountDisconnect", 37 }, /* is not active */
		{ "AccountDisconnect", 36 }, /* does not exist */
		{ "AccountDelete", 36 },     { "AccountStartupRemove", 36 }, { "AccountGet", 36 },
		{ "AccountStatusGet", 36 },  { "AccountStatusGet", 37 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (error->code == harmless[i].code &&
		    strcmp(error->command, harmless[i].command) == 0)
			return true;
	return false;
}

static bool find_error_in(struct vpncmd_error *error, struct text command, struct text body)
{
	const char *space = memchr(command.start, ' ', command.size);
	struct text line, body_rest = body;
	bool coded = section_error(body, &error->code);

	if (space)
		command.size = (size_t)(space - command.start);
	text_copy(error->command, command);
	while (next_line(&body_rest, &line)) {
		if (coded && text_starts_with(line, "Error occurred.")) {
			if (next_line(&body_rest, &line))
				text_copy(error->text, line);
			return true;
		}
		if (!coded && is_complaint(line)) {
			text_copy(error->text, line);
			return true;
		}
	}
	return false;
}

bool vpncmd_find_error(struct vpncmd_error *ret_error, const char *output, size_t size)
{
	struct text rest = { output, size }, before = { output, 0 }, line;
	struct vpncmd_error error = { 0 };
	struct section section;

	while (next_line(&rest, &line) && !text_starts_with(line, PROMPT))
		before.size = (size_t)(rest.start - output);
	if (find_error_in(&error, (struct text){ output, 0 }, before)) {
		*ret_error = error;
		return true;
	}
	rest = (struct text){ output, size };
	while (next_section(&rest, &section)) {
		error = (struct vpncmd_error){ 0 };
		if (find_error_in(&error, section.command, section.body) && !is_harmless(&error)) {
			*ret_error = error;
			return true;
		}
	}
	return false;
}

bool vpncmd_account_equal(const struct vpncmd_account *a, const struct vpncmd_account *b)
{
	return strcmp(a->host, b->host) == 0 && a->port == b->port && strcmp(a->hub, b->hub) == 0 &&
	       strcmp(a->username, b->username) == 0 && strcmp(a->nic, b->nic) == 0 &&
	       strcmp(a->certificate_sha1, b->certificate_sha1) == 0 &&
	       strcmp(a->server_certificate_sha1, b->server_certificate_sha1) == 0 &&
	       a->tcp_connections == b->tcp_connections && a->verify_server == b->verify_server &&
	       a->retry_untrusted == b->retry_untrusted && a->keep_routes == b->keep_routes &&
	       a->without_udp == b->without_udp;
}

int64_t vpncmd_parse_time(const char *text)
{
	int year, month, day, hour, minute, second;
	struct tm time = { .tm_isdst = -1 };

	if (strlen(text) != strlen("2026-11-20 (Fri) 11:21:31") ||
	    sscanf(text, "%4d-%2d-%2d (%*3[A-Za-z]) %2d:%2d:%2d", &year, &month, &day, &hour,
		   &minute, &second) != 6)
		return 0;
	if (year < 2000 || year > 2199 || month < 1 || month > 12 || day < 1 || day > 31 ||
	    hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return 0;
	time.tm_year = year - 1900;
	time.tm_mon = month - 1;
	time.tm_mday = day;
	time.tm_hour = hour;
	time.tm_min = minute;
	time.tm_sec = second;
	return (int64_t)mktime(&time);
}

bool vpncmd_word_is_safe(const char *word)
{
	if (!word || *word == '\0' || *word == '-')
		return false;
	for (; *word; word++)
		if (!isascii(*word) || (!isalnum((unsigned char)*word) && !strchr("._-/", *word)))
			return false;
	return true;
}

char *vpncmd_inspect_script(const char *account)
{
	return xasprintf("NicList\nAccountList\nAccountGet %s\nAccountStatusGet %s\n", account,
			 account);
}

char *vpncmd_nic_script(const char *nic, const struct mac_address *mac, bool create)
{
	char text[MAC_TEXT_SIZE];

	mac_format(mac, text);
	if (!create)
		return xasprintf("NicSetSetting %s /MAC:%s\n", nic, text);
	return xasprintf("NicCreate %s\nNicSetSetting %s /MAC:%s\n", nic, nic, text);
}

char *vpncmd_account_script(const char *name, const struct vpncmd_account *account,
			    const struct vpncmd_files *files, unsigned retry_seconds, bool exists)
{
	_cleanup_free_ char *remove = NULL, *create = NULL, *login = NULL, *details = NULL;
	_cleanup_free_ char *inspect = vpncmd_inspect_script(name);

	remove = exists ? xasprintf("AccountDisconnect %s\nAccountDelete %s\n", name, name)
			: xstrdup("");
	create = xasprintf("AccountCreate %s /SERVER:%s:%u /HUB:%s /USERNAME:%s /NICNAME:%s\n",
			   name, account->host, account->port, account->hub, account->username,
			   account->nic);
	login = xasprintf("AccountServerCertSet %s /LOADCERT:%s\n"
			  "AccountServerCertEnable %s\n"
			  "AccountCertSet %s /LOADCERT:%s /LOADKEY:%s\n",
			  name, files->server_certificate, name, name, files->certificate,
			  files->private_key);
	/* AccountDetailSet switches RetryOnServerCert off again: the order matters. */
	details = xasprintf("AccountDetailSet %s /MAXTCP:%u /INTERVAL:1 /TTL:0 /HALF:no /BRIDGE:no"
			    " /MONITOR:no /NOTRACK:%s /NOQOS:no /DISABLEUDP:%s\n"
			    "AccountRetrySet %s /NUM:999 /INTERVAL:%u\n"
			    "AccountRetryOnServerCertEnable %s\n"
			    "AccountStartupSet %s\n",
			    name, account->tcp_connections, account->keep_routes ? "yes" : "no",
			    account->without_udp ? "yes" : "no", name, retry_seconds, name, name);
	return xasprintf("%s%s%s%s%s", remove, create, login, details, inspect);
}

char *vpncmd_connect_script(const char *account)
{
	return xasprintf("AccountStartupSet %s\nAccountConnect %s\n", account, account);
}

char *vpncmd_disconnect_script(const char *account)
{
	return xasprintf("AccountStartupRemove %s\nAccountDisconnect %s\n", account, account);
}

char *vpncmd_forget_script(const char *account, const char *nic)
{
	_cleanup_free_ char *inspect = vpncmd_inspect_script(account);

	return xasprintf("AccountDisconnect %s\nAccountDelete %s\nNicDelete %s\n%s", account,
			 account, nic, inspect);
}

void vpncmd_build_argv(const char *argv[static VPNCMD_ARGV_COUNT], char **ret_in_option,
		       const char *program, const char *script_path)
{
	*ret_in_option = xasprintf("/IN:%s", script_path);
	argv[0] = program;
	argv[1] = "localhost";
	argv[2] = "/CLIENT";
	argv[3] = "/CSV";
	argv[4] = *ret_in_option;
	argv[5] = NULL;
}
