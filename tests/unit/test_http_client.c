/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Against a small server in a child process, which answers by path and forks for each connection;
 * with TLS when it has a certificate.
 */
#include "common/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/support/test.h"

#include "tests/support/certificate.h"

#define LARGE_SIZE 5000000

struct stream {
	int fd;
	SSL *ssl;
};

static ssize_t stream_read(struct stream *stream, char *buffer, size_t size)
{
	return stream->ssl ? SSL_read(stream->ssl, buffer, (int)size)
			   : read(stream->fd, buffer, size);
}

/* Ends the child when nobody reads any more. */
static void stream_write(struct stream *stream, const char *bytes, size_t size)
{
	while (size) {
		ssize_t written = stream->ssl ? SSL_write(stream->ssl, bytes, (int)size)
					      : write(stream->fd, bytes, size);

		if (written <= 0)
			_exit(0);
		bytes += written;
		size -= (size_t)written;
	}
}

static void send_text(struct stream *stream, const char *text)
{
	stream_write(stream, text, strlen(text));
}

static void send_body(struct stream *stream, const char *body)
{
	_cleanup_free_ char *head = xasprintf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
					      strlen(body));

	send_text(stream, head);
	send_text(stream, body);
}

static void send_endless(struct stream *stream, const char *head, const char *piece)
{
	send_text(stream, head);
	for (;;)
		send_text(stream, piece);
}

static void close_now(struct stream *stream)
{
	shutdown(stream->fd, SHUT_RDWR);
	_exit(0);
}

static const struct {
	const char *path, *answer;
	bool close;
} answers[] = {
	{ "GET /hello ",
	  "HTTP/1.1 200 Fine\r\nETag: \"r1\"\r\nServer:  test \t\r\nContent-Type: text/plain\r\n"
	  "WWW-Authenticate: Digest realm=x\r\nWWW-Authenticate: Basic\r\nContent-Length: 5\r\n\r\n"
	  "hello" },
	{ "GET /continue ",
	  "HTTP/1.1 103 Early Hints\r\nETag: \"early\"\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n" },
	{ "GET /redirect ", "HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 0\r\n\r\n" },
	{ "GET /retry ", "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy" },
	{ "GET /retry-long ",
	  "HTTP/1.1 429 Many\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n" },
	{ "GET /retry-date ", "HTTP/1.1 503 Busy\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n"
			      "Content-Length: 0\r\n\r\n" },
	{ "GET /garbage ", "SSH-2.0-camera\r\n\r\n", true },
	{ "GET /close ", "", true },
	{ "GET /partial ", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes!", true },
	{ "GET http://example.invalid/proxied ",
	  "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied" },
	{ "CONNECT ", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" },
	{ "GET /slow ", "" },
};

static void answer(struct stream *stream, const char *request, unsigned connection)
{
	char number[16];

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		if (strncmp(request, answers[i].path, strlen(answers[i].path)) != 0)
			continue;
		send_text(stream, answers[i].answer);
		if (answers[i].close)
			close_now(stream);
		return;
	}
	if (strncmp(request, "GET /connection ", 16) == 0) {
		snprintf(number, sizeof(number), "%u", connection);
		send_body(stream, number);
	} else if (strncmp(request, "GET /large ", 11) == 0) {
		send_endless(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", "x");
	} else if (strncmp(request, "GET /endless ", 13) == 0) {
		send_endless(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
			     "4\r\nxxxx\r\n");
	} else if (strncmp(request, "GET /headers ", 13) == 0) {
		send_endless(stream, "HTTP/1.1 200 OK\r\n", "X-More: and more and more\r\n");
	} else {
		send_body(stream, request);
	}
}

/* One request at a time; the body's size is taken from Content-Length. */
static void serve(struct stream *stream, unsigned connection)
{
	static char request[100000];
	size_t used = 0, wanted;
	const char *end, *length;
	ssize_t count;

	for (;;) {
		count = stream_read(stream, request + used, sizeof(request) - used - 1);
		if (count <= 0)
			_exit(0);
		used += (size_t)count;
		request[used] = '\0';
		end = strstr(request, "\r\n\r\n");
		if (!end)
			continue;
		length = strstr(request, "Content-Length: ");
		wanted = (size_t)(end + 4 - request) +
			 (length ? strtoul(length + 16, NULL, 10) : 0);
		if (used < wanted)
			continue;
		answer(stream, request, connection);
		used = 0;
	}
}

static void run_server(int listener, const struct test_certificate *certificate)
{
	SSL_CTX *context = certificate ? SSL_CTX_new(TLS_server_method()) : NULL;
	unsigned connections = 0;

	signal(SIGCHLD, SIG_IGN);
	if (context) {
		SSL_CTX_use_certificate(context, certificate->certificate);
		SSL_CTX_use_PrivateKey(context, certificate->key);
	}
	for (;;) {
		struct stream stream = { .fd = accept(listener, NULL, NULL) };

		if (stream.fd < 0)
			_exit(1);
		connections++;
		if (fork() == 0) {
			if (context) {
				stream.ssl = SSL_new(context);
				SSL_set_fd(stream.ssl, stream.fd);
				if (SSL_accept(stream.ssl) != 1)
					_exit(0);
			}
			serve(&stream, connections);
		}
		close(stream.fd);
	}
}

struct server {
	pid_t pid;
	unsigned port;
};

static struct server start_server(const struct test_certificate *certificate)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	struct server server;
	int listener;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 50), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	server.port = ntohs(address.sin_port);
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (server.pid == 0) {
		setpgid(0, 0);
		run_server(listener, certificate);
	}
	setpgid(server.pid, server.pid);
	close(listener);
	return server;
}

static void stop_server(struct server *server)
{
	kill(-server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
}

struct fixture {
	struct loop *loop;
	struct http_client *client;
	struct http_transfer *transfer;
	struct server server;
	unsigned done, wanted;
	enum http_outcome outcome;
	unsigned status;
	usec_t retry_after;
	size_t body_size;
	char *body, *error, *etag, *type, *location, *name, *authenticate;
	char *again; /* URL to fetch next, from inside on_done */
	bool free_client, cancel_self;
};

static void on_done(const struct http_response *response, void *owner)
{
	struct fixture *fixture = owner;

	fixture->done++;
	fixture->outcome = response->outcome;
	fixture->status = response->status;
	fixture->retry_after = response->retry_after;
	fixture->body_size = response->body_size;
	replace_string(&fixture->body, response->body);
	replace_string(&fixture->error, response->error);
	replace_string(&fixture->etag, response->etag);
	replace_string(&fixture->type, response->content_type);
	replace_string(&fixture->location, response->location);
	replace_string(&fixture->name, response->server);
	replace_string(&fixture->authenticate, response->www_authenticate);
	assert_true((response->outcome == HTTP_COMPLETED) == !response->error);
	if (fixture->cancel_self)
		http_cancel(fixture->transfer);
	fixture->transfer = NULL;
	if (fixture->free_client)
		fixture->client = http_client_free(fixture->client);
	if (fixture->again) {
		_cleanup_free_ char *url = steal_ptr(fixture->again);

		assert_int_equal(http_start(&fixture->transfer, fixture->client,
					    &(struct http_request){ .method = "GET", .url = url },
					    on_done, fixture),
				 0);
		return;
	}
	if (fixture->done >= fixture->wanted)
		loop_stop(fixture->loop, 0);
}

static void new_client(struct fixture *fixture, const struct http_client_options *options)
{
	http_client_free(fixture->client);
	assert_int_equal(http_client_new(&fixture->client, fixture->loop, options), 0);
}

static int setup(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	signal(SIGPIPE, SIG_IGN);
	fixture->server = start_server(NULL);
	assert_int_equal(loop_new(&fixture->loop), 0);
	new_client(fixture, &(struct http_client_options){ .user_agent = "tester/1" });
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	http_client_free(fixture->client);
	loop_free(fixture->loop);
	stop_server(&fixture->server);
	free(fixture->body);
	free(fixture->error);
	free(fixture->etag);
	free(fixture->type);
	free(fixture->location);
	free(fixture->name);
	free(fixture->authenticate);
	free(fixture->again);
	free(fixture);
	return 0;
}

static void start(struct fixture *fixture, const struct http_request *request)
{
	unsigned before = fixture->done;

	assert_int_equal(http_start(&fixture->transfer, fixture->client, request, on_done, fixture),
			 0);
	assert_int_equal(fixture->done, before);
}

static void run_url(struct fixture *fixture, const char *url)
{
	start(fixture, &(struct http_request){ .method = "GET", .url = url });
	test_run_loop(fixture->loop, 20);
}

static char *local_url(const struct fixture *fixture, const char *path)
{
	return xasprintf("http://127.0.0.1:%u%s", fixture->server.port, path);
}

static void get(struct fixture *fixture, const char *path)
{
	_cleanup_free_ char *url = local_url(fixture, path);

	run_url(fixture, url);
}

static void test_get(void **state)
{
	struct fixture *fixture = *state;

	get(fixture, "/hello");
	assert_int_equal(fixture->outcome, HTTP_COMPLETED);
	assert_int_equal(fixture->status, 200);
	assert_string_equal(fixture->body, "hello");
	assert_int_equal(fixture->body_size, 5);
	assert_string_equal(fixture->etag, "\"r1\"");
	assert_string_equal(fixture->type, "text/plain");
	assert_string_equal(fixture->name, "test");
	assert_string_equal(fixture->authenticate, "Digest realm=x");
	assert_null(fixture->location);
	assert_int_equal(fixture->retry_after, 0);
}

static void test_request_as_sent(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *url = local_url(fixture, "/echo?x=1");
	char expected[512];

	snprintf(expected, sizeof(expected),
		 "PUT /echo?x=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: tester/1\r\n"
		 "Accept: */*\r\nAuthorization: Token abc\r\nContent-Type: application/json\r\n"
		 "Content-Length: 2\r\n\r\n{}",
		 fixture->server.port);
	start(fixture,
	      &(struct http_request){
		      .method = "PUT",
		      .url = url,
		      .headers = (const char *const[]){ "Authorization: Token abc",
							"Content-Type: application/json", NULL },
		      .body = "{}",
		      .body_size = 2 });
	test_run_loop(fixture->loop, 20);
	assert_string_equal(fixture->body, expected);
}

static void test_methods(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *url = local_url(fixture, "/m");

	start(fixture, &(struct http_request){ .method = "DELETE", .url = url });
	test_run_loop(fixture->loop, 20);
	assert_memory_equal(fixture->body, "DELETE /m HTTP/1.1\r\n", 20);
	assert_null(strstr(fixture->body, "Content-"));
	start(fixture, &(struct http_request){ .method = "POST", .url = url });
	test_run_loop(fixture->loop, 20);
	assert_memory_equal(fixture->body, "POST /m HTTP/1.1\r\n", 18);
	assert_non_null(strstr(fixture->body, "Content-Length: 0\r\n"));
	assert_null(strstr(fixture->body, "Content-Type"));
}

static void test_what_is_not_sent(void **state)
{
	struct fixture *fixture = *state;
	struct http_request request = { .method = "GET", .url = "http://127.0.0.1/" };
	const char *headers[] = { "X: a\r\nY: b", NULL };
	struct http_transfer *transfer = NULL;

	request.headers = headers;
	assert_int_equal(http_start(&transfer, fixture->client, &request, on_done, fixture),
			 -EINVAL);
	headers[0] = "no colon";
	assert_int_equal(http_start(&transfer, fixture->client, &request, on_done, fixture),
			 -EINVAL);
	request.headers = NULL;
	request.method = "GET / HTTP/1.1\r\nX:";
	assert_int_equal(http_start(&transfer, fixture->client, &request, on_done, fixture),
			 -EINVAL);
	request.method = "";
	assert_int_equal(http_start(&transfer, fixture->client, &request, on_done, fixture),
			 -EINVAL);
	assert_null(transfer);
}

static void test_interim_header_is_forgotten(void **state)
{
	struct fixture *fixture = *state;

	get(fixture, "/continue");
	assert_int_equal(fixture->status, 204);
	assert_null(fixture->etag);
}

static void test_redirect_is_not_followed(void **state)
{
	struct fixture *fixture = *state;

	get(fixture, "/redirect");
	assert_int_equal(fixture->outcome, HTTP_COMPLETED);
	assert_int_equal(fixture->status, 302);
	assert_string_equal(fixture->location, "/hello");
	assert_string_equal(fixture->body, "");
}

static void test_retry_after(void **state)
{
	struct fixture *fixture = *state;

	get(fixture, "/retry");
	assert_int_equal(fixture->status, 503);
	assert_int_equal(fixture->retry_after, 7 * USEC_PER_SEC);
	assert_string_equal(fixture->body, "busy");
	get(fixture, "/retry-long");
	assert_int_equal(fixture->retry_after, 3600 * USEC_PER_SEC);
	get(fixture, "/retry-date");
	assert_int_equal(fixture->retry_after, 0);
}

static void test_connection_is_reused(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 5; i++) {
		get(fixture, "/connection");
		assert_string_equal(fixture->body, "1");
	}
}

static void test_too_large(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *url = local_url(fixture, "/endless");

	get(fixture, "/large"); /* it says so beforehand */
	assert_int_equal(fixture->outcome, HTTP_TOO_LARGE);
	assert_string_equal(fixture->error, "the answer is larger than accepted");
	get(fixture, "/endless");
	assert_int_equal(fixture->outcome, HTTP_TOO_LARGE);
	assert_true(fixture->body_size <= 1024 * 1024);
	get(fixture, "/headers");
	assert_int_equal(fixture->outcome, HTTP_TOO_LARGE);
	start(fixture, &(struct http_request){ .method = "GET", .url = url, .max_response = 100 });
	test_run_loop(fixture->loop, 20);
	assert_int_equal(fixture->outcome, HTTP_TOO_LARGE);
	assert_true(fixture->body_size <= 100);
}

static void test_timeout(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *url = local_url(fixture, "/slow");

	start(fixture, &(struct http_request){
			       .method = "GET", .url = url, .timeout = 200 * USEC_PER_MSEC });
	test_run_loop(fixture->loop, 20);
	assert_int_equal(fixture->outcome, HTTP_TIMED_OUT);
}

static void test_unreachable(void **state)
{
	struct fixture *fixture = *state;
	struct server gone = start_server(NULL);
	_cleanup_free_ char *url = xasprintf("http://127.0.0.1:%u/?secret=1", gone.port);

	stop_server(&gone);
	run_url(fixture, url);
	assert_int_equal(fixture->outcome, HTTP_UNREACHABLE);
	assert_int_equal(fixture->status, 0);
	assert_non_null(strstr(fixture->error, "connect"));
	assert_null(strstr(fixture->error, "secret"));
	get(fixture, "/close");
	assert_int_equal(fixture->outcome, HTTP_UNREACHABLE);
	get(fixture, "/partial");
	assert_int_equal(fixture->outcome, HTTP_UNREACHABLE);
}

static void test_invalid(void **state)
{
	struct fixture *fixture = *state;
	static const char *const urls[] = {
		"ftp://127.0.0.1/secret",
		"file:///etc/secret",
		"http://user:secret@127.0.0.1/",
		"http://127.0.0.1:99999/secret",
		"http:// secret/",
		"",
		"http://127.0.0.1/\r\nsecret",
	};

	get(fixture, "/garbage");
	assert_int_equal(fixture->outcome, HTTP_INVALID);
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		run_url(fixture, urls[i]);
		assert_int_equal(fixture->outcome, HTTP_INVALID);
		assert_null(strstr(fixture->error, "secret"));
	}
}

static void test_cancel(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *url = local_url(fixture, "/slow");

	start(fixture, &(struct http_request){ .method = "GET", .url = url });
	fixture->transfer = http_cancel(fixture->transfer);
	get(fixture, "/hello");
	assert_int_equal(fixture->done, 1);
	assert_string_equal(fixture->body, "hello");
}

static void test_inside_done(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *url = local_url(fixture, "/slow");
	struct http_transfer *other;

	fixture->again = local_url(fixture, "/connection");
	fixture->cancel_self = true;
	fixture->wanted = 2;
	get(fixture, "/hello");
	assert_string_equal(fixture->body, "1");
	assert_int_equal(http_start(&other, fixture->client,
				    &(struct http_request){ .method = "GET", .url = url }, on_done,
				    fixture),
			 0);
	fixture->free_client = true;
	get(fixture, "/hello");
	assert_int_equal(fixture->done, 3);
	assert_null(fixture->client);
}

static void test_many_at_once(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *url = local_url(fixture, "/connection");

	fixture->wanted = 40;
	for (unsigned i = 0; i < 40; i++)
		start(fixture, &(struct http_request){ .method = "GET", .url = url });
	test_run_loop(fixture->loop, 20);
	assert_int_equal(fixture->done, 40);
	get(fixture, "/connection");
	assert_true(atoi(fixture->body) <= 8);
}

static void test_proxy(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *proxy = local_url(fixture, "");

	new_client(fixture, &(struct http_client_options){ .proxy = proxy });
	run_url(fixture, "http://example.invalid/proxied");
	assert_string_equal(fixture->body, "proxied");
	run_url(fixture, "https://example.invalid/");
	assert_int_equal(fixture->outcome, HTTP_UNREACHABLE);
	assert_non_null(strstr(fixture->error, "403"));
}

static void test_proxies_of_the_environment_are_ignored(void **state)
{
	struct fixture *fixture = *state;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	get(fixture, "/hello");
	assert_int_equal(fixture->outcome, HTTP_COMPLETED);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

struct tls {
	char directory[32];
	char *ca_file;
	struct test_certificate authority;
};

static void tls_init(struct tls *tls)
{
	test_make_directory(tls->directory, sizeof(tls->directory));
	tls->ca_file = xasprintf("%s/ca.pem", tls->directory);
	tls->authority = test_certificate_new("Test Authority", NULL, NULL, 3600);
	test_certificate_write(&tls->authority, tls->ca_file);
}

static void tls_deinit(struct tls *tls)
{
	test_certificate_free(&tls->authority);
	unlink(tls->ca_file);
	rmdir(tls->directory);
	free(tls->ca_file);
}

/* Fetches /hello from a server with such a certificate. */
static void get_with_certificate(struct fixture *fixture, const struct test_certificate *issuer,
				 const char *names, long seconds)
{
	struct test_certificate certificate = test_certificate_new("localhost", issuer, names,
								   seconds);
	struct server server = start_server(&certificate);
	_cleanup_free_ char *url = xasprintf("https://127.0.0.1:%u/hello", server.port);

	run_url(fixture, url);
	stop_server(&server);
	test_certificate_free(&certificate);
}

static void test_certificates(void **state)
{
	struct fixture *fixture = *state;
	struct test_certificate other;
	struct tls tls;

	tls_init(&tls);
	new_client(fixture, &(struct http_client_options){ .ca_file = tls.ca_file });
	get_with_certificate(fixture, &tls.authority, "IP:127.0.0.1", 3600);
	assert_int_equal(fixture->outcome, HTTP_COMPLETED);
	assert_string_equal(fixture->body, "hello");
	get_with_certificate(fixture, &tls.authority, "IP:127.0.0.1", -3600);
	assert_int_equal(fixture->outcome, HTTP_UNTRUSTED);
	assert_string_equal(fixture->error, "the server's certificate has expired (or this "
					    "machine's clock is wrong)");
	get_with_certificate(fixture, &tls.authority, "DNS:other.example", 3600);
	assert_int_equal(fixture->outcome, HTTP_UNTRUSTED);
	assert_string_equal(fixture->error, "the server's certificate is for another host name");
	other = test_certificate_new("Other Authority", NULL, NULL, 3600);
	get_with_certificate(fixture, &other, "IP:127.0.0.1", 3600);
	assert_int_equal(fixture->outcome, HTTP_UNTRUSTED);
	assert_string_equal(
		fixture->error,
		"the server's certificate is from an authority that is not trusted here");
	test_certificate_free(&other);
	get_with_certificate(fixture, NULL, "IP:127.0.0.1", 3600);
	assert_int_equal(fixture->outcome, HTTP_UNTRUSTED);
	new_client(fixture, &(struct http_client_options){ 0 });
	get_with_certificate(fixture, &tls.authority, "IP:127.0.0.1", 3600);
	assert_int_equal(fixture->outcome, HTTP_UNTRUSTED);
	new_client(fixture, &(struct http_client_options){ .insecure = true });
	get_with_certificate(fixture, &tls.authority, "DNS:other.example", -3600);
	assert_int_equal(fixture->outcome, HTTP_COMPLETED);
	tls_deinit(&tls);
}

static void test_missing_authority_file(void **state)
{
	struct fixture *fixture = *state;

	new_client(fixture, &(struct http_client_options){ .ca_file = "/nonexistent/ca.pem" });
	get_with_certificate(fixture, NULL, "IP:127.0.0.1", 3600);
	assert_int_equal(fixture->outcome, HTTP_UNTRUSTED);
	assert_string_equal(fixture->error, "the file of trusted authorities cannot be read");
}

static void test_not_tls(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *url = xasprintf("https://127.0.0.1:%u/hello", fixture->server.port);

	start(fixture,
	      &(struct http_request){ .method = "GET", .url = url, .timeout = 2 * USEC_PER_SEC });
	test_run_loop(fixture->loop, 20);
	assert_int_not_equal(fixture->outcome, HTTP_COMPLETED);
	assert_int_not_equal(fixture->outcome, HTTP_UNTRUSTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_get, setup, teardown),
		cmocka_unit_test_setup_teardown(test_request_as_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_methods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_not_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interim_header_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_redirect_is_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retry_after, setup, teardown),
		cmocka_unit_test_setup_teardown(test_connection_is_reused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreachable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_invalid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inside_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_proxy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_proxies_of_the_environment_are_ignored, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_certificates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_authority_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_tls, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
