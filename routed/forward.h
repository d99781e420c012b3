/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One port forward as a value: what arrives on an interface for a port goes to a target's address
 * and port. A set is a named list of forwards that belongs to one caller. Pure.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/netaddr.h"

#define FORWARD_SET_SIZE     16 /* with its NUL: shown as the key of a kernel set */
#define FORWARD_NAME_MAX     64 /* bytes; longer names are cut */
#define FORWARD_SOURCES_MAX  64 /* prefixes of one forward */
#define FORWARD_ADDRESS_SIZE (sizeof("udp /65535") + IFNAMSIZ)

struct forward {
	char interface[IFNAMSIZ];   /* ingress; NUL-padded */
	char set[FORWARD_SET_SIZE]; /* NUL-padded */
	struct netaddr target;
	uint16_t listen_port;
	uint16_t target_port;
	uint8_t protocol;          /* IPPROTO_TCP or IPPROTO_UDP */
	bool keeps_client;         /* the target sees the client's address, not ours */
	uint8_t source_count;      /* 0: from everywhere */
	struct netprefix *sources; /* owned; whence it may be used: networks, sorted, disjoint */
	char *name;                /* owned; for people; NULL: none */
	int64_t expires;           /* seconds since 1970 UTC; 0: never */
	usec_t deadline;           /* the same on the clock of loop_now() (routed/expiry.h) */
};

/* What a caller gives. Strings are borrowed and may be anything. */
struct forward_input {
	const char *protocol;
	const char *target;
	const char *interface;
	const char *name;     /* NULL: none */
	char *const *sources; /* NULL: from everywhere */
	int64_t expires;      /* 0: never */
	uint16_t listen_port;
	uint16_t target_port;
	bool keeps_client;
};

/* 0, or -EINVAL and an owned sentence that says what is wrong. ret_forward->set is left empty. */
int forward_parse(struct forward *ret_forward, const struct forward_input *input, char **ret_error);
void forward_deinit(struct forward *forward);
struct forward forward_copy(const struct forward *forward);

int forward_set_check(const char *set, char **ret_error); /* letters, digits, '-', '_' */
bool forward_interface_is_valid(const char *interface);
/* A copy fit for a terminal and for an nft comment, at most FORWARD_NAME_MAX bytes; NULL if empty.
 */
char *forward_name_clean(const char *name);

/*
 * Order of the key: ingress interface, protocol, listen port, family of the target. Two forwards of
 * one key exclude each other.
 */
int forward_compare(const struct forward *a, const struct forward *b);
bool forward_same_target(const struct forward *a, const struct forward *b);
bool forward_admits(const struct forward *forward, const struct netaddr *client);
bool forward_equal(const struct forward *a, const struct forward *b); /* everything */

/* Takes prefixes, owned, of the target's family: as networks, sorted, without those inside others.
 */
void forward_set_sources(struct forward *forward, struct netprefix *prefixes, size_t count);

const char *forward_protocol_name(uint8_t protocol);
/* "tcp vpn_ether/10000" */
const char *forward_format_key(const struct forward *forward,
			       char buffer[static FORWARD_ADDRESS_SIZE]);
