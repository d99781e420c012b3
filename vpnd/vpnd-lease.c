/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What udhcpc calls with each event: "vpnd-lease bound", the lease in the environment. It says on
 * standard output, which is vpnd's pipe, what vpnd needs and nothing else, and changes nothing:
 * the usual script would set routes and name servers that the VPN has no business to give.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vpnd/lease.h"

int main(int argc, char *argv[])
{
	char line[LEASE_LINE_MAX + 1];
	size_t size;

	if (argc != 2) {
		fputs("usage: vpnd-lease EVENT (called by udhcpc on behalf of vpnd)\n", stderr);
		return 2;
	}
	if (lease_format(line, argv[1], getenv("ip"), getenv("subnet"), getenv("lease"),
			 getenv("serverid")) < 0)
		return 0;
	size = strlen(line);
	line[size++] = '\n';
	return write(STDOUT_FILENO, line, size) == (ssize_t)size ? 0 : 1;
}
