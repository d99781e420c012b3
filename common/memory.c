/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/memory.h"

#include <link.h>
#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

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

/* Relocations in code, as old compilers made them, are kept nowhere else. */
static bool is_as_in_the_file(const struct dl_phdr_info *object)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Dyn) * entry;

		if (object->dlpi_phdr[i].p_type != PT_DYNAMIC)
			continue;
		entry = (const void *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
		for (; entry->d_tag != DT_NULL; entry++)
			if (entry->d_tag == DT_TEXTREL ||
			    (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
				return false;
	}
	return true;
}

static int give_back_object(struct dl_phdr_info *object, size_t size, void *owner)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < object->dlpi_phnum && is_as_in_the_file(object); i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + segment->p_vaddr;
		uintptr_t end = start + segment->p_memsz;

		if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
			continue;
		start -= start % page;
		end += (page - end % page) % page;
		madvise((void *)start, end - start, MADV_DONTNEED);
	}
	return 0;
}

void memory_give_back(void)
{
#ifdef HAVE_MALLOC_TRIM
	malloc_trim(0); /* musl's allocator keeps little */
#endif
	dl_iterate_phdr(give_back_object, NULL);
}
