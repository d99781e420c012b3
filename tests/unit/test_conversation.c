/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conversations with servers of every manner, which are this process as well. */
#include "discoverd/conversation.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "discoverd/probe_plan.h"
#include "tests/support/local_port.h"
#include "tests/support/test.h"

#define MOST_CONNECTIONS 16

enum manner {
	KEEPS,     /* says how long its answers are */
	CHUNKS,    /* does so in parts, with an interim answer before them */
	BYTE_WISE, /* takes its time */
	LENGTHY,   /* has a lot of profiles */
	CLOSES,    /* after each answer, and says so */
	HANGS_UP,  /* after each answer, and does not say so */
	VAGUE,     /* says not how long its answers are, and waits for more */
	ENDLESS,   /* its head has no end */
};

struct peer {
	struct loop_io io;
	struct loop_timer more; /* to be sent, byte by byte */
	char request[4096];
	size_t received;
	char *answer;
	size_t size, sent;
	bool closes;
};

static struct {
	struct loop *loop;
	struct loop_io listener;
	uint16_t port;
	enum manner manner;
	struct peer peers[MOST_CONNECTIONS];
	size_t connections;
	unsigned reconnects; /* that are allowed */
	enum probe_result result;
	struct evidence evidence;
} site;

/* --- the other end --- */

static void hang_up(struct peer *peer)
{
	loop_io_deinit(&peer->io);
	loop_timer_deinit(&peer->more);
	if (peer->io.fd >= 0)
		close(peer->io.fd);
	peer->io.fd = -1;
	free(peer->answer);
	peer->answer = NULL;
}

static void on_more(struct loop_timer *timer)
{
	struct peer *peer = container_of(timer, struct peer, more);
	size_t left = peer->size - peer->sent, piece = site.manner == BYTE_WISE ? 1 : left;
	ssize_t sent = send(peer->io.fd, peer->answer + peer->sent, piece, MSG_NOSIGNAL);

	if (sent < 0) { /* it has been read enough of */
		hang_up(peer);
		return;
	}
	peer->sent += (size_t)sent;
	if (peer->sent < peer->size) {
		loop_timer_arm(timer, 0);
	} else if (site.manner == ENDLESS) {
		peer->sent = 20;
		loop_timer_arm(timer, 0);
	} else if (peer->closes) {
		hang_up(peer);
	}
}

static void reply(struct peer *peer, const char *head, const char *body)
{
	const size_t half = strlen(body) / 2;

	free(peer->answer);
	switch (site.manner) {
	case CHUNKS:
		peer->answer = xasprintf(
			"HTTP/1.1 100 Continue\r\n\r\n%sTransfer-Encoding: "
			"chunked\r\n\r\n%zx\r\n%.*s\r\n%zx;last\r\n%s\r\n0\r\n\r\n",
			head, half, (int)half, body, strlen(body) - half, body + half);
		break;
	case VAGUE:
		peer->answer = xasprintf("%s\r\n%s", head, body);
		break;
	case ENDLESS:
		peer->answer = xasprintf("%sServer: abcdefghijklmnopqrstuvwxyz\r\n", head);
		break;
	case KEEPS:
	case BYTE_WISE:
	case LENGTHY:
	case CLOSES:
	case HANGS_UP:
		peer->answer = xasprintf("%s%sContent-Length: %zu\r\n\r\n%s", head,
					 site.manner == CLOSES ? "Connection: close\r\n" : "",
					 strlen(body), body);
		break;
	}
	peer->closes = site.manner == CLOSES || site.manner == HANGS_UP;
	peer->size = strlen(peer->answer);
	peer->sent = 0;
	loop_timer_arm(&peer->more, 0);
}

static void reply_onvif(struct peer *peer)
{
	_cleanup_free_ char *services = xasprintf(
		"<Service><Namespace>http://www.onvif.org/ver10/media/wsdl</Namespace>"
		"<XAddr>http://127.0.0.1:%u/media</XAddr></Service>",
		site.port);
	static char profiles[30000];
	const struct {
		const char *call, *content;
	} answers[] = {
		{ "GetSystemDateAndTime", "" },
		{ "GetDeviceInformation", "<Model>M1</Model>" },
		{ "GetServices", services },
		{ "GetProfiles", profiles },
		{ "GetStreamUri", "<Uri>rtsp://127.0.0.1:554/live</Uri>" },
		{ "GetSnapshotUri", "<Uri>http://127.0.0.1/still</Uri>" },
		{ "GetHostname", "<HostnameInformation><Name>gate</Name></HostnameInformation>" },
		{ "GetEndpointReference", "<GUID>urn:uuid:1</GUID>" },
	};
	_cleanup_free_ char *body = NULL;
	char wanted[64];

	memset(profiles, ' ', sizeof(profiles) - 1);
	snprintf(profiles, sizeof(profiles), "<Profiles token=\"p\"/>");
	if (site.manner == LENGTHY)
		profiles[strlen(profiles)] = ' ';
	for (size_t i = 0; i < ARRAY_SIZE(answers) && !body; i++) {
		snprintf(wanted, sizeof(wanted), "<%s ", answers[i].call);
		if (strstr(peer->request, wanted))
			body = xasprintf("<Envelope><Body><%sResponse>%s</%sResponse></Body>"
					 "</Envelope>\n",
					 answers[i].call, answers[i].content, answers[i].call);
	}
	assert_non_null(body);
	reply(peer, "HTTP/1.1 200 OK\r\n", body);
}

static void on_request(struct peer *peer)
{
	if (memcmp(peer->request, "POST ", 5) == 0)
		reply_onvif(peer);
	else if (memcmp(peer->request, "GET / ", 6) == 0)
		reply(peer, "HTTP/1.1 302 Found\r\nLocation: /login\r\n", "<html></html>");
	else if (memcmp(peer->request, "GET /login ", 11) == 0)
		reply(peer,
		      "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"AXIS_00408C300009\""
		      "\r\n",
		      "");
	else if (memcmp(peer->request, "OPTIONS ", 8) == 0)
		reply(peer, "RTSP/1.0 200 OK\r\n", "");
	else
		reply(peer,
		      "RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm=\"AXIS_00408C300009\""
		      "\r\n",
		      "");
}

static void on_readable(struct loop_io *io, unsigned ready)
{
	struct peer *peer = container_of(io, struct peer, io);
	ssize_t size = recv(io->fd, peer->request + peer->received,
			    sizeof(peer->request) - 1 - peer->received, 0);
	char *end, *length;

	if (size <= 0) {
		hang_up(peer);
		return;
	}
	peer->received += (size_t)size;
	peer->request[peer->received] = '\0';
	end = strstr(peer->request, "\r\n\r\n");
	length = strstr(peer->request, "Content-Length: ");
	if (!end || (length && strlen(end + 4) < strtoul(length + 16, NULL, 10)))
		return;
	peer->received = 0;
	on_request(peer);
}

static void on_connection(struct loop_io *io, unsigned ready)
{
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;
	struct peer *peer = &site.peers[site.connections++];

	assert_true(fd >= 0);
	assert_true(site.connections <= MOST_CONNECTIONS);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	loop_io_init(&peer->io, site.loop, fd, on_readable);
	loop_io_watch(&peer->io, LOOP_READ);
	loop_timer_init(&peer->more, site.loop, on_more);
}

/* --- our end --- */

static void on_done(struct conversation *conversation, enum probe_result result,
		    struct evidence *evidence, void *owner)
{
	assert_ptr_equal(owner, &site);
	site.result = result;
	evidence_merge(&site.evidence, evidence);
	conversation_free(conversation);
	loop_stop(site.loop, 0);
}

static bool may_reconnect(void *owner)
{
	return site.reconnects && site.reconnects--;
}

static void converse(const struct service_probe *probe, enum manner manner, unsigned reconnects)
{
	static const struct conversation_handlers handlers = { on_done, may_reconnect };
	struct probe_target target = { .place.port = site.port, .patience = 60 * USEC_PER_SEC };
	struct conversation *conversation;

	site.manner = manner;
	site.reconnects = reconnects;
	site.connections = 0;
	netaddr_parse(&target.place.address, "127.0.0.1");
	assert_int_equal(
		conversation_start(&conversation, site.loop, probe, &target, &handlers, &site), 0);
	assert_int_equal(loop_run(site.loop), 0);
	for (size_t i = 0; i < site.connections; i++)
		hang_up(&site.peers[i]);
}

static int set_up(void **state)
{
	int fd;

	memset(&site, 0, sizeof(site));
	assert_int_equal(loop_new(&site.loop), 0);
	fd = local_port_bind(&site.port);
	assert_int_equal(listen(fd, MOST_CONNECTIONS), 0);
	loop_io_init(&site.listener, site.loop, fd, on_connection);
	loop_io_watch(&site.listener, LOOP_READ);
	return 0;
}

static int tear_down(void **state)
{
	loop_io_deinit(&site.listener);
	close(site.listener.fd);
	evidence_deinit(&site.evidence);
	loop_free(site.loop);
	return 0;
}

/* --- cases --- */

static void all_calls_to(enum manner manner, size_t connections)
{
	converse(&onvif_probe, manner, MOST_CONNECTIONS);
	assert_int_equal(site.result, PROBE_CONFIRMED);
	assert_int_equal(site.connections, connections);
	assert_string_equal(evidence_best(&site.evidence, FIELD_MODEL), "M1");
	assert_string_equal(evidence_best(&site.evidence, FIELD_STREAM_PATH), "/live");
	assert_string_equal(evidence_best(&site.evidence, FIELD_SNAPSHOT_PATH), "/still");
	assert_string_equal(evidence_best(&site.evidence, FIELD_NAME), "gate");
}

static void onvif_over_one_connection(void **state)
{
	all_calls_to(KEEPS, 1);
}

static void onvif_in_chunks_after_an_interim_answer(void **state)
{
	all_calls_to(CHUNKS, 1);
}

static void onvif_byte_by_byte(void **state)
{
	all_calls_to(BYTE_WISE, 1);
}

static void onvif_with_30_kilobytes_of_profiles(void **state)
{
	all_calls_to(LENGTHY, 1);
}

static void onvif_of_one_call_a_connection(void **state)
{
	all_calls_to(CLOSES, 8);
}

static void onvif_of_one_call_a_connection_without_a_word(void **state)
{
	all_calls_to(HANGS_UP, 8);
}

/* The end of the envelope is the end of the answer; it need not be waited for. */
static void onvif_that_does_not_say_where_it_ends(void **state)
{
	all_calls_to(VAGUE, 8);
}

static void as_many_connections_as_are_allowed(void **state)
{
	converse(&onvif_probe, CLOSES, 1);
	assert_int_equal(site.result, PROBE_CONFIRMED);
	assert_int_equal(site.connections, 2);
	assert_string_equal(evidence_best(&site.evidence, FIELD_MODEL), "M1");
	assert_null(evidence_best(&site.evidence, FIELD_STREAM_PATH));
}

static void a_page_that_sends_on(void **state)
{
	static const struct {
		enum manner manner;
		unsigned reconnects;
		size_t connections;
		bool followed;
	} pages[] = { { KEEPS, 0, 1, true },   { BYTE_WISE, 0, 1, true }, { CLOSES, 1, 2, true },
		      { CLOSES, 0, 1, false }, { HANGS_UP, 1, 2, true },  { VAGUE, 1, 2, true },
		      { ENDLESS, 0, 1, false } };

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		evidence_deinit(&site.evidence);
		converse(&http_probe, pages[i].manner, pages[i].reconnects);
		assert_int_equal(site.result, PROBE_CONFIRMED);
		assert_int_equal(site.connections, pages[i].connections);
		assert_string_equal(evidence_best(&site.evidence, FIELD_SERVICE), "http");
		assert_int_equal(evidence_has_trait(&site.evidence, "http-vendor"),
				 pages[i].followed);
	}
}

/* What it tells is worth one connection, no more. */
static void rtsp_over_one_connection(void **state)
{
	static const struct {
		enum manner manner;
		bool described;
	} servers[] = {
		{ KEEPS, true }, { BYTE_WISE, true }, { CLOSES, false }, { HANGS_UP, false }
	};

	for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
		evidence_deinit(&site.evidence);
		converse(&rtsp_probe, servers[i].manner, MOST_CONNECTIONS);
		assert_int_equal(site.result, PROBE_CONFIRMED);
		assert_int_equal(site.connections, 1);
		assert_int_equal(evidence_has_trait(&site.evidence, "rtsp-vendor"),
				 servers[i].described);
	}
}

static void nobody_there(void **state)
{
	loop_io_watch(&site.listener, 0);
	assert_int_equal(shutdown(site.listener.fd, SHUT_RD), 0); /* it does not listen any more */
	converse(&http_probe, KEEPS, 1);
	assert_int_equal(site.result, PROBE_REFUSED);
	assert_int_equal(site.evidence.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(onvif_over_one_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(onvif_in_chunks_after_an_interim_answer, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(onvif_byte_by_byte, set_up, tear_down),
		cmocka_unit_test_setup_teardown(onvif_with_30_kilobytes_of_profiles, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(onvif_of_one_call_a_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(onvif_of_one_call_a_connection_without_a_word,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(onvif_that_does_not_say_where_it_ends, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(as_many_connections_as_are_allowed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_page_that_sends_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rtsp_over_one_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_there, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
