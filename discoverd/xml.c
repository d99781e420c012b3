/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On expat, without its namespace mode: that refuses documents with an undeclared prefix, which
 * real cameras send. Declarations are collected here instead, for the few places where a qualified
 * name stands in a text.
 */
#include "discoverd/xml.h"

#include <ctype.h>
#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "discoverd/text.h"

#define NAME_SIZE       64
#define MAX_TEXT        16384
#define MAX_DECLARATION 128
#define MAX_NAMESPACES  32
#define NAMESPACE_SIZE  128

struct xml {
	const struct xml_handlers *handlers;
	void *owner;
	XML_Parser parser;
	char names[XML_MAX_DEPTH][NAME_SIZE];
	size_t depth;
	char text[MAX_TEXT + 1];
	size_t text_length;
	struct {
		char prefix[NAME_SIZE];
		char uri[NAMESPACE_SIZE];
	} namespaces[MAX_NAMESPACES];
	size_t namespace_count;
	const XML_Char **attributes; /* within on_start */
	bool refused;                /* a limit or a DTD */
	bool complete;
};

static void copy_bounded(char *buffer, size_t size, const char *text)
{
	size_t length = strnlen(text, size - 1);

	memcpy(buffer, text, length);
	buffer[length] = '\0';
}

static void refuse(struct xml *xml)
{
	xml->refused = true;
	XML_StopParser(xml->parser, XML_FALSE);
}

static void note_namespaces(struct xml *xml, const XML_Char **attributes)
{
	for (; *attributes; attributes += 2) {
		if (strncmp(attributes[0], "xmlns:", 6) != 0)
			continue;
		if (xml->namespace_count == MAX_NAMESPACES)
			return;
		copy_bounded(xml->namespaces[xml->namespace_count].prefix, NAME_SIZE,
			     attributes[0] + 6);
		copy_bounded(xml->namespaces[xml->namespace_count].uri, NAMESPACE_SIZE,
			     attributes[1]);
		xml->namespace_count++;
	}
}

static void on_start(void *owner, const XML_Char *name, const XML_Char **attributes)
{
	const char *colon = strrchr(name, ':');
	struct xml *xml = owner;

	if (xml->refused)
		return;
	if (xml->depth == XML_MAX_DEPTH) {
		refuse(xml);
		return;
	}
	note_namespaces(xml, attributes);
	copy_bounded(xml->names[xml->depth++], NAME_SIZE, colon ? colon + 1 : name);
	xml->text_length = 0;
	xml->attributes = attributes;
	xml->handlers->on_start(xml, xml->names[xml->depth - 1], xml->owner);
	xml->attributes = NULL;
}

static void on_end(void *owner, const XML_Char *name)
{
	struct xml *xml = owner;
	char *text = xml->text;

	if (xml->refused)
		return;
	while (xml->text_length && isspace((unsigned char)text[xml->text_length - 1]))
		xml->text_length--;
	text[xml->text_length] = '\0';
	while (isspace((unsigned char)*text))
		text++;
	xml->handlers->on_end(xml, xml->names[xml->depth - 1], text, xml->owner);
	xml->text_length = 0;
	if (--xml->depth == 0) {
		xml->complete = true;
		XML_StopParser(xml->parser, XML_FALSE);
	}
}

static void on_text(void *owner, const XML_Char *bytes, int length)
{
	struct xml *xml = owner;

	if (xml->refused)
		return;
	if (xml->text_length + (size_t)length > MAX_TEXT) {
		refuse(xml);
		return;
	}
	memcpy(xml->text + xml->text_length, bytes, (size_t)length);
	xml->text_length += (size_t)length;
}

static void on_doctype(void *owner, const XML_Char *name, const XML_Char *system_id,
		       const XML_Char *public_id, int has_internal_subset)
{
	refuse(owner);
}

static bool is_utf16(const void *bytes, size_t size)
{
	return size >= 2 &&
	       (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0);
}

static bool declares_latin1(const char *bytes, size_t size)
{
	char declaration[MAX_DECLARATION];

	copy_bounded(declaration, size < sizeof(declaration) ? size + 1 : sizeof(declaration),
		     bytes);
	declaration[strcspn(declaration, ">")] = '\0';
	return strncmp(declaration, "<?xml", 5) == 0 && strcasestr(declaration, "ISO-8859-1");
}

/* A copy in valid UTF-8, without a byte order mark. */
static char *prepare(const void *bytes, size_t *size)
{
	const char *start = bytes;
	char *copy;

	if (*size >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0) {
		start += 3;
		*size -= 3;
	}
	while (*size && isspace((unsigned char)*start)) {
		start++; /* a declaration must come first */
		(*size)--;
	}
	if (declares_latin1(start, *size) && !text_is_utf8(start, *size)) {
		copy = xcalloc(2, *size);
		*size = text_from_latin1(copy, start, *size);
	} else {
		copy = xmemdup(start, *size);
	}
	text_scrub(copy, *size, '?');
	return copy;
}

int xml_read(const void *bytes, size_t size, const struct xml_handlers *handlers, void *owner)
{
	_cleanup_free_ char *copy = NULL;
	_cleanup_free_ struct xml *xml = NULL;
	const char *encoding;

	if (size > XML_MAX_SIZE)
		return -EMSGSIZE;
	encoding = is_utf16(bytes, size) ? "UTF-16" : "UTF-8";
	copy = is_utf16(bytes, size) ? xmemdup(bytes, size) : prepare(bytes, &size);
	if (!size)
		return -EBADMSG;
	xml = xnew(struct xml);
	xml->handlers = handlers;
	xml->owner = owner;
	/* The encoding is given: it is that by now, whatever the document says. */
	xml->parser = XML_ParserCreate(encoding);
	if (!xml->parser)
		abort();
	XML_SetUserData(xml->parser, xml);
	XML_SetElementHandler(xml->parser, on_start, on_end);
	XML_SetCharacterDataHandler(xml->parser, on_text);
	XML_SetStartDoctypeDeclHandler(xml->parser, on_doctype);
	XML_Parse(xml->parser, copy, (int)size, 1);
	XML_ParserFree(xml->parser);
	return xml->complete ? 0 : -EBADMSG;
}

const char *xml_parent(const struct xml *xml)
{
	return xml->depth < 2 ? "" : xml->names[xml->depth - 2];
}

const char *xml_attribute(const struct xml *xml, const char *name)
{
	for (const XML_Char **at = xml->attributes; at && *at; at += 2) {
		const char *colon = strrchr(at[0], ':');

		if (strcmp(colon ? colon + 1 : at[0], name) == 0)
			return at[1];
	}
	return NULL;
}

const char *xml_namespace(const struct xml *xml, const char *prefix, size_t length)
{
	/* The innermost declaration comes last; scopes that have ended are not worth the trouble.
	 */
	for (size_t i = xml->namespace_count; i-- > 0;)
		if (strlen(xml->namespaces[i].prefix) == length &&
		    memcmp(xml->namespaces[i].prefix, prefix, length) == 0)
			return xml->namespaces[i].uri;
	return NULL;
}
