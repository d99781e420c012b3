/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One comparison of database, SoftEther and host files. Only users named gatewayN are looked at:
 * whatever else an operator made in the hub is none of our business.
 */
#include "vpn-service/reconcile.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"

/* A repair that is not done yet; job is NULL afterwards. */
struct repair {
	struct reconcile *reconcile;
	struct provision_job *job;
};

struct reconcile {
	struct provision *provision;
	const struct provision_settings *settings;
	reconcile_done_fn *on_done;
	void *owner;
	struct softether_call *call;
	struct repair *repairs;
	size_t repair_count;
	size_t pending;
	int error;
	char *text;
};

/* A gateway's user as SoftEther has it. */
struct user {
	uint32_t gateway_id;
	bool is_known; /* to the database */
	const char *note;
};

/* What the walk over the database collects, before anything is changed. */
struct plan {
	struct host_files *host_files;
	struct user *users; /* sorted by number */
	size_t user_count;
	uint32_t *known; /* the database's, sorted because the walk goes by number */
	size_t known_count;
	uint32_t *unfinished;
	size_t unfinished_count;
	int error;
};

static int compare_users(const void *a, const void *b)
{
	const struct user *left = a, *right = b;

	return (left->gateway_id > right->gateway_id) - (left->gateway_id < right->gateway_id);
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void append_id(uint32_t **ids, size_t *count, uint32_t id)
{
	*ids = xrealloc_array(*ids, *count + 1, sizeof(**ids));
	(*ids)[(*count)++] = id;
}

static int collect_users(struct plan *plan, const cJSON *result)
{
	const cJSON *list, *item;
	const char *name;

	if (json_get_array(result, "UserList", 100000, &list) < 0)
		return -EPROTO;
	plan->users = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*plan->users));
	json_for_each (item, list) {
		struct user *user = &plan->users[plan->user_count];

		if (json_get_string(item, "Name_str", 255, &name) < 0 ||
		    gateway_name_parse(name, &user->gateway_id) < 0)
			continue;
		user->note = "";
		(void)json_get_string(item, "Note_utf", 1023, &user->note);
		plan->user_count++;
	}
	qsort(plan->users, plan->user_count, sizeof(*plan->users), compare_users);
	return 0;
}

static void on_account(const struct account *account, void *owner)
{
	struct plan *plan = owner;
	const struct user key = { .gateway_id = account->gateway_id };
	struct user *user = bsearch(&key, plan->users, plan->user_count, sizeof(*plan->users),
				    compare_users);
	int r;

	append_id(&plan->known, &plan->known_count, account->gateway_id);
	if (user)
		user->is_known = true;
	if (account->state != ACCOUNT_PROVISIONED || !user ||
	    strcmp(user->note, account->serial) != 0) {
		append_id(&plan->unfinished, &plan->unfinished_count, account->gateway_id);
		return;
	}
	r = host_files_write(plan->host_files, account);
	if (r < 0)
		plan->error = r;
}

static bool is_wanted(uint32_t gateway_id, void *owner)
{
	const struct plan *plan = owner;

	return plan->known_count && bsearch(&gateway_id, plan->known, plan->known_count,
					    sizeof(gateway_id), compare_ids);
}

static void fail(struct reconcile *reconcile, int error, const char *text)
{
	if (reconcile->error)
		return;
	reconcile->error = error;
	reconcile->text = xstrdup(text);
}

static void on_repaired(const struct provision_result *result, void *owner)
{
	struct repair *repair = owner;
	struct reconcile *reconcile = repair->reconcile;

	repair->job = NULL;
	if (result->error)
		fail(reconcile, result->error, result->text);
	if (--reconcile->pending == 0)
		reconcile->on_done(reconcile->error, reconcile->text, reconcile->owner);
}

static void start_repairs(struct reconcile *reconcile, const struct plan *plan)
{
	size_t strangers = 0;

	reconcile->repairs = xcalloc(plan->unfinished_count + plan->user_count + 1,
				     sizeof(*reconcile->repairs));
	for (size_t i = 0; i < plan->unfinished_count; i++) {
		struct repair *repair = &reconcile->repairs[reconcile->repair_count++];

		repair->reconcile = reconcile;
		repair->job = provision_repair(reconcile->provision, plan->unfinished[i],
					       on_repaired, repair);
	}
	for (size_t i = 0; i < plan->user_count; i++) {
		struct repair *repair;

		if (plan->users[i].is_known)
			continue;
		repair = &reconcile->repairs[reconcile->repair_count++];
		repair->reconcile = reconcile;
		/* Repaired, not removed: by its turn the gateway may have become a known one. */
		repair->job = provision_repair(reconcile->provision, plan->users[i].gateway_id,
					       on_repaired, repair);
		strangers++;
	}
	reconcile->pending = reconcile->repair_count;
	if (reconcile->pending)
		log_info("reconciling: %zu accounts to finish, %zu unknown users to remove",
			 plan->unfinished_count, strangers);
}

static int reconcile_with(struct reconcile *reconcile, struct plan *plan, const cJSON *result)
{
	const struct provision_settings *settings = reconcile->settings;
	int r = collect_users(plan, result);

	if (r < 0)
		return r;
	r = account_store_for_each(settings->store, on_account, plan);
	if (r < 0)
		return r;
	r = host_files_prune(settings->host_files, is_wanted, plan);
	if (r < 0)
		return r;
	start_repairs(reconcile, plan);
	return plan->error;
}

static void on_users(const struct softether_answer *answer, void *owner)
{
	struct reconcile *reconcile = owner;
	struct plan plan = { .host_files = reconcile->settings->host_files };

	reconcile->call = NULL;
	if (answer->error) {
		fail(reconcile, answer->error, answer->text);
	} else {
		int r = reconcile_with(reconcile, &plan, answer->result);

		if (r < 0)
			fail(reconcile, r, "database, host files or SoftEther's list of users");
	}
	free(plan.users);
	free(plan.known);
	free(plan.unfinished);
	if (!reconcile->pending)
		reconcile->on_done(reconcile->error, reconcile->text, reconcile->owner);
}

struct reconcile *reconcile_start(struct provision *provision,
				  const struct provision_settings *settings,
				  reconcile_done_fn *on_done, void *owner)
{
	struct reconcile *reconcile = xnew(struct reconcile);
	cJSON *params = json_new_object();

	*reconcile = (struct reconcile){
		.provision = provision, .settings = settings, .on_done = on_done, .owner = owner
	};
	json_add_string(params, "HubName_str", settings->hub);
	reconcile->call = softether_start(settings->softether, "EnumUser", params, on_users,
					  reconcile);
	return reconcile;
}

struct reconcile *reconcile_free(struct reconcile *reconcile)
{
	if (!reconcile)
		return NULL;
	softether_cancel(reconcile->call);
	for (size_t i = 0; i < reconcile->repair_count; i++)
		provision_abandon(reconcile->repairs[i].job);
	free(reconcile->repairs);
	free(reconcile->text);
	free(reconcile);
	return NULL;
}
