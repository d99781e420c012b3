/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three sinks, chosen once. The journal's native protocol is written directly: one datagram of
 * "NAME=value" lines (systemd, "Native Journal Protocol"); values with a newline use its
 * length-prefixed form. A full journal socket loses the line rather than stop the daemon.
 */
#include "common/log.h"

#include <endian.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINE     2048
#define MAX_RECORD   8192
#define JOURNAL_PATH "/run/systemd/journal/socket"

enum sink { SINK_STDERR, SINK_JOURNAL, SINK_SYSLOG };

static const char *log_name = "evercam";
static int max_level_shown = LOG_INFO;
static enum sink sink = SINK_STDERR;
static int journal_fd = -1;
static bool lines_have_times; /* whoever reads a pipe or a terminal knows what time it is */

/* systemd sets JOURNAL_STREAM=device:inode when it connected our stderr to the journal. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

static int journal_connect(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_PATH };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void log_open(const char *name, int max_level)
{
	struct stat status;

	log_name = name;
	lines_have_times = fstat(STDERR_FILENO, &status) == 0 && S_ISREG(status.st_mode);
	max_level_shown = max_level;
	if (journal_fd >= 0)
		close(journal_fd);
	journal_fd = stderr_is_journal() ? journal_connect() : -1;
	if (journal_fd >= 0)
		sink = SINK_JOURNAL;
	else if (fstat(STDERR_FILENO, &status) == 0 && !S_ISCHR(status.st_mode))
		sink = SINK_STDERR;
	else if (isatty(STDERR_FILENO))
		sink = SINK_STDERR;
	else
		sink = SINK_SYSLOG; /* stderr is closed or /dev/null: started by an init that keeps
				       no log */
	if (sink == SINK_SYSLOG)
		openlog(log_name, LOG_PID, LOG_DAEMON);
}

void log_set_max_level(int max_level)
{
	max_level_shown = max_level;
}

struct record {
	char text[MAX_RECORD];
	size_t size;
};

static void record_add(struct record *record, const char *name, size_t name_size, const char *value)
{
	size_t value_size = strlen(value);
	uint64_t length = htole64(value_size);

	if (name_size + value_size + sizeof(length) + 3 > sizeof(record->text) - record->size)
		return;
	memcpy(record->text + record->size, name, name_size);
	record->size += name_size;
	if (strchr(value, '\n')) {
		record->text[record->size++] = '\n';
		memcpy(record->text + record->size, &length, sizeof(length));
		record->size += sizeof(length);
	} else {
		record->text[record->size++] = '=';
	}
	memcpy(record->text + record->size, value, value_size);
	record->size += value_size;
	record->text[record->size++] = '\n';
}

static void write_journal(int level, int error, const char *const *fields, const char *line)
{
	struct record record = { .size = 0 };
	char number[16];
	const char *equals;

	record_add(&record, "MESSAGE", strlen("MESSAGE"), line);
	record_add(&record, "SYSLOG_IDENTIFIER", strlen("SYSLOG_IDENTIFIER"), log_name);
	snprintf(number, sizeof(number), "%d", level);
	record_add(&record, "PRIORITY", strlen("PRIORITY"), number);
	if (error) {
		snprintf(number, sizeof(number), "%d", error);
		record_add(&record, "ERRNO", strlen("ERRNO"), number);
	}
	for (; fields && *fields; fields++) {
		equals = strchr(*fields, '=');
		if (equals)
			record_add(&record, *fields, (size_t)(equals - *fields), equals + 1);
	}
	(void)!send(journal_fd, record.text, record.size, MSG_NOSIGNAL);
}

/* What comes from outside must not forge lines or drive a terminal. */
static void replace_control_characters(char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
}

/* RFC 3339, UTC, as in all that the project writes. Returns its length. */
static size_t format_time(char *buffer, size_t size)
{
	struct timespec now;
	struct tm calendar;
	size_t length;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!gmtime_r(&now.tv_sec, &calendar))
		return 0;
	length = strftime(buffer, size, "%Y-%m-%dT%H:%M:%S", &calendar);
	return length +
	       (size_t)snprintf(buffer + length, size - length, ".%03ldZ ", now.tv_nsec / 1000000);
}

static void write_stderr(int level, const char *const *fields, const char *line)
{
	static const char *const level_names[] = { "",          "", "", "error: ",
						   "warning: ", "", "", "debug: " };
	char text[MAX_RECORD];
	size_t size = lines_have_times ? format_time(text, sizeof(text)) : 0;

	size += (size_t)snprintf(text + size, sizeof(text) - size, "%s: %s%s", log_name,
				 level_names[level & 7], line);
	for (; fields && *fields && size < sizeof(text); fields++)
		size += (size_t)snprintf(text + size, sizeof(text) - size, " %s", *fields);
	if (size > sizeof(text) - 2)
		size = sizeof(text) - 2;
	text[size] = '\0';
	replace_control_characters(text);
	text[size++] = '\n';
	(void)!write(STDERR_FILENO, text, size);
}

void log_write(int level, int error, const char *const *fields, const char *format, ...)
{
	int saved_errno = errno;
	char line[MAX_LINE];
	va_list arguments;

	if (level > max_level_shown)
		return;
	errno = error;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	replace_control_characters(line);
	switch (sink) {
	case SINK_JOURNAL:
		write_journal(level, error, fields, line);
		break;
	case SINK_STDERR:
		write_stderr(level, fields, line);
		break;
	case SINK_SYSLOG:
		syslog(level, "%s", line);
		break;
	}
	errno = saved_errno;
}
