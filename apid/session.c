/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A wrong password costs a try of the client's address and one of the account; where none is left,
 * it is turned away before the costly hash. What all may cost together is bounded, too. The latter
 * two are for strangers only: who has logged in from an address before is not held up there by the
 * tries of others, so that guessing from many addresses locks nobody out of where they usually are.
 * A name that does not exist takes as long as one that does.
 */
#include "apid/session.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "apid/password.h"
#include "common/memory.h"

#define ADDRESS_TRIES  10
#define ADDRESS_PERIOD (30 * USEC_PER_SEC)
/* From addresses where nobody has logged in to it: 1,440 a day, however many addresses try. */
#define ACCOUNT_TRIES  20
#define ACCOUNT_PERIOD (60 * USEC_PER_SEC)
/* How long an address is known to be a person's, after a login from there. */
#define FAMILIAR_PERIOD (30 * 24 * 3600 * USEC_PER_SEC)
/* Each hash holds up every gateway for some 100 ms, whoever asked for it, right or wrong. */
#define HASH_BURST  20
#define HASH_PERIOD (USEC_PER_SEC / 2)
#define EVERYBODY   ""

#define PERSON_KEY_SIZE (RATE_LIMIT_KEY_SIZE + MAX_USER_NAME + 2)

struct sessions {
	struct store *store;
	struct rate_limit addresses, accounts, hashes;
	struct rate_limit familiar;        /* a used-up try is a login */
	char nobody[PASSWORD_RECORD_SIZE]; /* of a password that nobody knows */
};

int sessions_new(struct sessions **ret_sessions, struct store *store)
{
	struct sessions *sessions = xnew(struct sessions);
	char secret[SECRET_SIZE];

	sessions->store = store;
	rate_limit_init(&sessions->addresses, ADDRESS_TRIES, ADDRESS_PERIOD, random_u64());
	rate_limit_init(&sessions->accounts, ACCOUNT_TRIES, ACCOUNT_PERIOD, random_u64());
	rate_limit_init(&sessions->hashes, HASH_BURST, HASH_PERIOD, random_u64());
	rate_limit_init(&sessions->familiar, 1, FAMILIAR_PERIOD, random_u64());
	secret_generate(secret);
	password_hash(sessions->nobody, secret);
	*ret_sessions = sessions;
	return 0;
}

struct sessions *sessions_free(struct sessions *sessions)
{
	free(sessions);
	return NULL;
}

/* Addresses have no blank. */
static const char *person_key(char buffer[static PERSON_KEY_SIZE], const char *address,
			      const char *name)
{
	snprintf(buffer, PERSON_KEY_SIZE, "%s %s", address, name);
	return buffer;
}

static usec_t login_wait(const struct sessions *sessions, const struct login *login,
			 const char *address, const char *person)
{
	const usec_t waits[] = {
		rate_limit_wait(&sessions->addresses, address, login->now),
		rate_limit_wait(&sessions->accounts, login->name, login->now),
		rate_limit_wait(&sessions->hashes, EVERYBODY, login->now),
	};
	usec_t longest = 0;

	if (rate_limit_wait(&sessions->familiar, person, login->now))
		return waits[0];
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		if (waits[i] > longest)
			longest = waits[i];
	return longest;
}

/* Returns 1 when the password is right, 0 when it or the name is wrong, or -errno. */
static int login_check(struct sessions *sessions, const struct login *login, struct user *ret_user)
{
	struct user user = { .id = 0 };
	bool matches;
	int r = store_user_find(sessions->store, login->name, &user);

	if (r < 0 && r != -ENOENT)
		return r;
	rate_limit_count(&sessions->hashes, EVERYBODY, login->now);
	matches = password_matches(r == 0 ? user.password : sessions->nobody, login->password);
	OPENSSL_cleanse(user.password, sizeof(user.password));
	if (r < 0 || !matches)
		return 0;
	*ret_user = user;
	return 1;
}

int session_login(struct sessions *sessions, const struct login *login,
		  char ret_token[static SECRET_SIZE], struct user *ret_user, usec_t *ret_wait)
{
	char hash[SHA256_HEX_SIZE], buffer[RATE_LIMIT_KEY_SIZE], key[PERSON_KEY_SIZE];
	const char *address = rate_limit_address_key(buffer, login->peer);
	const char *person = person_key(key, address, login->name);
	usec_t wait = login_wait(sessions, login, address, person);
	int r;

	if (wait) {
		*ret_wait = wait;
		return LOGIN_LIMITED;
	}
	r = login_check(sessions, login, ret_user);
	if (r < 0)
		return r;
	if (r == 0) {
		rate_limit_count(&sessions->addresses, address, login->now);
		if (!rate_limit_wait(&sessions->familiar, person, login->now))
			rate_limit_count(&sessions->accounts, login->name, login->now);
		return LOGIN_WRONG;
	}
	rate_limit_forgive(&sessions->familiar, person);
	rate_limit_count(&sessions->familiar, person, login->now);
	secret_generate(ret_token);
	sha256_hex(hash, ret_token, strlen(ret_token));
	r = store_session_add(sessions->store, hash, ret_user->id, login->time,
			      login->time + SESSION_SECONDS);
	return r < 0 ? r : LOGIN_ACCEPTED;
}

int session_cookie_parse(char ret_token[static SECRET_SIZE], const char *header)
{
	const size_t name_size = strlen(SESSION_COOKIE);
	size_t size;

	while (*header) {
		header += strspn(header, " \t;");
		size = strcspn(header, ";");
		if (size == name_size + SECRET_SIZE && header[name_size] == '=' &&
		    memcmp(header, SESSION_COOKIE, name_size) == 0) {
			memcpy(ret_token, header + name_size + 1, SECRET_SIZE - 1);
			ret_token[SECRET_SIZE - 1] = '\0';
			return secret_is_valid(ret_token) ? 0 : -ENOENT;
		}
		header += size;
	}
	return -ENOENT;
}

int session_find(struct sessions *sessions, const char *token, int64_t time, struct user *ret_user)
{
	char hash[SHA256_HEX_SIZE];

	sha256_hex(hash, token, strlen(token));
	return store_session_use(sessions->store, hash, time, ret_user);
}

int session_end(struct sessions *sessions, const char *token)
{
	char hash[SHA256_HEX_SIZE];

	sha256_hex(hash, token, strlen(token));
	return store_session_delete(sessions->store, hash);
}
