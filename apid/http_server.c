/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The listener, its connections and their exchanges.
 *
 * evhttp owns the connection (evcon), which owns the bufferevent, which owns the SSL object; our
 * struct connection hangs on the SSL object and dies with it, because evhttp has no hook for a
 * connection that never sent a request. A connection that misses its deadline is shut down at the
 * socket; evhttp then sees the end and frees everything in its own time.
 *
 * When the last place is taken, the connection that has been without a request for longest is shut
 * down, so that strangers who connect and say nothing cannot keep the others out.
 *
 * What evhttp refuses by itself, before there is an exchange (a body or header that is too long,
 * what is no HTTP), it answers in HTML, and libevent 2.1 has no hook for that. It writes the whole
 * answer into the stream's output at once, where we put ours in its place before the loop turns and
 * any of it leaves. evhttp only waits for the output to become empty, and then closes.
 *
 * A client's address may have so many connections and no more; of those that are over, the one that
 * has been without a request for longest is shut down. The address is known only when evhttp has
 * taken the connection, so this is done right after.
 *
 * Invariant: exchange->request is valid as long as the exchange exists: evhttp tells us before it
 * frees a connection (close callback), and that ends the exchange.
 */
#include "apid/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "apid/problem.h"
#include "apid/tls_context.h"
#include "common/memory.h"
#include "common/netaddr.h"

#define MAX_HEADER   16384
#define MAX_BODY     1048576
#define LISTEN_QUEUE 1024
#define ACCEPT_PAUSE USEC_PER_SEC /* after the system ran out of descriptors */
#define ADDRESS_SIZE 64

struct connection {
	struct http_server *server;
	struct bufferevent *stream; /* borrowed from evhttp */
	struct loop_timer deadline;
	struct exchange *exchange; /* the one being handled, or NULL */
	struct event *refusal;     /* puts our answer in place of evhttp's */
	bool refusing;             /* that is due */
	bool answering;            /* what goes into the output is ours */
	bool idle;                 /* no request has arrived since its beginning or last answer */
	bool settled;              /* the two below are known, unless it went too soon */
	char peer[NETADDR_TEXT_SIZE];
	struct netaddr network;
	LIST_ENTRY(connection) link;
	TAILQ_ENTRY(connection) in_idle;
};
TAILQ_HEAD(idle_connections, connection);

struct exchange {
	struct http_server *server;
	struct connection *connection;
	struct evhttp_request *request;
	struct evkeyvalq query;
	char *path;
	struct event *hangup; /* while held */
	exchange_gone_fn *on_gone;
	void *gone_owner;
};

struct http_server {
	struct loop *loop;
	struct evhttp *http;
	struct evconnlistener *listener; /* owned by http */
	SSL_CTX *tls;
	struct loop_timer accept_pause;
	usec_t timeout;
	unsigned connection_count, max_connections, max_per_address;
	struct loop_defer arrivals; /* connections that are not settled */
	char address[ADDRESS_SIZE];
	http_request_fn *on_request;
	void *owner;
	LIST_HEAD(, connection) connections;
	struct idle_connections idle; /* longest first */
};

static int connection_index = -1; /* of the SSL objects' application data */

static void connection_arm(struct connection *connection)
{
	loop_timer_arm(&connection->deadline, connection->server->timeout);
}

static void connection_shut_down(struct connection *connection)
{
	int fd = bufferevent_getfd(connection->stream);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

static void on_deadline(struct loop_timer *timer)
{
	connection_shut_down(container_of(timer, struct connection, deadline));
}

static void connection_set_idle(struct connection *connection, bool idle)
{
	struct idle_connections *list = &connection->server->idle;

	if (connection->idle == idle)
		return;
	connection->idle = idle;
	if (idle)
		TAILQ_INSERT_TAIL(list, connection, in_idle);
	else
		TAILQ_REMOVE(list, connection, in_idle);
}

static void server_make_room(struct http_server *server)
{
	struct connection *oldest = TAILQ_FIRST(&server->idle);

	if (!oldest)
		return;                     /* all are being served */
	connection_set_idle(oldest, false); /* it has no claim to be chosen again */
	connection_shut_down(oldest);
}

/* False when it has gone already. An IPv6 network of 64 bits is one host's to fill. */
static bool connection_settle(struct connection *connection)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	struct netprefix prefix;
	int fd = bufferevent_getfd(connection->stream);

	connection->settled = true;
	if (fd < 0 || getpeername(fd, (struct sockaddr *)&address, &size) < 0 ||
	    netaddr_from_sockaddr(&prefix.address, NULL, (struct sockaddr *)&address) < 0)
		return false;
	netaddr_format(&prefix.address, connection->peer);
	prefix.length = prefix.address.family == AF_INET6 ? 64 : 32;
	connection->network = netprefix_network(&prefix).address;
	return true;
}

static void server_limit_network(struct http_server *server, const struct netaddr *network)
{
	struct connection *connection, *oldest = NULL;
	unsigned count = 0;

	LIST_FOREACH(connection, &server->connections, link)
	count += netaddr_equal(&connection->network, network);
	if (count <= server->max_per_address)
		return;
	TAILQ_FOREACH(connection, &server->idle, in_idle)
	{
		if (netaddr_equal(&connection->network, network)) {
			oldest = connection; /* at the latest the one that has just come */
			break;
		}
	}
	if (oldest) {
		connection_set_idle(oldest, false);
		connection_shut_down(oldest);
	}
}

static void on_arrivals(struct loop_defer *arrivals)
{
	struct http_server *server = container_of(arrivals, struct http_server, arrivals);
	struct connection *connection;

	/* New ones are at the head of the list. */
	LIST_FOREACH(connection, &server->connections, link)
	{
		if (connection->settled)
			return;
		if (connection_settle(connection) && server->max_per_address)
			server_limit_network(server, &connection->network);
	}
}

/* In place of what evhttp says. What has been sent in part stays as it is. */
static void on_refusal(evutil_socket_t fd, short what, void *argument)
{
	struct connection *connection = argument;
	struct evbuffer *output = bufferevent_get_output(connection->stream);
	char line[sizeof("HTTP/1.1 400")] = "";
	_cleanup_free_ char *body = NULL;
	unsigned status;

	evbuffer_copyout(output, line, sizeof(line) - 1);
	if (sscanf(line, "HTTP/1.%*1[01] %3u", &status) != 1 || status < 400) {
		connection->refusing = false; /* "100 Continue" */
		return;
	}
	body = problem_text(status, status == 413 ? "the body is longer than 1 MiB"
						  : "not a request that this API can read");
	evbuffer_drain(output, evbuffer_get_length(output));
	evbuffer_add_printf(output,
			    "HTTP/1.1 %u %s\r\nContent-Type: " PROBLEM_TYPE
			    "\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
			    status, problem_title(status), strlen(body), body);
}

static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *change,
		      void *argument)
{
	struct connection *connection = argument;

	if (!change->n_added || connection->answering || connection->refusing)
		return;
	/* Not loop_defer: that is after the stream has looked whether it can write. */
	connection->refusing = true;
	event_active(connection->refusal, EV_TIMEOUT, 0);
}

static void exchange_free(struct exchange *exchange)
{
	if (exchange->hangup)
		event_free(exchange->hangup);
	if (exchange->connection)
		exchange->connection->exchange = NULL;
	evhttp_clear_headers(&exchange->query);
	free(exchange->path);
	free(exchange);
}

static void exchange_lose(struct exchange *exchange)
{
	if (exchange->on_gone)
		exchange->on_gone(exchange, exchange->gone_owner);
	exchange_free(exchange);
}

static void connection_free(struct connection *connection)
{
	evbuffer_remove_cb(bufferevent_get_output(connection->stream), on_output, connection);
	event_free(connection->refusal);
	loop_timer_deinit(&connection->deadline);
	free(connection);
}

/* Called by SSL_free(): the connection is over. */
static void on_tls_freed(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long number,
			 void *argument)
{
	struct connection *connection = pointer;
	struct http_server *server;

	if (!connection)
		return;
	server = connection->server;
	if (connection->exchange)
		exchange_lose(connection->exchange);
	connection_set_idle(connection, false);
	LIST_REMOVE(connection, link);
	connection_free(connection);
	if (server->connection_count-- == server->max_connections && server->listener)
		evconnlistener_enable(server->listener);
}

/* evhttp asks for the stream of a connection it has just accepted. */
static struct bufferevent *on_accepted(struct event_base *base, void *argument)
{
	struct http_server *server = argument;
	struct connection *connection = xnew(struct connection);
	SSL *tls = SSL_new(server->tls);

	/* evhttp would go on without TLS if we had no stream to give. */
	if (!tls || SSL_set_ex_data(tls, connection_index, connection) != 1)
		abort();
	connection->server = server;
	connection->stream = bufferevent_openssl_socket_new(
		base, -1, tls, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!connection->stream)
		abort();
	/* Clients that just close are common, and HTTP says itself where a message ends. */
	bufferevent_openssl_set_allow_dirty_shutdown(connection->stream, 1);
	loop_timer_init(&connection->deadline, server->loop, on_deadline);
	connection_arm(connection);
	connection->refusal = event_new(base, -1, 0, on_refusal, connection);
	if (!connection->refusal ||
	    !evbuffer_add_cb(bufferevent_get_output(connection->stream), on_output, connection))
		abort();
	loop_defer_schedule(&server->arrivals);
	LIST_INSERT_HEAD(&server->connections, connection, link);
	if (++server->connection_count >= server->max_connections) {
		evconnlistener_disable(server->listener); /* until one has ended */
		server_make_room(server);
	}
	connection_set_idle(connection, true);
	return connection->stream;
}

static void on_accept_failed(struct evconnlistener *listener, void *argument)
{
	struct http_server *server = argument;

	/* Out of descriptors or memory: the queue stays readable, so wait instead of spinning. */
	evconnlistener_disable(listener);
	loop_timer_arm(&server->accept_pause, ACCEPT_PAUSE);
}

static void on_accept_pause_over(struct loop_timer *timer)
{
	struct http_server *server = container_of(timer, struct http_server, accept_pause);

	if (server->connection_count < server->max_connections)
		evconnlistener_enable(server->listener);
}

static void on_closed(struct evhttp_connection *evcon, void *argument)
{
	struct connection *connection = argument;

	if (connection->exchange)
		exchange_lose(connection->exchange);
}

/* The answer has left: the deadline is now that of the next request. */
static void on_answered(struct evhttp_request *request, void *argument)
{
	struct connection *connection = argument;

	connection->answering = false;
	connection_arm(connection);
	connection_set_idle(connection, true);
}

static int exchange_parse(struct exchange *exchange)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(exchange->request);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
	size_t size;

	if (!path || !*path)
		path = "/";
	exchange->path = evhttp_uridecode(path, 0, &size);
	if (!exchange->path || strlen(exchange->path) != size)
		return -EINVAL;
	if (query && evhttp_parse_query_str(query, &exchange->query) < 0)
		return -EINVAL;
	return 0;
}

static void exchange_refuse_url(struct exchange *exchange)
{
	_cleanup_free_ char *text = problem_text(400, "the URL is not well-formed");

	exchange_send(exchange, 400, PROBLEM_TYPE, text, strlen(text));
}

static void on_request(struct evhttp_request *request, void *argument)
{
	struct http_server *server = argument;
	struct evhttp_connection *evcon = evhttp_request_get_connection(request);
	struct bufferevent *stream = evhttp_connection_get_bufferevent(evcon);
	SSL *tls = bufferevent_openssl_get_ssl(stream);
	struct connection *connection = SSL_get_ex_data(tls, connection_index);
	struct exchange *exchange = xnew(struct exchange);

	loop_timer_cancel(&connection->deadline);
	connection_set_idle(connection, false);
	TAILQ_INIT(&exchange->query);
	exchange->server = server;
	exchange->request = request;
	exchange->connection = connection;
	connection->exchange = exchange;
	evhttp_connection_set_closecb(evcon, on_closed, connection);
	evhttp_request_set_on_complete_cb(request, on_answered, connection);
	if (exchange_parse(exchange) < 0)
		exchange_refuse_url(exchange);
	else
		server->on_request(exchange, server->owner);
}

const char *exchange_method(const struct exchange *exchange)
{
	switch (evhttp_request_get_command(exchange->request)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_HEAD:
	case EVHTTP_REQ_OPTIONS:
	case EVHTTP_REQ_TRACE:
	case EVHTTP_REQ_CONNECT:
		break; /* not allowed: evhttp answers them */
	}
	return "";
}

const char *exchange_path(const struct exchange *exchange)
{
	return exchange->path;
}

const char *exchange_query(const struct exchange *exchange, const char *name)
{
	return evhttp_find_header(&exchange->query, name);
}

const char *exchange_header(const struct exchange *exchange, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(exchange->request), name);
}

const char *exchange_body(struct exchange *exchange, size_t *ret_size)
{
	struct evbuffer *buffer = evhttp_request_get_input_buffer(exchange->request);

	*ret_size = evbuffer_get_length(buffer);
	return *ret_size ? (const char *)evbuffer_pullup(buffer, -1) : "";
}

const char *exchange_peer(const struct exchange *exchange)
{
	return exchange->connection->peer;
}

void exchange_add_header(struct exchange *exchange, const char *name, const char *value)
{
	/* evhttp itself refuses values with line breaks: the header is then left out. */
	evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name, value);
}

void exchange_send(struct exchange *exchange, unsigned status, const char *content_type,
		   const void *body, size_t size)
{
	struct evhttp_request *request = exchange->request;
	struct evbuffer *buffer = evhttp_request_get_output_buffer(request);

	exchange_add_header(exchange, "Cache-Control", "no-store");
	exchange_add_header(exchange, "X-Content-Type-Options", "nosniff");
	exchange_add_header(exchange, "Strict-Transport-Security", "max-age=31536000");
	if (content_type) {
		exchange_add_header(exchange, "Content-Type", content_type);
		if (evbuffer_add(buffer, body, size) < 0)
			abort();
	}
	connection_arm(exchange->connection);
	exchange->connection->answering = true;
	exchange_free(exchange);
	evhttp_send_reply(request, (int)status, NULL, NULL);
}

/*
 * evhttp does not read while a request is being handled, so it would not see the client leave.
 * Edge- triggered, because neither bytes that nobody reads now nor a reset connection may wake us
 * again and again; and asked again of the kernel, because libevent does not tell a reset as
 * EV_CLOSED.
 */
static void on_hangup(evutil_socket_t fd, short what, void *argument)
{
	struct exchange *exchange = argument;
	struct pollfd state = { .fd = fd, .events = POLLIN | POLLRDHUP };

	if (poll(&state, 1, 0) == 1 && state.revents & (POLLRDHUP | POLLHUP | POLLERR))
		/* Ends the exchange through on_closed(). */
		evhttp_connection_free(evhttp_request_get_connection(exchange->request));
}

static void exchange_watch(struct exchange *exchange)
{
	struct bufferevent *stream = exchange->connection->stream;

	exchange->hangup = event_new(loop_event_base(exchange->server->loop),
				     bufferevent_getfd(stream),
				     EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_hangup, exchange);
	if (!exchange->hangup)
		abort();
	/* Refused while the stream itself watches the descriptor: then the end is seen when the
	 * answer is written. */
	(void)event_add(exchange->hangup, NULL);
}

void exchange_hold(struct exchange *exchange, exchange_gone_fn *on_gone, void *owner)
{
	exchange->on_gone = on_gone;
	exchange->gone_owner = owner;
	if (!exchange->hangup)
		exchange_watch(exchange);
}

static int server_open_tls(struct http_server *server, const struct http_server_options *options,
			   char **ret_error)
{
	const struct tls_files files = {
		.certificate = options->certificate,
		.key = options->key,
	};

	if (connection_index < 0)
		connection_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_tls_freed);
	return tls_server_context_new(&server->tls, &files, ret_error);
}

static int server_open_http(struct http_server *server)
{
	server->http = evhttp_new(loop_event_base(server->loop));
	if (!server->http)
		return -ENOMEM;
	evhttp_set_gencb(server->http, on_request, server);
	evhttp_set_bevcb(server->http, on_accepted, server);
	evhttp_set_max_headers_size(server->http, MAX_HEADER);
	evhttp_set_max_body_size(server->http, MAX_BODY);
	evhttp_set_timeout(server->http, (int)(server->timeout / USEC_PER_SEC) + 1);
	evhttp_set_default_content_type(server->http, NULL);
	/* Who sends too much hears 413 instead of a reset; the deadline bounds the listening. */
	evhttp_set_flags(server->http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
							 EVHTTP_REQ_PATCH | EVHTTP_REQ_DELETE);
	return 0;
}

static void server_note_address(struct http_server *server)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);
	char text[NETADDR_TEXT_SIZE];
	struct netaddr address;
	uint16_t port;

	if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&bound, &size) <
	    0)
		return;
	if (netaddr_from_sockaddr(&address, &port, (struct sockaddr *)&bound) < 0)
		return;
	snprintf(server->address, sizeof(server->address),
		 address.family == AF_INET6 ? "[%s]:%u" : "%s:%u", netaddr_format(&address, text),
		 port);
}

/* "ADDRESS:PORT", "[ADDRESS]:PORT"; port 0 lets the system choose. */
static int listen_parse(struct sockaddr_storage *ret_address, socklen_t *ret_size, const char *text)
{
	const char *colon = strrchr(text, ':');
	_cleanup_free_ char *host = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
	struct netaddr address;
	char *start = host;
	uint16_t port = 0;
	size_t size;

	if (!host || (strcmp(colon + 1, "0") != 0 && port_parse(&port, colon + 1) < 0))
		return -EINVAL;
	size = strlen(host);
	if (size > 2 && host[0] == '[' && host[size - 1] == ']') {
		host[size - 1] = '\0';
		start++;
	}
	if (netaddr_parse(&address, start) < 0)
		return -EINVAL;
	*ret_size = netaddr_to_sockaddr(&address, port, ret_address);
	return 0;
}

bool http_listen_is_valid(const char *listen)
{
	struct sockaddr_storage address;
	socklen_t size;

	return listen_parse(&address, &size, listen) == 0;
}

static int server_listen(struct http_server *server, const char *where, char **ret_error)
{
	struct sockaddr_storage address;
	socklen_t size;
	int r;

	if (listen_parse(&address, &size, where) < 0) {
		*ret_error = xasprintf("listen: \"%s\" is not ADDRESS:PORT", where);
		return -EINVAL;
	}
	server->listener = evconnlistener_new_bind(
		loop_event_base(server->loop), NULL, NULL,
		LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, LISTEN_QUEUE,
		(struct sockaddr *)&address, (int)size);
	if (!server->listener) {
		r = -errno;
		*ret_error = xasprintf("cannot listen on %s: %s", where, strerror(-r));
		return r;
	}
	/* Inherited by the connections. Otherwise an answer's second record waits for the client's
	 * delayed acknowledgement of its first: 40 ms. */
	if (setsockopt(evconnlistener_get_fd(server->listener), IPPROTO_TCP, TCP_NODELAY,
		       &(int){ 1 }, sizeof(int)) < 0)
		abort();
	server_note_address(server);
	if (!evhttp_bind_listener(server->http, server->listener)) {
		evconnlistener_free(server->listener);
		server->listener = NULL;
		*ret_error = xstrdup("cannot listen: out of memory");
		return -ENOMEM;
	}
	evconnlistener_set_error_cb(server->listener, on_accept_failed);
	return 0;
}

int http_server_new(struct http_server **ret_server, struct loop *loop,
		    const struct http_server_options *options, http_request_fn *on_request_fn,
		    void *owner, char **ret_error)
{
	_cleanup_(http_server_freep) struct http_server *server = xnew(struct http_server);
	int r;

	server->loop = loop;
	server->timeout = options->timeout;
	server->max_connections = options->max_connections;
	server->max_per_address = options->max_per_address;
	server->on_request = on_request_fn;
	server->owner = owner;
	LIST_INIT(&server->connections);
	TAILQ_INIT(&server->idle);
	loop_timer_init(&server->accept_pause, loop, on_accept_pause_over);
	loop_defer_init(&server->arrivals, loop, on_arrivals);
	r = server_open_tls(server, options, ret_error);
	if (r < 0)
		return r;
	r = server_open_http(server);
	if (r < 0)
		return r;
	r = server_listen(server, options->listen, ret_error);
	if (r < 0)
		return r;
	*ret_server = steal_ptr(server);
	return 0;
}

struct http_server *http_server_free(struct http_server *server)
{
	struct connection *connection, *next;

	if (!server)
		return NULL;
	server->listener = NULL; /* freed by evhttp */
	if (server->http)
		evhttp_free(server->http);
	/* bufferevents free their SSL object at the end of a loop turn that will not come. */
	for (connection = LIST_FIRST(&server->connections); connection; connection = next) {
		next = LIST_NEXT(connection, link);
		SSL_set_ex_data(bufferevent_openssl_get_ssl(connection->stream), connection_index,
				NULL);
		connection_free(connection);
	}
	loop_defer_deinit(&server->arrivals);
	loop_timer_deinit(&server->accept_pause);
	SSL_CTX_free(server->tls);
	free(server);
	return NULL;
}

const char *http_server_address(const struct http_server *server)
{
	return server->address;
}

unsigned http_server_connections(const struct http_server *server)
{
	return server->connection_count;
}
