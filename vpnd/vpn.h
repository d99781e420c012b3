/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The root object of vpnd: ties the tunnel's states to the transport, the link and the address, and
 * keeps the settings, so that the VPN is joined again at boot without anybody asking.
 */
#pragma once

#include "vpnd/link.h"
#include "vpnd/settings.h"
#include "vpnd/tunnel.h"

struct bus_object;
struct vpn;

/* From the configuration file. */
struct vpn_options {
	char *vpncmd;
	char *dhcp_client;
	char *libexec_directory;
	char *state_directory;
	char *nic;
	char *account;
	uint64_t tcp_connections;
};

typedef void vpn_changed_fn(struct vpn *vpn, void *owner);

int vpn_new(struct vpn **ret_vpn, struct loop *loop, const struct vpn_options *options);
struct vpn *vpn_free(struct vpn *vpn); /* the tunnel goes on */
DEFINE_CLEANUP(struct vpn *, vpn_free);

/* Called after any change of what the getters below say. */
void vpn_on_changed(struct vpn *vpn, vpn_changed_fn *on_changed, void *owner);

/* Takes up the stored settings. */
void vpn_start(struct vpn *vpn);

/* Takes settings, which have been checked. -errno: they could not be stored. */
int vpn_configure(struct vpn *vpn, struct settings *settings);
int vpn_connect(struct vpn *vpn);    /* -EAGAIN: nothing is configured */
int vpn_disconnect(struct vpn *vpn); /* -EAGAIN; ends when the state is no longer "leaving" */
int vpn_forget(struct vpn *vpn);     /* likewise; 0 also when nothing is configured */

bool vpn_is_configured(const struct vpn *vpn);
enum tunnel_state vpn_state(const struct vpn *vpn);
const char *vpn_last_error(const struct vpn *vpn);
const char *vpn_server(const struct vpn *vpn);    /* NULL: unconfigured */
const char *vpn_interface(const struct vpn *vpn); /* NULL: there is none */
bool vpn_address(const struct vpn *vpn, struct netprefix *ret_address);
int64_t vpn_connected_since(const struct vpn *vpn); /* 0: not up */
void vpn_statistics(const struct vpn *vpn, struct link_statistics *ret_statistics);
