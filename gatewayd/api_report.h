/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What we tell the Gateway API: structs -> JSON (protocol.md §1). Pure; texts are owned. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/netaddr.h"
#include "gatewayd/desired_state.h"

struct network_interface {
	char *name;
	struct mac_address mac;
	struct netaddr address; /* AF_UNSPEC: none */
	uint8_t prefix_length;
};

struct announce_report {
	struct mac_address mac;
	const char *secret;
	const char *csr;
	const char *hostname;
	const struct network_interface *interfaces;
	size_t interface_count;
};
/* Holds the secret: free with secret_free(). */
char *announce_report_print(const struct announce_report *report);
char *csr_report_print(const char *csr);

struct device_port {
	uint16_t port;
	char *service;
};

/* One camera as discoverd describes it; texts may be NULL where it told nothing. */
struct device_report {
	struct mac_address mac;
	struct netaddr address;
	char **ipv6_addresses;
	struct device_port *ports;
	size_t port_count;
	char *vendor, *model, *serial, *firmware, *name, *kind;
	char *onvif_url, *snapshot_path, *stream_path;
	char **evidence;
	double confidence;
	int64_t first_seen, last_seen;
	bool online;
};
/* with_last_seen false: for telling whether anything changed, as last_seen always does. */
char *device_reports_print(const struct device_report *const *devices, size_t count,
			   bool with_last_seen);

struct status_report {
	uint64_t uptime_seconds;
	const char *vpn_state;   /* NULL: vpnd is not running */
	const char *vpn_server;  /* or NULL */
	const char *vpn_address; /* or NULL */
	int64_t vpn_since;       /* 0: not connected */
	size_t active_forwards;
	size_t device_count;
};
char *status_report_print(const struct status_report *report);

char *rule_status_print(const struct planned_rule *rules, size_t count, uint64_t revision);
