/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Failures found outside a callback are told from the timer, so that no callback runs inside a
 * call. */
#include "discoverd/tcp_exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"
#include "discoverd/forbidden_port.h"
#include "discoverd/tls_process.h"

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
	bool open; /* TLS, if any, is agreed on */
	size_t used;
	char bytes[TCP_EXCHANGE_MAX];
};

static void fail_later(struct tcp_exchange *exchange, int error)
{
	exchange->error = error;
	if (exchange->fd >= 0)
		loop_io_watch(&exchange->io, 0);
	loop_timer_arm(&exchange->timer, 0);
}

static void on_timer(struct loop_timer *timer)
{
	struct tcp_exchange *exchange = container_of(timer, struct tcp_exchange, timer);

	exchange->handlers->on_failed(exchange, exchange->error ? exchange->error : -ETIMEDOUT,
				      exchange->owner);
}

static void on_open(struct tcp_exchange *exchange)
{
	exchange->open = true;
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
	loop_io_init(&exchange->io, loop, exchange->fd, on_ready);
	loop_io_watch(&exchange->io, LOOP_READ);
}

/* "ERROR SIZE\n" and the names: see tls_process.h. */
static void read_greeting(struct tcp_exchange *exchange, bool at_end)
{
	const char *end = memchr(exchange->bytes, '\n', exchange->used);
	size_t head = end ? (size_t)(end + 1 - exchange->bytes) : 0, size = 0;
	char line[32];
	int error = 0;

	if (head && head < sizeof(line)) {
		memcpy(line, exchange->bytes, head);
		line[head] = '\0';
		if (sscanf(line, "%d %zu", &error, &size) == 2 && !error &&
		    exchange->used >= head + size) {
			exchange->certificate = xstrndup(exchange->bytes + head, size);
			tcp_exchange_consume(exchange, head + size);
			on_open(exchange);
			return;
		}
	}
	if (error || at_end)
		fail_later(exchange, error ? -error : -ECONNABORTED);
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
	if (exchange->secure)
		start_tls(exchange);
	else
		on_open(exchange);
}

/* As recv(), with a negative errno. */
static ssize_t receive(struct tcp_exchange *exchange)
{
	ssize_t size = recv(exchange->fd, exchange->bytes + exchange->used,
			    sizeof(exchange->bytes) - exchange->used, 0);

	if (size > 0)
		exchange->used += (size_t)size;
	return size < 0 ? -errno : size;
}

static void on_readable(struct tcp_exchange *exchange)
{
	ssize_t size = receive(exchange);
	bool at_end;

	if (size == -EAGAIN || size == -EINTR)
		return;
	at_end = size <= 0 || exchange->used == sizeof(exchange->bytes);
	if (at_end)
		loop_io_watch(&exchange->io, 0);
	if (!exchange->open)
		read_greeting(exchange, at_end);
	else if (size < 0 && !exchange->used)
		fail_later(exchange, (int)size);
	else
		exchange->handlers->on_bytes(exchange, exchange->bytes, exchange->used, at_end,
					     exchange->owner);
}

static void on_ready(struct loop_io *io, unsigned ready)
{
	struct tcp_exchange *exchange = container_of(io, struct tcp_exchange, io);

	if (!exchange->connected)
		on_connected(exchange);
	else
		on_readable(exchange);
}

int tcp_exchange_new(struct tcp_exchange **ret_exchange, struct loop *loop, unsigned ifindex,
		     const struct netaddr *address, uint16_t port, bool secure, usec_t timeout,
		     const struct tcp_exchange_handlers *handlers, void *owner)
{
	const int index = (int)ifindex;
	struct sockaddr_storage to;
	socklen_t length = netaddr_to_sockaddr(address, port, &to);
	struct tcp_exchange *exchange;
	int fd, r;

	if (port_is_forbidden(port))
		return -EPERM;
	fd = socket(address->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ifindex && setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	if (address->family == AF_INET6)
		((struct sockaddr_in6 *)(void *)&to)->sin6_scope_id = ifindex;
	exchange = xnew(struct tcp_exchange);
	exchange->fd = fd;
	exchange->handlers = handlers;
	exchange->owner = owner;
	exchange->secure = secure;
	loop_io_init(&exchange->io, loop, fd, on_ready);
	loop_timer_init(&exchange->timer, loop, on_timer);
	loop_timer_arm(&exchange->timer, timeout);
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

void tcp_exchange_consume(struct tcp_exchange *exchange, size_t size)
{
	if (size > exchange->used)
		size = exchange->used;
	exchange->used -= size;
	memmove(exchange->bytes, exchange->bytes + size, exchange->used);
}
