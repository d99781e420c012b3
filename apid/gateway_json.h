/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What gateways and people send as JSON (protocol.md §1 and §2), parsed into typed, bounded values.
 * Pure. Unknown members are ignored; a known one of the wrong type, size or range refuses the whole
 * document with a sentence in *ret_problem that names it.
 *
 * Documents that are only kept and shown again (device, status, interfaces) are rebuilt member by
 * member: nothing that was not checked reaches the database or another client.
 */
#pragma once

#include <stdbool.h>

#include "apid/json_members.h"

#define MAX_DEVICES      1024
#define MAX_DEVICE_PORTS 64
#define MAX_CSR          8192
#define SERVICE_SIZE     24

struct announcement {
	char mac_address[MAC_TEXT_SIZE];
	const char *secret; /* borrowed from the JSON, as are the next ones */
	const char *csr;
	const char *hostname;   /* or NULL */
	const char *sw_version; /* or NULL */
	char *interfaces;       /* JSON, owned */
};
int announcement_parse(struct announcement *ret_announcement, const cJSON *json,
		       struct json_problem *ret_problem);
void announcement_clear(struct announcement *announcement);

struct device_port {
	uint16_t port;
	char service[SERVICE_SIZE];
};

struct device {
	char mac_address[MAC_TEXT_SIZE];    /* empty: unknown (a device behind a router) */
	char ip_address[NETADDR_TEXT_SIZE]; /* IPv4; empty: none */
	struct device_port ports[MAX_DEVICE_PORTS];
	size_t port_count;
	bool is_camera;    /* of any kind, but not a program on some computer */
	double confidence; /* 0 to 1; 1 when the gateway does not say */
	char *json;        /* the checked document, owned */
};
struct device_list {
	struct device *devices;
	size_t count;
};
/* A MAC address that comes twice keeps its first entry. */
int device_list_parse(struct device_list *ret_list, const cJSON *json,
		      struct json_problem *ret_problem);
void device_list_clear(struct device_list *list);

/* The status document, checked and printed; owned. */
int status_parse(char **ret_json, const cJSON *json, struct json_problem *ret_problem);

struct rule_report {
	uint64_t rule_id;
	const char *state; /* "active", "waiting", "failed" */
	const char *error; /* or NULL */
};
struct rule_report_list {
	struct rule_report *reports;
	size_t count;
	uint64_t revision;
};
int rule_report_list_parse(struct rule_report_list *ret_list, const cJSON *json,
			   struct json_problem *ret_problem);
void rule_report_list_clear(struct rule_report_list *list);

struct rule_request {
	char protocol[4];
	uint16_t local_port; /* 0: choose */
	uint16_t port;
	char ip_address[NETADDR_TEXT_SIZE];
	char mac_address[MAC_TEXT_SIZE]; /* or empty */
	char *allow_from;                /* JSON list of prefixes, owned, or NULL */
	int64_t expires_at;              /* 0: never */
	const char *name;                /* borrowed, or NULL */
};
int rule_request_parse(struct rule_request *ret_request, const cJSON *json,
		       struct json_problem *ret_problem);
void rule_request_clear(struct rule_request *request);
