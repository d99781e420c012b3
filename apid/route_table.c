/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every call the API answers. openapi.yaml says the same; tests/bus/test_apid.py compares. */
#include "apid/calls.h"

#define BODY       .has_body = true
#define ROLE(name) .role = ROLE_##name

const struct route api_routes[] = {
	{ "GET", "/healthz", on_get_health, ACCESS_PUBLIC },

	{ "POST", "/v1/gateways", on_announce, ACCESS_PUBLIC, BODY },
	{ "GET", "/v1/gateways/{mac}/token", on_get_token, ACCESS_PUBLIC },
	{ "POST", "/v1/gateways/{id}/token", on_renew_token, ACCESS_GATEWAY },
	{ "GET", "/v1/gateways/{id}/configuration", on_get_configuration, ACCESS_GATEWAY },
	{ "PUT", "/v1/gateways/{id}/csr", on_put_csr, ACCESS_GATEWAY, BODY },
	{ "GET", "/v1/gateways/{id}/changes", on_get_changes, ACCESS_GATEWAY },
	{ "GET", "/v1/gateways/{id}/rules", on_get_rules, ACCESS_EITHER },
	{ "PUT", "/v1/gateways/{id}/rules/status", on_put_rules_status, ACCESS_GATEWAY, BODY },
	{ "POST", "/v1/gateways/{id}/devices", on_post_devices, ACCESS_GATEWAY, BODY },
	{ "POST", "/v1/gateways/{id}/status", on_post_status, ACCESS_GATEWAY, BODY },

	{ "POST", "/v1/session", on_login, ACCESS_PUBLIC, BODY },
	{ "GET", "/v1/session", on_get_session, ACCESS_USER },
	{ "DELETE", "/v1/session", on_logout, ACCESS_USER },
	{ "POST", "/v1/claims", on_claim, ACCESS_USER, ROLE(OPERATOR), BODY },
	{ "GET", "/v1/gateways", on_list_gateways, ACCESS_USER },
	{ "GET", "/v1/gateways/{id}", on_get_gateway, ACCESS_USER },
	{ "DELETE", "/v1/gateways/{id}", on_revoke_gateway, ACCESS_USER, ROLE(ADMIN) },
	{ "GET", "/v1/gateways/{id}/devices", on_get_devices, ACCESS_USER },
	{ "POST", "/v1/gateways/{id}/rules", on_post_rule, ACCESS_USER, ROLE(OPERATOR), BODY },
	{ "DELETE", "/v1/gateways/{id}/rules/{rule_id}", on_delete_rule, ACCESS_USER,
	  ROLE(OPERATOR) },
};
const size_t api_route_count = ARRAY_SIZE(api_routes);
