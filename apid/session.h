/* SPDX-License-Identifier: GPL-3.0-or-later */
/* People's sessions: login with name and password, a cookie, its end. Guessing is slowed down. */
#pragma once

#include "apid/rate_limit.h"
#include "apid/store.h"

#define SESSION_COOKIE  "__Host-evercam-session"
#define SESSION_SECONDS 43200 /* 12 hours */

struct sessions;
int sessions_new(struct sessions **ret_sessions, struct store *store); /* borrows */
struct sessions *sessions_free(struct sessions *sessions);
DEFINE_CLEANUP(struct sessions *, sessions_free);

enum login_result {
	LOGIN_ACCEPTED, /* token and user are set */
	LOGIN_WRONG,
	LOGIN_LIMITED, /* too many tries: *ret_wait says how long to wait */
};
struct login {
	const char *name, *password;
	const char *peer; /* client's address */
	usec_t now;       /* monotonic, for the limits */
	int64_t time;
};
/* Returns an enum login_result, or -errno of the store. */
int session_login(struct sessions *sessions, const struct login *login,
		  char ret_token[static SECRET_SIZE], struct user *ret_user, usec_t *ret_wait);

/* Finds the session's cookie in a Cookie header. 0 or -ENOENT. */
int session_cookie_parse(char ret_token[static SECRET_SIZE], const char *header);
int session_find(struct sessions *sessions, const char *token, int64_t time, struct user *ret_user);
int session_end(struct sessions *sessions, const char *token);
