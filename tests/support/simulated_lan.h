/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * discoverd on a LAN of simulated hosts, in one process and in virtual time: what is real is all
 * that decides (discovery.c and what it owns), what is simulated is the kernel
 * (simulated_kernel.h), the packets of the protocols, and the connections to services. Each host
 * counts what is done to it.
 *
 * There is one LAN at a time, 10.0.0.0/24 on eth0.
 */
#pragma once

#include "discoverd/discovery.h"
#include "discoverd/protocol.h"
#include "tests/support/virtual_clock.h"

#define LAN_INDEX 2

struct lan_host {
	/* What it is. */
	unsigned number; /* its address is 10.0.0.NUMBER */
	char mac[MAC_TEXT_SIZE];
	char endpoint[32];  /* it speaks WS-Discovery; "": it does not */
	const char *server; /* of its HTTP service; NULL: of nobody in particular */
	bool http, rtsp;    /* services, at the usual ports */
	bool away;
	/* What has been done to it. */
	unsigned asked;       /* by packets to it alone, other than the kernel's */
	unsigned connections; /* tried, whether it took them or not */
	/* Of the simulation. */
	struct mac_address parsed;
	struct loop_timer answer;
	struct lan_host *next;
};

/* What the listeners of discoverd have been told, of whichever device. */
struct lan_news {
	unsigned published, withdrawn, changed, full_bursts, light_bursts;
	usec_t published_at;
};
extern struct lan_news lan_news;

void lan_init(void); /* discoverd runs, and nobody is there */
void lan_deinit(void);

/* Silently. Both live until the end. The number, below 256, makes the MAC as well. */
struct lan_host *lan_add_camera(unsigned number);   /* WS-Discovery, HTTP and RTSP */
struct lan_host *lan_add_computer(unsigned number); /* none of them */
struct lan_host *lan_hosts(void);                   /* the first */
void lan_set_carrier(bool has_carrier);
/* Lets time pass. */
void lan_run(usec_t time);
/* By MAC; NULL: nothing is known of it. */
const struct device *lan_device(const struct lan_host *host);
struct netaddr lan_address(const struct lan_host *host);

/* What comes in from a host. */
void lan_hello(const struct lan_host *host);
void lan_bye(const struct lan_host *host);
void lan_announce(const struct lan_host *host); /* by ARP */
void lan_request_lease(const struct lan_host *host);
/* Of a protocol of the table in discovery.c, with what it would say. */
void lan_tell(const struct protocol *protocol, struct sighting *sighting);
