/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The handlers that the route table (route_table.c) names, by the file they live in. */
#pragma once

#include "apid/routes.h"

/* registration_calls.c: a gateway on its way in */
route_fn on_announce, on_get_token, on_renew_token;

/* sync_calls.c: an approved gateway */
route_fn on_get_configuration, on_put_csr, on_get_rules, on_get_changes, on_put_rules_status,
	on_post_devices, on_post_status;

/* people_calls.c */
route_fn on_login, on_logout, on_get_session, on_claim, on_list_gateways, on_get_gateway,
	on_revoke_gateway, on_get_devices, on_get_health;

/* rule_calls.c */
route_fn on_post_rule, on_delete_rule;
