/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gateways, their tokens and their changes in SQLite. */
#include <errno.h>
#include <string.h>

#include "apid/store_sqlite.h"
#include "common/memory.h"

#define UNUSED_TOKENS 4 /* answers that got lost on the way; more are dropped */

const char *const gateway_state_names[GATEWAY_STATE_COUNT] = {
	[GATEWAY_PENDING] = "pending",
	[GATEWAY_APPROVED] = "approved",
	[GATEWAY_REVOKED] = "revoked",
};

const char *const change_names[CHANGE_COUNT] = {
	[CHANGE_RULES] = "rules",
	[CHANGE_CONFIGURATION] = "configuration",
	[CHANGE_VPN] = "vpn",
	[CHANGE_IDENTIFY] = "identify",
};

/* The columns gateway_read() expects, in its order. */
#define GATEWAY_COLUMNS                                                                     \
	"g.id, g.state, g.mac, g.claim_code, g.organisation_id, g.name, g.hostname,"        \
	" g.sw_version, g.interfaces, g.csr, g.configuration, g.status, g.provision_error," \
	" g.announced_at, g.approved_at, g.seen_at, g.revision, g.rules_revision,"          \
	" g.configuration_revision, g.vpn_revision, g.identify_revision,"                   \
	" EXISTS(SELECT 1 FROM gateway o WHERE o.mac = g.mac AND o.id <> g.id AND o.state <> 2)"

static void gateway_read(sqlite3_stmt *statement, struct gateway_record *record)
{
	*record = (struct gateway_record){ .id = sql_number(statement, 0) };
	record->state = (enum gateway_state)sql_number(statement, 1);
	sql_copy(statement, 2, record->mac_address, sizeof(record->mac_address));
	sql_copy(statement, 3, record->claim_code, sizeof(record->claim_code));
	record->organisation_id = sql_number(statement, 4);
	record->name = sql_text(statement, 5);
	record->hostname = sql_text(statement, 6);
	record->sw_version = sql_text(statement, 7);
	record->interfaces = sql_text(statement, 8);
	record->csr = sql_text(statement, 9);
	record->configuration = sql_text(statement, 10);
	record->status = sql_text(statement, 11);
	record->provision_error = sql_text(statement, 12);
	record->announced_at = (int64_t)sql_number(statement, 13);
	record->approved_at = (int64_t)sql_number(statement, 14);
	record->seen_at = (int64_t)sql_number(statement, 15);
	record->revision = sql_number(statement, 16);
	for (int i = 0; i < CHANGE_COUNT; i++)
		record->change_revision[i] = sql_number(statement, 17 + i);
	record->mac_is_shared = sql_number(statement, 21);
}

void gateway_record_clear(struct gateway_record *record)
{
	free(record->name);
	free(record->hostname);
	free(record->sw_version);
	free(record->interfaces);
	free(record->csr);
	free(record->configuration);
	free(record->status);
	free(record->provision_error);
	*record = (struct gateway_record){ .id = 0 };
}

static int gateway_read_one(struct store *store, sqlite3_stmt *statement,
			    struct gateway_record *ret_record)
{
	int r = sql_row(store, statement);

	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;
	gateway_read(statement, ret_record);
	return 0;
}

int store_gateway_get(struct store *store, uint64_t id, struct gateway_record *ret_record)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	int r = sql_query(store, &statement,
			  "SELECT " GATEWAY_COLUMNS " FROM gateway g WHERE g.id = ?", "i", id);

	return r < 0 ? r : gateway_read_one(store, statement, ret_record);
}

int store_gateway_find(struct store *store, const char *mac, const char *secret_hash,
		       struct gateway_record *ret_record)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	int r = sql_query(store, &statement,
			  "SELECT " GATEWAY_COLUMNS
			  " FROM gateway g WHERE g.mac = ? AND g.secret_hash = ?",
			  "tt", mac, secret_hash);

	return r < 0 ? r : gateway_read_one(store, statement, ret_record);
}

static int gateway_id_of(struct store *store, const char *mac, const char *secret_hash,
			 uint64_t *ret_id)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	int r = sql_query(store, &statement,
			  "SELECT id FROM gateway WHERE mac = ? AND secret_hash = ?", "tt", mac,
			  secret_hash);

	if (r == 0)
		r = sql_row(store, statement);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret_id = sql_number(statement, 0);
	return 0;
}

int store_gateway_announce(struct store *store, const struct announcement *announcement,
			   const char *from, int64_t now, uint64_t *ret_id, bool *ret_created)
{
	char hash[SHA256_HEX_SIZE], code[CLAIM_CODE_SIZE];
	int r;

	sha256_hex(hash, announcement->secret, strlen(announcement->secret));
	claim_code_derive(code, announcement->secret);
	r = sql_run(store,
		    "INSERT INTO gateway(mac, secret_hash, claim_code, hostname, sw_version,"
		    " interfaces, csr, announced_at, announced_from)"
		    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		    "tttttttit", announcement->mac_address, hash, code, announcement->hostname,
		    announcement->sw_version, announcement->interfaces, announcement->csr, now,
		    from);
	if (r < 0)
		return r;
	*ret_created = r > 0;
	if (r == 0) {
		/* An approved gateway's key moves by an order to vpn-service: the caller's. */
		r = sql_run(store,
			    "UPDATE gateway SET hostname = ?, sw_version = ?, interfaces = ?,"
			    " csr = iif(state = 0, ?, csr), announced_at = ?, announced_from = ?"
			    " WHERE mac = ? AND secret_hash = ? AND state <> 2",
			    "ttttittt", announcement->hostname, announcement->sw_version,
			    announcement->interfaces, announcement->csr, now, from,
			    announcement->mac_address, hash);
		if (r < 0)
			return r;
	}
	return gateway_id_of(store, announcement->mac_address, hash, ret_id);
}

int store_gateway_claimable(struct store *store, const char *claim_code, uint64_t *ret_ids,
			    size_t max)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	size_t count = 0;
	int r = sql_query(store, &statement,
			  "SELECT id FROM gateway WHERE claim_code = ? AND state <> 2 LIMIT ?",
			  "ti", claim_code, (int64_t)max);

	if (r < 0)
		return r;
	while ((r = sql_row(store, statement)) > 0 && count < max)
		ret_ids[count++] = sql_number(statement, 0);
	return r < 0 ? r : (int)count;
}

int store_gateway_approve(struct store *store, uint64_t id, uint64_t organisation_id,
			  const char *name, int64_t now)
{
	int r = sql_run(store,
			"UPDATE gateway SET state = 1, organisation_id = ?, name = ?,"
			" approved_at = ? WHERE id = ? AND state = 0",
			"itii", organisation_id, name, now, id);

	return r < 0 ? r : r ? 0 : -ENOENT;
}

int store_gateway_revoke(struct store *store, uint64_t id, int64_t now)
{
	int r = sql_run(store,
			"UPDATE gateway SET state = 2, revoked_at = ?, configuration = NULL,"
			" provision_error = NULL WHERE id = ? AND state <> 2",
			"ii", now, id);

	if (r == 0)
		r = -ENOENT;
	if (r > 0)
		r = sql_run(store, "DELETE FROM device WHERE gateway_id = ?", "i", id);
	if (r >= 0)
		r = sql_run(store, "DELETE FROM rule WHERE gateway_id = ?", "i", id);
	return r < 0 ? r : 0;
}

int store_gateway_list(struct store *store, uint64_t organisation_id, store_gateway_fn *on_gateway,
		       void *owner)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	int r = sql_query(store, &statement,
			  "SELECT " GATEWAY_COLUMNS " FROM gateway g WHERE g.organisation_id = ?"
			  " AND g.state <> 2 ORDER BY g.id",
			  "i", organisation_id);

	if (r < 0)
		return r;
	while ((r = sql_row(store, statement)) > 0) {
		_cleanup_gateway_ struct gateway_record record = { .id = 0 };

		gateway_read(statement, &record);
		on_gateway(&record, owner);
	}
	return r;
}

static int pending_count(struct store *store, const char *from, uint64_t *ret_count)
{
	_cleanup_sql_ sqlite3_stmt *statement = NULL;
	int r = from ? sql_query(store, &statement,
				 "SELECT count(*) FROM gateway WHERE state = 0 AND announced_from "
				 "= ?",
				 "t", from)
		     : sql_query(store, &statement, "SELECT count(*) FROM gateway WHERE state = 0",
				 "");

	if (r == 0)
		r = sql_row(store, statement);
	if (r < 0)
		return r;
	*ret_count = sql_number(statement, 0);
	return 0;
}

int store_gateway_pending_count(struct store *store, uint64_t *ret_count)
{
	return pending_count(store, NULL, ret_count);
}

int store_gateway_make_room(struct store *store, const char *from, uint64_t max_from, uint64_t max)
{
	uint64_t count;
	int r = pending_count(store, from, &count);

	if (r == 0 && count >= max_from)
		r = sql_run(
			store,
			"DELETE FROM gateway WHERE id IN (SELECT id FROM gateway WHERE state = 0"
			" AND announced_from = ?1 ORDER BY announced_at, id LIMIT ?2)",
			"ti", from, (int64_t)(count - max_from + 1));
	if (r >= 0)
		r = pending_count(store, NULL, &count);
	if (r >= 0 && count >= max)
		r = sql_run(
			store,
			"DELETE FROM gateway WHERE id IN (SELECT id FROM gateway WHERE state = 0"
			" AND announced_from = (SELECT announced_from FROM gateway WHERE"
			" state = 0 GROUP BY announced_from ORDER BY count(*) DESC,"
			" min(announced_at) LIMIT 1) ORDER BY announced_at, id LIMIT 1)",
			"");
	return r < 0 ? r : 0;
}

int store_gateway_forget_pending(struct store *store, int64_t since)
{
	return sql_run(store, "DELETE FROM gateway WHERE state = 0 AND announced_at < ?", "i",
		       since);
}

int store_gateway_changed(struct store *store, uint64_t id, unsigned changes)
{
	int r = sql_run(
		store,
		"UPDATE gateway SET revision = revision + 1,"
		" rules_revision = iif(?1 & 1, revision + 1, rules_revision),"
		" configuration_revision = iif(?1 & 2, revision + 1, configuration_revision),"
		" vpn_revision = iif(?1 & 4, revision + 1, vpn_revision),"
		" identify_revision = iif(?1 & 8, revision + 1, identify_revision)"
		" WHERE id = ?2",
		"ii", (int64_t)changes, id);

	return r < 0 ? r : 0;
}

int store_gateway_set_csr(struct store *store, uint64_t id, const char *csr)
{
	int r = sql_run(store, "UPDATE gateway SET csr = ? WHERE id = ?", "ti", csr, id);

	return r < 0 ? r : 0;
}

int store_gateway_set_configuration(struct store *store, uint64_t id, const char *json)
{
	int r = sql_run(store,
			"UPDATE gateway SET configuration = ?, provision_error = NULL WHERE id = ?",
			"ti", json, id);

	return r < 0 ? r : 0;
}

int store_gateway_set_provision_error(struct store *store, uint64_t id, const char *error)
{
	int r = sql_run(store, "UPDATE gateway SET provision_error = ? WHERE id = ?", "ti", error,
			id);

	return r < 0 ? r : 0;
}

int store_gateway_set_status(struct store *store, uint64_t id, const char *json, int64_t now)
{
	int r;

	/* Each minute from each gateway, and the next one replaces it: not worth a disk flush. */
	sqlite3_exec(store->database, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	r = sql_run(store,
		    "UPDATE gateway SET status = ?1, seen_at = ?2,"
		    " sw_version = ifnull(json_extract(?1, '$.sw_version'), sw_version)"
		    " WHERE id = ?3",
		    "tii", json, now, id);
	sqlite3_exec(store->database, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
	return r < 0 ? r : 0;
}

/* --- tokens --- */

int store_token_add(struct store *store, uint64_t gateway_id, const char *hash, int64_t now,
		    int64_t expires_at)
{
	int r = sql_run(store,
			"DELETE FROM token WHERE gateway_id = ?1 AND (expires_at <= ?2"
			" OR (used_at IS NULL AND id NOT IN (SELECT id FROM token WHERE"
			" gateway_id = ?1 AND used_at IS NULL ORDER BY id DESC LIMIT ?3)))",
			"iii", gateway_id, now, (int64_t)(UNUSED_TOKENS - 1));

	if (r >= 0)
		r = sql_run(store,
			    "INSERT INTO token(hash, gateway_id, expires_at) VALUES(?, ?, ?)",
			    "tii", hash, gateway_id, expires_at);
	return r < 0 ? r : 0;
}

static int token_first_used(struct store *store, uint64_t token_id, uint64_t gateway_id,
			    int64_t now)
{
	int r = store_begin(store);

	if (r == 0)
		r = sql_run(store, "UPDATE token SET used_at = ? WHERE id = ?", "ii", now,
			    token_id);
	if (r >= 0)
		r = sql_run(store, "DELETE FROM token WHERE gateway_id = ? AND id < ?", "ii",
			    gateway_id, token_id);
	if (r >= 0)
		r = store_commit(store);
	if (r < 0)
		store_abandon(store);
	return r;
}

int store_token_use(struct store *store, const char *hash, int64_t now, uint64_t *ret_gateway_id)
{
	uint64_t token_id, gateway_id;
	bool used;
	int r;

	{
		_cleanup_sql_ sqlite3_stmt *statement = NULL;

		r = sql_query(store, &statement,
			      "SELECT id, gateway_id, used_at IS NOT NULL FROM token"
			      " WHERE hash = ? AND expires_at > ?",
			      "ti", hash, now);
		if (r == 0)
			r = sql_row(store, statement);
		if (r <= 0)
			return r < 0 ? r : -ENOENT;
		token_id = sql_number(statement, 0);
		gateway_id = sql_number(statement, 1);
		used = sql_number(statement, 2);
	}
	/* When that cannot be written now (disk full), the next use tries again: reading goes on.
	 */
	if (!used)
		(void)token_first_used(store, token_id, gateway_id, now);
	*ret_gateway_id = gateway_id;
	return 0;
}
