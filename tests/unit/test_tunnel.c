/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every state meets every event, over a transport that only remembers what it was asked. */
#include "vpnd/tunnel.h"

#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "tests/support/test.h"

enum tunnel_event {
	JOIN,
	LEAVE,
	FORGET,
	JOINED_UP,
	JOINED_DOWN,
	LEFT,
	FAULT,
	LINK_UP,
	LINK_DOWN,
	ADDRESS,
	NO_ADDRESS,
	STALE,
	ELAPSED,
	EVENT_COUNT
};

struct fixture {
	struct loop *loop;
	struct tunnel *tunnel;
	char calls[64]; /* one letter for each operation */
	unsigned changes;
};

static void note(struct fixture *fixture, char call)
{
	size_t length = strlen(fixture->calls);

	assert_true(length + 1 < sizeof(fixture->calls));
	fixture->calls[length] = call;
}

static void on_join(void *owner)
{
	note(owner, 'j');
}

static void on_leave(bool forget, void *owner)
{
	note(owner, forget ? 'f' : 'l');
}

static void on_diagnose(void *owner)
{
	note(owner, 'd');
}

static void on_start_address(void *owner)
{
	note(owner, 'a');
}

static void on_stop_address(void *owner)
{
	note(owner, 's');
}

static void on_changed(void *owner)
{
	struct fixture *fixture = owner;

	fixture->changes++;
}

static const struct tunnel_operations operations = {
	.join = on_join,
	.leave = on_leave,
	.diagnose = on_diagnose,
	.start_address = on_start_address,
	.stop_address = on_stop_address,
	.changed = on_changed,
};

static int setup(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	log_set_max_level(LOG_CRIT);
	assert_int_equal(loop_new(&fixture->loop), 0);
	assert_int_equal(tunnel_new(&fixture->tunnel, fixture->loop, &operations, fixture), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	tunnel_free(fixture->tunnel);
	loop_free(fixture->loop);
	free(fixture);
	return 0;
}

static void happen(struct fixture *fixture, enum tunnel_event event)
{
	switch (event) {
	case JOIN:
		tunnel_join(fixture->tunnel);
		break;
	case LEAVE:
		tunnel_leave(fixture->tunnel);
		break;
	case FORGET:
		tunnel_forget(fixture->tunnel);
		break;
	case JOINED_UP:
	case JOINED_DOWN:
		tunnel_on_joined(fixture->tunnel, event == JOINED_UP);
		break;
	case LEFT:
		tunnel_on_left(fixture->tunnel);
		break;
	case FAULT:
		tunnel_on_fault(fixture->tunnel, "a fault");
		break;
	case LINK_UP:
	case LINK_DOWN:
		tunnel_on_link(fixture->tunnel, event == LINK_UP);
		break;
	case ADDRESS:
	case NO_ADDRESS:
		tunnel_on_address(fixture->tunnel, event == ADDRESS);
		break;
	case STALE:
		tunnel_on_stale(fixture->tunnel);
		break;
	case ELAPSED:
		tunnel_on_elapsed(fixture->tunnel);
		break;
	case EVENT_COUNT:
		fail();
	}
}

/* The events that lead from the start to a state. */
static void go_to(struct fixture *fixture, enum tunnel_state state)
{
	static const enum tunnel_event paths[TUNNEL_STATE_COUNT][6] = {
		[TUNNEL_UNCONFIGURED] = { EVENT_COUNT },
		[TUNNEL_PREPARING] = { JOIN, EVENT_COUNT },
		[TUNNEL_CONNECTING] = { JOIN, JOINED_DOWN, EVENT_COUNT },
		[TUNNEL_ADDRESSING] = { JOIN, JOINED_UP, EVENT_COUNT },
		[TUNNEL_UP] = { JOIN, JOINED_UP, ADDRESS, EVENT_COUNT },
		[TUNNEL_FAILED] = { JOIN, FAULT, EVENT_COUNT },
		[TUNNEL_LEAVING] = { JOIN, LEAVE, EVENT_COUNT },
		[TUNNEL_DISCONNECTED] = { JOIN, LEAVE, LEFT, EVENT_COUNT },
	};

	for (const enum tunnel_event *event = paths[state]; *event != EVENT_COUNT; event++)
		happen(fixture, *event);
	assert_int_equal(tunnel_state(fixture->tunnel), state);
	memset(fixture->calls, 0, sizeof(fixture->calls));
}

struct expectation {
	enum tunnel_state state;
	const char *calls;
};

#define U TUNNEL_UNCONFIGURED
#define P TUNNEL_PREPARING
#define C TUNNEL_CONNECTING
#define A TUNNEL_ADDRESSING
#define R TUNNEL_UP
#define F TUNNEL_FAILED
#define L TUNNEL_LEAVING
#define D TUNNEL_DISCONNECTED

/* clang-format off */
static const struct expectation expected[TUNNEL_STATE_COUNT][EVENT_COUNT] = {
	/*      JOIN        LEAVE       FORGET      JOINED_UP  JOINED_DOWN LEFT     FAULT    LINK_UP    LINK_DOWN  ADDRESS   NO_ADDRESS  STALE      ELAPSED */
	[U] = { { P, "j" }, { L, "l" }, { L, "f" }, { U, "" }, { U, "" }, { U, "" }, { U, "" }, { U, "" }, { U, "" }, { U, "" }, { U, "" }, { U, "" }, { U, "" } },
	[P] = { { P, "j" }, { L, "l" }, { L, "f" }, { A, "a" }, { C, "" }, { P, "" }, { F, "" }, { P, "" }, { P, "" }, { P, "" }, { P, "" }, { P, "" }, { F, "" } },
	[C] = { { P, "j" }, { L, "l" }, { L, "f" }, { C, "" }, { C, "" }, { C, "" }, { F, "" }, { A, "a" }, { C, "" }, { C, "" }, { C, "" }, { P, "j" }, { C, "d" } },
	[A] = { { P, "sj" }, { L, "sl" }, { L, "sf" }, { A, "" }, { A, "" }, { A, "" }, { A, "" }, { A, "" }, { C, "s" }, { R, "" }, { A, "" }, { P, "sj" }, { A, "" } },
	[R] = { { P, "sj" }, { L, "sl" }, { L, "sf" }, { R, "" }, { R, "" }, { R, "" }, { R, "" }, { R, "" }, { C, "s" }, { R, "" }, { A, "a" }, { P, "sj" }, { R, "" } },
	[F] = { { P, "j" }, { L, "l" }, { L, "f" }, { F, "" }, { F, "" }, { F, "" }, { F, "" }, { A, "a" }, { F, "" }, { F, "" }, { F, "" }, { P, "j" }, { P, "j" } },
	[L] = { { P, "j" }, { L, "" }, { L, "f" }, { L, "" }, { L, "" }, { D, "" }, { L, "" }, { L, "" }, { L, "" }, { L, "" }, { L, "" }, { L, "l" }, { L, "l" } },
	[D] = { { P, "j" }, { L, "l" }, { L, "f" }, { D, "" }, { D, "" }, { D, "" }, { D, "" }, { L, "l" }, { D, "" }, { D, "" }, { D, "" }, { D, "" }, { D, "" } },
};
/* clang-format on */

static void every_state_meets_every_event(void **unused)
{
	for (unsigned state = 0; state < TUNNEL_STATE_COUNT; state++)
		for (unsigned event = 0; event < EVENT_COUNT; event++) {
			const struct expectation *want = &expected[state][event];
			void *made = NULL;
			struct fixture *fixture;

			setup(&made);
			fixture = made;
			go_to(fixture, (enum tunnel_state)state);
			happen(fixture, (enum tunnel_event)event);
			if (tunnel_state(fixture->tunnel) != want->state ||
			    strcmp(fixture->calls, want->calls) != 0)
				fail_msg("%s, event %u: %s with \"%s\", not %s with \"%s\"",
					 tunnel_state_name((enum tunnel_state)state), event,
					 tunnel_state_name(tunnel_state(fixture->tunnel)),
					 fixture->calls, tunnel_state_name(want->state),
					 want->calls);
			teardown(&made);
		}
}

static void forgetting_ends_unconfigured(void **state)
{
	struct fixture *fixture = *state;

	go_to(fixture, TUNNEL_UP);
	tunnel_forget(fixture->tunnel);
	tunnel_leave(fixture->tunnel); /* does not make it less */
	tunnel_on_left(fixture->tunnel);
	assert_int_equal(tunnel_state(fixture->tunnel), TUNNEL_UNCONFIGURED);
	assert_string_equal(fixture->calls, "sf");
}

static void the_error_is_told_until_it_is_over(void **state)
{
	struct fixture *fixture = *state;

	go_to(fixture, TUNNEL_FAILED);
	assert_string_equal(tunnel_last_error(fixture->tunnel), "a fault");
	tunnel_on_elapsed(fixture->tunnel);
	tunnel_on_joined(fixture->tunnel, true);
	assert_string_equal(tunnel_last_error(fixture->tunnel), "a fault");
	tunnel_on_address(fixture->tunnel, true);
	assert_string_equal(tunnel_last_error(fixture->tunnel), "");
}

static void waiting_for_an_address_is_told(void **state)
{
	struct fixture *fixture = *state;
	unsigned changes;

	go_to(fixture, TUNNEL_ADDRESSING);
	changes = fixture->changes;
	tunnel_on_elapsed(fixture->tunnel);
	assert_non_null(strstr(tunnel_last_error(fixture->tunnel), "DHCP"));
	assert_int_equal(fixture->changes, changes + 1);
	tunnel_on_elapsed(fixture->tunnel);
	assert_int_equal(fixture->changes, changes + 1);
}

static void leaving_that_fails_goes_on_and_says_so(void **state)
{
	struct fixture *fixture = *state;

	go_to(fixture, TUNNEL_LEAVING);
	tunnel_on_fault(fixture->tunnel, "no client");
	assert_int_equal(tunnel_state(fixture->tunnel), TUNNEL_LEAVING);
	assert_string_equal(tunnel_last_error(fixture->tunnel), "no client");
	tunnel_on_elapsed(fixture->tunnel);
	tunnel_on_left(fixture->tunnel);
	assert_int_equal(tunnel_state(fixture->tunnel), TUNNEL_DISCONNECTED);
	assert_string_equal(tunnel_last_error(fixture->tunnel), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_meets_every_event),
		cmocka_unit_test_setup_teardown(forgetting_ends_unconfigured, setup, teardown),
		cmocka_unit_test_setup_teardown(the_error_is_told_until_it_is_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(waiting_for_an_address_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(leaving_that_fails_goes_on_and_says_so, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
