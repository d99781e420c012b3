/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many connections one device gets, and how many at a time: counted at the other end, which is
 * this process as well. */
#include "discoverd/confirmation.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/support/test.h"

#define PORTS 14

struct site {
	struct loop *loop;
	struct loop_io listeners[PORTS];
	uint16_t ports[PORTS];
	int open[64]; /* connections, as long as the other end has not closed them */
	size_t open_count, total, most;
	size_t results;
};

static struct site site;

/* The other end has closed it: whatever it sent before is read by then. */
static bool is_closed(int fd)
{
	char bytes[512];
	ssize_t size;

	do
		size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (size > 0);
	return size == 0 || errno != EAGAIN;
}

static void drop_closed(void)
{
	for (size_t i = 0; i < site.open_count; i++)
		if (is_closed(site.open[i])) {
			close(site.open[i]);
			site.open[i--] = site.open[--site.open_count];
		}
}

/* Speaks none of the protocols, so that each port is asked once and done with. */
static void on_connection(struct loop_io *io, unsigned ready)
{
	static const char nonsense[] = "SSH-2.0-nobody\r\n";
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	drop_closed();
	assert_true(site.open_count < ARRAY_SIZE(site.open));
	site.open[site.open_count++] = fd;
	site.total++;
	if (site.open_count > site.most)
		site.most = site.open_count;
	assert_int_equal(send(fd, nonsense, sizeof(nonsense) - 1, MSG_NOSIGNAL),
			 sizeof(nonsense) - 1);
}

static void on_result(struct device *device, uint16_t port, enum probe_service service,
		      enum probe_result result, const struct evidence *evidence, void *owner)
{
	site.results++;
}

static void on_idle(void *owner)
{
	loop_stop(site.loop, 0);
}

static int set_up(void **state)
{
	struct sockaddr_storage bound;
	struct netaddr address;
	socklen_t length;
	int fd;

	site = (struct site){ 0 };
	assert_int_equal(loop_new(&site.loop), 0);
	netaddr_parse(&address, "127.0.0.1");
	for (size_t i = 0; i < PORTS; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(fd >= 0);
		length = netaddr_to_sockaddr(&address, 0, &bound);
		assert_int_equal(bind(fd, (struct sockaddr *)&bound, length), 0);
		assert_int_equal(listen(fd, 16), 0);
		length = sizeof(bound);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &length), 0);
		netaddr_from_sockaddr(&address, &site.ports[i], (struct sockaddr *)&bound);
		loop_io_init(&site.listeners[i], site.loop, fd, on_connection);
		loop_io_watch(&site.listeners[i], LOOP_READ);
	}
	return 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < PORTS; i++) {
		loop_io_deinit(&site.listeners[i]);
		close(site.listeners[i].fd);
	}
	for (size_t i = 0; i < site.open_count; i++)
		close(site.open[i]);
	loop_free(site.loop);
	return 0;
}

static void ask(enum look look, struct connection_budget *budget)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct tcp_place place = { 0 };
	struct confirmation *confirmation;
	struct confirmer *confirmer;

	for (size_t i = 0; i < PORTS; i++)
		evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, site.ports[i],
				  i % 2 ? "http" : "rtsp", 1);
	netaddr_parse(&place.address, "127.0.0.1");
	confirmer_new(&confirmer, site.loop, budget, on_result, on_idle, NULL);
	confirmation_new(&confirmation, confirmer, NULL);
	confirmation_reset(confirmation, look);
	confirmation_update(confirmation, &place, &evidence, false);
	assert_int_equal(loop_run(site.loop), 0);
	assert_int_equal(budget->running, 0);
	confirmation_free(confirmation);
	confirmer_free(confirmer);
}

static void a_full_look(void **state)
{
	struct connection_budget budget = { 0 };

	ask(LOOK_FULL, &budget);
	assert_int_equal(site.results, 10);
	assert_int_equal(site.total, 10);
	assert_true(site.most <= 3);
}

static void a_light_look(void **state)
{
	struct connection_budget budget = { 0 };

	ask(LOOK_LIGHT, &budget);
	assert_int_equal(site.total, 4);
}

/* Others have all places: one after the other is taken as it becomes free. */
static void a_budget_that_is_used_up(void **state)
{
	struct connection_budget budget = { .running = CONNECTION_BUDGET_RUNNING - 1 };
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct tcp_place place = { 0 };
	struct confirmation *confirmation;
	struct confirmer *confirmer;

	for (size_t i = 0; i < 4; i++)
		evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, site.ports[i], "http", 1);
	netaddr_parse(&place.address, "127.0.0.1");
	confirmer_new(&confirmer, site.loop, &budget, on_result, on_idle, NULL);
	confirmation_new(&confirmation, confirmer, NULL);
	confirmation_reset(confirmation, LOOK_LIGHT);
	confirmation_update(confirmation, &place, &evidence, false);
	assert_true(confirmer_is_busy(confirmer));
	while (site.results < 4)
		assert_int_equal(loop_run(site.loop), 0);
	assert_int_equal(site.total, 4);
	assert_int_equal(site.most, 1);
	assert_int_equal(budget.running, CONNECTION_BUDGET_RUNNING - 1);
	confirmation_free(confirmation);
	confirmer_free(confirmer);
}

/* What a device is does not change from one look to the next, but it may be another by now. */
static void who_has_told_is_not_asked_by_a_light_look(void **state)
{
	static const struct {
		enum look look;
		usec_t age; /* of what it has told */
		bool busy;
	} looks[] = { { LOOK_FULL, 0, true },
		      { LOOK_LIGHT, 0, false },
		      { LOOK_LIGHT, 3000 * USEC_PER_SEC, false },
		      { LOOK_LIGHT, 3601 * USEC_PER_SEC, true } };
	struct connection_budget budget = { 0 };
	struct tcp_place place = { 0 };
	struct confirmation *confirmation;
	struct confirmer *confirmer;

	netaddr_parse(&place.address, "127.0.0.1");
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
		usec_t now = loop_now(site.loop);

		if (now < looks[i].age)
			continue; /* the machine is not up for so long */
		evidence_add_port(&evidence, SOURCE_ONVIF, FIELD_ONVIF, site.ports[0], "/onvif",
				  now - looks[i].age);
		confirmer_new(&confirmer, site.loop, &budget, on_result, on_idle, NULL);
		confirmation_new(&confirmation, confirmer, NULL);
		confirmation_reset(confirmation, looks[i].look);
		confirmation_update(confirmation, &place, &evidence, false);
		assert_int_equal(confirmer_is_busy(confirmer), looks[i].busy);
		confirmation_free(confirmation);
		confirmer_free(confirmer);
	}
}

/* It is heard as it boots, and listens later. */
static void who_refused_at_first_is_asked_again(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct connection_budget budget = { 0 };
	struct tcp_place place = { 0 };
	struct confirmation *confirmation;
	struct confirmer *confirmer;
	struct sockaddr_storage bound;
	struct netaddr address;
	struct loop_io camera;
	socklen_t length;
	uint16_t port;
	int fd;

	netaddr_parse(&address, "127.0.0.1");
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	length = netaddr_to_sockaddr(&address, 0, &bound);
	assert_int_equal(bind(fd, (struct sockaddr *)&bound, length), 0);
	length = sizeof(bound);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &length), 0);
	netaddr_from_sockaddr(&place.address, &port, (struct sockaddr *)&bound);
	evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, port, "rtsp", 1);
	confirmer_new(&confirmer, site.loop, &budget, on_result, on_idle, NULL);
	confirmation_new(&confirmation, confirmer, NULL);
	confirmation_reset(confirmation, LOOK_FIRST);
	confirmation_update(confirmation, &place, &evidence, false);
	assert_int_equal(loop_run(site.loop), 0);
	assert_int_equal(site.results, 1);
	assert_int_equal(site.total, 0);

	assert_int_equal(listen(fd, 16), 0);
	loop_io_init(&camera, site.loop, fd, on_connection);
	loop_io_watch(&camera, LOOP_READ);
	confirmation_update(confirmation, &place, &evidence, false);
	assert_false(confirmer_is_busy(confirmer));
	confirmation_extend(confirmation);
	confirmation_update(confirmation, &place, &evidence, false);
	assert_int_equal(loop_run(site.loop), 0);
	assert_int_equal(site.results, 2);
	assert_int_equal(site.total, 1);
	confirmation_free(confirmation);
	confirmer_free(confirmer);
	loop_io_deinit(&camera);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_full_look, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_light_look, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_budget_that_is_used_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_has_told_is_not_asked_by_a_light_look, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(who_refused_at_first_is_asked_again, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
