/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file is a tree of "declare NAME", "{", "}" and "TYPE KEY VALUE" lines, one per line, indented
 * with tabs, ended by CR LF. Only lines of the form "bool KEY VALUE" directly in the named section
 * are changed; everything else is copied byte for byte.
 */
#include "vpn-service/softether_config.h"

#include <stdio.h>
#include <string.h>

#include "common/memory.h"

#define MAX_NAME 64

struct line {
	const char *start;
	size_t indent; /* leading white space */
	size_t length; /* without white space at either end */
	size_t size;   /* with everything */
};

struct cursor {
	unsigned depth;
	char declared[MAX_NAME]; /* the last "declare" */
	char section[MAX_NAME];  /* the one at depth 2 that we are in */
};

static bool next_line(const char **text, struct line *ret_line)
{
	const char *start = *text;
	const char *end = strchr(start, '\n');
	size_t length;

	if (!*start)
		return false;
	ret_line->start = start;
	ret_line->size = end ? (size_t)(end - start) + 1 : strlen(start);
	ret_line->indent = strspn(start, "\t ");
	if (ret_line->indent > ret_line->size)
		ret_line->indent = ret_line->size;
	length = ret_line->size - ret_line->indent;
	while (length && strchr("\r\n\t ", start[ret_line->indent + length - 1]))
		length--;
	ret_line->length = length;
	*text = start + ret_line->size;
	return true;
}

static bool line_is(const struct line *line, const char *content)
{
	return line->length == strlen(content) &&
	       !strncmp(line->start + line->indent, content, line->length);
}

static void follow(struct cursor *cursor, const struct line *line)
{
	static const char declare[] = "declare ";
	const char *content = line->start + line->indent;

	if (line->length > strlen(declare) && !strncmp(content, declare, strlen(declare))) {
		snprintf(cursor->declared, sizeof(cursor->declared), "%.*s",
			 (int)(line->length - strlen(declare)), content + strlen(declare));
	} else if (line_is(line, "{")) {
		cursor->depth++;
		if (cursor->depth == 2)
			memcpy(cursor->section, cursor->declared, sizeof(cursor->section));
	} else if (line_is(line, "}") && cursor->depth) {
		cursor->depth--;
		if (cursor->depth < 2)
			cursor->section[0] = '\0';
	}
}

/* The switch whose value on this line is wrong, or NULL. */
static const struct softether_switch *find_wrong(const struct cursor *cursor,
						 const struct line *line,
						 const struct softether_switch *switches,
						 unsigned switch_count)
{
	char wrong[MAX_NAME + 16];

	for (unsigned i = 0; cursor->depth == 2 && i < switch_count; i++) {
		snprintf(wrong, sizeof(wrong), "bool %s %s", switches[i].key,
			 switches[i].value ? "false" : "true");
		if (!strcmp(cursor->section, switches[i].section) && line_is(line, wrong))
			return &switches[i];
	}
	return NULL;
}

char *softether_config_edit(const char *text, const struct softether_switch *switches,
			    unsigned switch_count)
{
	char *edited = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&edited, &size);
	struct cursor cursor = { 0 };
	struct line line;
	bool changed = false;

	if (!out)
		abort(); /* out of memory */
	while (next_line(&text, &line)) {
		const struct softether_switch *wrong = find_wrong(&cursor, &line, switches,
								  switch_count);

		follow(&cursor, &line);
		if (!wrong) {
			fwrite(line.start, 1, line.size, out);
			continue;
		}
		changed = true;
		fwrite(line.start, 1, line.indent, out);
		fprintf(out, "bool %s %s\r\n", wrong->key, wrong->value ? "true" : "false");
	}
	if (fclose(out) != 0)
		abort();
	if (!changed) {
		free(edited);
		return NULL;
	}
	return edited;
}
