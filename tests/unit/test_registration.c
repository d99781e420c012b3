/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every state of the registration against every event: where it goes, and that it never rests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/memory.h"
#include "gatewayd/key_maker.h"
#include "gatewayd/registration.h"

/* Short names, for the table. */
#define S REGISTRATION_STARTING
#define A REGISTRATION_ANNOUNCING
#define P REGISTRATION_PENDING
#define Z REGISTRATION_AUTHORIZING
#define C REGISTRATION_CONFIGURING
#define R REGISTRATION_RUNNING
#define V REGISTRATION_REVOKED

static char directory_path[] = "/tmp/test_registration.XXXXXX";
static struct loop *loop;
static struct state_dir *directory;
static struct identity *identity;
static struct api_client *client;

/* What the handlers have been told. */
static unsigned states_told, tokens_told;
static char *problem_told;

static void on_contact(struct api_client *api_client, void *owner)
{
}

static void on_state(struct registration *registration, void *owner)
{
	states_told++;
}

static void on_token(struct api_token *token, void *owner)
{
	assert_string_equal(token->token, "t");
	tokens_told++;
}

static void on_problem(const char *problem, void *owner)
{
	replace_string(&problem_told, problem);
}

static const struct registration_handlers handlers = { on_state, on_token, on_problem };

static void on_key(const char *problem, void *owner)
{
	loop_stop(loop, problem ? -1 : 0);
}

static int prepare(void **state)
{
	if (!mkdtemp(directory_path) || loop_new(&loop) < 0 ||
	    state_dir_open(&directory, directory_path) < 0 ||
	    identity_open(&identity, &(struct identity_options){ .loop = loop,
								 .directory = directory,
								 .on_key = on_key }) < 0 ||
	    loop_run(loop) < 0)
		return -1;
	log_set_max_level(LOG_EMERG);
	/* Nobody listens there, and the loop does not run: calls start and never end. */
	return api_client_new(&client, loop,
			      &(struct api_client_options){ .url = "https://127.0.0.1:1",
							    .on_contact = on_contact });
}

static int clean_up(void **state)
{
	state_dir_remove(directory, STATE_IDENTITY);
	state_dir_remove(directory, STATE_KEY);
	api_client_free(client);
	identity_free(identity);
	state_dir_free(directory);
	loop_free(loop);
	free(problem_told);
	return rmdir(directory_path);
}

static struct api_answer answer(enum api_outcome outcome, const char *body)
{
	return (struct api_answer){ .outcome = outcome,
				    .error = outcome >= API_UNAUTHORIZED ? "a reason" : NULL,
				    .body = body,
				    .body_size = strlen(body) };
}

#define PENDING_BODY  "{\"status\":\"pending\",\"retry_after\":1}"
#define APPROVED_BODY "{\"status\":\"approved\",\"gateway_id\":1}"
#define TOKEN_BODY    "{\"token\":\"t\",\"gateway_id\":1}"

static struct registration *in_state(enum registration_state state)
{
	struct api_answer pending = answer(API_OK, PENDING_BODY);
	struct api_answer approved = answer(API_OK, APPROVED_BODY);
	struct registration *registration = registration_new(
		&(struct registration_options){ .loop = loop,
						.client = client,
						.identity = identity,
						.retry_longest = 60 * USEC_PER_SEC,
						.handlers = &handlers });

	if (state != S)
		registration_on_start(registration, state == V, state == C || state == R,
				      state == R);
	if (state == P)
		registration_on_announce_answer(registration, &pending);
	if (state == Z)
		registration_on_announce_answer(registration, &approved);
	assert_int_equal(registration_state(registration), state);
	return registration;
}

enum kind { ANNOUNCE, TOKEN, CONFIGURED, UNAUTHORIZED, AUTHORIZED, REVOKED, RENEWING, RESET };

static const struct {
	const char *name;
	enum kind kind;
	enum api_outcome outcome;
	const char *body;
	enum registration_state next[REGISTRATION_STATE_COUNT]; /* from S, A, P, Z, C, R, V */
} events[] = {
	{ "announced, pending", ANNOUNCE, API_OK, PENDING_BODY, { S, P, P, Z, C, R, V } },
	{ "announced, approved", ANNOUNCE, API_OK, APPROVED_BODY, { S, Z, P, Z, C, R, V } },
	{ "announced, malformed", ANNOUNCE, API_OK, "{", { S, A, P, Z, C, R, V } },
	{ "announced, 204", ANNOUNCE, API_NO_CONTENT, "", { S, A, P, Z, C, R, V } },
	{ "announced, 404", ANNOUNCE, API_NOT_FOUND, "", { S, A, P, Z, C, R, V } },
	{ "announced, 409", ANNOUNCE, API_CONFLICT, "", { S, V, P, Z, C, R, V } },
	{ "announced, 410", ANNOUNCE, API_REVOKED, "", { S, V, P, Z, C, R, V } },
	{ "announced, 429", ANNOUNCE, API_LATER, "", { S, A, P, Z, C, R, V } },
	{ "announced, 500", ANNOUNCE, API_REFUSED, "", { S, A, P, Z, C, R, V } },
	{ "announced, nothing", ANNOUNCE, API_UNREACHABLE, "", { S, A, P, Z, C, R, V } },
	{ "announced, certificate", ANNOUNCE, API_WRONG, "", { S, A, P, Z, C, R, V } },
	{ "token", TOKEN, API_OK, TOKEN_BODY, { S, A, C, C, C, R, V } },
	{ "token, malformed", TOKEN, API_OK, "[]", { S, A, P, Z, C, R, V } },
	{ "token, 202", TOKEN, API_ACCEPTED, "", { S, A, P, P, C, R, V } },
	{ "token, 204", TOKEN, API_NO_CONTENT, "", { S, A, P, Z, C, R, V } },
	{ "token, 304", TOKEN, API_NOT_MODIFIED, "", { S, A, P, Z, C, R, V } },
	{ "token, 401", TOKEN, API_UNAUTHORIZED, "", { S, A, P, Z, C, R, V } },
	{ "token, 404", TOKEN, API_NOT_FOUND, "", { S, A, A, A, C, R, V } },
	{ "token, 409", TOKEN, API_CONFLICT, "", { S, A, V, V, C, R, V } },
	{ "token, 410", TOKEN, API_REVOKED, "", { S, A, V, V, C, R, V } },
	{ "token, 503", TOKEN, API_LATER, "", { S, A, P, Z, C, R, V } },
	{ "token, 500", TOKEN, API_REFUSED, "", { S, A, P, Z, C, R, V } },
	{ "token, nothing", TOKEN, API_UNREACHABLE, "", { S, A, P, Z, C, R, V } },
	{ "token, certificate", TOKEN, API_WRONG, "", { S, A, P, Z, C, R, V } },
	{ "configured", CONFIGURED, API_OK, "", { S, A, P, Z, R, R, V } },
	{ "unauthorized", UNAUTHORIZED, API_OK, "", { S, A, P, Z, Z, Z, V } },
	{ "authorized", AUTHORIZED, API_OK, "", { S, A, P, Z, C, R, V } },
	{ "revoked", REVOKED, API_OK, "", { V, V, V, V, V, V, V } },
	{ "renewing", RENEWING, API_OK, "", { S, S, S, S, S, S, S } },
	{ "reset", RESET, API_OK, "", { A, A, A, A, A, A, A } },
};

static void give(struct registration *registration, size_t event)
{
	struct api_answer given = answer(events[event].outcome, events[event].body);

	switch (events[event].kind) {
	case ANNOUNCE:
		registration_on_announce_answer(registration, &given);
		break;
	case TOKEN:
		registration_on_token_answer(registration, &given);
		break;
	case CONFIGURED:
		registration_on_configured(registration);
		break;
	case UNAUTHORIZED:
		registration_on_unauthorized(registration);
		break;
	case AUTHORIZED:
		registration_on_authorized(registration);
		break;
	case REVOKED:
		registration_on_revoked(registration);
		break;
	case RENEWING:
		registration_on_renewing(registration);
		break;
	case RESET:
		registration_on_reset(registration);
		break;
	}
}

static void every_state_and_event(void **state)
{
	struct registration *registration;
	enum registration_state to;

	for (size_t event = 0; event < ARRAY_SIZE(events); event++)
		for (int from = 0; from < REGISTRATION_STATE_COUNT; from++) {
			registration = in_state((enum registration_state)from);
			states_told = 0;
			give(registration, event);
			to = registration_state(registration);
			if (to != events[event].next[from])
				fail_msg("%s in %s: went to %s", events[event].name,
					 registration_state_name((enum registration_state)from),
					 registration_state_name(to));
			/* Told at least when it changed; and it never stands still or asks twice.
			 */
			assert_true(states_told > 0 || to == (enum registration_state)from);
			assert_int_equal(registration_is_busy(registration),
					 to == A || to == P || to == Z);
			registration_free(registration);
		}
}

static void token_is_given(void **state)
{
	struct registration *registration = in_state(P);
	struct api_answer given = answer(API_OK, TOKEN_BODY);

	tokens_told = 0;
	registration_on_token_answer(registration, &given);
	assert_int_equal(tokens_told, 1);
	assert_true(registration_has_token(registration));
	registration_free(registration);
}

/* With a configuration in force, a new token leads straight back to running. */
static void token_after_configuration(void **state)
{
	struct registration *registration = in_state(R);
	struct api_answer given = answer(API_OK, TOKEN_BODY);

	registration_on_unauthorized(registration);
	assert_int_equal(registration_state(registration), Z);
	assert_false(registration_has_token(registration));
	registration_on_token_answer(registration, &given);
	assert_int_equal(registration_state(registration), R);
	/* … but not after a reset. */
	registration_on_renewing(registration);
	registration_on_reset(registration);
	given = answer(API_OK, APPROVED_BODY);
	registration_on_announce_answer(registration, &given);
	given = answer(API_OK, TOKEN_BODY);
	registration_on_token_answer(registration, &given);
	assert_int_equal(registration_state(registration), C);
	registration_free(registration);
}

static void problems_come_and_go(void **state)
{
	struct registration *registration = in_state(A);
	struct api_answer given = answer(API_REFUSED, "");

	registration_on_announce_answer(registration, &given);
	assert_string_equal(problem_told, "a reason");
	given = answer(API_OK, PENDING_BODY);
	registration_on_announce_answer(registration, &given);
	assert_null(problem_told);
	given = answer(API_OK, "{}");
	registration_on_token_answer(registration, &given);
	assert_string_equal(problem_told, "token is missing");
	registration_free(registration);
}

/* Only what waits after a failure is asked again at once. */
static void asked_now(void **state)
{
	struct registration *registration = in_state(A);
	struct api_answer given = answer(API_UNREACHABLE, "");

	assert_false(registration_ask_now(registration));
	registration_on_announce_answer(registration, &given);
	assert_true(registration_ask_now(registration));
	assert_true(registration_is_busy(registration));
	assert_false(registration_ask_now(registration));
	registration_free(registration);
}

int main(int argc, char *argv[])
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_and_event),
		cmocka_unit_test(token_is_given),
		cmocka_unit_test(token_after_configuration),
		cmocka_unit_test(problems_come_and_go),
		cmocka_unit_test(asked_now),
	};

	if (argc == 3 && strcmp(argv[1], KEY_MAKER_VERB) == 0)
		return key_maker_main(argv[2]);
	return cmocka_run_group_tests(tests, prepare, clean_up);
}
