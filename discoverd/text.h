/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text from strangers: bounded, valid UTF-8, printable, on one line. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TEXT_MAX  256 /* bytes of any text we keep */
#define TEXT_SIZE (TEXT_MAX + 1)

/*
 * Copies bytes as such text: what is not UTF-8 becomes U+FFFD; control characters, also those that
 * turn the direction of text, become spaces; spaces at both ends go, and what does not fit is cut
 * between two characters. Returns the length.
 */
size_t text_clean(char *buffer, size_t size, const char *bytes, size_t length);

/* Replaces, in place, every byte that is not part of valid UTF-8 or is a control character. */
void text_scrub(char *bytes, size_t length, char replacement);

bool text_is_utf8(const char *bytes, size_t length);
/* UTF-8 of ISO 8859-1: at most twice as many bytes, whose number is returned; buffer has the room.
 */
size_t text_from_latin1(char *buffer, const char *bytes, size_t length);

/* Undoes %XX; the result may hold any byte but NUL. Returns its length. */
size_t text_decode_percent(char *buffer, size_t size, const char *bytes, size_t length);

/* Whether word (or, with prefix, something that begins with it) stands in text at the start of a
 * word; case does not matter. */
bool text_has_word(const char *text, const char *word, bool prefix);
bool text_starts_with(const char *text, const char *start); /* case does not matter */
