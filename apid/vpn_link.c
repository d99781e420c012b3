/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bufferevent does the handshake and the reading; we check who answered before anything is
 * sent (SSL_VERIFY_PEER ends the handshake otherwise) and cut netstrings out of the stream.
 */
#include "apid/vpn_link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "common/netaddr.h"
#include "common/netstring.h"

#define REASON_SIZE    256
#define MAX_TARGETS    8
#define TARGET_TIMEOUT (3 * USEC_PER_SEC) /* of an address while there are others to try */

struct target {
	struct sockaddr_storage address;
	socklen_t size;
};

struct vpn_link {
	struct loop *loop;
	const struct vpn_link_handlers *handlers;
	void *owner;
	char *host;
	uint16_t port;
	SSL_CTX *tls;
	struct bufferevent *stream;  /* of the address being tried or used; NULL before the first */
	struct evdns_base *resolver; /* NULL when host is an address */
	struct evdns_getaddrinfo_request *resolving;
	struct target targets[MAX_TARGETS];
	size_t target_count, target_next;
	struct loop_timer timeout;
	struct loop_defer proceed; /* the resolver may answer inside our call to it */
	int resolved;              /* its result */
	usec_t answer_timeout;
	bool open, lost;
};

static void link_lose(struct vpn_link *link, const char *reason)
{
	if (link->lost)
		return;
	link->lost = true;
	loop_timer_cancel(&link->timeout);
	if (link->stream)
		bufferevent_disable(link->stream, EV_READ | EV_WRITE);
	link->handlers->on_lost(reason, link->owner);
}

/* The most telling of the errors that OpenSSL and the socket left behind. */
static const char *link_reason(struct vpn_link *link, short what, char buffer[static REASON_SIZE])
{
	unsigned long error = bufferevent_get_openssl_error(link->stream);
	long verified = SSL_get_verify_result(bufferevent_openssl_get_ssl(link->stream));
	const char *text = error ? ERR_reason_error_string(error) : NULL;

	if (verified != X509_V_OK)
		snprintf(buffer, REASON_SIZE, "its certificate is refused: %s",
			 X509_verify_cert_error_string(verified));
	else if (text)
		snprintf(buffer, REASON_SIZE, "TLS: %s", text);
	else if (what & BEV_EVENT_EOF)
		snprintf(buffer, REASON_SIZE, "it closed the connection");
	else
		snprintf(buffer, REASON_SIZE, "%s", strerror(EVUTIL_SOCKET_ERROR()));
	return buffer;
}

static void link_try_next(struct vpn_link *link);

static void on_event(struct bufferevent *stream, short what, void *argument)
{
	struct vpn_link *link = argument;
	char reason[REASON_SIZE];

	if (link->lost)
		return;
	if (what & BEV_EVENT_CONNECTED) {
		loop_timer_cancel(&link->timeout);
		link->open = true;
		/* A request is several records: none should wait for the others' acknowledgement.
		 */
		(void)setsockopt(bufferevent_getfd(stream), IPPROTO_TCP, TCP_NODELAY, &(int){ 1 },
				 sizeof(int));
		link->handlers->on_open(link->owner);
		return;
	}
	if (!(what & (BEV_EVENT_ERROR | BEV_EVENT_EOF | BEV_EVENT_TIMEOUT)))
		return;
	if (!link->open && link->target_next < link->target_count)
		link_try_next(link);
	else
		link_lose(link, link_reason(link, what, reason));
}

static void on_readable(struct bufferevent *stream, void *argument)
{
	struct vpn_link *link = argument;
	struct evbuffer *buffer = bufferevent_get_input(stream);
	_cleanup_free_ char *copy = NULL;
	const char *payload;
	size_t payload_size, consumed, size = evbuffer_get_length(buffer);

	if (link->lost)
		return;
	switch (netstring_parse((const char *)evbuffer_pullup(buffer, -1), size, &payload,
				&payload_size, &consumed)) {
	case NETSTRING_INCOMPLETE:
		return;
	case NETSTRING_INVALID:
		link_lose(link, "it does not speak our protocol");
		return;
	case NETSTRING_COMPLETE:
		break;
	}
	copy = xstrndup(payload, payload_size);
	evbuffer_drain(buffer, consumed);
	if (evbuffer_get_length(buffer)) {
		link_lose(link, "it answers what was not asked");
		return;
	}
	loop_timer_cancel(&link->timeout);
	link->handlers->on_answer(copy, strlen(copy), link->owner);
}

/* --- connecting: the name's addresses one after the other --- */

static SSL *link_new_session(struct vpn_link *link)
{
	SSL *session = SSL_new(link->tls);

	if (!session)
		abort();
	if (!link->resolver) {
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), link->host);
	} else {
		SSL_set1_host(session, link->host);
		SSL_set_tlsext_host_name(session, link->host);
	}
	return session;
}

static void link_drop_stream(struct vpn_link *link)
{
	if (!link->stream)
		return;
	bufferevent_setcb(link->stream, NULL, NULL, NULL, NULL);
	bufferevent_free(link->stream);
	link->stream = NULL;
}

static void link_try_next(struct vpn_link *link)
{
	struct target *target = &link->targets[link->target_next++];
	bool is_last = link->target_next == link->target_count;

	link_drop_stream(link);
	link->stream = bufferevent_openssl_socket_new(
		loop_event_base(link->loop), -1, link_new_session(link), BUFFEREVENT_SSL_CONNECTING,
		BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!link->stream)
		abort();
	bufferevent_setcb(link->stream, on_readable, NULL, on_event, link);
	bufferevent_setwatermark(link->stream, EV_READ, 0,
				 NETSTRING_MAX_PREFIX + NETSTRING_MAX_PAYLOAD + 2);
	bufferevent_enable(link->stream, EV_READ | EV_WRITE);
	loop_timer_arm(&link->timeout, is_last ? link->answer_timeout : TARGET_TIMEOUT);
	/* A failure comes through on_event(), or at the latest as a time-out. */
	(void)bufferevent_socket_connect(link->stream, (struct sockaddr *)&target->address,
					 (int)target->size);
}

static void on_timeout(struct loop_timer *timer)
{
	struct vpn_link *link = container_of(timer, struct vpn_link, timeout);

	if (!link->open && link->target_next < link->target_count)
		link_try_next(link);
	else
		link_lose(link, "no answer in time");
}

static void on_resolved(int result, struct evutil_addrinfo *addresses, void *argument)
{
	struct vpn_link *link = argument;
	struct evutil_addrinfo *address;

	if (result == EVUTIL_EAI_CANCEL)
		return; /* the link may be gone */
	link->resolving = NULL;
	link->resolved = result;
	for (address = addresses; address && link->target_count < MAX_TARGETS;
	     address = address->ai_next) {
		struct target *target = &link->targets[link->target_count++];

		memcpy(&target->address, address->ai_addr, address->ai_addrlen);
		target->size = (socklen_t)address->ai_addrlen;
	}
	if (addresses)
		evutil_freeaddrinfo(addresses);
	loop_defer_schedule(&link->proceed);
}

static void link_resolve(struct vpn_link *link)
{
	const struct evutil_addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
	};
	char port[8];

	/* A new resolver each time sees the resolv.conf and hosts of today. */
	link->resolver = evdns_base_new(loop_event_base(link->loop),
					EVDNS_BASE_INITIALIZE_NAMESERVERS);
	if (!link->resolver) {
		link_lose(link, "the system's resolver is not configured");
		return;
	}
	snprintf(port, sizeof(port), "%u", link->port);
	loop_timer_arm(&link->timeout, link->answer_timeout);
	link->resolving = evdns_getaddrinfo(link->resolver, link->host, port, &hints, on_resolved,
					    link);
}

static void on_proceed(struct loop_defer *defer)
{
	struct vpn_link *link = container_of(defer, struct vpn_link, proceed);
	struct target *target = &link->targets[0];
	struct netaddr address;
	char reason[REASON_SIZE];

	if (link->lost)
		return;
	if (!link->resolver && netaddr_parse(&address, link->host) == 0) {
		target->size = netaddr_to_sockaddr(&address, link->port, &target->address);
		link->target_count = 1;
	}
	if (link->target_count) {
		link_try_next(link);
	} else if (!link->resolver) {
		link_resolve(link);
	} else {
		snprintf(reason, sizeof(reason), "its name does not resolve: %s",
			 evutil_gai_strerror(link->resolved));
		link_lose(link, reason);
	}
}

int vpn_link_new(struct vpn_link **ret_link, struct loop *loop,
		 const struct vpn_link_options *options, const struct vpn_link_handlers *handlers,
		 void *owner, char **ret_error)
{
	struct vpn_link *link = xnew(struct vpn_link);
	int r;

	link->loop = loop;
	link->handlers = handlers;
	link->owner = owner;
	link->answer_timeout = options->timeout;
	link->port = options->port;
	r = tls_client_context_new(&link->tls, &options->files, ret_error);
	if (r < 0) {
		free(link);
		return r;
	}
	link->host = xstrdup(options->host);
	loop_timer_init(&link->timeout, loop, on_timeout);
	loop_defer_init(&link->proceed, loop, on_proceed);
	loop_defer_schedule(&link->proceed);
	*ret_link = link;
	return 0;
}

struct vpn_link *vpn_link_free(struct vpn_link *link)
{
	if (!link)
		return NULL;
	loop_timer_deinit(&link->timeout);
	loop_defer_deinit(&link->proceed);
	link_drop_stream(link);
	if (link->resolving)
		evdns_getaddrinfo_cancel(link->resolving);
	if (link->resolver)
		evdns_base_free(link->resolver, 0);
	SSL_CTX_free(link->tls);
	free(link->host);
	free(link);
	return NULL;
}

void vpn_link_send(struct vpn_link *link, const char *payload, size_t size)
{
	struct evbuffer *buffer = bufferevent_get_output(link->stream);
	char prefix[NETSTRING_MAX_PREFIX + 1];
	size_t prefix_size = netstring_prefix(prefix, size);

	if (evbuffer_add(buffer, prefix, prefix_size) < 0 ||
	    evbuffer_add(buffer, payload, size) < 0 || evbuffer_add(buffer, ",", 1) < 0)
		abort();
	loop_timer_arm(&link->timeout, link->answer_timeout);
}
