/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database file: opening, migrations, transactions, statements. Write-ahead log, so that a
 * crash at any point leaves the last committed state; full synchronisation, because a revocation
 * that was answered must survive a power cut.
 */
#include "apid/store_sqlite.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"

#define BUSY_TIMEOUT_MS 1000 /* `apid user add` beside the daemon, which stands still meanwhile */

/* Step n brings user_version from n to n + 1. Published steps are never changed. */
static const char *const migrations[] = {
	"CREATE TABLE organisation("
	" id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE user("
	" id INTEGER PRIMARY KEY, organisation_id INTEGER NOT NULL REFERENCES organisation(id),"
	" name TEXT NOT NULL UNIQUE, role INTEGER NOT NULL, password TEXT NOT NULL) STRICT;"
	"CREATE TABLE session("
	" hash TEXT PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,"
	" expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	/* AUTOINCREMENT: a gateway's number is its VPN name and is never given again. */
	"CREATE TABLE gateway("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, mac TEXT NOT NULL, secret_hash TEXT NOT NULL,"
	" claim_code TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
	" organisation_id INTEGER REFERENCES organisation(id), name TEXT, hostname TEXT,"
	" sw_version TEXT, interfaces TEXT, csr TEXT NOT NULL, configuration TEXT, status TEXT,"
	" provision_error TEXT, announced_at INTEGER NOT NULL, approved_at INTEGER,"
	" revoked_at INTEGER, seen_at INTEGER, revision INTEGER NOT NULL DEFAULT 0,"
	" rules_revision INTEGER NOT NULL DEFAULT 0,"
	" configuration_revision INTEGER NOT NULL DEFAULT 0,"
	" vpn_revision INTEGER NOT NULL DEFAULT 0, identify_revision INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE(mac, secret_hash)) STRICT;"
	"CREATE INDEX gateway_claim ON gateway(claim_code);"
	"CREATE INDEX gateway_organisation ON gateway(organisation_id);"
	"CREATE INDEX gateway_pending ON gateway(announced_at) WHERE state = 0;"
	"CREATE TABLE token("
	" id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE,"
	" gateway_id INTEGER NOT NULL REFERENCES gateway(id) ON DELETE CASCADE,"
	" expires_at INTEGER NOT NULL, used_at INTEGER) STRICT;"
	"CREATE INDEX token_gateway ON token(gateway_id);"
	"CREATE TABLE device("
	" gateway_id INTEGER NOT NULL REFERENCES gateway(id) ON DELETE CASCADE,"
	" position INTEGER NOT NULL, document TEXT NOT NULL,"
	" PRIMARY KEY(gateway_id, position)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE rule("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" gateway_id INTEGER NOT NULL REFERENCES gateway(id) ON DELETE CASCADE,"
	" protocol TEXT NOT NULL, local_port INTEGER NOT NULL, port INTEGER NOT NULL,"
	" ip_address TEXT NOT NULL, mac TEXT NOT NULL, service TEXT NOT NULL,"
	" suppressed INTEGER NOT NULL, expires_at INTEGER NOT NULL, allow_from TEXT, name TEXT,"
	" state INTEGER NOT NULL, error TEXT, UNIQUE(gateway_id, local_port)) STRICT;"
	"CREATE UNIQUE INDEX rule_service ON rule(gateway_id, mac, service) WHERE service <> '';"
	"CREATE TABLE provision("
	" gateway_id INTEGER PRIMARY KEY REFERENCES gateway(id), action INTEGER NOT NULL,"
	" generation INTEGER NOT NULL, not_before INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE INDEX provision_due ON provision(not_before);",
	"ALTER TABLE gateway ADD COLUMN announced_from TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX gateway_pending_from ON gateway(announced_from, announced_at)"
	" WHERE state = 0;",
};

static int store_errno(int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		abort();
	default:
		return -EIO;
	}
}

static int sql_execute(struct store *store, const char *sql)
{
	return store_errno(sqlite3_exec(store->database, sql, NULL, NULL, NULL));
}

static int sql_prepare(struct store *store, sqlite3_stmt **ret_statement, const char *sql)
{
	sqlite3_stmt *statement;
	int r;

	for (size_t i = 0; i < store->statement_count; i++) {
		if (store->statements[i].sql == sql) {
			*ret_statement = store->statements[i].statement;
			return 0;
		}
	}
	if (store->statement_count == MAX_STATEMENTS)
		abort();
	r = sqlite3_prepare_v3(store->database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
			       NULL);
	if (r != SQLITE_OK)
		return store_errno(r);
	store->statements[store->statement_count].sql = sql;
	store->statements[store->statement_count++].statement = statement;
	*ret_statement = statement;
	return 0;
}

static int sql_bind(sqlite3_stmt *statement, const char *types, va_list arguments)
{
	int r = SQLITE_OK;

	if ((int)strlen(types) != sqlite3_bind_parameter_count(statement))
		abort(); /* our own mistake, and the arguments would be read beyond their end */
	for (int i = 1; *types && r == SQLITE_OK; types++, i++) {
		if (*types == 'i')
			r = sqlite3_bind_int64(statement, i, va_arg(arguments, int64_t));
		else
			r = sqlite3_bind_text(statement, i, va_arg(arguments, const char *), -1,
					      SQLITE_TRANSIENT);
	}
	return store_errno(r);
}

int sql_run(struct store *store, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement = NULL;
	va_list arguments;
	int r;

	r = sql_prepare(store, &statement, sql);
	if (r < 0)
		return r;
	va_start(arguments, types);
	r = sql_bind(statement, types, arguments);
	va_end(arguments);
	if (r == 0)
		r = store_errno(sqlite3_step(statement));
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return r < 0 ? r : sqlite3_changes(store->database);
}

int sql_query(struct store *store, sqlite3_stmt **ret_statement, const char *sql, const char *types,
	      ...)
{
	sqlite3_stmt *statement = NULL;
	va_list arguments;
	int r;

	r = sql_prepare(store, &statement, sql);
	if (r < 0)
		return r;
	va_start(arguments, types);
	r = sql_bind(statement, types, arguments);
	va_end(arguments);
	if (r < 0) {
		sqlite3_reset(statement);
		return r;
	}
	*ret_statement = statement;
	return 0;
}

int sql_row(struct store *store, sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);

	if (result == SQLITE_ROW)
		return 1;
	sqlite3_reset(statement);
	return store_errno(result);
}

void sql_endp(sqlite3_stmt **statement)
{
	if (!*statement)
		return;
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
}

uint64_t sql_number(sqlite3_stmt *statement, int column)
{
	return (uint64_t)sqlite3_column_int64(statement, column);
}

char *sql_text(sqlite3_stmt *statement, int column)
{
	return xstrdup((const char *)sqlite3_column_text(statement, column));
}

void sql_copy(sqlite3_stmt *statement, int column, char *buffer, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	snprintf(buffer, size, "%s", text ? text : "");
}

int store_begin(struct store *store)
{
	/* IMMEDIATE: the lock is taken now, where waiting for it works. */
	int r = sql_run(store, "BEGIN IMMEDIATE", "");

	if (r < 0)
		return r;
	store->in_transaction = true;
	return 0;
}

int store_commit(struct store *store)
{
	int r = sql_run(store, "COMMIT", "");

	if (r < 0)
		return r;
	store->in_transaction = false;
	return 0;
}

void store_abandon(struct store *store)
{
	if (store->in_transaction)
		sql_run(store, "ROLLBACK", "");
	store->in_transaction = false;
}

static int store_version(struct store *store, uint64_t *ret_version)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	int r = sql_query(store, &statement, "PRAGMA user_version", "");

	if (r == 0)
		r = sql_row(store, statement);
	if (r < 0)
		return r;
	*ret_version = sql_number(statement, 0);
	return 0;
}

static int store_step_up(struct store *store, size_t step)
{
	char version[48];
	int r = store_begin(store);

	snprintf(version, sizeof(version), "PRAGMA user_version = %zu", step + 1);
	if (r == 0)
		r = sql_execute(store, migrations[step]);
	if (r == 0)
		r = sql_execute(store, version);
	if (r == 0)
		r = store_commit(store);
	if (r < 0)
		store_abandon(store);
	return r;
}

static int store_migrate(struct store *store, char **ret_error)
{
	uint64_t version;
	int r = store_version(store, &version);

	if (r < 0)
		return r;
	if (version > ARRAY_SIZE(migrations)) {
		*ret_error = xstrdup("the database was written by a newer version of apid");
		return -ENOTSUP;
	}
	for (; version < ARRAY_SIZE(migrations) && r == 0; version++)
		r = store_step_up(store, version);
	return r;
}

int store_open(struct store **ret_store, const char *path, char **ret_error)
{
	_cleanup_(store_closep) struct store *store = xnew(struct store);
	mode_t mask = umask(077);
	int r;

	r = store_errno(sqlite3_open_v2(
		path, &store->database,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, NULL));
	if (r == 0) {
		sqlite3_busy_timeout(store->database, BUSY_TIMEOUT_MS);
		r = sql_execute(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				       "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;");
	}
	umask(mask);
	if (r == 0)
		r = store_migrate(store, ret_error);
	if (r < 0) {
		if (!*ret_error)
			*ret_error = xasprintf("database %s: %s", path,
					       store->database ? sqlite3_errmsg(store->database)
							       : "out of memory");
		return r;
	}
	*ret_store = steal_ptr(store);
	return 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	store_abandon(store);
	for (size_t i = 0; i < store->statement_count; i++)
		sqlite3_finalize(store->statements[i].statement);
	sqlite3_close(store->database);
	free(store);
	return NULL;
}
