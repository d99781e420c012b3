/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading and writing D-Bus values. Writers cannot fail: out of memory aborts, and text that is not
 * UTF-8 (camera names come from strangers, and libdbus ends the process over it) has each bad byte
 * replaced by U+FFFD. Readers return -EINVAL on a value of another type and -ENODATA at the end.
 *
 * Type codes and signatures: D-Bus specification, "Type System".
 */
#pragma once

#include <dbus/dbus.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

#define BUS_MAX_NESTING 16

struct bus_writer {
	DBusMessageIter iterators[BUS_MAX_NESTING];
	unsigned depth;
};

void bus_writer_init(struct bus_writer *writer, DBusMessage *message);

void bus_write_string(struct bus_writer *writer, const char *value); /* NULL is written as "" */
void bus_write_path(struct bus_writer *writer, const char *value);
void bus_write_bool(struct bus_writer *writer, bool value);
void bus_write_u8(struct bus_writer *writer, uint8_t value);
void bus_write_u16(struct bus_writer *writer, uint16_t value);
void bus_write_u32(struct bus_writer *writer, uint32_t value);
void bus_write_i32(struct bus_writer *writer, int32_t value);
void bus_write_u64(struct bus_writer *writer, uint64_t value);
void bus_write_i64(struct bus_writer *writer, int64_t value);
void bus_write_double(struct bus_writer *writer, double value);
void bus_write_fd(struct bus_writer *writer, int fd);                    /* duplicated */
void bus_write_strings(struct bus_writer *writer, char *const *strings); /* "as"; NULL is empty */

/* Containers: each bus_open_…() is ended by one bus_close(). */
void bus_open_array(struct bus_writer *writer, const char *element_signature);
void bus_open_struct(struct bus_writer *writer);
void bus_open_variant(struct bus_writer *writer, const char *signature);
void bus_open_entry(struct bus_writer *writer); /* one entry of an "a{…}" */
void bus_close(struct bus_writer *writer);

/* a{sv}: open, add by key, close. */
void bus_open_dict(struct bus_writer *writer);
void bus_dict_string(struct bus_writer *writer, const char *key,
		     const char *value); /* NULL: left out */
void bus_dict_bool(struct bus_writer *writer, const char *key, bool value);
void bus_dict_u16(struct bus_writer *writer, const char *key, uint16_t value);
void bus_dict_u32(struct bus_writer *writer, const char *key, uint32_t value);
void bus_dict_u64(struct bus_writer *writer, const char *key, uint64_t value);
void bus_dict_i64(struct bus_writer *writer, const char *key, int64_t value);
void bus_dict_double(struct bus_writer *writer, const char *key, double value);
void bus_dict_strings(struct bus_writer *writer, const char *key, char *const *strings);
/* Any other type: write the value, then bus_dict_close(). */
void bus_dict_open(struct bus_writer *writer, const char *key, const char *signature);
void bus_dict_close(struct bus_writer *writer);

/* A position in a message; values borrowed from it live as long as the message. Copy to rewind. */
struct bus_reader {
	DBusMessageIter iterator;
};

void bus_reader_init(struct bus_reader *reader, DBusMessage *message);
bool bus_reader_at_end(struct bus_reader *reader);
char bus_reader_type(struct bus_reader *reader); /* 's', 'a', …; '\0' at the end */
void bus_skip(struct bus_reader *reader);

int bus_read_string(struct bus_reader *reader, const char **ret_value); /* s, o or g */
int bus_read_bool(struct bus_reader *reader, bool *ret_value);
int bus_read_u8(struct bus_reader *reader, uint8_t *ret_value);
int bus_read_u16(struct bus_reader *reader, uint16_t *ret_value);
int bus_read_u32(struct bus_reader *reader, uint32_t *ret_value);
int bus_read_i32(struct bus_reader *reader, int32_t *ret_value);
int bus_read_u64(struct bus_reader *reader, uint64_t *ret_value);
int bus_read_i64(struct bus_reader *reader, int64_t *ret_value);
int bus_read_double(struct bus_reader *reader, double *ret_value);
int bus_read_fd(struct bus_reader *reader, int *ret_fd);              /* owned by the caller */
int bus_read_strings(struct bus_reader *reader, char ***ret_strings); /* owned; "as" */

/* Steps into an array, struct, variant or dict entry, and past it in the outer reader. */
int bus_enter(struct bus_reader *reader, struct bus_reader *ret_inside);

/*
 * Entries of an a{sv}: enter it, then while (bus_next_entry(&dict, &key, &value)) …; value stands
 * inside the variant. Also for a{s…}: value then stands on the plain value.
 */
bool bus_next_entry(struct bus_reader *dict, const char **ret_key, struct bus_reader *ret_value);
