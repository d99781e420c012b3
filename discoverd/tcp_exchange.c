/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Failures found outside a callback are told from the timer, so that no callback runs inside a
 * call. */
#include "discoverd/tcp_exchange.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"
#include "discoverd/certificate_names.h"
#include "discoverd/forbidden_port.h"
#include "discoverd/tls_process.h"

#define PIECE 4096 /* bytes that are received at a time */

/* "ERROR SIZE\n" and the names: see tls_process.h. */
struct greeting {
	size_t used;
	char bytes[32 + CERTIFICATE_NAMES_SIZE];
};

struct tcp_exchange {
	struct loop_io io;
	struct loop_timer timer;
	const struct tcp_exchange_handlers *handlers;
	void *owner;
	int fd;
	bool secure;
	struct process *tls; /* NULL: in the clear, or not yet */
	char *certificate;
	int error; /* told when the timer elapses; 0: it is the timeout */
	bool connected;
	usec_t timeout;
	usec_t started, trip;
	struct greeting *greeting; /* NULL: none is awaited */
};

static void fail_later(struct tcp_exchange *exchange, int error)
{
	exchange->error = error;
	if (exchange->fd >= 0)
		loop_io_watch(&exchange->io, 0);
	loop_timer_arm(&exchange->timer, 0);
}

static void on_open(struct tcp_exchange *exchange)
{
	loop_io_watch(&exchange->io, LOOP_READ);
	exchange->handlers->on_connected(exchange, exchange->owner);
}

static void on_ready(struct loop_io *io, unsigned ready);

/* From here on the process that speaks TLS has the connection, and we have a socket to it. */
static void start_tls(struct tcp_exchange *exchange)
{
	struct loop *loop = exchange->io.loop;
	int fd = exchange->fd, r;

	loop_io_deinit(&exchange->io);
	exchange->fd = -1;
	r = tls_process_start(&exchange->tls, loop, fd, &exchange->fd);
	if (r < 0) {
		fail_later(exchange, r);
		return;
	}
	exchange->greeting = xnew(struct greeting);
	loop_io_init(&exchange->io, loop, exchange->fd, on_ready);
	loop_io_watch(&exchange->io, LOOP_READ);
}

/* How many bytes of the greeting are to come, as far as is known; 0: it is complete. */
static size_t missing(const struct greeting *greeting, int *ret_error, size_t *ret_head)
{
	const char *end = memchr(greeting->bytes, '\n', greeting->used);
	size_t size = 0;

	if (!end)
		return 1; /* nothing beyond the greeting is to be taken from the socket */
	*ret_head = (size_t)(end + 1 - greeting->bytes);
	if (sscanf(greeting->bytes, "%d %zu", ret_error, &size) != 2 ||
	    size > CERTIFICATE_NAMES_SIZE)
		*ret_error = EPROTO;
	return *ret_error ? 0 : *ret_head + size - greeting->used;
}

static void on_greeting(struct tcp_exchange *exchange)
{
	struct greeting *greeting = exchange->greeting;
	size_t head = 0, size;
	int error = 0;
	ssize_t got;

	while ((size = missing(greeting, &error, &head))) {
		got = greeting->used + size < sizeof(greeting->bytes)
			      ? recv(exchange->fd, greeting->bytes + greeting->used, size, 0)
			      : 0;
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			fail_later(exchange, -ECONNABORTED);
			return;
		}
		greeting->used += (size_t)got;
	}
	if (error) {
		fail_later(exchange, -error);
		return;
	}
	exchange->certificate = xstrndup(greeting->bytes + head, greeting->used - head);
	free(greeting);
	exchange->greeting = NULL;
	on_open(exchange);
}

static void on_connected(struct tcp_exchange *exchange)
{
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(exchange->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error) {
		fail_later(exchange, -error);
		return;
	}
	exchange->connected = true;
	exchange->trip = loop_now(exchange->io.loop) - exchange->started + 1;
	loop_timer_arm(&exchange->timer, exchange->timeout);
	if (exchange->secure)
		start_tls(exchange);
	else
		on_open(exchange);
}

static bool is_connected(const struct tcp_exchange *exchange)
{
	struct pollfd end = { .fd = exchange->fd, .events = POLLOUT };

	return poll(&end, 1, 0) == 1;
}

static void on_timer(struct loop_timer *timer)
{
	struct tcp_exchange *exchange = container_of(timer, struct tcp_exchange, timer);

	/* It may be us who were late. */
	if (!exchange->error && !exchange->connected && is_connected(exchange))
		on_connected(exchange);
	else
		exchange->handlers->on_failed(
			exchange, exchange->error ? exchange->error : -ETIMEDOUT, exchange->owner);
}

static void on_readable(struct tcp_exchange *exchange)
{
	char bytes[PIECE];
	ssize_t size = recv(exchange->fd, bytes, sizeof(bytes), 0);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size < 0) {
		fail_later(exchange, -errno);
		return;
	}
	if (!size)
		loop_io_watch(&exchange->io, 0);
	exchange->handlers->on_bytes(exchange, bytes, (size_t)size, !size, exchange->owner);
}

static void on_ready(struct loop_io *io, unsigned ready)
{
	struct tcp_exchange *exchange = container_of(io, struct tcp_exchange, io);

	if (!exchange->connected)
		on_connected(exchange);
	else if (exchange->greeting)
		on_greeting(exchange);
	else
		on_readable(exchange);
}

int tcp_exchange_new(struct tcp_exchange **ret_exchange, struct loop *loop,
		     const struct tcp_place *place, usec_t patience, usec_t timeout,
		     const struct tcp_exchange_handlers *handlers, void *owner)
{
	const struct netaddr *address = &place->address;
	const int index = (int)place->ifindex;
	struct sockaddr_storage to;
	socklen_t length = netaddr_to_sockaddr(address, place->port, &to);
	struct tcp_exchange *exchange;
	int fd, r;

	if (port_is_forbidden(place->port))
		return -EPERM;
	fd = socket(address->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (index && setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	if (address->family == AF_INET6)
		((struct sockaddr_in6 *)(void *)&to)->sin6_scope_id = place->ifindex;
	exchange = xnew(struct tcp_exchange);
	exchange->fd = fd;
	exchange->handlers = handlers;
	exchange->owner = owner;
	exchange->secure = place->secure;
	exchange->timeout = timeout;
	exchange->started = loop_now(loop);
	loop_io_init(&exchange->io, loop, fd, on_ready);
	loop_timer_init(&exchange->timer, loop, on_timer);
	loop_timer_arm(&exchange->timer, patience);
	if (connect(fd, (const struct sockaddr *)&to, length) < 0 && errno != EINPROGRESS)
		fail_later(exchange, -errno);
	else
		loop_io_watch(&exchange->io, LOOP_WRITE);
	*ret_exchange = exchange;
	return 0;
}

struct tcp_exchange *tcp_exchange_free(struct tcp_exchange *exchange)
{
	if (!exchange)
		return NULL;
	loop_io_deinit(&exchange->io);
	loop_timer_deinit(&exchange->timer);
	process_free(exchange->tls);
	closep(&exchange->fd);
	free(exchange->greeting);
	free(exchange->certificate);
	free(exchange);
	return NULL;
}

void tcp_exchange_send(struct tcp_exchange *exchange, const char *bytes, size_t size)
{
	ssize_t sent = send(exchange->fd, bytes, size, MSG_NOSIGNAL);

	if (sent < 0)
		fail_later(exchange, -errno);
	else if ((size_t)sent < size)
		fail_later(exchange, -EAGAIN);
}

void tcp_exchange_extend(struct tcp_exchange *exchange, usec_t timeout)
{
	if (!exchange->error)
		loop_timer_arm(&exchange->timer, timeout);
}

const char *tcp_exchange_certificate(const struct tcp_exchange *exchange)
{
	return exchange->certificate;
}

void tcp_exchange_set_owner(struct tcp_exchange *exchange, void *owner)
{
	exchange->owner = owner;
}

usec_t tcp_exchange_trip(const struct tcp_exchange *exchange)
{
	return exchange->trip;
}
