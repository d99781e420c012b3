/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a fuzz target over every file of its corpus: what libFuzzer found, or we wrote by hand,
 * stays tested by any compiler. The target crashes on failure; TAP tells how many inputs it
 * survived.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_LIMIT (2 * 1024 * 1024)

static size_t read_input(const char *directory, const char *name, uint8_t *buffer)
{
	char path[4096];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "rb");
	if (!file)
		return 0;
	size = fread(buffer, 1, INPUT_LIMIT, file);
	fclose(file);
	return size;
}

int main(int argc, char *argv[])
{
	uint8_t *buffer = malloc(INPUT_LIMIT), *exact;
	struct dirent *entry;
	unsigned count = 0;
	DIR *directory;
	size_t size;

	if (argc != 2 || !buffer)
		return 2;
	directory = opendir(argv[1]);
	if (!directory) {
		printf("Bail out! no corpus in %s\n", argv[1]);
		return 1;
	}
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		size = read_input(argv[1], entry->d_name, buffer);
		/* A copy of the exact size, so that the sanitizer sees a read one past its end. */
		exact = malloc(size ? size : 1);
		if (!exact)
			return 1;
		memcpy(exact, buffer, size);
		LLVMFuzzerTestOneInput(exact, size);
		free(exact);
		printf("ok %u - %s\n", ++count, entry->d_name);
	}
	closedir(directory);
	free(buffer);
	printf("1..%u\n", count);
	return count ? 0 : 1;
}
