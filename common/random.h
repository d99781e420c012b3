/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers for every purpose, secrets too: getrandom(2). */
#pragma once

#include <stddef.h>
#include <stdint.h>

void random_fill(void *buffer, size_t size); /* cannot fail: aborts */
uint64_t random_u64(void);
