/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One device: its identity, the evidence about it, the addresses it was seen at, whether it is
 * there. Owned by struct device_table; its bus object and its confirmation belong to struct
 * discovery, which keeps them in the last members.
 */
#pragma once

#include "discoverd/identity.h"
#include "discoverd/interfaces.h"
#include "discoverd/sighting.h"

#define DEVICE_MAX_ADDRESSES 8
#define DEVICE_MAX_SERVICES  16
#define DEVICE_URL_SIZE      (TEXT_SIZE + 64)

struct device_address {
	unsigned ifindex;            /* 0: beyond a router, in a place that we were told of */
	char interface[IF_NAMESIZE]; /* "" then */
	struct netaddr address;
	bool on_link;
	usec_t last_seen;
};

struct device {
	char name[IDENTITY_NAME_SIZE]; /* last element of its path; never changes once published */
	struct identity identity;
	struct evidence evidence;
	struct device_address *addresses;
	size_t address_count; /* up to DEVICE_MAX_ADDRESSES */
	size_t primary;       /* index of the address to forward to; address_count: none */

	bool online;
	unsigned misses;   /* unanswered checks in a row */
	unsigned unproven; /* checks in a row that ended without an answer and without a miss */
	usec_t heard;      /* loop_now() of its last sign of life, */
	usec_t online_since;
	unsigned naps; /* times in a row that it went without a word, having been there for short */
	usec_t napped; /* the last of them */
	usec_t suspected;   /* when it said good-bye; 0: never */
	usec_t checked;     /* when it was last asked whether it is there; 0: no check is open */
	int64_t first_seen; /* seconds since 1970 */
	int64_t last_seen;  /* and the same in seconds since 1970 */

	usec_t stranger_until; /* heard on the link, it has so long to say what it is; 0: not heard
				*/
	usec_t recheck;        /* when to look at its services again; 0: not planned */
	unsigned rechecks;     /* done since its services were last in order */
	usec_t looked;         /* when its services were last asked from the start */
	unsigned looks;        /* at them since then */
	struct confirmation *confirmation; /* NULL: none yet */
	bool first_look;                   /* it was begun when nothing was known of the device */
	unsigned confirmed_ifindex;        /* and the address that it asks */
	struct netaddr confirmed_address;
	bool published;
	struct netaddr told;    /* its address, */
	bool told_online;       /* and whether it is there, as last logged */
	struct device_bus *bus; /* of the binding */
};

typedef void device_fn(struct device *device, void *owner);

/* For struct device_table; what others keep in it is freed before. */
struct device *device_free(struct device *device);

struct device_service {
	uint16_t port;
	const char *name;
};

const struct device_address *device_address(const struct device *device); /* NULL: none */
const struct device_address *device_find_address(const struct device *device, unsigned ifindex,
						 const struct netaddr *address);
/* Whether it may be called there: not a stranger's claim to be elsewhere. */
bool device_address_is_reachable(const struct device_address *address);
/* Notes that it was seen there, and moves to the address where that is called for. */
void device_note_address(struct device *device, const struct interface *interface,
			 const struct netaddr *address, usec_t now);
/* Takes over what was known of another device that turned out to be this one. */
void device_adopt_address(struct device *device, const struct device_address *address);
/* Returns whether it had that address. */
bool device_drop_address(struct device *device, unsigned ifindex, const struct netaddr *address);

/* A time of loop_now() as seconds since 1970. */
int64_t device_unix_time(const struct device *device, usec_t time);
/* One of its services has answered: it is no invention. */
bool device_is_confirmed(const struct device *device);
bool device_mac(const struct device *device, struct mac_address *ret_mac);
/* It is not there any more: counts what shows that it sleeps. */
void device_note_absence(struct device *device, usec_t now);
/* It runs on a battery, by its model or as it behaves: that it does not answer does not mean that
 * it is gone. */
bool device_sleeps(const struct device *device);
size_t device_services(const struct device *device,
		       struct device_service ret_services[static DEVICE_MAX_SERVICES]);
/* Why nothing can be forwarded to its address, and what to do about it; NULL: it can. */
const char *device_obstacle(const struct device *device, char buffer[static DEVICE_URL_SIZE]);
/* All NULL when unknown. */
const char *device_onvif_url(const struct device *device, char buffer[static DEVICE_URL_SIZE]);
const char *device_snapshot_path(const struct device *device);
const char *device_stream_path(const struct device *device);
