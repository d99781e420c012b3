/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calling others: one asynchronous request, the presence of a name, and a mirror of a service's
 * objects.
 */
#pragma once

#include <stdbool.h>

#include "common/bus.h"
#include "common/bus_message.h"

/* --- one call --- */

struct bus_request;

struct bus_reply {
	int error;               /* 0, or negative errno by bus_error_number() */
	const char *error_name;  /* D-Bus error name, or NULL */
	const char *error_text;  /* its sentence, or NULL */
	struct bus_reader *body; /* on success, signature checked */
};

/* The last callback of a request, which is gone afterwards. */
typedef void bus_reply_fn(const struct bus_reply *reply, void *owner);

struct bus_request *bus_request_new(struct bus *bus, const char *destination, const char *path,
				    const char *interface, const char *method);
struct bus_writer *bus_request_arguments(struct bus_request *request);
/* Who looks must not start: a service that is not running is then the error -ENXIO. */
void bus_request_forbid_start(struct bus_request *request);
/* timeout 0: 25 s. A reply of another signature is the error -EPROTO. on_reply never runs inside.
 */
void bus_request_send(struct bus_request *request, const char *reply_signature, usec_t timeout,
		      bus_reply_fn *on_reply, void *owner);
/* NULL-safe; on_reply is not called. */
struct bus_request *bus_request_cancel(struct bus_request *request);
DEFINE_CLEANUP(struct bus_request *, bus_request_cancel);

/* The same, waiting: for commands such as gatewayctl, never in a daemon. The reply lives until
 * cancel. */
const struct bus_reply *bus_request_send_and_wait(struct bus_request *request,
						  const char *reply_signature, usec_t timeout);

/* --- presence of a name --- */

struct bus_peer;
/* Called once with the state found, then on every change; a restart is absent, then present. */
typedef void bus_peer_fn(struct bus_peer *peer, bool present, void *owner);
int bus_peer_new(struct bus_peer **ret_peer, struct bus *bus, const char *name,
		 bus_peer_fn *on_change, void *owner);
struct bus_peer *bus_peer_free(struct bus_peer *peer);
DEFINE_CLEANUP(struct bus_peer *, bus_peer_free);
bool bus_peer_is_present(const struct bus_peer *peer);

/* --- mirror: the objects below a root, kept current --- */

struct bus_mirror;
struct bus_mirror_handlers {
	/* Properties that are new or changed. Called for every object at first and after each
	 * restart. */
	void (*on_properties)(const char *path, const char *interface, struct bus_reader *dict,
			      void *owner);
	/* The property has no value any more. May be NULL. */
	void (*on_invalidated)(const char *path, const char *interface, const char *property,
			       void *owner);
	/* The interface left the object, or the service vanished. */
	void (*on_removed)(const char *path, const char *interface, void *owner);
	/* The service came (true: after all its objects were given) or went (false). May be NULL.
	 */
	void (*on_presence)(bool present, void *owner);
	/* A signal of the service other than the standard ones. May be NULL. */
	void (*on_signal)(const char *path, const char *interface, const char *member,
			  struct bus_reader *arguments, void *owner);
};
/*
 * Mirrors root (its interface root_interface, by Properties.GetAll) and its descendants (by
 * ObjectManager), at most 4096 interfaces in all. handlers: borrowed; they must not free the
 * mirror.
 */
int bus_mirror_new(struct bus_mirror **ret_mirror, struct bus *bus, const char *service,
		   const char *root, const char *root_interface,
		   const struct bus_mirror_handlers *handlers, void *owner);
struct bus_mirror *bus_mirror_free(struct bus_mirror *mirror); /* no handler is called */
DEFINE_CLEANUP(struct bus_mirror *, bus_mirror_free);
bool bus_mirror_is_present(const struct bus_mirror *mirror);
