/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Organisations, people and their sessions in SQLite. */
#include <errno.h>

#include "apid/store_sqlite.h"

int store_user_put(struct store *store, const struct user *user, const char *organisation)
{
	int r = store_begin(store);

	if (r == 0)
		r = sql_run(store,
			    "INSERT INTO organisation(name) VALUES(?) ON CONFLICT DO NOTHING", "t",
			    organisation);
	/* A new password ends the sessions that the old one opened. */
	if (r >= 0)
		r = sql_run(store,
			    "DELETE FROM session WHERE user_id ="
			    " (SELECT id FROM user WHERE name = ?)",
			    "t", user->name);
	if (r >= 0)
		r = sql_run(store,
			    "INSERT INTO user(organisation_id, name, role, password)"
			    " VALUES((SELECT id FROM organisation WHERE name = ?), ?2, ?3, ?4)"
			    " ON CONFLICT(name) DO UPDATE SET organisation_id ="
			    " excluded.organisation_id, role = ?3, password = ?4",
			    "ttit", organisation, user->name, (int64_t)user->role, user->password);
	if (r >= 0)
		r = store_commit(store);
	if (r < 0)
		store_abandon(store);
	return r < 0 ? r : 0;
}

static int user_read(struct store *store, sqlite3_stmt *statement, struct user *ret_user)
{
	int r = sql_row(store, statement);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret_user = (struct user){ .id = sql_number(statement, 0) };
	ret_user->organisation_id = sql_number(statement, 1);
	ret_user->role = (enum user_role)sql_number(statement, 2);
	sql_copy(statement, 3, ret_user->name, sizeof(ret_user->name));
	sql_copy(statement, 4, ret_user->password, sizeof(ret_user->password));
	return 0;
}

int store_user_find(struct store *store, const char *name, struct user *ret_user)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	int r = sql_query(store, &statement,
			  "SELECT id, organisation_id, role, name, password FROM user"
			  " WHERE name = ?",
			  "t", name);

	return r < 0 ? r : user_read(store, statement, ret_user);
}

int store_session_add(struct store *store, const char *hash, uint64_t user_id, int64_t now,
		      int64_t expires_at)
{
	int r = sql_run(store, "DELETE FROM session WHERE expires_at <= ?", "i", now);

	if (r >= 0)
		r = sql_run(store, "INSERT INTO session(hash, user_id, expires_at) VALUES(?, ?, ?)",
			    "tii", hash, user_id, expires_at);
	return r < 0 ? r : 0;
}

int store_session_use(struct store *store, const char *hash, int64_t now, struct user *ret_user)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	int r = sql_query(store, &statement,
			  "SELECT u.id, u.organisation_id, u.role, u.name, u.password"
			  " FROM session s JOIN user u ON u.id = s.user_id"
			  " WHERE s.hash = ? AND s.expires_at > ?",
			  "ti", hash, now);

	return r < 0 ? r : user_read(store, statement, ret_user);
}

int store_session_delete(struct store *store, const char *hash)
{
	int r = sql_run(store, "DELETE FROM session WHERE hash = ?", "t", hash);

	return r < 0 ? r : 0;
}
