/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices, rules, and the orders for vpn-service in SQLite. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apid/store_sqlite.h"
#include "common/memory.h"

/* --- devices --- */

int store_devices_replace(struct store *store, uint64_t gateway_id, const struct device_list *list)
{
	int r = sql_run(store, "DELETE FROM device WHERE gateway_id = ?", "i", gateway_id);

	for (size_t i = 0; r >= 0 && i < list->count; i++)
		r = sql_run(store,
			    "INSERT INTO device(gateway_id, position, document) VALUES(?, ?, ?)",
			    "iit", gateway_id, (int64_t)i, list->devices[i].json);
	return r < 0 ? r : 0;
}

int store_devices_list(struct store *store, uint64_t gateway_id, cJSON *array)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	int r = sql_query(store, &statement,
			  "SELECT document FROM device WHERE gateway_id = ? ORDER BY position", "i",
			  gateway_id);

	if (r < 0)
		return r;
	while ((r = sql_row(store, statement)) > 0) {
		cJSON *device = cJSON_Parse((const char *)sqlite3_column_text(statement, 0));

		if (!device)
			return -EIO;
		json_append(array, device);
	}
	return r;
}

/* --- rules --- */

static void rule_read(sqlite3_stmt *statement, struct rule *rule)
{
	rule->id = sql_number(statement, 0);
	sql_copy(statement, 1, rule->protocol, sizeof(rule->protocol));
	rule->local_port_id = (uint16_t)sql_number(statement, 2);
	rule->port_id = (uint16_t)sql_number(statement, 3);
	sql_copy(statement, 4, rule->ip_address, sizeof(rule->ip_address));
	sql_copy(statement, 5, rule->mac_address, sizeof(rule->mac_address));
	sql_copy(statement, 6, rule->service, sizeof(rule->service));
	rule->suppressed = sql_number(statement, 7);
	rule->expires_at = (int64_t)sql_number(statement, 8);
	rule->allow_from = sql_text(statement, 9);
	rule->name = sql_text(statement, 10);
	rule->state = (enum rule_state)sql_number(statement, 11);
	rule->error = sql_text(statement, 12);
}

int store_rules_load(struct store *store, uint64_t gateway_id, struct rule_list *ret_list)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	_cleanup_rules_ struct rule_list list = { .count = 0 };
	int r = sql_query(store, &statement,
			  "SELECT id, protocol, local_port, port, ip_address, mac, service,"
			  " suppressed, expires_at, allow_from, name, state, error FROM rule"
			  " WHERE gateway_id = ? ORDER BY id",
			  "i", gateway_id);

	if (r < 0)
		return r;
	while ((r = sql_row(store, statement)) > 0)
		rule_read(statement, rule_list_add(&list));
	if (r < 0)
		return r;
	*ret_list = list;
	list = (struct rule_list){ .count = 0 };
	return 0;
}

static int rule_insert(struct store *store, uint64_t gateway_id, struct rule *rule)
{
	int r = sql_run(store,
			"INSERT INTO rule(gateway_id, protocol, local_port, port, ip_address, mac,"
			" service, suppressed, expires_at, allow_from, name, state)"
			" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
			"itiitttiitt", gateway_id, rule->protocol, (int64_t)rule->local_port_id,
			(int64_t)rule->port_id, rule->ip_address, rule->mac_address, rule->service,
			(int64_t)rule->suppressed, rule->expires_at, rule->allow_from, rule->name);

	if (r < 0)
		return r;
	rule->id = (uint64_t)sqlite3_last_insert_rowid(store->database);
	return 0;
}

int store_rule_save(struct store *store, uint64_t gateway_id, struct rule *rule)
{
	int r;

	if (!rule->id)
		return rule_insert(store, gateway_id, rule);
	r = sql_run(store,
		    "UPDATE rule SET port = ?, ip_address = ?, suppressed = ?, state = 0,"
		    " error = NULL WHERE id = ? AND gateway_id = ?",
		    "itiii", (int64_t)rule->port_id, rule->ip_address, (int64_t)rule->suppressed,
		    rule->id, gateway_id);
	return r < 0 ? r : r ? 0 : -ENOENT;
}

int store_rules_expire(struct store *store, uint64_t gateway_id, int64_t before)
{
	return sql_run(store,
		       "DELETE FROM rule WHERE gateway_id = ? AND service = ''"
		       " AND expires_at <> 0 AND expires_at <= ?",
		       "ii", gateway_id, before);
}

int store_rule_delete(struct store *store, uint64_t gateway_id, uint64_t rule_id)
{
	/* An automatic rule leaves its port number behind, so that it does not come back. */
	int r = sql_run(store,
			"UPDATE rule SET suppressed = 1, state = 0, error = NULL WHERE id = ?"
			" AND gateway_id = ? AND service <> '' AND NOT suppressed",
			"ii", rule_id, gateway_id);

	if (r == 0)
		r = sql_run(store,
			    "DELETE FROM rule WHERE id = ? AND gateway_id = ? AND service = ''",
			    "ii", rule_id, gateway_id);
	return r < 0 ? r : r ? 0 : -ENOENT;
}

int store_rule_set_state(struct store *store, uint64_t gateway_id, uint64_t rule_id,
			 enum rule_state state, const char *error)
{
	int r = sql_run(store,
			"UPDATE rule SET state = ?1, error = ?2 WHERE id = ?3 AND gateway_id = ?4"
			" AND (state <> ?1 OR error IS NOT ?2)",
			"itii", (int64_t)state, error, rule_id, gateway_id);

	return r < 0 ? r : 0;
}

/* --- orders for vpn-service --- */

void provision_job_clear(struct provision_job *job)
{
	free(job->csr);
	*job = (struct provision_job){ .gateway_id = 0 };
}

int store_provision_order(struct store *store, uint64_t gateway_id, enum provision_action action)
{
	/* Generations only need to differ from the one that may be under way. */
	int r = sql_run(store,
			"INSERT INTO provision(gateway_id, action, generation) VALUES(?1, ?2, 1)"
			" ON CONFLICT(gateway_id) DO UPDATE SET action = ?2,"
			" generation = generation + 1, not_before = 0",
			"ii", gateway_id, (int64_t)action);

	return r < 0 ? r : 0;
}

int store_provision_next(struct store *store, struct provision_job *ret_job)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	int r = sql_query(store, &statement,
			  "SELECT p.gateway_id, p.action, p.generation, p.not_before, g.csr"
			  " FROM provision p JOIN gateway g ON g.id = p.gateway_id"
			  " ORDER BY p.not_before, p.gateway_id LIMIT 1",
			  "");

	if (r == 0)
		r = sql_row(store, statement);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret_job = (struct provision_job){ .gateway_id = sql_number(statement, 0) };
	ret_job->action = (enum provision_action)sql_number(statement, 1);
	ret_job->generation = sql_number(statement, 2);
	ret_job->not_before = (int64_t)sql_number(statement, 3);
	ret_job->csr = sql_text(statement, 4);
	return 0;
}

int store_provision_done(struct store *store, const struct provision_job *job)
{
	int r = sql_run(store, "DELETE FROM provision WHERE gateway_id = ? AND generation = ?",
			"ii", job->gateway_id, job->generation);

	return r < 0 ? r : r ? 0 : -ENOENT;
}

int store_provision_postpone(struct store *store, const struct provision_job *job,
			     int64_t not_before)
{
	int r = sql_run(store,
			"UPDATE provision SET not_before = ? WHERE gateway_id = ?"
			" AND generation = ?",
			"iii", not_before, job->gateway_id, job->generation);

	return r < 0 ? r : 0;
}
