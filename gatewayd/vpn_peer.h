/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vpnd, as seen from here: given the VPN account whenever it changes and whenever vpnd comes (back)
 * to the bus, until it has taken it; and its state, mirrored.
 */
#pragma once

#include "common/bus.h"
#include "gatewayd/configuration.h"

struct vpn_peer;

struct vpn_peer_handlers {
	/* What is known about the tunnel has changed. */
	void (*on_change)(struct vpn_peer *peer, void *owner);
	/* A descriptor of the private key for the certificate; owned by the caller, or -errno. */
	int (*open_key)(const char *certificate, void *owner);
};

int vpn_peer_new(struct vpn_peer **ret_peer, struct loop *loop, struct bus *bus,
		 const struct vpn_peer_handlers *handlers, void *owner);
struct vpn_peer *vpn_peer_free(struct vpn_peer *peer);
DEFINE_CLEANUP(struct vpn_peer *, vpn_peer_free);

/* The account to hold. The configuration is borrowed until another one or vpn_peer_forget(). */
void vpn_peer_configure(struct vpn_peer *peer, const struct configuration *configuration);
/* There shall be no account. */
void vpn_peer_forget(struct vpn_peer *peer);

/* NULL while vpnd is not running, or has no such value. */
const char *vpn_peer_state(const struct vpn_peer *peer);
const char *vpn_peer_server(const struct vpn_peer *peer);
const char *vpn_peer_address(const struct vpn_peer *peer);
/* The last one known, also while vpnd is away; NULL: never known. */
const char *vpn_peer_interface(const struct vpn_peer *peer);
int64_t vpn_peer_since(const struct vpn_peer *peer); /* 0: not connected */
const char *vpn_peer_problem(const struct vpn_peer *peer);
