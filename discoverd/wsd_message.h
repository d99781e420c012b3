/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WS-Discovery as ONVIF devices speak it: what we ask, and what their Hello, Bye, ProbeMatches and
 * ResolveMatches say. Pure, fuzzed. ONVIF's dialect is that of 2005/04; some devices speak that of
 * the OASIS standard 1.1 of 2009/01, and not all of them both.
 */
#pragma once

#include "common/netaddr.h"
#include "discoverd/evidence.h"

#define WSD_PORT         3702
#define WSD_REQUEST_SIZE 1536
#define WSD_UUID_SIZE    37
#define WSD_MAX_MATCHES  16
#define WSD_MAX_XADDRS   8

/*
 * One probe with all types loses the cameras that know only one of them (all must match), and some
 * answer only a probe without types, or only one with them: hence three. The fourth is for those
 * of the other dialect, which are few.
 */
enum wsd_probe_form {
	WSD_PROBE_TRANSMITTER, /* dn:NetworkVideoTransmitter */
	WSD_PROBE_DEVICE,      /* tds:Device */
	WSD_PROBE_ANY,         /* no types */
	WSD_PROBE_OASIS,       /* no types, in the dialect of 2009/01 */
	WSD_PROBE_FORM_COUNT,
};

/* A version 4 UUID in text form from 16 random bytes. */
void wsd_message_uuid(char buffer[static WSD_UUID_SIZE], const uint8_t random[static 16]);
size_t wsd_message_probe(char buffer[static WSD_REQUEST_SIZE], enum wsd_probe_form form,
			 const char *uuid);
/* Asks who an endpoint is and where. Returns 0 when the endpoint cannot be asked for. */
size_t wsd_message_resolve(char buffer[static WSD_REQUEST_SIZE], const char *endpoint, bool oasis,
			   const char *uuid);

enum wsd_action {
	WSD_ACTION_OTHER, /* somebody's probe, or none of discovery's business */
	WSD_ACTION_HELLO,
	WSD_ACTION_BYE,
	WSD_ACTION_PROBE_MATCHES,
	WSD_ACTION_RESOLVE_MATCHES,
};

/* A transport address. The host in it is often wrong, and is no evidence: see
 * wsd_message_evidence(). */
struct wsd_xaddr {
	struct netaddr host; /* AF_UNSPEC: none that can be read */
	bool secure;
	uint16_t port;
	char path[TEXT_SIZE];
};

struct wsd_match {
	char endpoint[TEXT_SIZE]; /* may be "" */
	struct wsd_xaddr xaddrs[WSD_MAX_XADDRS];
	size_t xaddr_count;
	struct evidence evidence; /* of types and scopes */
	bool is_onvif;            /* a type or a scope says so */
};

struct wsd_message {
	enum wsd_action action;
	bool oasis; /* in the dialect of 2009/01 */
	struct wsd_match matches[WSD_MAX_MATCHES];
	size_t match_count;
};

/*
 * 0, or -EBADMSG when nothing could be read. Matches that were whole before a fault are kept. The
 * message is big: keep it on the heap, and deinit it.
 */
int wsd_message_read(struct wsd_message *ret_message, const void *bytes, size_t size, usec_t time);
void wsd_message_deinit(struct wsd_message *message);

/* All that a match says, the endpoint and the ports of its addresses included. */
void wsd_message_evidence(struct evidence *evidence, const struct wsd_match *match, usec_t time);
