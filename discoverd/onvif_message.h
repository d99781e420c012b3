/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ONVIF calls that a stranger may make, and what devices answer: those of access class PRE_AUTH
 * (ONVIF Core Specification, section 5.9.4.3), and a few more that many cameras answer to anybody.
 * No call carries a credential. A refusal proves an ONVIF device as well as an answer. Pure,
 * fuzzed.
 */
#pragma once

#include "common/netaddr.h"
#include "discoverd/evidence.h"

#define ONVIF_DEFAULT_PATH "/onvif/device_service"
#define ONVIF_REQUEST_SIZE (1024 + 2 * TEXT_SIZE)
#define ONVIF_TOKEN_SIZE   65 /* tt:ReferenceToken is at most 64 characters */

/* In the order in which they are made: the most valuable first, should the device allow only few
 * connections. */
enum onvif_call {
	ONVIF_GET_SYSTEM_DATE_AND_TIME, /* everybody answers it: is this ONVIF? */
	ONVIF_GET_DEVICE_INFORMATION,
	ONVIF_GET_SERVICES,
	ONVIF_GET_CAPABILITIES, /* only if there was no answer to GetServices */
	ONVIF_GET_PROFILES,
	ONVIF_GET_STREAM_URI,
	ONVIF_GET_SNAPSHOT_URI,
	ONVIF_GET_HOSTNAME,
	ONVIF_GET_ENDPOINT_REFERENCE,
	ONVIF_CALL_COUNT,
};

/* Where the media service is; the host it tells is passed over. */
struct onvif_media {
	unsigned version; /* 1 or 2: ver10/media, ver20/media; 0: not known */
	bool secure;
	uint16_t port;
	char path[TEXT_SIZE];
};

/* What was learnt so far and later calls need. */
struct onvif_session {
	struct netaddr address;
	uint16_t port;
	bool secure;
	char path[TEXT_SIZE]; /* of the device service */
	bool services_known;  /* GetServices was answered */
	struct onvif_media media;
	char profile[ONVIF_TOKEN_SIZE]; /* "": none known */
};

enum onvif_answer {
	ONVIF_ANSWERED,
	ONVIF_DENIED,  /* not without a password */
	ONVIF_FAILED,  /* a fault of another kind: the device has no such call, for instance */
	ONVIF_FOREIGN, /* not an answer of an ONVIF device */
};

/* Whether there is reason to make the call, after what was learnt. */
bool onvif_message_is_due(const struct onvif_session *session, enum onvif_call call);
bool onvif_message_is_media(enum onvif_call call); /* it goes to the media service */
/* The whole HTTP request. Returns its length. */
size_t onvif_message_request(char buffer[static ONVIF_REQUEST_SIZE],
			     const struct onvif_session *session, enum onvif_call call);
/* Whether the body is complete, though nothing says where it ends: with its root element. */
bool onvif_message_is_whole(const char *body, size_t size);
/* Adds what the body of the answer tells to session and evidence. status: of HTTP. */
enum onvif_answer onvif_message_read(struct onvif_session *session, struct evidence *evidence,
				     enum onvif_call call, unsigned status, const char *body,
				     size_t size, usec_t time);
