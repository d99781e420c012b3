/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "vpnd-child PARENT PROGRAM ARGUMENTS…" runs a program that ends when vpnd ends, however that
 * happens: a DHCP client left behind by a killed vpnd would fight with the next one's over the
 * lease, a vpncmd over the account. posix_spawn() cannot ask the kernel for that signal, so this
 * does, between fork and exec. (vpnd has one thread, so the signal's thread is the process.)
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	if (argc < 3 || argv[2][0] != '/') {
		fputs("usage: vpnd-child PARENT /PROGRAM ARGUMENTS… (called by vpnd)\n", stderr);
		return 2;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
		perror("vpnd-child: prctl");
		return 126;
	}
	/* The parent may have ended before the line above. */
	if (getppid() != (pid_t)strtol(argv[1], NULL, 10))
		return 126;
	execv(argv[2], argv + 2);
	fprintf(stderr, "vpnd-child: %s: %s\n", argv[2], strerror(errno));
	return 127;
}
