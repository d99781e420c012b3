/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known about a device: a bounded list of facts, each with the protocol that told it and
 * the time it did, and how they add up to one value per field and to one confidence. Pure, driven
 * by two tables in evidence.c: traits with their weights, and which source is believed for which
 * field.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "discoverd/text.h"

#define EVIDENCE_MAX_FACTS 64

/* Confidences. */
#define CANDIDATE_FROM 0.4 /* below, a device is not shown */
#define CAMERA_FROM    0.8

/* Who told, and its name on the bus: a new one has its line here. */
#define SOURCES(X)                                                          \
	X(WSD, "wsd")                                                       \
	X(MDNS, "mdns")                                                     \
	X(SSDP, "ssdp")                                                     \
	X(RTSP, "rtsp")                                                     \
	X(HTTP, "http")                                                     \
	X(ONVIF, "onvif")             /* the calls that need no password */ \
	X(CERTIFICATE, "certificate") /* of its TLS services */             \
	X(OUI, "oui")                                                       \
	X(ARP, "arp")                                                       \
	X(NDP, "ndp")                                                       \
	X(DHCP, "dhcp")                                                     \
	X(OPERATOR, "operator") /* who added its address */
#define DECLARE_SOURCE(name, text) SOURCE_##name,
enum source { SOURCES(DECLARE_SOURCE) SOURCE_COUNT };
const char *source_name(enum source source);

enum field {
	/* One value per source; the most trusted source is published. */
	FIELD_VENDOR,
	FIELD_MODEL,
	FIELD_SERIAL,
	FIELD_FIRMWARE,
	FIELD_NAME,
	FIELD_KIND,
	FIELD_STREAM_PATH,   /* of its RTSP service, as the device tells it */
	FIELD_SNAPSHOT_PATH, /* of its HTTP service, as the device tells it */
	FIELD_ADDRESS,       /* it was last heard on the link with */
	FIELD_CLASS,         /* DHCP vendor class */
	/* Any number of values. */
	FIELD_TRAIT,    /* name of a row of the trait table */
	FIELD_ENDPOINT, /* WS-Discovery endpoint reference: a stable, but sometimes cloned, name */
	FIELD_MAC,      /* a MAC address that the device says is its own */
	FIELD_HINT,     /* port and service that somebody claims: to be confirmed */
	FIELD_ONVIF,    /* port and path of the ONVIF device service */
	FIELD_SERVICE,  /* port and service that answered in its own protocol */
	FIELD_COUNT,
};
const char *field_name(enum field field);

struct fact {
	usec_t time;   /* when it was last told */
	uint16_t port; /* that it is about, or that told it; 0: none */
	enum source source : 8;
	enum field field : 8;
	uint8_t failures; /* of its port to tell it again, in a row: evidence_take_answer() */
	bool stale;       /* its source has been silent for long: evidence_age() */
	char text[];
};

struct evidence {
	struct fact **facts;
	size_t count;
};

void evidence_deinit(struct evidence *evidence);

/*
 * Adds a fact or renews its time; text is cleaned and bounded (text_clean()), empty text is no
 * fact. A full list, or a field with a quarter of it, loses its oldest fact. Returns whether
 * anything but a time changed.
 */
bool evidence_add(struct evidence *evidence, enum source source, enum field field, const char *text,
		  usec_t time);
bool evidence_add_port(struct evidence *evidence, enum source source, enum field field,
		       uint16_t port, const char *text, usec_t time);
/* A MAC in any notation: 12 digits, with or without separators. Returns whether it is one. */
bool evidence_add_mac(struct evidence *evidence, enum source source, const char *text, usec_t time);
bool evidence_merge(struct evidence *evidence, const struct evidence *other);
/*
 * Merges what a port answered that was asked in the protocol of some sources (BIT(source)); no
 * answer is one, too. What they told of that port before and do not repeat, the third time in a
 * row, is not true any more and goes.
 */
bool evidence_take_answer(struct evidence *evidence, const struct evidence *answer, uint16_t port,
			  unsigned sources);
/* A service has not answered when it was last asked, and is still believed. */
bool evidence_is_failing(const struct evidence *evidence);

/* The value to publish, or NULL. Lives until the evidence changes. */
const char *evidence_best(const struct evidence *evidence, enum field field);

/* The next fact of a field after the given one (NULL: the first). */
const struct fact *evidence_next(const struct evidence *evidence, enum field field,
				 const struct fact *after);
bool evidence_has_trait(const struct evidence *evidence, const char *trait);
/* Whether anything says that it is a device of another kind. */
bool evidence_speaks_against(const struct evidence *evidence);
bool evidence_has_source(const struct evidence *evidence, enum source source);
/* Whether the source has said anything since then, if only again. */
bool evidence_is_told(const struct evidence *evidence, enum source source, usec_t since);

struct evidence_weight {
	double value; /* what the fact adds to the sum: of a trait that several told, the first does
		       */
	double alone; /* what it is worth by itself, whatever the sum is; 0: nothing */
};
struct evidence_weight evidence_weigh(const struct evidence *evidence, const struct fact *fact);
double evidence_sum(const struct evidence *evidence);
/* 0..1: the sum; but not less than a certain trait is worth alone. */
double evidence_confidence(const struct evidence *evidence);

/*
 * The device was there and was asked all the time since then. What a source did not repeat, though
 * it spoke, is not true any more and goes; what a source said that is silent now gets stale: it
 * still adds up, but is not certain by itself. Returns whether anything changed.
 */
bool evidence_age(struct evidence *evidence, usec_t since);
/* Whether it shows another kind of device: a printer, a speaker, a computer. */
bool evidence_is_other(const struct evidence *evidence);
const char *evidence_kind(const struct evidence *evidence);
