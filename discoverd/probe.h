/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the confirmation of a TCP service plugs in: one struct service_probe, named in the table of
 * confirmation.c. It asks one port in the service's own protocol and says what answered.
 */
#pragma once

#include "common/loop.h"
#include "common/netaddr.h"
#include "discoverd/evidence.h"

struct probe_target {
	unsigned ifindex; /* 0: by the routing table */
	struct netaddr address;
	uint16_t port;
	bool secure;      /* in TLS */
	const char *path; /* of a service that has one: until start() returns; NULL: not known */
};

enum probe_result {
	PROBE_CONFIRMED, /* it speaks the protocol */
	PROBE_OTHER,     /* it speaks something else, or nothing that makes sense */
	PROBE_REFUSED,   /* nothing listens there */
	PROBE_SILENT,    /* no answer: filtered, lost, or gone */
};

/* The last call of a probe, which is to be freed then. evidence: borrowed. */
typedef void probe_done_fn(void *probe, enum probe_result result, const struct evidence *evidence,
			   void *owner);

/* May it connect once more, in place of a connection that has ended? That one counts then. */
typedef bool probe_reconnect_fn(void *owner);

struct probe_handlers {
	probe_done_fn *on_done;
	probe_reconnect_fn *may_reconnect;
};

struct service_probe {
	/* No callback runs inside. handlers: borrowed. */
	int (*start)(void **ret_probe, struct loop *loop, const struct probe_target *target,
		     const struct probe_handlers *handlers, void *owner);
	void *(*stop)(void *probe);
};

extern const struct service_probe rtsp_probe;
extern const struct service_probe http_probe;
extern const struct service_probe onvif_probe;

#define PROBE_TIMEOUT (3500 * USEC_PER_MSEC) /* three SYNs of the kernel's: 0, 1, 3 s */

/* What an error of the connection means. */
enum probe_result probe_result_of(int error);
