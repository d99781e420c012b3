/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Typed reading and writing on libdbus's iterators. libdbus reports out of memory by FALSE, which
 * ends the process here like everywhere, so that callers see functions that cannot fail.
 */
#include "common/bus_message.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"

void bus_writer_init(struct bus_writer *writer, DBusMessage *message)
{
	writer->depth = 0;
	dbus_message_iter_init_append(message, &writer->iterators[0]);
}

static DBusMessageIter *here(struct bus_writer *writer)
{
	return &writer->iterators[writer->depth];
}

static void append(struct bus_writer *writer, int type, const void *value)
{
	if (!dbus_message_iter_append_basic(here(writer), type, value))
		abort();
}

/* Each byte that does not belong to a valid sequence becomes U+FFFD. */
static char *utf8_repair(const char *text)
{
	size_t size = strlen(text), length;
	char *repaired = xcalloc(size * 3 + 1, 1), *out = repaired;

	while (size > 0) {
		for (length = 1; length <= 4 && length <= size; length++)
			if (utf8_is_valid(text, length))
				break;
		if (length <= 4 && length <= size) {
			memcpy(out, text, length);
			out += length;
		} else {
			length = 1;
			memcpy(out, "\xef\xbf\xbd", 3);
			out += 3;
		}
		text += length;
		size -= length;
	}
	return repaired;
}

void bus_write_string(struct bus_writer *writer, const char *value)
{
	_cleanup_free_ char *repaired = NULL;

	if (!value)
		value = "";
	if (!dbus_validate_utf8(value, NULL)) {
		repaired = utf8_repair(value);
		value = repaired;
	}
	append(writer, DBUS_TYPE_STRING, &value);
}

void bus_write_path(struct bus_writer *writer, const char *value)
{
	append(writer, DBUS_TYPE_OBJECT_PATH, &value);
}

void bus_write_bool(struct bus_writer *writer, bool value)
{
	dbus_bool_t wire = value;

	append(writer, DBUS_TYPE_BOOLEAN, &wire);
}

void bus_write_u8(struct bus_writer *writer, uint8_t value)
{
	append(writer, DBUS_TYPE_BYTE, &value);
}

void bus_write_u16(struct bus_writer *writer, uint16_t value)
{
	append(writer, DBUS_TYPE_UINT16, &value);
}

void bus_write_u32(struct bus_writer *writer, uint32_t value)
{
	append(writer, DBUS_TYPE_UINT32, &value);
}

void bus_write_i32(struct bus_writer *writer, int32_t value)
{
	append(writer, DBUS_TYPE_INT32, &value);
}

void bus_write_u64(struct bus_writer *writer, uint64_t value)
{
	append(writer, DBUS_TYPE_UINT64, &value);
}

void bus_write_i64(struct bus_writer *writer, int64_t value)
{
	append(writer, DBUS_TYPE_INT64, &value);
}

void bus_write_double(struct bus_writer *writer, double value)
{
	append(writer, DBUS_TYPE_DOUBLE, &value);
}

void bus_write_fd(struct bus_writer *writer, int fd)
{
	append(writer, DBUS_TYPE_UNIX_FD, &fd);
}

void bus_write_strings(struct bus_writer *writer, char *const *strings)
{
	bus_open_array(writer, "s");
	for (; strings && *strings; strings++)
		bus_write_string(writer, *strings);
	bus_close(writer);
}

static void open_container(struct bus_writer *writer, int type, const char *signature)
{
	assert(writer->depth + 1 < BUS_MAX_NESTING);
	if (!dbus_message_iter_open_container(here(writer), type, signature,
					      &writer->iterators[writer->depth + 1]))
		abort();
	writer->depth++;
}

void bus_open_array(struct bus_writer *writer, const char *element_signature)
{
	open_container(writer, DBUS_TYPE_ARRAY, element_signature);
}

void bus_open_struct(struct bus_writer *writer)
{
	open_container(writer, DBUS_TYPE_STRUCT, NULL);
}

void bus_open_variant(struct bus_writer *writer, const char *signature)
{
	open_container(writer, DBUS_TYPE_VARIANT, signature);
}

void bus_open_entry(struct bus_writer *writer)
{
	open_container(writer, DBUS_TYPE_DICT_ENTRY, NULL);
}

void bus_close(struct bus_writer *writer)
{
	assert(writer->depth > 0);
	writer->depth--;
	if (!dbus_message_iter_close_container(here(writer), &writer->iterators[writer->depth + 1]))
		abort();
}

void bus_open_dict(struct bus_writer *writer)
{
	bus_open_array(writer, "{sv}");
}

void bus_dict_open(struct bus_writer *writer, const char *key, const char *signature)
{
	bus_open_entry(writer);
	bus_write_string(writer, key);
	bus_open_variant(writer, signature);
}

void bus_dict_close(struct bus_writer *writer)
{
	bus_close(writer);
	bus_close(writer);
}

void bus_dict_string(struct bus_writer *writer, const char *key, const char *value)
{
	if (!value)
		return;
	bus_dict_open(writer, key, "s");
	bus_write_string(writer, value);
	bus_dict_close(writer);
}

void bus_dict_bool(struct bus_writer *writer, const char *key, bool value)
{
	bus_dict_open(writer, key, "b");
	bus_write_bool(writer, value);
	bus_dict_close(writer);
}

void bus_dict_u16(struct bus_writer *writer, const char *key, uint16_t value)
{
	bus_dict_open(writer, key, "q");
	bus_write_u16(writer, value);
	bus_dict_close(writer);
}

void bus_dict_u32(struct bus_writer *writer, const char *key, uint32_t value)
{
	bus_dict_open(writer, key, "u");
	bus_write_u32(writer, value);
	bus_dict_close(writer);
}

void bus_dict_u64(struct bus_writer *writer, const char *key, uint64_t value)
{
	bus_dict_open(writer, key, "t");
	bus_write_u64(writer, value);
	bus_dict_close(writer);
}

void bus_dict_i64(struct bus_writer *writer, const char *key, int64_t value)
{
	bus_dict_open(writer, key, "x");
	bus_write_i64(writer, value);
	bus_dict_close(writer);
}

void bus_dict_double(struct bus_writer *writer, const char *key, double value)
{
	bus_dict_open(writer, key, "d");
	bus_write_double(writer, value);
	bus_dict_close(writer);
}

void bus_dict_strings(struct bus_writer *writer, const char *key, char *const *strings)
{
	bus_dict_open(writer, key, "as");
	bus_write_strings(writer, strings);
	bus_dict_close(writer);
}

void bus_reader_init(struct bus_reader *reader, DBusMessage *message)
{
	dbus_message_iter_init(message, &reader->iterator);
}

char bus_reader_type(struct bus_reader *reader)
{
	return (char)dbus_message_iter_get_arg_type(&reader->iterator);
}

bool bus_reader_at_end(struct bus_reader *reader)
{
	return bus_reader_type(reader) == DBUS_TYPE_INVALID;
}

void bus_skip(struct bus_reader *reader)
{
	dbus_message_iter_next(&reader->iterator);
}

/* Reads one basic value of the type and moves on. */
static int take(struct bus_reader *reader, int type, void *ret_value)
{
	int found = dbus_message_iter_get_arg_type(&reader->iterator);

	if (found == DBUS_TYPE_INVALID)
		return -ENODATA;
	if (found != type)
		return -EINVAL;
	dbus_message_iter_get_basic(&reader->iterator, ret_value);
	bus_skip(reader);
	return 0;
}

int bus_read_string(struct bus_reader *reader, const char **ret_value)
{
	char type = bus_reader_type(reader);

	if (type == DBUS_TYPE_OBJECT_PATH || type == DBUS_TYPE_SIGNATURE)
		return take(reader, type, ret_value);
	return take(reader, DBUS_TYPE_STRING, ret_value);
}

int bus_read_bool(struct bus_reader *reader, bool *ret_value)
{
	dbus_bool_t wire;
	int r = take(reader, DBUS_TYPE_BOOLEAN, &wire);

	if (r == 0)
		*ret_value = wire;
	return r;
}

int bus_read_u8(struct bus_reader *reader, uint8_t *ret_value)
{
	return take(reader, DBUS_TYPE_BYTE, ret_value);
}

int bus_read_u16(struct bus_reader *reader, uint16_t *ret_value)
{
	return take(reader, DBUS_TYPE_UINT16, ret_value);
}

int bus_read_u32(struct bus_reader *reader, uint32_t *ret_value)
{
	return take(reader, DBUS_TYPE_UINT32, ret_value);
}

int bus_read_i32(struct bus_reader *reader, int32_t *ret_value)
{
	return take(reader, DBUS_TYPE_INT32, ret_value);
}

int bus_read_u64(struct bus_reader *reader, uint64_t *ret_value)
{
	return take(reader, DBUS_TYPE_UINT64, ret_value);
}

int bus_read_i64(struct bus_reader *reader, int64_t *ret_value)
{
	return take(reader, DBUS_TYPE_INT64, ret_value);
}

int bus_read_double(struct bus_reader *reader, double *ret_value)
{
	return take(reader, DBUS_TYPE_DOUBLE, ret_value);
}

int bus_read_fd(struct bus_reader *reader, int *ret_fd)
{
	return take(reader, DBUS_TYPE_UNIX_FD, ret_fd);
}

int bus_read_strings(struct bus_reader *reader, char ***ret_strings)
{
	_cleanup_(strv_freep) char **strings = xcalloc(1, sizeof(*strings));
	struct bus_reader items;
	const char *item;
	int r;

	if (bus_reader_type(reader) != DBUS_TYPE_ARRAY)
		return bus_reader_at_end(reader) ? -ENODATA : -EINVAL;
	r = bus_enter(reader, &items);
	while (r == 0 && !bus_reader_at_end(&items)) {
		r = bus_read_string(&items, &item);
		if (r == 0)
			strings = strv_append(strings, item);
	}
	if (r < 0)
		return r;
	*ret_strings = steal_ptr(strings);
	return 0;
}

int bus_enter(struct bus_reader *reader, struct bus_reader *ret_inside)
{
	char type = bus_reader_type(reader);

	if (type == DBUS_TYPE_INVALID)
		return -ENODATA;
	if (!dbus_type_is_container(type))
		return -EINVAL;
	dbus_message_iter_recurse(&reader->iterator, &ret_inside->iterator);
	bus_skip(reader);
	return 0;
}

bool bus_next_entry(struct bus_reader *dict, const char **ret_key, struct bus_reader *ret_value)
{
	struct bus_reader entry;

	if (bus_reader_type(dict) != DBUS_TYPE_DICT_ENTRY)
		return false;
	bus_enter(dict, &entry);
	if (bus_read_string(&entry, ret_key) < 0)
		return false;
	*ret_value = entry;
	if (bus_reader_type(&entry) == DBUS_TYPE_VARIANT)
		bus_enter(&entry, ret_value);
	return true;
}
