/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Load on a TCP path, for benchmarks:
 *
 *     load sink PORT                            takes connections and all they send, until killed
 *     load connect FROM COUNT ADDRESS PORT S    opens and resets connections, 64 at a time, from
 *                                               COUNT addresses beginning with FROM; prints per
 * second load send ADDRESS PORT S                  sends on one connection; prints Mbit/s
 *
 * Connections end with a reset, so that no port waits and one client can go on for ever.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE      64
#define MAX_EVENTS   64
#define MAX_SECONDS  60.0
#define BLOCK_SIZE   (128 * 1024)
#define LISTEN_QUEUE 4096

static void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct sockaddr_in endpoint(const char *address, const char *port)
{
	struct sockaddr_in result = { .sin_family = AF_INET };

	result.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (inet_pton(AF_INET, address, &result.sin_addr) != 1 || !result.sin_port) {
		errno = EINVAL;
		fail(address);
	}
	return result;
}

static double duration(const char *text)
{
	double seconds = strtod(text, NULL);

	return seconds > 0 && seconds < MAX_SECONDS ? seconds : MAX_SECONDS;
}

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data = { .fd = fd } };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("epoll_ctl");
}

/* --- sink --- */

static void take_connections(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		watch(epoll, fd, EPOLLIN);
}

static void take_data(int fd, char *block)
{
	ssize_t size;

	do
		size = recv(fd, block, BLOCK_SIZE, 0);
	while (size == BLOCK_SIZE);
	if (size == 0 || (size < 0 && errno != EAGAIN))
		close(fd);
}

static _Noreturn void sink(const char *port)
{
	struct sockaddr_in any = endpoint("0.0.0.0", port);
	struct epoll_event events[MAX_EVENTS];
	char *block = malloc(BLOCK_SIZE);
	int epoll = epoll_create1(EPOLL_CLOEXEC), count, on = 1;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!block || bind(listener, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(listener, LISTEN_QUEUE) < 0)
		fail("listen");
	watch(epoll, listener, EPOLLIN);
	puts("ready");
	fflush(stdout);
	for (;;) {
		count = epoll_wait(epoll, events, MAX_EVENTS, -1);
		for (int i = 0; i < count; i++)
			if (events[i].data.fd == listener)
				take_connections(epoll, listener);
			else
				take_data(events[i].data.fd, block);
	}
}

/* --- connect --- */

struct client {
	struct sockaddr_in server, from; /* from: the first of */
	uint32_t from_count, next;
	int epoll;
};

static void open_one(struct client *client)
{
	static const struct linger reset = { 1, 0 };
	struct sockaddr_in from = client->from;
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) +
				     client->next++ % client->from_count);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0)
		fail("bind");
	if (connect(fd, (const struct sockaddr *)&client->server, sizeof(client->server)) < 0 &&
	    errno != EINPROGRESS)
		fail("connect");
	watch(client->epoll, fd, EPOLLOUT);
}

static int connect_for(const char *from, const char *count, const char *address, const char *port,
		       double seconds)
{
	struct client client = { .server = endpoint(address, port), .from = endpoint(from, "1") };
	struct epoll_event events[MAX_EVENTS];
	unsigned long opened = 0, failed = 0;
	double started;
	int ready;

	client.from.sin_port = 0;
	client.from_count = (uint32_t)strtoul(count, NULL, 10);
	client.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (client.from_count == 0)
		client.from_count = 1;
	for (unsigned i = 0; i < AT_ONCE; i++)
		open_one(&client);
	started = now();
	while (now() - started < seconds) {
		ready = epoll_wait(client.epoll, events, MAX_EVENTS, 100);
		for (int i = 0; i < ready; i++) {
			if (events[i].events & (EPOLLERR | EPOLLHUP))
				failed++;
			else
				opened++;
			close(events[i].data.fd);
			open_one(&client);
		}
	}
	printf("%.1f %lu\n", (double)opened / (now() - started), failed);
	return 0;
}

/* --- send --- */

static int send_for(const char *address, const char *port, double seconds)
{
	struct sockaddr_in server = endpoint(address, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *block = calloc(1, BLOCK_SIZE);
	double started, sent = 0;
	ssize_t size;

	if (!block || connect(fd, (const struct sockaddr *)&server, sizeof(server)) < 0)
		fail("connect");
	started = now();
	while (now() - started < seconds) {
		size = send(fd, block, BLOCK_SIZE, MSG_NOSIGNAL);
		if (size < 0)
			fail("send");
		sent += (double)size;
	}
	printf("%.1f 0\n", sent * 8 / 1e6 / (now() - started));
	return 0;
}

int main(int argc, char *argv[])
{
	if (argc == 3 && strcmp(argv[1], "sink") == 0)
		sink(argv[2]);
	if (argc == 7 && strcmp(argv[1], "connect") == 0)
		return connect_for(argv[2], argv[3], argv[4], argv[5], duration(argv[6]));
	if (argc == 5 && strcmp(argv[1], "send") == 0)
		return send_for(argv[2], argv[3], duration(argv[4]));
	fputs("usage: load sink PORT | load connect FROM COUNT ADDRESS PORT SECONDS | "
	      "load send ADDRESS PORT SECONDS\n",
	      stderr);
	return 2;
}
