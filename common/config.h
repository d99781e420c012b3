/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Configuration files: "key = value" lines, '#' or ';' comments, no sections; then the *.conf files
 * of the directory FILE.d in alphabetic order, later ones winning. One table per daemon is the
 * truth: it gives the key, its type and range, its default and the sentence of the man page. A
 * missing main file means defaults; an unknown key, a wrong value or a missing required key is an
 * error that names file, line and remedy, and leaves nothing half set. So is what a daemon's own
 * checks refuse.
 *
 * Keys are [a-z0-9_]. A value is what stands between '=' and the end of the line, without the
 * blanks around it; there are no quotes and no escapes. "key =" with nothing after it goes back to
 * the default. Messages never show a value, which may be a secret.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

enum config_type {
	CONFIG_STRING,  /* char *        any text, UTF-8, at most 4096 bytes */
	CONFIG_PATH,    /* char *        absolute path */
	CONFIG_BOOL,    /* bool          yes/no, true/false, on/off, 1/0 */
	CONFIG_NUMBER,  /* uint64_t      decimal, in [minimum, maximum] */
	CONFIG_SECONDS, /* usec_t        decimal with s (default), ms, min, h; range in seconds */
	CONFIG_ADDRESS, /* struct netaddr */
	CONFIG_PREFIX,  /* struct netprefix */
	CONFIG_STRINGS, /* char **       values of a list, separated by spaces; repeating the key
			   adds; NULL when empty */
};

struct config_option {
	const char *key;
	enum config_type type;
	size_t offset;             /* into the settings struct */
	const char *fallback;      /* the default, as it would be written; NULL: none */
	const char *description;   /* one sentence, shown by --help and in the man page */
	uint64_t minimum, maximum; /* maximum 0: no upper limit */
	bool required;
	/*
	 * Of a CONFIG_PATH with a secret in its file: the credential of the key's name, where the
	 * service manager gave us one (systemd's LoadCredential=), takes the place of the path.
	 */
	bool credential;
};
#define CONFIG_END          \
	{                   \
		.key = NULL \
	}

/*
 * What a check of the whole has against the value of one option, or of one of its words. Where it
 * was written is added to the sentence, which says what to write instead.
 */
struct config_refusal {
	const char *key;
	size_t word;    /* of CONFIG_STRINGS */
	char *sentence; /* owned; NULL: nothing was refused */
};
/* Returns -EINVAL. */
int config_refuse(struct config_refusal *refusal, const char *key, const char *format, ...)
	PRINTF_FORMAT(3, 4);
int config_refuse_word(struct config_refusal *refusal, const char *key, size_t word,
		       const char *format, ...) PRINTF_FORMAT(4, 5);

/* 0, or what config_refuse() returned. */
typedef int config_check_fn(const void *settings, struct config_refusal *refusal);

/*
 * Fills settings (zeroed by the caller), and has them checked by each of checks (NULL-terminated;
 * NULL: none). On failure returns -errno, frees what was set, and points *ret_error at an owned
 * sentence: "/etc/…/gatewayd.conf:3: api: …".
 */
int config_load(void *settings, const struct config_option *options, const char *path,
		config_check_fn *const *checks, char **ret_error);
void config_free(void *settings, const struct config_option *options);

/* Without files: one file's text, then defaults, required keys, checks. name is used in messages
 * only. */
int config_parse(void *settings, const struct config_option *options, const char *name,
		 const char *text, size_t size, config_check_fn *const *checks, char **ret_error);
