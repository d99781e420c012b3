/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules: which port of a gateway leads to which port of which device, and the automatic ones that
 * follow from its discovered devices. Pure.
 *
 * A (device MAC, service) keeps its local port for life: the first choice is a function of the two,
 * so that it is the same again even after the loss of the database, and what is once chosen stays
 * in the rule, which is never dropped because the device is away.
 */
#pragma once

#include <stdbool.h>

#include "apid/gateway_json.h"

#define LOCAL_PORT_FIRST      10000
#define LOCAL_PORT_LAST       59999
#define MAX_RULES_PER_GATEWAY 4096

enum rule_state { RULE_NEW, RULE_ACTIVE, RULE_WAITING, RULE_FAILED, RULE_STATE_COUNT };
extern const char *const rule_state_names[RULE_STATE_COUNT];
int rule_state_parse(enum rule_state *ret_state, const char *name);

struct rule {
	uint64_t id; /* 0: not stored yet */
	char protocol[4];
	uint16_t local_port_id, port_id;
	char ip_address[NETADDR_TEXT_SIZE];
	char mac_address[MAC_TEXT_SIZE]; /* empty: none */
	char service[SERVICE_SIZE];      /* of an automatic rule; empty: made by a person */
	bool suppressed;                 /* removed by a person; kept so that it does not return */
	int64_t expires_at;              /* 0: never */
	char *allow_from;                /* JSON list, or NULL */
	char *name;                      /* or NULL */
	enum rule_state state;           /* as the gateway reported */
	char *error;                     /* or NULL */
	bool changed;                    /* set by rules_derive(): to be stored */
};

struct rule_list {
	struct rule *rules;
	size_t count;
};
void rule_list_clear(struct rule_list *list);
struct rule *rule_list_add(struct rule_list *list); /* zeroed */
void rule_clear(struct rule *rule);
#define _cleanup_rules_ _cleanup_(rule_list_clear)

/* Ports in use, with the ids that hold them. */
struct port_set {
	uint8_t used[(LOCAL_PORT_LAST - LOCAL_PORT_FIRST + 8) / 8];
};
void port_set_fill(struct port_set *set, const struct rule_list *list);
bool port_set_has(const struct port_set *set, uint16_t port);
void port_set_add(struct port_set *set, uint16_t port);
/* 0 when every port is taken. */
uint16_t port_set_choose(const struct port_set *set, const char *mac, const char *service);

/*
 * Makes and updates the automatic rules that follow from the devices: marks what changed. Returns
 * the number of rules that could not be made, because the gateway is full.
 */
size_t rules_derive(struct rule_list *list, const struct device *devices, size_t device_count);

/* As the gateway gets it; with state and service for people. */
cJSON *rule_to_json(const struct rule *rule, bool for_people);
