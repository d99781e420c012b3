/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/text.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Length of the UTF-8 character at bytes, 0 if there is none (RFC 3629, section 4). */
static size_t character_length(const char *bytes, size_t available)
{
	const unsigned char *b = (const unsigned char *)bytes;
	size_t length;

	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] <= 0xdf)
		length = 2;
	else if ((b[0] & 0xf0) == 0xe0)
		length = 3;
	else if (b[0] >= 0xf0 && b[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (length > available)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
	    (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
		return 0; /* overlong, surrogate, beyond U+10FFFF */
	return length;
}

/* What turns the direction of the text around it, on a terminal and a page (UAX #9, section 2):
 * U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069. */
static bool is_direction(const unsigned char *b, size_t length)
{
	if (length == 2)
		return b[0] == 0xd8 && b[1] == 0x9c;
	if (length != 3 || b[0] != 0xe2)
		return false;
	return (b[1] == 0x80 && (b[2] == 0x8e || b[2] == 0x8f || (b[2] >= 0xaa && b[2] <= 0xae))) ||
	       (b[1] == 0x81 && b[2] >= 0xa6 && b[2] <= 0xa9);
}

static bool is_control(const char *bytes, size_t length)
{
	const unsigned char *b = (const unsigned char *)bytes;

	return b[0] < 0x20 || b[0] == 0x7f || (length == 2 && b[0] == 0xc2 && b[1] < 0xa0) ||
	       is_direction(b, length);
}

size_t text_clean(char *buffer, size_t size, const char *bytes, size_t length)
{
	static const char unknown[] = "\xef\xbf\xbd";
	size_t used = 0, step, width;
	const char *piece;

	if (!size)
		return 0;
	for (size_t i = 0; i < length; i += step) {
		width = character_length(bytes + i, length - i);
		step = width ? width : 1;
		piece = width ? bytes + i : unknown;
		if (!width)
			width = sizeof(unknown) - 1;
		else if (is_control(piece, width)) {
			piece = " ";
			width = 1;
		}
		if (*piece == ' ' && used == 0)
			continue;
		if (used + width >= size)
			break;
		memcpy(buffer + used, piece, width);
		used += width;
	}
	while (used && buffer[used - 1] == ' ')
		used--;
	buffer[used] = '\0';
	return used;
}

void text_scrub(char *bytes, size_t length, char replacement)
{
	size_t step;

	for (size_t i = 0; i < length; i += step) {
		step = character_length(bytes + i, length - i);
		if (!step || (step == 1 && is_control(bytes + i, 1) && !isspace(bytes[i]))) {
			bytes[i] = replacement;
			step = 1;
		}
	}
}

bool text_is_utf8(const char *bytes, size_t length)
{
	size_t step;

	for (size_t i = 0; i < length; i += step) {
		step = character_length(bytes + i, length - i);
		if (!step)
			return false;
	}
	return true;
}

size_t text_from_latin1(char *buffer, const char *bytes, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte < 0x80) {
			buffer[used++] = (char)byte;
			continue;
		}
		buffer[used++] = (char)(0xc0 | byte >> 6);
		buffer[used++] = (char)(0x80 | (byte & 0x3f));
	}
	return used;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

size_t text_decode_percent(char *buffer, size_t size, const char *bytes, size_t length)
{
	size_t used = 0;
	int high, low;
	char byte;

	if (!size)
		return 0;
	for (size_t i = 0; i < length && used + 1 < size; i++) {
		byte = bytes[i];
		if (byte == '%' && i + 2 < length) {
			high = hex_value(bytes[i + 1]);
			low = hex_value(bytes[i + 2]);
			if (high >= 0 && low >= 0) {
				byte = (char)(high * 16 + low);
				i += 2;
			}
		}
		if (byte)
			buffer[used++] = byte;
	}
	buffer[used] = '\0';
	return used;
}

static bool is_word_byte(char byte)
{
	return isalnum((unsigned char)byte) || (byte & 0x80);
}

bool text_has_word(const char *text, const char *word, bool prefix)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strcasestr(at, word)); at++) {
		if (at > text && is_word_byte(at[-1]))
			continue;
		if (prefix || !is_word_byte(at[length]))
			return true;
	}
	return false;
}

bool text_starts_with(const char *text, const char *start)
{
	return strncasecmp(text, start, strlen(start)) == 0;
}
