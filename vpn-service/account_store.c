/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The account database. Write-ahead log with synchronous=FULL: a commit that was answered survives
 * a power cut. UNIQUE columns hold the invariants (one MAC, one address per gateway) even against
 * our own mistakes; STRICT tables hold the types.
 */
#include "vpn-service/account_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "common/memory.h"

#define SCHEMA_VERSION 1

enum statement {
	STATEMENT_GET,
	STATEMENT_LIST,
	STATEMENT_INSERT,
	STATEMENT_UPDATE,
	STATEMENT_DELETE,
	STATEMENT_RETIRE,
	STATEMENT_RELEASE,
	STATEMENT_IS_TAKEN,
	STATEMENT_COUNT_ACCOUNTS,
	STATEMENT_COUNT_TAKEN,
	STATEMENT_COUNT
};

struct account_store {
	sqlite3 *database;
	sqlite3_stmt *statements[STATEMENT_COUNT];
};

#define ACCOUNT_COLUMNS \
	"gateway_id, state, mac_address, ip_address, key_fingerprint, serial, certificate"

static const char *const statement_texts[STATEMENT_COUNT] = {
	[STATEMENT_GET] = "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE gateway_id = ?1",
	[STATEMENT_LIST] = "SELECT " ACCOUNT_COLUMNS " FROM accounts ORDER BY gateway_id",
	[STATEMENT_INSERT] = "INSERT INTO accounts (" ACCOUNT_COLUMNS
			     ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STATEMENT_UPDATE] = "UPDATE accounts SET state = ?2, key_fingerprint = ?5, serial = ?6,"
			     " certificate = ?7 WHERE gateway_id = ?1",
	[STATEMENT_DELETE] = "DELETE FROM accounts WHERE gateway_id = ?1",
	[STATEMENT_RETIRE] =
		"INSERT OR REPLACE INTO retired_addresses (ip_address, gateway_id, free_at)"
		" SELECT ip_address, gateway_id, ?2 FROM accounts WHERE gateway_id = ?1",
	/* Its own old address is free for a gateway at once: same number, same MAC, same lease. */
	[STATEMENT_RELEASE] =
		"DELETE FROM retired_addresses WHERE free_at <= ?1 OR gateway_id = ?2",
	[STATEMENT_IS_TAKEN] = "SELECT EXISTS (SELECT 1 FROM accounts WHERE ip_address = ?1)"
			       " OR EXISTS (SELECT 1 FROM retired_addresses WHERE ip_address = ?1)",
	[STATEMENT_COUNT_ACCOUNTS] = "SELECT count(*) FROM accounts",
	[STATEMENT_COUNT_TAKEN] =
		"SELECT (SELECT count(*) FROM accounts WHERE ip_address BETWEEN ?1 AND ?2)"
		" + (SELECT count(*) FROM retired_addresses"
		" WHERE ip_address BETWEEN ?1 AND ?2 AND free_at > ?3)",
};

static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE accounts ("
	" gateway_id INTEGER PRIMARY KEY CHECK (gateway_id BETWEEN 1 AND 4294967295),"
	" state TEXT NOT NULL CHECK (state IN ('creating', 'provisioned', 'removing')),"
	" mac_address TEXT NOT NULL UNIQUE,"
	" ip_address INTEGER NOT NULL UNIQUE CHECK (ip_address BETWEEN 1 AND 4294967295),"
	" key_fingerprint TEXT NOT NULL,"
	" serial TEXT NOT NULL UNIQUE,"
	" certificate TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE retired_addresses ("
	" ip_address INTEGER PRIMARY KEY,"
	" gateway_id INTEGER NOT NULL,"
	" free_at INTEGER NOT NULL"
	") STRICT;"
	"PRAGMA user_version = 1;"
	"COMMIT;";

static const char *const state_names[ACCOUNT_STATE_COUNT] = {
	[ACCOUNT_CREATING] = "creating",
	[ACCOUNT_PROVISIONED] = "provisioned",
	[ACCOUNT_REMOVING] = "removing",
};

const char *account_state_name(enum account_state state)
{
	return state_names[state];
}

struct account *account_free(struct account *account)
{
	if (!account)
		return NULL;
	free(account->certificate);
	free(account);
	return NULL;
}

/* SQLite's result codes as errno; a constraint is told apart by the callers that can meet one. */
static int sqlite_error(int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

static int execute(struct account_store *store, const char *text)
{
	return sqlite_error(sqlite3_exec(store->database, text, NULL, NULL, NULL));
}

static sqlite3_stmt *statement_begin(struct account_store *store, enum statement kind)
{
	sqlite3_stmt *statement = store->statements[kind];

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return statement;
}

/* Runs a statement that returns nothing. */
static int statement_run(sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);

	sqlite3_reset(statement);
	return sqlite_error(result);
}

/* Runs a statement that returns one number. */
static int statement_number(sqlite3_stmt *statement, int64_t *ret_number)
{
	int result = sqlite3_step(statement);

	if (result == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return result == SQLITE_DONE ? -ENOENT : sqlite_error(result);
}

static int schema_prepare(struct account_store *store)
{
	sqlite3_stmt *statement;
	int64_t version = -1;
	int r;

	if (sqlite3_prepare_v2(store->database, "PRAGMA user_version", -1, &statement, NULL))
		return -EUCLEAN;
	r = statement_number(statement, &version);
	sqlite3_finalize(statement);
	if (r < 0)
		return r;
	if (version == 0)
		return execute(store, schema);
	return version == SCHEMA_VERSION ? 0 : -EPROTO;
}

int account_store_open(struct account_store **ret_store, const char *path)
{
	_cleanup_(account_store_closep) struct account_store *store = xnew(struct account_store);
	int r;

	r = sqlite_error(sqlite3_open_v2(
		path, &store->database,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_PRIVATECACHE, NULL));
	if (r < 0)
		return r;
	sqlite3_busy_timeout(store->database, 1000);
	r = execute(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			   " PRAGMA trusted_schema = OFF;");
	if (r < 0)
		return r;
	r = schema_prepare(store);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < STATEMENT_COUNT; i++) {
		if (sqlite3_prepare_v3(store->database, statement_texts[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL))
			return -EUCLEAN;
	}
	*ret_store = steal_ptr(store);
	return 0;
}

struct account_store *account_store_close(struct account_store *store)
{
	if (!store)
		return NULL;
	for (unsigned i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->database);
	free(store);
	return NULL;
}

static void copy_column(char *target, size_t size, sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	size_t length = text ? strnlen(text, size - 1) : 0;

	memcpy(target, text ? text : "", length);
	target[length] = '\0';
}

/* The database may have been edited by hand: what does not parse is corruption, not a crash. */
static int account_from_row(struct account *account, sqlite3_stmt *statement)
{
	const char *state = (const char *)sqlite3_column_text(statement, 1);
	const char *mac = (const char *)sqlite3_column_text(statement, 2);
	const char *certificate = (const char *)sqlite3_column_text(statement, 6);
	unsigned i = 0;

	while (i < ACCOUNT_STATE_COUNT && (!state || strcmp(state, state_names[i])))
		i++;
	if (i == ACCOUNT_STATE_COUNT || !mac || mac_parse(&account->mac, mac) < 0 || !certificate)
		return -EUCLEAN;
	account->state = (enum account_state)i;
	account->gateway_id = (uint32_t)sqlite3_column_int64(statement, 0);
	account->address = (uint32_t)sqlite3_column_int64(statement, 3);
	copy_column(account->key_fingerprint, sizeof(account->key_fingerprint), statement, 4);
	copy_column(account->serial, sizeof(account->serial), statement, 5);
	replace_string(&account->certificate, certificate);
	return 0;
}

static void account_bind(sqlite3_stmt *statement, const struct account *account)
{
	char mac[MAC_TEXT_SIZE];

	sqlite3_bind_int64(statement, 1, account->gateway_id);
	sqlite3_bind_text(statement, 2, state_names[account->state], -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, mac_format(&account->mac, mac), -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 4, account->address);
	sqlite3_bind_text(statement, 5, account->key_fingerprint, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 6, account->serial, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 7, account->certificate, -1, SQLITE_STATIC);
}

int account_store_get(struct account_store *store, uint32_t gateway_id,
		      struct account **ret_account)
{
	_cleanup_(account_freep) struct account *account = NULL;
	sqlite3_stmt *statement = statement_begin(store, STATEMENT_GET);
	int result, r;

	sqlite3_bind_int64(statement, 1, gateway_id);
	result = sqlite3_step(statement);
	if (result != SQLITE_ROW) {
		sqlite3_reset(statement);
		return result == SQLITE_DONE ? -ENOENT : sqlite_error(result);
	}
	account = xnew(struct account);
	r = account_from_row(account, statement);
	sqlite3_reset(statement);
	if (r < 0)
		return r;
	*ret_account = steal_ptr(account);
	return 0;
}

static int address_choose(struct account_store *store, uint32_t gateway_id, const struct pool *pool,
			  uint32_t *ret_address)
{
	for (uint32_t attempt = 0; attempt < pool->size; attempt++) {
		uint32_t address = pool_candidate(pool, gateway_id, attempt);
		sqlite3_stmt *statement = statement_begin(store, STATEMENT_IS_TAKEN);
		int64_t taken;
		int r;

		sqlite3_bind_int64(statement, 1, address);
		r = statement_number(statement, &taken);
		if (r < 0)
			return r;
		if (!taken) {
			*ret_address = address;
			return 0;
		}
	}
	return -ENOSPC;
}

static int insert(struct account_store *store, struct account *account, const struct pool *pool,
		  int64_t now)
{
	sqlite3_stmt *statement = statement_begin(store, STATEMENT_RELEASE);
	int r;

	sqlite3_bind_int64(statement, 1, now);
	sqlite3_bind_int64(statement, 2, account->gateway_id);
	r = statement_run(statement);
	if (r < 0)
		return r;
	r = address_choose(store, account->gateway_id, pool, &account->address);
	if (r < 0)
		return r;
	statement = statement_begin(store, STATEMENT_INSERT);
	account_bind(statement, account);
	r = statement_run(statement);
	if (r < 0)
		return r;
	return execute(store, "COMMIT");
}

int account_store_insert(struct account_store *store, struct account *account,
			 const struct pool *pool, int64_t now)
{
	int r = execute(store, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	r = insert(store, account, pool, now);
	if (r < 0)
		(void)execute(store, "ROLLBACK");
	return r;
}

int account_store_update(struct account_store *store, const struct account *account)
{
	sqlite3_stmt *statement = statement_begin(store, STATEMENT_UPDATE);
	int r;

	account_bind(statement, account);
	r = statement_run(statement);
	if (r < 0)
		return r;
	return sqlite3_changes(store->database) == 1 ? 0 : -ENOENT;
}

static int remove_row(struct account_store *store, uint32_t gateway_id, int64_t free_at)
{
	sqlite3_stmt *statement = statement_begin(store, STATEMENT_RETIRE);
	int r;

	sqlite3_bind_int64(statement, 1, gateway_id);
	sqlite3_bind_int64(statement, 2, free_at);
	r = statement_run(statement);
	if (r < 0)
		return r;
	statement = statement_begin(store, STATEMENT_DELETE);
	sqlite3_bind_int64(statement, 1, gateway_id);
	r = statement_run(statement);
	if (r < 0)
		return r;
	return execute(store, "COMMIT");
}

int account_store_remove(struct account_store *store, uint32_t gateway_id, int64_t free_at)
{
	int r = execute(store, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	r = remove_row(store, gateway_id, free_at);
	if (r < 0)
		(void)execute(store, "ROLLBACK");
	return r;
}

int account_store_for_each(struct account_store *store, account_fn *on_account, void *owner)
{
	sqlite3_stmt *statement = statement_begin(store, STATEMENT_LIST);
	int result;

	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		_cleanup_(account_freep) struct account *account = xnew(struct account);
		int r = account_from_row(account, statement);

		if (r < 0) {
			sqlite3_reset(statement);
			return r;
		}
		on_account(account, owner);
	}
	sqlite3_reset(statement);
	return sqlite_error(result);
}

static int count(sqlite3_stmt *statement, uint32_t *ret_count)
{
	int64_t number;
	int r = statement_number(statement, &number);

	if (r < 0)
		return r;
	*ret_count = (uint32_t)number;
	return 0;
}

int account_store_count(struct account_store *store, uint32_t *ret_count)
{
	return count(statement_begin(store, STATEMENT_COUNT_ACCOUNTS), ret_count);
}

int account_store_count_free(struct account_store *store, const struct pool *pool, int64_t now,
			     uint32_t *ret_count)
{
	sqlite3_stmt *statement = statement_begin(store, STATEMENT_COUNT_TAKEN);
	uint32_t taken;
	int r;

	sqlite3_bind_int64(statement, 1, pool->first);
	sqlite3_bind_int64(statement, 2, (int64_t)pool->first + pool->size - 1);
	sqlite3_bind_int64(statement, 3, now);
	r = count(statement, &taken);
	if (r < 0)
		return r;
	*ret_count = taken > pool->size ? 0 : pool->size - taken;
	return 0;
}
