/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of provisioning. A job is a small state machine around one account; job_enter() is the
 * only writer of its state. Jobs are owned by struct provision and listed in the order in which
 * they came; a job waits while an older one for the same gateway is at work.
 *
 * Flush makes vpnserver write its whole configuration, which takes it the longer the more users it
 * has. So jobs share it: one Flush runs at a time, and it counts for the jobs that were waiting
 * when it was sent, not for those that come later. A new account does not wait for one, which
 * follows within SAVE_DELAY: a vpnserver that dies before has forgotten a user that reconciling
 * makes again as soon as it is back. What takes something away, a removal or a change of keys, is
 * not done until it is on disk.
 */
#include "vpn-service/provision.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/memory.h"
#include "vpn-service/enrolment.h"

#define SAVE_DELAY (3 * USEC_PER_SEC)

enum job_state {
	JOB_WAITING,
	JOB_CREATING_USER,
	JOB_UPDATING_USER,
	JOB_REMOVING_USER,
	JOB_LISTING_SESSIONS,
	JOB_CUTTING_SESSIONS,
	JOB_FLUSHING,
	JOB_ENDING,
	JOB_STATE_COUNT
};

enum job_kind {
	JOB_CREATE,
	JOB_REPAIR,
	JOB_REMOVE,
};

static const struct {
	const char *name;
	unsigned next;
} states[JOB_STATE_COUNT] = {
	[JOB_WAITING] = { "waiting",
			  BIT(JOB_CREATING_USER) | BIT(JOB_REMOVING_USER) | BIT(JOB_ENDING) },
	[JOB_CREATING_USER] = { "creating-user",
				BIT(JOB_UPDATING_USER) | BIT(JOB_FLUSHING) | BIT(JOB_ENDING) },
	[JOB_UPDATING_USER] = { "updating-user", BIT(JOB_FLUSHING) | BIT(JOB_ENDING) },
	[JOB_REMOVING_USER] = { "removing-user", BIT(JOB_LISTING_SESSIONS) | BIT(JOB_ENDING) },
	[JOB_LISTING_SESSIONS] = { "listing-sessions",
				   BIT(JOB_CUTTING_SESSIONS) | BIT(JOB_CREATING_USER) |
					   BIT(JOB_FLUSHING) | BIT(JOB_ENDING) },
	[JOB_CUTTING_SESSIONS] = { "cutting-sessions",
				   BIT(JOB_LISTING_SESSIONS) | BIT(JOB_ENDING) },
	[JOB_FLUSHING] = { "flushing", BIT(JOB_ENDING) },
	[JOB_ENDING] = { "ending", 0 },
};

struct provision_job {
	struct provision *provision;
	struct provision_job *next;
	enum job_kind kind;
	enum job_state state;
	uint32_t gateway_id;
	char *csr;
	struct account *account;     /* NULL: not in the database */
	bool cut_first;              /* a removal was under way: nothing of the old may live on */
	bool had_user;               /* of a removal: SoftEther knew the gateway */
	bool is_new;                 /* there was nothing of this gateway before */
	bool flush_is_mine;          /* the Flush that is running covers this job */
	struct softether_call *call; /* the one that is running */
	int error;
	char *text;
	provision_done_fn *on_done; /* NULL: abandoned, or nobody cares */
	void *owner;
};

struct provision {
	struct loop *loop;
	struct provision_settings settings;
	const struct provision_listener *listener;
	void *owner;
	struct provision_job *jobs;
	struct softether_call *flush;
	struct loop_timer save; /* when a Flush follows that nobody waits for */
	struct loop_defer turn; /* starts waiting jobs, ends finished ones */
};

static void job_enter(struct provision_job *job, enum job_state state);

static struct provision_job *job_free(struct provision_job *job)
{
	softether_cancel(job->call);
	account_free(job->account);
	free(job->csr);
	free(job->text);
	free(job);
	return NULL;
}

static void job_fail(struct provision_job *job, int error, const char *text)
{
	job->error = error;
	replace_string(&job->text, text);
	job_enter(job, JOB_ENDING);
}

/* SoftEther said no, or nothing. */
static void job_fail_softether(struct provision_job *job, const struct softether_answer *answer)
{
	struct provision *provision = job->provision;
	bool refused = answer->error == -EREMOTEIO;
	_cleanup_free_ char *text = xasprintf(
		"SoftEther %s: %s",
		refused ? "refuses the account" : "does not answer as it should", answer->text);

	log_event(LOG_WARNING, LOG_FIELDS("EVENT=softether"), "gateway %u: %s: %s", job->gateway_id,
		  states[job->state].name, text);
	if (provision->listener->on_softether_lost)
		provision->listener->on_softether_lost(provision->owner, answer->error, text);
	/* Whatever it was: the row says what is left to do, and reconciling will do it. */
	job_fail(job, -ENETUNREACH, text);
}

static cJSON *job_params(const struct provision_job *job)
{
	char name[GATEWAY_NAME_SIZE];
	cJSON *params = json_new_object();

	json_add_string(params, "HubName_str", job->provision->settings.hub);
	json_add_string(params, "Name_str", gateway_name_format(job->gateway_id, name));
	return params;
}

static void serial_to_bytes(uint8_t bytes[static CERTIFICATE_SERIAL_SIZE], const char *serial)
{
	for (unsigned i = 0; i < CERTIFICATE_SERIAL_SIZE; i++) {
		char octet[3] = { serial[2 * i], serial[2 * i + 1], '\0' };

		bytes[i] = (uint8_t)strtoul(octet, NULL, 16);
	}
}

/*
 * AuthType 3: any certificate of the hub's authority with this name and this serial number, so that
 * the certificate before a change of keys is worth nothing at once. The note repeats the serial
 * number, because EnumUser shows notes and nothing else that tells certificates apart.
 */
static cJSON *user_params(const struct provision_job *job)
{
	uint8_t serial[CERTIFICATE_SERIAL_SIZE];
	char name[GATEWAY_NAME_SIZE];
	cJSON *params = job_params(job);

	serial_to_bytes(serial, job->account->serial);
	json_add_string(params, "GroupName_str", PROVISION_GROUP);
	json_add_string(params, "Note_utf", job->account->serial);
	json_add_number(params, "AuthType_u32", 3);
	json_add_string(params, "CommonName_utf", gateway_name_format(job->gateway_id, name));
	softether_add_binary(params, "Serial_bin", serial, sizeof(serial));
	return params;
}

/* --- making --- */

static void finish_saved(struct provision_job *job);

static void save_later(struct provision *provision)
{
	if (!loop_timer_is_armed(&provision->save))
		loop_timer_arm(&provision->save, SAVE_DELAY);
}

static void finish_user(struct provision_job *job)
{
	struct provision *provision = job->provision;
	int r = host_files_write(provision->settings.host_files, job->account);

	if (r < 0) {
		log_error_errno(r, "gateway %u: cannot write dnsmasq's host files: %m",
				job->gateway_id);
		job_fail(job, r, "the host files of dnsmasq cannot be written");
		return;
	}
	if (!job->is_new) {
		job_enter(job, JOB_FLUSHING);
		return;
	}
	save_later(provision);
	finish_saved(job);
}

static void on_user_updated(const struct softether_answer *answer, void *owner)
{
	struct provision_job *job = owner;

	job->call = NULL;
	if (answer->error)
		job_fail_softether(job, answer);
	else
		finish_user(job);
}

static void on_user_created(const struct softether_answer *answer, void *owner)
{
	struct provision_job *job = owner;

	job->call = NULL;
	if (answer->error == -EREMOTEIO && answer->code == SOFTETHER_USER_EXISTS)
		job_enter(job, JOB_UPDATING_USER);
	else if (answer->error)
		job_fail_softether(job, answer);
	else
		finish_user(job);
}

/* --- unmaking --- */

static void on_user_removed(const struct softether_answer *answer, void *owner)
{
	struct provision_job *job = owner;

	job->call = NULL;
	job->had_user = !answer->error;
	if (answer->error && !(answer->error == -EREMOTEIO && answer->code == SOFTETHER_NO_OBJECT))
		job_fail_softether(job, answer);
	else
		job_enter(job, JOB_LISTING_SESSIONS);
}

static const char *session_of(const cJSON *result, const char *username)
{
	const cJSON *list, *session;
	const char *user, *name;

	if (json_get_array(result, "SessionList", 100000, &list) < 0)
		return NULL;
	json_for_each (session, list) {
		if (json_get_string(session, "Username_str", 255, &user) == 0 &&
		    json_get_string(session, "Name_str", 255, &name) == 0 &&
		    !strcmp(user, username))
			return name;
	}
	return NULL;
}

static void finish_cut(struct provision_job *job)
{
	struct provision *provision = job->provision;
	int r;

	if (job->kind != JOB_REMOVE) {
		job->cut_first = false;
		job_enter(job, JOB_CREATING_USER);
		return;
	}
	r = host_files_remove(provision->settings.host_files, job->gateway_id);
	if (r < 0) {
		log_error_errno(r, "gateway %u: cannot remove dnsmasq's host files: %m",
				job->gateway_id);
		job_fail(job, r, "the host files of dnsmasq cannot be removed");
		return;
	}
	if (r > 0 && provision->listener->on_lease_removed)
		provision->listener->on_lease_removed(provision->owner);
	job_enter(job, JOB_FLUSHING);
}

static void on_session_cut(const struct softether_answer *answer, void *owner)
{
	struct provision_job *job = owner;

	job->call = NULL;
	if (answer->error && !(answer->error == -EREMOTEIO && answer->code == SOFTETHER_NO_OBJECT))
		job_fail_softether(job, answer);
	else
		job_enter(job, JOB_LISTING_SESSIONS); /* until none is left */
}

static void on_sessions_listed(const struct softether_answer *answer, void *owner)
{
	struct provision_job *job = owner;
	char username[GATEWAY_NAME_SIZE];
	const char *session;
	cJSON *params;

	job->call = NULL;
	if (answer->error) {
		job_fail_softether(job, answer);
		return;
	}
	session = session_of(answer->result, gateway_name_format(job->gateway_id, username));
	if (!session) {
		finish_cut(job);
		return;
	}
	job_enter(job, JOB_CUTTING_SESSIONS);
	params = json_new_object();
	json_add_string(params, "HubName_str", job->provision->settings.hub);
	json_add_string(params, "Name_str", session);
	job->call = softether_start(job->provision->settings.softether, "DeleteSession", params,
				    on_session_cut, job);
}

/* --- writing SoftEther's configuration --- */

static void flush_start(struct provision *provision);

static void tell_done(const struct provision_job *job)
{
	const char *what = "provisioned";

	if (job->kind == JOB_REMOVE && !job->account && !job->had_user) {
		log_info("gateway %u is not known; there was nothing to remove", job->gateway_id);
		return;
	}
	if (job->kind == JOB_REMOVE)
		what = job->account ? "removed"
				    : "removed from SoftEther; the database did not know it";
	log_event(LOG_INFO, LOG_FIELDS("EVENT=account"), "gateway %u is %s", job->gateway_id, what);
}

/* As far as SoftEther is concerned. */
static void finish_saved(struct provision_job *job)
{
	struct provision_settings *settings = &job->provision->settings;
	int r = 0;

	if (job->kind == JOB_REMOVE && job->account) {
		r = account_store_remove(settings->store, job->gateway_id,
					 (int64_t)time(NULL) + settings->address_rest_seconds);
	} else if (job->kind != JOB_REMOVE && job->account->state != ACCOUNT_PROVISIONED) {
		job->account->state = ACCOUNT_PROVISIONED;
		r = account_store_update(settings->store, job->account);
	}
	if (r < 0) {
		log_error_errno(r, "gateway %u: cannot write the database: %m", job->gateway_id);
		job_fail(job, r, "the database cannot be written");
		return;
	}
	tell_done(job);
	job_enter(job, JOB_ENDING);
}

static void on_flushed(const struct softether_answer *answer, void *owner)
{
	struct provision *provision = owner;
	bool more = false;

	provision->flush = NULL;
	for (struct provision_job *job = provision->jobs; job; job = job->next) {
		if (job->state != JOB_FLUSHING)
			continue;
		if (!job->flush_is_mine)
			more = true;
		else if (answer->error)
			job_fail_softether(job, answer);
		else
			finish_saved(job);
	}
	if (answer->error)
		save_later(provision); /* for those who did not wait */
	if (more)
		flush_start(provision);
}

static void flush_start(struct provision *provision)
{
	loop_timer_cancel(&provision->save);
	for (struct provision_job *job = provision->jobs; job; job = job->next) {
		if (job->state == JOB_FLUSHING)
			job->flush_is_mine = true;
	}
	provision->flush = softether_start(provision->settings.softether, "Flush", NULL, on_flushed,
					   provision);
}

static void on_save(struct loop_timer *timer)
{
	struct provision *provision = container_of(timer, struct provision, save);

	if (provision->flush)
		save_later(provision);
	else
		flush_start(provision);
}

/* --- the state machine --- */

static void job_enter(struct provision_job *job, enum job_state state)
{
	struct provision *provision = job->provision;
	struct softether *softether = provision->settings.softether;
	cJSON *params;

	if (!(states[job->state].next & BIT(state)))
		abort();
	log_debug("gateway %u: %s -> %s", job->gateway_id, states[job->state].name,
		  states[state].name);
	job->state = state;
	switch (state) {
	case JOB_CREATING_USER:
		job->call = softether_start(softether, "CreateUser", user_params(job),
					    on_user_created, job);
		break;
	case JOB_UPDATING_USER:
		job->call = softether_start(softether, "SetUser", user_params(job), on_user_updated,
					    job);
		break;
	case JOB_REMOVING_USER:
		job->call = softether_start(softether, "DeleteUser", job_params(job),
					    on_user_removed, job);
		break;
	case JOB_LISTING_SESSIONS:
		params = json_new_object();
		json_add_string(params, "HubName_str", provision->settings.hub);
		job->call = softether_start(softether, "EnumSession", params, on_sessions_listed,
					    job);
		break;
	case JOB_FLUSHING:
		if (!provision->flush)
			flush_start(provision);
		break;
	case JOB_ENDING:
		loop_defer_schedule(&provision->turn);
		break;
	case JOB_WAITING:
	case JOB_CUTTING_SESSIONS: /* started by the answer that names the session */
	case JOB_STATE_COUNT:
		break;
	}
}

/* --- first step: the database --- */

static void begin_create(struct provision_job *job)
{
	const struct provision_settings *settings = &job->provision->settings;
	const struct enrolment_settings enrolment = {
		.store = settings->store,
		.pool = &settings->pool,
		.issuer = &settings->issuer,
		.certificate_days = settings->certificate_days,
	};
	const char *problem;
	int r;

	/* Whatever of the account before is left has to go first. */
	job->cut_first = job->account && job->account->state == ACCOUNT_REMOVING;
	job->is_new = !job->account;
	r = enrolment_record(&enrolment, &job->account, job->gateway_id, job->csr, &problem);
	if (r < 0) {
		if (r != -EINVAL && r != -ENOSPC)
			log_error_errno(r, "gateway %u: %s: %m", job->gateway_id, problem);
		job_fail(job, r, problem);
	} else if (job->account->state == ACCOUNT_PROVISIONED) {
		job_enter(job, JOB_ENDING); /* the same answer as before */
	} else {
		job_enter(job, job->cut_first ? JOB_REMOVING_USER : JOB_CREATING_USER);
	}
}

static void begin_remove(struct provision_job *job)
{
	int r = 0;

	if (job->account && job->account->state != ACCOUNT_REMOVING) {
		job->account->state = ACCOUNT_REMOVING;
		r = account_store_update(job->provision->settings.store, job->account);
	}
	if (r < 0) {
		log_error_errno(r, "gateway %u: cannot write the database: %m", job->gateway_id);
		job_fail(job, r, "the database cannot be written");
		return;
	}
	job_enter(job, JOB_REMOVING_USER);
}

static void begin_repair(struct provision_job *job)
{
	if (!job->account || job->account->state == ACCOUNT_REMOVING)
		job->kind = JOB_REMOVE;
	if (job->kind == JOB_REMOVE)
		begin_remove(job);
	else
		job_enter(job, JOB_CREATING_USER);
}

static void job_begin(struct provision_job *job)
{
	int r = account_store_get(job->provision->settings.store, job->gateway_id, &job->account);

	if (r < 0 && r != -ENOENT) {
		log_error_errno(r, "gateway %u: cannot read the database: %m", job->gateway_id);
		job_fail(job, r, "the database cannot be read");
		return;
	}
	switch (job->kind) {
	case JOB_CREATE:
		begin_create(job);
		return;
	case JOB_REPAIR:
		begin_repair(job);
		return;
	case JOB_REMOVE:
		begin_remove(job);
		return;
	}
}

/* --- jobs --- */

static void job_end(struct provision *provision, struct provision_job **place)
{
	struct provision_job *job = *place;
	struct provision_result result = { .error = job->error, .text = job->text };

	*place = job->next;
	if (!job->error && job->kind != JOB_REMOVE)
		result.account = job->account;
	if (!job->error && provision->listener->on_accounts_changed)
		provision->listener->on_accounts_changed(provision->owner);
	if (job->on_done)
		job->on_done(&result, job->owner);
	job_free(job);
}

static bool job_is_first(const struct provision *provision, const struct provision_job *job)
{
	for (const struct provision_job *older = provision->jobs; older != job;
	     older = older->next) {
		if (older->gateway_id == job->gateway_id)
			return false;
	}
	return true;
}

/* One job per call, because its callback may start others; the rest in the next turn. */
static void on_turn(struct loop_defer *turn)
{
	struct provision *provision = container_of(turn, struct provision, turn);

	for (struct provision_job **place = &provision->jobs; *place; place = &(*place)->next) {
		if ((*place)->state == JOB_ENDING) {
			loop_defer_schedule(turn);
			job_end(provision, place);
			return;
		}
	}
	for (struct provision_job *job = provision->jobs; job; job = job->next) {
		if (job->state == JOB_WAITING && job_is_first(provision, job))
			job_begin(job);
	}
}

static struct provision_job *job_new(struct provision *provision, enum job_kind kind,
				     uint32_t gateway_id, const char *csr,
				     provision_done_fn *on_done, void *owner)
{
	struct provision_job *job = xnew(struct provision_job);
	struct provision_job **place = &provision->jobs;

	*job = (struct provision_job){ .provision = provision,
				       .kind = kind,
				       .gateway_id = gateway_id,
				       .csr = xstrdup(csr),
				       .on_done = on_done,
				       .owner = owner };
	while (*place)
		place = &(*place)->next;
	*place = job;
	loop_defer_schedule(&provision->turn);
	return job;
}

struct provision_job *provision_create(struct provision *provision, uint32_t gateway_id,
				       const char *csr, provision_done_fn *on_done, void *owner)
{
	return job_new(provision, JOB_CREATE, gateway_id, csr, on_done, owner);
}

struct provision_job *provision_repair(struct provision *provision, uint32_t gateway_id,
				       provision_done_fn *on_done, void *owner)
{
	return job_new(provision, JOB_REPAIR, gateway_id, NULL, on_done, owner);
}

struct provision_job *provision_remove(struct provision *provision, uint32_t gateway_id,
				       provision_done_fn *on_done, void *owner)
{
	return job_new(provision, JOB_REMOVE, gateway_id, NULL, on_done, owner);
}

struct provision_job *provision_abandon(struct provision_job *job)
{
	if (job)
		job->on_done = NULL;
	return NULL;
}

int provision_new(struct provision **ret_provision, struct loop *loop,
		  const struct provision_settings *settings,
		  const struct provision_listener *listener, void *owner)
{
	struct provision *provision = xnew(struct provision);

	provision->loop = loop;
	provision->settings = *settings;
	provision->listener = listener;
	provision->owner = owner;
	loop_defer_init(&provision->turn, loop, on_turn);
	loop_timer_init(&provision->save, loop, on_save);
	*ret_provision = provision;
	return 0;
}

struct provision *provision_free(struct provision *provision)
{
	if (!provision)
		return NULL;
	softether_cancel(provision->flush);
	while (provision->jobs) {
		struct provision_job *job = provision->jobs;

		provision->jobs = job->next;
		job_free(job);
	}
	loop_defer_deinit(&provision->turn);
	loop_timer_deinit(&provision->save);
	free(provision);
	return NULL;
}
