/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the store_sqlite*.c files only: prepared statements, run with typed arguments. */
#pragma once

#include <sqlite3.h>

#include "apid/store.h"

#define MAX_STATEMENTS 96

struct store {
	sqlite3 *database;
	bool in_transaction;
	struct {
		const char *sql; /* the literal's address is the key */
		sqlite3_stmt *statement;
	} statements[MAX_STATEMENTS];
	size_t statement_count;
};

/*
 * sql must be a string literal: it is prepared once. types has one letter per argument:
 * 'i' uint64_t or int64_t, 't' const char * (NULL allowed).
 */
/* Runs a statement without rows. Returns the number of rows changed, or -errno. */
int sql_run(struct store *store, const char *sql, const char *types, ...);
/* Binds; rows come from sql_row(). */
int sql_query(struct store *store, sqlite3_stmt **ret_statement, const char *sql, const char *types,
	      ...);
/* 1: a row; 0: none left, and the statement is reset; or -errno, reset too. */
int sql_row(struct store *store, sqlite3_stmt *statement);
/* Ends a query early. NULL-safe; for _cleanup_. */
void sql_endp(sqlite3_stmt **statement);
#define _cleanup_sql_ _cleanup_(sql_endp)

uint64_t sql_number(sqlite3_stmt *statement, int column);
char *sql_text(sqlite3_stmt *statement, int column); /* owned; NULL for NULL */
void sql_copy(sqlite3_stmt *statement, int column, char *buffer, size_t size);
