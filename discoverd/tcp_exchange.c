/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Failures found outside a callback are told from the timer, so that no callback runs inside a
 * call. */
#include "discoverd/tcp_exchange.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"
#include "discoverd/tls.h"

struct tcp_exchange {
	struct loop_io io;
	struct loop_timer timer;
	const struct tcp_exchange_handlers *handlers;
	void *owner;
	int fd;
	struct tls *tls; /* NULL: in the clear */
	int error;       /* told when the timer elapses; 0: it is the timeout */
	bool connected;
	bool open; /* TLS, if any, is agreed on */
	size_t used;
	char bytes[TCP_EXCHANGE_MAX];
};

static void fail_later(struct tcp_exchange *exchange, int error)
{
	exchange->error = error;
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

static void shake_hands(struct tcp_exchange *exchange)
{
	unsigned wanted = LOOP_READ;
	int r = tls_handshake(exchange->tls, &wanted);

	if (r == 0)
		on_open(exchange);
	else if (r == -EAGAIN)
		loop_io_watch(&exchange->io, wanted);
	else
		fail_later(exchange, r);
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
	if (exchange->tls)
		shake_hands(exchange);
	else
		on_open(exchange);
}

/* As recv(), with a negative errno. */
static ssize_t receive(struct tcp_exchange *exchange, char *buffer, size_t size)
{
	ssize_t received;

	if (exchange->tls)
		return tls_receive(exchange->tls, buffer, size);
	received = recv(exchange->fd, buffer, size, 0);
	return received < 0 ? -errno : received;
}

/* All that is there, as what TLS has decrypted does not make the socket readable again. */
static ssize_t receive_all(struct tcp_exchange *exchange)
{
	ssize_t size = 1;

	while (size > 0 && exchange->used < sizeof(exchange->bytes)) {
		size = receive(exchange, exchange->bytes + exchange->used,
			       sizeof(exchange->bytes) - exchange->used);
		if (size > 0)
			exchange->used += (size_t)size;
	}
	return size == -EINTR ? -EAGAIN : size;
}

static void on_readable(struct tcp_exchange *exchange)
{
	size_t before = exchange->used;
	ssize_t size = receive_all(exchange);
	bool at_end = size != -EAGAIN;

	if (!at_end && exchange->used == before)
		return;
	if (size < 0 && at_end && !exchange->used) {
		fail_later(exchange, (int)size);
		return;
	}
	if (at_end)
		loop_io_watch(&exchange->io, 0);
	exchange->handlers->on_bytes(exchange, exchange->bytes, exchange->used, at_end,
				     exchange->owner);
}

static void on_ready(struct loop_io *io, unsigned ready)
{
	struct tcp_exchange *exchange = container_of(io, struct tcp_exchange, io);

	if (!exchange->connected)
		on_connected(exchange);
	else if (!exchange->open)
		shake_hands(exchange);
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
	if (secure)
		tls_new(&exchange->tls, fd);
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
	tls_free(exchange->tls);
	close(exchange->fd);
	free(exchange);
	return NULL;
}

void tcp_exchange_send(struct tcp_exchange *exchange, const char *bytes, size_t size)
{
	ssize_t sent;

	if (exchange->tls)
		sent = tls_send(exchange->tls, bytes, size);
	else if ((sent = send(exchange->fd, bytes, size, MSG_NOSIGNAL)) < 0)
		sent = -errno;
	if (sent < 0)
		fail_later(exchange, (int)sent);
	else if ((size_t)sent < size)
		fail_later(exchange, -EAGAIN);
}

void tcp_exchange_extend(struct tcp_exchange *exchange, usec_t timeout)
{
	if (!exchange->error)
		loop_timer_arm(&exchange->timer, timeout);
}

size_t tcp_exchange_certificate(struct tcp_exchange *exchange, uint8_t **ret_certificate)
{
	return exchange->tls ? tls_certificate(exchange->tls, ret_certificate) : 0;
}

void tcp_exchange_consume(struct tcp_exchange *exchange, size_t size)
{
	if (size > exchange->used)
		size = exchange->used;
	exchange->used -= size;
	memmove(exchange->bytes, exchange->bytes + size, exchange->used);
}
