/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command lines of "vpn-service setup" and "apid init": options with a value each, and help. */
#pragma once

struct setup_option {
	const char *name;       /* "hostname" of --hostname */
	const char *value_name; /* as help shows it */
	const char *help;       /* lines */
	const char **value;     /* where to put what was given; borrowed from argv */
};

struct setup_usage {
	const char *command; /* "vpn-service setup" */
	const char *needed;  /* "--hostname NAME": options that usage names */
	const char *summary; /* lines */
	const struct setup_option *options;
};

/* 0; 1: there is nothing to do, help has been shown; -EINVAL, said. argv[0] is the command's verb.
 */
int setup_read_options(const struct setup_usage *usage, int argc, char *argv[]);
