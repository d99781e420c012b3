/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SSDP: what we ask, and what announcements and answers say. Pure, fuzzed. UPnP Device Architecture
 * 1.1, section 1. */
#pragma once

#include "common/netaddr.h"
#include "discoverd/evidence.h"

#define SSDP_PORT         1900
#define SSDP_REQUEST_SIZE 256
#define SSDP_LONGEST_WAIT (1200 * USEC_PER_MSEC) /* MX, and the way */

/* Some devices answer only to a type of their own. */
enum ssdp_target {
	SSDP_TARGET_ROOT_DEVICE,
	SSDP_TARGET_AXIS,
	SSDP_TARGET_EMBEDDED_NET_DEVICE,
	SSDP_TARGET_SECURITY_CAMERA,
	SSDP_TARGET_PRINTER, /* to know whom not to call for his description */
	SSDP_TARGET_ALL,     /* not for everybody: each would say all that it has */
	SSDP_TARGET_COUNT,
};
/*
 * host: the group's or the one host's address. One host alone is to answer at once, whatever MX
 * says (UPnP Device Architecture 1.1, section 1.3.2), but older devices want one.
 */
size_t ssdp_message_search(char buffer[static SSDP_REQUEST_SIZE], enum ssdp_target target,
			   const struct netaddr *host);

enum ssdp_kind {
	SSDP_OTHER, /* somebody's search */
	SSDP_PRESENT,
	SSDP_LEAVING,
};

struct ssdp_message {
	enum ssdp_kind kind;
	char type[TEXT_SIZE]; /* ST or NT */
	char name[TEXT_SIZE]; /* USN */
	char server[TEXT_SIZE];
	char location[TEXT_SIZE]; /* "" if it is longer */
	bool is_bridge;           /* of lamps: hue-bridgeid */
	bool is_announcement;     /* no answer to a search */
};

/* 0 or -EBADMSG. */
int ssdp_message_read(struct ssdp_message *ret_message, const char *bytes, size_t size);
void ssdp_message_evidence(struct evidence *evidence, const struct ssdp_message *message,
			   usec_t time);

/*
 * Where the description is: true only for plain HTTP at the address of the sender itself, as
 * everything else would make us call others at the will of a stranger. path: "/…", fit to be sent.
 */
bool ssdp_message_location(const struct ssdp_message *message, const struct netaddr *sender,
			   uint16_t *ret_port, char path[static TEXT_SIZE]);
