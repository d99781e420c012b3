/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The root of discoverd: starts the protocols on the interfaces, brings their sightings to the
 * devices, has the services of these confirmed, and says which of them are worth publishing.
 */
#pragma once

#include "common/config.h"
#include "common/loop.h"
#include "discoverd/device.h"
#include "discoverd/unicast_search.h"

struct discovery;

struct discovery_settings {
	char **include_interfaces;
	char **exclude_interfaces;
	usec_t burst_interval;
	uint64_t max_devices;
	char **networks;
	char *state_directory;
};
extern const struct config_option discovery_options[];
config_check_fn discovery_check;

struct discovery_listener {
	device_fn *on_published;
	device_fn *on_changed;         /* of a published device */
	device_fn *on_withdrawn;       /* it may be freed on return */
	void (*on_state)(void *owner); /* scanning, interfaces or number of devices changed */
	void (*on_progress)(void *owner);
};

/* settings: borrowed. */
int discovery_new(struct discovery **ret_discovery, struct loop *loop,
		  const struct discovery_settings *settings);
struct discovery *discovery_free(struct discovery *discovery);
DEFINE_CLEANUP(struct discovery *, discovery_free);

/* listener: borrowed, one at a time; NULL: none. */
void discovery_listen(struct discovery *discovery, const struct discovery_listener *listener,
		      void *owner);
/* Begins to look. */
void discovery_start(struct discovery *discovery);
/* A full discovery now; joins the one that is under way. */
void discovery_scan(struct discovery *discovery);

bool discovery_is_scanning(const struct discovery *discovery);
unsigned discovery_progress(const struct discovery *discovery); /* 0 to 100, 100 between scans */
unsigned discovery_device_count(const struct discovery *discovery); /* published ones */
/* By its name, MAC or address, shown or not; NULL: nothing is known of it. */
const struct device *discovery_find(const struct discovery *discovery, const char *id);
struct unicast_search *discovery_unicast_search(struct discovery *discovery);
const struct interfaces *discovery_interfaces(const struct discovery *discovery);
