/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one function every fuzz target defines, named by libFuzzer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
