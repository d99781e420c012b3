/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The truth about which gateway has what: one SQLite table, every change on disk before it counts.
 * SoftEther and dnsmasq are made to agree with it, never the other way round.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/certificate.h"
#include "vpn-service/pool.h"

enum account_state {
	ACCOUNT_CREATING,    /* row first: what follows may be half done */
	ACCOUNT_PROVISIONED, /* everything is in place */
	ACCOUNT_REMOVING,    /* being undone; the address is still taken */
	ACCOUNT_STATE_COUNT
};
const char *account_state_name(enum account_state state);

struct account {
	uint32_t gateway_id;
	enum account_state state;
	struct mac_address mac;
	uint32_t address;                      /* host byte order */
	char key_fingerprint[SHA256_HEX_SIZE]; /* of the request's key */
	char serial[CERTIFICATE_SERIAL_HEX];   /* of the certificate */
	char *certificate;                     /* PEM */
};

struct account *account_free(struct account *account);
DEFINE_CLEANUP(struct account *, account_free);

struct account_store;

/* Opens or makes the database. -EUCLEAN: not a database of this kind; -EPROTO: of a newer version.
 */
int account_store_open(struct account_store **ret_store, const char *path);
struct account_store *account_store_close(struct account_store *store);
DEFINE_CLEANUP(struct account_store *, account_store_close);

/* -ENOENT: none. */
int account_store_get(struct account_store *store, uint32_t gateway_id,
		      struct account **ret_account);

/*
 * Finds a free address for the account and inserts it; account->address is filled in. now: seconds
 * since 1970. -ENOSPC: no address left; -EEXIST: there is such an account.
 */
int account_store_insert(struct account_store *store, struct account *account,
			 const struct pool *pool, int64_t now);
/* Writes state, key and certificate of an existing account. */
int account_store_update(struct account_store *store, const struct account *account);
/*
 * Removes the row. The address stays out of use until free_at: dnsmasq refuses to give an address
 * away while its lease to somebody else lasts.
 */
int account_store_remove(struct account_store *store, uint32_t gateway_id, int64_t free_at);

/* Calls on_account for every account in the order of numbers; it must not change the store. */
typedef void account_fn(const struct account *account, void *owner);
int account_store_for_each(struct account_store *store, account_fn *on_account, void *owner);

int account_store_count(struct account_store *store, uint32_t *ret_count);
/* Addresses of the pool that could be given away now. */
int account_store_count_free(struct account_store *store, const struct pool *pool, int64_t now,
			     uint32_t *ret_count);
