/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TLS server on libevent's OpenSSL bufferevents. Each connection has one deadline: for the
 * handshake, for the beginning of the next request, for the rest of a request since its first byte
 * (so that sending a byte now and then buys no time), for taking the answer.
 *
 * When all places are taken, a connection that has not finished its handshake makes room for a new
 * one, the oldest first: strangers without a certificate cannot keep the API out.
 */
#include "vpn-service/tls_server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/memory.h"

#define MAX_CONNECTIONS  64
#define STAGE_TIMEOUT    (5 * USEC_PER_SEC)
#define ACCEPT_PAUSE     (1 * USEC_PER_SEC)
#define ACCEPTS_PER_TURN 16

enum connection_state {
	CONNECTION_HANDSHAKE,
	CONNECTION_IDLE,      /* waiting for the first byte of a request */
	CONNECTION_RECEIVING, /* a request has begun */
	CONNECTION_HELD,      /* it is being worked on */
	CONNECTION_FINISHING, /* what was written goes out, then the end */
	CONNECTION_STATE_COUNT
};

static const struct {
	const char *name;
	unsigned next;
	bool has_deadline;
} states[CONNECTION_STATE_COUNT] = {
	[CONNECTION_HANDSHAKE] = { "handshake", BIT(CONNECTION_IDLE), true },
	[CONNECTION_IDLE] = { "idle", BIT(CONNECTION_RECEIVING) | BIT(CONNECTION_FINISHING), true },
	[CONNECTION_RECEIVING] = { "receiving",
				   BIT(CONNECTION_IDLE) | BIT(CONNECTION_HELD) |
					   BIT(CONNECTION_FINISHING),
				   true },
	[CONNECTION_HELD] = { "held", BIT(CONNECTION_IDLE) | BIT(CONNECTION_FINISHING), false },
	[CONNECTION_FINISHING] = { "finishing", 0, true },
};

struct tls_server {
	struct loop *loop;
	SSL_CTX *context;
	const struct tls_server_handlers *handlers;
	void *owner;
	size_t max_request;
	int fd;
	struct loop_io listener;
	struct loop_timer accept_pause;
	struct tls_connection *connections; /* newest first */
	unsigned connection_count;
};

struct tls_connection {
	struct tls_server *server;
	struct tls_connection *previous, *next;
	struct bufferevent *stream;
	enum connection_state state;
	struct loop_timer deadline;
	void *owner;
	bool is_open; /* on_open was called */
	char peer[NETADDR_TEXT_SIZE];
};

static void connection_enter(struct tls_connection *connection, enum connection_state state)
{
	if (!(states[connection->state].next & BIT(state)))
		abort();
	connection->state = state;
	if (states[state].has_deadline)
		loop_timer_arm(&connection->deadline, STAGE_TIMEOUT);
	else
		loop_timer_cancel(&connection->deadline);
}

static void connection_free(struct tls_connection *connection)
{
	struct tls_server *server = connection->server;

	if (connection->previous)
		connection->previous->next = connection->next;
	else
		server->connections = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	server->connection_count--;
	if (connection->is_open)
		server->handlers->on_close(connection, connection->owner);
	loop_timer_deinit(&connection->deadline);
	/* A connection that ends well says so (close_notify); for others it is only tried. */
	if (connection->is_open)
		SSL_shutdown(bufferevent_openssl_get_ssl(connection->stream));
	ERR_clear_error();
	bufferevent_free(connection->stream);
	free(connection);
}

static void on_deadline(struct loop_timer *timer)
{
	struct tls_connection *connection = container_of(timer, struct tls_connection, deadline);

	log_debug("API connection from %s: closed, %s for too long", connection->peer,
		  states[connection->state].name);
	connection_free(connection);
}

static bool connection_is_receiving(const struct tls_connection *connection)
{
	return connection->state == CONNECTION_IDLE || connection->state == CONNECTION_RECEIVING;
}

/* Hands bytes on until the owner wants more of them, is busy, or has enough of the client. */
static void connection_deliver(struct tls_connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->stream);
	size_t size, consumed;

	while (connection_is_receiving(connection) && (size = evbuffer_get_length(input))) {
		if (connection->state == CONNECTION_IDLE)
			connection_enter(connection, CONNECTION_RECEIVING);
		consumed = connection->server->handlers->on_data(
			connection, (const char *)evbuffer_pullup(input, -1), size,
			connection->owner);
		evbuffer_drain(input, consumed);
		if (!consumed)
			return;
		if (connection->state == CONNECTION_RECEIVING)
			connection_enter(connection, CONNECTION_IDLE);
	}
}

static void on_readable(struct bufferevent *stream, void *owner)
{
	connection_deliver(owner);
}

/* Called when the output has become empty. */
static void on_written(struct bufferevent *stream, void *owner)
{
	struct tls_connection *connection = owner;

	if (connection->state == CONNECTION_FINISHING)
		connection_free(connection);
}

static void log_tls_failure(const struct tls_connection *connection)
{
	unsigned long error = bufferevent_get_openssl_error(connection->stream);
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	log_info("API connection from %s: no TLS session: %s", connection->peer,
		 reason ? reason : "closed by the client");
}

static void on_event(struct bufferevent *stream, short what, void *owner)
{
	struct tls_connection *connection = owner;
	struct tls_server *server = connection->server;

	if (what & BEV_EVENT_CONNECTED) {
		connection->is_open = true;
		connection->owner = server->handlers->on_open(connection, server->owner);
		connection_enter(connection, CONNECTION_IDLE);
		connection_deliver(connection);
	} else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) {
		if (connection->state == CONNECTION_HANDSHAKE)
			log_tls_failure(connection);
		connection_free(connection);
	}
}

void tls_connection_hold(struct tls_connection *connection)
{
	connection_enter(connection, CONNECTION_HELD);
}

void tls_connection_release(struct tls_connection *connection)
{
	connection_enter(connection, CONNECTION_IDLE);
	connection_deliver(connection);
}

void tls_connection_write(struct tls_connection *connection, const void *bytes, size_t size)
{
	bufferevent_write(connection->stream, bytes, size);
}

void tls_connection_finish(struct tls_connection *connection)
{
	if (connection->state != CONNECTION_FINISHING)
		connection_enter(connection, CONNECTION_FINISHING);
	/* Nothing more is taken in; with nothing to send the deadline closes it right away. */
	bufferevent_disable(connection->stream, EV_READ);
	if (!evbuffer_get_length(bufferevent_get_output(connection->stream)))
		loop_timer_arm(&connection->deadline, 0);
}

const char *tls_connection_peer(const struct tls_connection *connection)
{
	return connection->peer;
}

/* --- accepting --- */

static bool make_room(struct tls_server *server)
{
	struct tls_connection *oldest = NULL;

	if (server->connection_count < MAX_CONNECTIONS)
		return true;
	for (struct tls_connection *connection = server->connections; connection;
	     connection = connection->next) {
		if (connection->state == CONNECTION_HANDSHAKE)
			oldest = connection;
	}
	if (!oldest)
		return false;
	connection_free(oldest);
	return true;
}

static void connection_new(struct tls_server *server, int fd, const struct sockaddr *peer)
{
	struct tls_connection *connection;
	struct netaddr address;
	uint16_t port;
	SSL *ssl;
	int yes = 1;

	if (!make_room(server)) {
		log_warning("refused an API connection: %u are open", server->connection_count);
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	connection = xnew(struct tls_connection);
	ssl = SSL_new(server->context);
	if (!ssl)
		abort(); /* out of memory */
	connection->stream = bufferevent_openssl_socket_new(loop_event_base(server->loop), fd, ssl,
							    BUFFEREVENT_SSL_ACCEPTING,
							    BEV_OPT_CLOSE_ON_FREE);
	if (!connection->stream)
		abort();
	if (netaddr_from_sockaddr(&address, &port, peer) == 0)
		netaddr_format(&address, connection->peer);
	connection->server = server;
	connection->next = server->connections;
	if (connection->next)
		connection->next->previous = connection;
	server->connections = connection;
	server->connection_count++;
	loop_timer_init(&connection->deadline, server->loop, on_deadline);
	loop_timer_arm(&connection->deadline, STAGE_TIMEOUT);
	bufferevent_setcb(connection->stream, on_readable, on_written, on_event, connection);
	bufferevent_setwatermark(connection->stream, EV_READ, 0, server->max_request);
	bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
}

static void on_acceptable(struct loop_io *io, unsigned ready)
{
	struct tls_server *server = container_of(io, struct tls_server, listener);

	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t size = sizeof(peer);
		int fd = accept4(server->fd, (struct sockaddr *)&peer, &size,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			connection_new(server, fd, (const struct sockaddr *)&peer);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			   errno == ENOBUFS) {
			/* The connection stays in the queue: trying at once would only spin. */
			log_warning_errno(-errno, "cannot accept an API connection: %m");
			loop_io_watch(&server->listener, 0);
			loop_timer_arm(&server->accept_pause, ACCEPT_PAUSE);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void on_accept_pause_over(struct loop_timer *timer)
{
	struct tls_server *server = container_of(timer, struct tls_server, accept_pause);

	loop_io_watch(&server->listener, LOOP_READ);
}

static int server_listen(struct tls_server *server, const struct netaddr *address, uint16_t port)
{
	struct sockaddr_storage sockaddr;
	socklen_t size = netaddr_to_sockaddr(address, port, &sockaddr);
	int yes = 1;

	server->fd = socket(address->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd < 0)
		return -errno;
	setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(server->fd, (const struct sockaddr *)&sockaddr, size) < 0 ||
	    listen(server->fd, MAX_CONNECTIONS) < 0)
		return -errno;
	loop_io_init(&server->listener, server->loop, server->fd, on_acceptable);
	loop_io_watch(&server->listener, LOOP_READ);
	return 0;
}

static int context_prepare(SSL_CTX *context, const struct tls_server_options *options,
			   const char **ret_problem)
{
	STACK_OF(X509_NAME) *authorities = NULL;

	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					     SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (!SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20")) {
		*ret_problem = "OpenSSL has no suitable ciphers";
		return -EINVAL;
	}
	if (SSL_CTX_use_certificate_chain_file(context, options->certificate_file) != 1) {
		*ret_problem = "the TLS certificate cannot be read";
		return -EINVAL;
	}
	if (SSL_CTX_use_PrivateKey_file(context, options->key_file, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(context) != 1) {
		*ret_problem = "the TLS key cannot be read or is not the certificate's";
		return -EINVAL;
	}
	authorities = SSL_load_client_CA_file(options->client_ca_file);
	if (!authorities || SSL_CTX_load_verify_file(context, options->client_ca_file) != 1) {
		sk_X509_NAME_pop_free(authorities, X509_NAME_free);
		*ret_problem = "the authority of client certificates cannot be read";
		return -EINVAL;
	}
	SSL_CTX_set_client_CA_list(context, authorities);
	return 0;
}

int tls_server_new(struct tls_server **ret_server, struct loop *loop,
		   const struct tls_server_options *options,
		   const struct tls_server_handlers *handlers, void *owner,
		   const char **ret_problem)
{
	_cleanup_(tls_server_freep) struct tls_server *server = xnew(struct tls_server);
	int r;

	*ret_problem = "the port cannot be listened on";
	server->loop = loop;
	server->handlers = handlers;
	server->owner = owner;
	server->max_request = options->max_request;
	server->fd = -1;
	loop_timer_init(&server->accept_pause, loop, on_accept_pause_over);
	server->context = SSL_CTX_new(TLS_server_method());
	if (!server->context)
		return -ENOMEM;
	r = context_prepare(server->context, options, ret_problem);
	ERR_clear_error();
	if (r < 0)
		return r;
	r = server_listen(server, &options->address, options->port);
	if (r < 0)
		return r;
	*ret_server = steal_ptr(server);
	return 0;
}

struct tls_server *tls_server_free(struct tls_server *server)
{
	if (!server)
		return NULL;
	while (server->connections)
		connection_free(server->connections);
	loop_timer_deinit(&server->accept_pause);
	loop_io_deinit(&server->listener);
	closep(&server->fd);
	SSL_CTX_free(server->context);
	free(server);
	return NULL;
}
