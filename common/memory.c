/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *xcalloc(size_t count, size_t size)
{
	void *pointer = calloc(count ? count : 1, size ? size : 1);

	if (!pointer)
		abort();
	return pointer;
}

void *xrealloc_array(void *pointer, size_t count, size_t size)
{
	pointer = reallocarray(pointer, count ? count : 1, size ? size : 1);
	if (!pointer)
		abort();
	return pointer;
}

void *xmemdup(const void *source, size_t size)
{
	void *copy = xcalloc(1, size);

	if (size)
		memcpy(copy, source, size);
	return copy;
}

char *xstrdup(const char *text)
{
	return text ? xmemdup(text, strlen(text) + 1) : NULL;
}

char *xstrndup(const char *text, size_t limit)
{
	size_t length;
	char *copy;

	if (!text)
		return NULL;
	length = strnlen(text, limit);
	copy = xcalloc(1, length + 1);
	memcpy(copy, text, length);
	return copy;
}

char *xasprintf(const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		abort();
	return text;
}

void replace_string(char **text, const char *value)
{
	char *copy = xstrdup(value);

	free(*text);
	*text = copy;
}

void secret_free(char *secret)
{
	if (secret)
		secret_free_sized(secret, strlen(secret));
}

void secret_free_sized(void *secret, size_t size)
{
	if (!secret)
		return;
	explicit_bzero(secret, size);
	free(secret);
}

char **strv_append(char **strings, const char *text)
{
	size_t length = strv_length(strings);

	strings = xrealloc_array(strings, length + 2, sizeof(*strings));
	strings[length] = xstrdup(text);
	strings[length + 1] = NULL;
	return strings;
}

char **strv_copy(const char *const *strings)
{
	char **copy = xcalloc(1, sizeof(*copy));

	for (; strings && *strings; strings++)
		copy = strv_append(copy, *strings);
	return copy;
}

size_t strv_length(char *const *strings)
{
	size_t length = 0;

	while (strings && strings[length])
		length++;
	return length;
}

char **strv_free(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
	return NULL;
}
