/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many connections one device gets, and how many at a time: counted at the other end, which is
 * this process as well. */
#include "discoverd/confirmation.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/support/local_port.h"
#include "tests/support/test.h"

#define PORTS 14

struct site {
	struct loop *loop;
	struct loop_io listeners[PORTS];
	uint16_t ports[PORTS];
	int open[64]; /* connections, as long as the other end has not closed them */
	size_t open_count, total, most;
	size_t results;
	struct {
		struct device *device;
		enum probe_service service;
		enum probe_result result;
	} told[64];  /* of the results */
	bool speaks; /* they speak HTTP, and keep the connection; */
	bool ends;   /* but they hang up instead of a second answer */
	bool answered;
	struct loop_io servers[16];
	size_t server_count;
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

/* Asks for a password, whatever it is asked. */
static void on_request(struct loop_io *io, unsigned ready)
{
	static const char answer[] = "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno";
	char request[2048];

	if (recv(io->fd, request, sizeof(request), 0) <= 0 || (site.answered && site.ends)) {
		loop_io_watch(io, 0);
		shutdown(io->fd, SHUT_RDWR);
		return;
	}
	site.answered = true;
	assert_int_equal(send(io->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL),
			 sizeof(answer) - 1);
}

static void start_server(int fd)
{
	struct loop_io *server = &site.servers[site.server_count++];

	assert_true(site.server_count <= ARRAY_SIZE(site.servers));
	site.answered = false;
	loop_io_init(server, site.loop, fd, on_request);
	loop_io_watch(server, LOOP_READ);
}

/* Speaks none of the protocols, so that each port is asked once and done with. */
static void on_connection(struct loop_io *io, unsigned ready)
{
	static const char nonsense[] = "SSH-2.0-nobody\r\n";
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	if (!site.speaks)
		drop_closed();
	assert_true(site.open_count < ARRAY_SIZE(site.open));
	site.open[site.open_count++] = fd;
	site.total++;
	if (site.open_count > site.most)
		site.most = site.open_count;
	if (site.speaks) {
		start_server(fd);
		return;
	}
	assert_int_equal(send(fd, nonsense, sizeof(nonsense) - 1, MSG_NOSIGNAL),
			 sizeof(nonsense) - 1);
}

static void on_result(struct device *device, uint16_t port, enum probe_service service,
		      enum probe_result result, const struct evidence *evidence, void *owner)
{
	assert_true(site.results < ARRAY_SIZE(site.told));
	site.told[site.results].device = device;
	site.told[site.results].service = service;
	site.told[site.results++].result = result;
}

static void on_idle(void *owner)
{
	loop_stop(site.loop, 0);
}

static int set_up(void **state)
{
	int fd;

	site = (struct site){ 0 };
	assert_int_equal(loop_new(&site.loop), 0);
	for (size_t i = 0; i < PORTS; i++) {
		fd = local_port_bind(&site.ports[i]);
		assert_int_equal(listen(fd, 16), 0);
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
	for (size_t i = 0; i < site.server_count; i++)
		loop_io_deinit(&site.servers[i]);
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

/* A look that has not begun for want of a place is not over. */
static void a_look_that_waits_is_busy(void **state)
{
	struct connection_budget budget = { .running = CONNECTION_BUDGET_RUNNING };
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct tcp_place place = { 0 };
	struct confirmation *confirmation;
	struct confirmer *confirmer;

	evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, site.ports[0], "http", 1);
	netaddr_parse(&place.address, "127.0.0.1");
	confirmer_new(&confirmer, site.loop, &budget, on_result, on_idle, NULL);
	confirmation_new(&confirmation, confirmer, NULL);
	assert_false(confirmation_is_busy(confirmation));
	confirmation_update(confirmation, &place, &evidence, false);
	assert_true(confirmation_is_busy(confirmation));
	confirmation_reset(confirmation, LOOK_NONE);
	confirmation_update(confirmation, &place, &evidence, false);
	assert_false(confirmation_is_busy(confirmation));

	confirmation_reset(confirmation, LOOK_LIGHT);
	confirmation_update(confirmation, &place, &evidence, false);
	budget.running--;
	while (!site.results)
		assert_int_equal(loop_run(site.loop), 0);
	assert_false(confirmation_is_busy(confirmation));
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
	struct loop_io camera;
	uint16_t port;
	int fd = local_port_bind(&port);

	netaddr_parse(&place.address, "127.0.0.1");
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

/* All web and video servers first, then what the devices are, then what is only a guess. */
static void the_most_urgent_of_all_devices_first(void **state)
{
	static const enum probe_service order[] = { PROBE_RTSP, PROBE_HTTP,  PROBE_RTSP,
						    PROBE_HTTP, PROBE_ONVIF, PROBE_ONVIF };
	struct connection_budget budget = { .running = CONNECTION_BUDGET_RUNNING - 1 };
	struct confirmation *confirmations[2];
	struct evidence evidence[2] = { 0 };
	struct tcp_place place = { 0 };
	struct confirmer *confirmer;
	struct device *device;

	netaddr_parse(&place.address, "127.0.0.1");
	confirmer_new(&confirmer, site.loop, &budget, on_result, on_idle, NULL);
	for (size_t i = 0; i < 2; i++) {
		const uint16_t *ports = &site.ports[3 * i];

		evidence_add_port(&evidence[i], SOURCE_WSD, FIELD_HINT, ports[0], "rtsp", 1);
		evidence_add_port(&evidence[i], SOURCE_WSD, FIELD_HINT, ports[1], "http", 1);
		evidence_add_port(&evidence[i], SOURCE_WSD, FIELD_ONVIF, ports[2], "/onvif", 1);
		confirmation_new(&confirmations[i], confirmer, (struct device *)&evidence[i]);
		confirmation_update(confirmations[i], &place, &evidence[i], false);
	}
	while (site.results < ARRAY_SIZE(order))
		assert_int_equal(loop_run(site.loop), 0);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		device = (struct device *)&evidence[i < 4 ? i / 2 : i - 4];
		assert_int_equal(site.told[i].service, order[i]);
		assert_ptr_equal(site.told[i].device, device);
	}
	assert_int_equal(site.most, 1);
	for (size_t i = 0; i < 2; i++) {
		confirmation_free(confirmations[i]);
		evidence_deinit(&evidence[i]);
	}
	confirmer_free(confirmer);
}

/* HTTP, and ONVIF on the same port: over one connection if the server keeps it. */
static void what_is_on_the_same_port_needs_no_connection(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct connection_budget budget = { 0 };
	struct confirmation *confirmation;
	struct confirmer *confirmer;
	struct tcp_place place = { 0 };

	evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, site.ports[0], "http", 1);
	evidence_add_port(&evidence, SOURCE_WSD, FIELD_ONVIF, site.ports[0], "/onvif", 1);
	netaddr_parse(&place.address, "127.0.0.1");
	site.speaks = true;
	for (unsigned i = 0; i < 2; i++) {
		site.ends = i == 1;
		site.results = site.total = 0;
		confirmer_new(&confirmer, site.loop, &budget, on_result, on_idle, NULL);
		confirmation_new(&confirmation, confirmer, NULL);
		confirmation_update(confirmation, &place, &evidence, false);
		while (site.results < 2)
			assert_int_equal(loop_run(site.loop), 0);
		assert_int_equal(site.total, 1 + i);
		assert_int_equal(site.told[0].service, PROBE_HTTP);
		assert_int_equal(site.told[1].service, PROBE_ONVIF);
		/* To want a password where it says that it is, is an answer. */
		assert_int_equal(site.told[1].result, PROBE_CONFIRMED);
		confirmation_free(confirmation);
		assert_int_equal(budget.running, 0);
		confirmer_free(confirmer);
	}
}

/* A listener that never takes what is in its queue drops what comes after that. */
static void who_drops_connections_is_asked_twice(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct connection_budget budget = { 0 };
	struct confirmation *confirmation;
	struct confirmer *confirmer;
	struct tcp_place place = { 0 };
	struct sockaddr_storage to;
	socklen_t length;
	int queue[4];

	loop_io_watch(&site.listeners[0], 0);
	assert_int_equal(listen(site.listeners[0].fd, 0), 0);
	netaddr_parse(&place.address, "127.0.0.1");
	length = netaddr_to_sockaddr(&place.address, site.ports[0], &to);
	for (size_t i = 0; i < ARRAY_SIZE(queue); i++) {
		queue[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(queue[i] >= 0);
		if (connect(queue[i], (struct sockaddr *)&to, length) < 0)
			assert_int_equal(errno, EINPROGRESS);
	}
	evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, site.ports[0], "rtsp", 1);
	evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, site.ports[1], "http", 1);
	confirmer_new(&confirmer, site.loop, &budget, on_result, on_idle, NULL);
	confirmation_new(&confirmation, confirmer, NULL);
	confirmation_update(confirmation, &place, &evidence, false);
	while (site.results < 2)
		assert_int_equal(loop_run(site.loop), 0);
	assert_int_equal(site.told[0].service, PROBE_HTTP);
	assert_int_equal(site.told[1].service, PROBE_RTSP); /* once, for both times */
	assert_int_equal(site.told[1].result, PROBE_SILENT);
	assert_int_equal(budget.lost, 2);
	assert_int_equal(budget.ended, 3);
	confirmation_free(confirmation);
	confirmer_free(confirmer);
	for (size_t i = 0; i < ARRAY_SIZE(queue); i++)
		close(queue[i]);
}

/* What could not be asked has not been asked. */
static void out_of_descriptors(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct connection_budget budget = { 0 };
	struct confirmation *confirmation;
	struct confirmer *confirmer;
	struct tcp_place place = { 0 };
	struct rlimit before, limit;
	int fd = dup(0);

	close(fd);
	evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, site.ports[0], "http", 1);
	netaddr_parse(&place.address, "127.0.0.1");
	confirmer_new(&confirmer, site.loop, &budget, on_result, on_idle, NULL);
	confirmation_new(&confirmation, confirmer, NULL);
	confirmation_reset(confirmation, LOOK_VERIFY);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	confirmation_update(confirmation, &place, &evidence, false);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(confirmer_is_busy(confirmer));
	assert_int_equal(budget.running, 0);
	assert_int_equal(budget.halvings, 1);
	while (!site.results)
		assert_int_equal(loop_run(site.loop), 0);
	assert_int_equal(site.told[0].result, PROBE_OTHER);
	assert_int_equal(site.total, 1);
	confirmation_free(confirmation);
	confirmer_free(confirmer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_full_look, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_light_look, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_budget_that_is_used_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_look_that_waits_is_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_has_told_is_not_asked_by_a_light_look, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(who_refused_at_first_is_asked_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_most_urgent_of_all_devices_first, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_on_the_same_port_needs_no_connection,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_drops_connections_is_asked_twice, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(out_of_descriptors, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
