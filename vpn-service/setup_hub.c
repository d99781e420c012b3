/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub, step by step; each looks first and changes only what is not yet as it should be. */
#include "vpn-service/setup_hub.h"

#include <errno.h>
#include <string.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/setup_place.h"
#include "vpn-service/provision.h"

struct hub_setup {
	struct setup_rpc *rpc;
	const struct service_settings *settings;
	const char *certificate;
};

static cJSON *hub_params(const struct hub_setup *setup)
{
	cJSON *params = json_new_object();

	json_add_string(params, "HubName_str", setup->settings->hub);
	return params;
}

static int make_hub(struct hub_setup *setup)
{
	char password[SECRET_SIZE];
	cJSON *params = hub_params(setup);
	bool is_new;
	int r = setup_try_call(setup->rpc, "GetHub", params);

	if (r < 0 && !setup_failed_with(setup->rpc, SOFTETHER_NO_HUB)) {
		log_error("SoftEther: GetHub: %s", setup->rpc->text);
		return r;
	}
	is_new = r < 0;
	/* Nobody administers the hub alone: a password that nobody knows. */
	secret_generate(password);
	params = hub_params(setup);
	json_add_string(params, "AdminPasswordPlainText_str", password);
	json_add_bool(params, "Online_bool", true);
	json_add_bool(params, "NoEnum_bool", true);
	json_add_number(params, "MaxSession_u32", 0);
	json_add_number(params, "HubType_u32", 0);
	r = setup_call(setup->rpc, is_new ? "CreateHub" : "SetHub", params);
	explicit_bzero(password, sizeof(password));
	if (r == 0 && is_new)
		setup_say("hub %s: made", setup->settings->hub);
	return r;
}

/* The hub that every vpnserver comes with, as long as nobody has used it. */
static int remove_stock_hub(struct hub_setup *setup)
{
	static const char stock[] = "DEFAULT";
	const cJSON *list, *hub;
	const char *name;
	uint64_t users = 0, groups = 0;
	cJSON *params;
	int r;

	if (!strcasecmp(setup->settings->hub, stock))
		return 0;
	r = setup_call(setup->rpc, "EnumHub", NULL);
	if (r == 0)
		r = json_get_array(setup->rpc->result, "HubList", 10000, &list);
	if (r < 0)
		return r;
	json_for_each (hub, list) {
		if (json_get_string(hub, "HubName_str", 255, &name) < 0 || strcmp(name, stock) != 0)
			continue;
		(void)json_get_number(hub, "NumUsers_u32", 0, UINT32_MAX, &users);
		(void)json_get_number(hub, "NumGroups_u32", 0, UINT32_MAX, &groups);
		if (users || groups) {
			setup_say("hub %s: kept, somebody uses it", stock);
			return 0;
		}
		params = json_new_object();
		json_add_string(params, "HubName_str", stock);
		r = setup_call(setup->rpc, "DeleteHub", params);
		if (r == 0)
			setup_say("hub %s: removed, it was empty", stock);
		return r;
	}
	return 0;
}

/*
 * What a gateway may do on the segment: talk to the platform with one MAC and one address of its
 * own, and to no other gateway. It must be allowed to be a server, which is what it is there for.
 *
 * Two logins: after a broken connection the old session lives on for up to TimeOut seconds, and a
 * client whose login is refused for that would wait for longer than it takes.
 */
static void add_policy(cJSON *params)
{
	static const char *const flags[] = {
		"Access",      "Ver3",        "PrivacyFilter", "NoBridge",       "NoRouting",
		"NoRoutingV6", "CheckMac",    "CheckIP",       "DHCPNoServer",   "RAFilter",
		"FilterIPv6",  "FilterNonIP", "FixPassword",   "DHCPv6NoServer",
	};
	static const struct {
		const char *name;
		unsigned value;
	} limits[] = {
		{ "MaxMac", 1 },        { "MaxIP", 1 },    { "MultiLogins", 2 },
		{ "MaxConnection", 8 }, { "TimeOut", 20 },
	};

	json_add_bool(params, "UsePolicy_bool", true);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		_cleanup_free_ char *member = xasprintf("policy:%s_bool", flags[i]);

		json_add_bool(params, member, true);
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		_cleanup_free_ char *member = xasprintf("policy:%s_u32", limits[i].name);

		json_add_number(params, member, limits[i].value);
	}
}

static int make_group(struct hub_setup *setup)
{
	cJSON *params = hub_params(setup);
	bool is_new;
	int r;

	json_add_string(params, "Name_str", PROVISION_GROUP);
	r = setup_try_call(setup->rpc, "GetGroup", params);
	if (r < 0 && !setup_failed_with(setup->rpc, SOFTETHER_NO_OBJECT) &&
	    !setup_failed_with(setup->rpc, SOFTETHER_NO_GROUP)) {
		log_error("SoftEther: GetGroup: %s", setup->rpc->text);
		return r;
	}
	is_new = r < 0;
	params = hub_params(setup);
	json_add_string(params, "Name_str", PROVISION_GROUP);
	json_add_string(params, "Realname_utf", "Evercam gateways");
	add_policy(params);
	r = setup_call(setup->rpc, is_new ? "CreateGroup" : "SetGroup", params);
	if (r == 0)
		setup_say("group %s: gateways are kept apart from each other", PROVISION_GROUP);
	return r;
}

static int add_authority(struct hub_setup *setup)
{
	cJSON *params = hub_params(setup);

	/* Adding it twice leaves one. */
	softether_add_binary(params, "Cert_bin", setup->certificate, strlen(setup->certificate));
	return setup_call(setup->rpc, "AddCa", params);
}

static int configure_hub(struct hub_setup *setup)
{
	static const char *const options[] = { "DisableUdpAcceleration",
					       "DropBroadcastsInPrivacyFilterMode",
					       "DropArpInPrivacyFilterMode" };
	cJSON *params = hub_params(setup);
	cJSON *list = json_new_array();
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		cJSON *option = json_new_object();

		json_add_string(option, "Name_str", options[i]);
		json_add_number(option, "Value_u32", 1);
		json_append(list, option);
	}
	json_add(params, "AdminOptionList", list);
	r = setup_call(setup->rpc, "SetHubExtOptions", params);
	if (r < 0)
		return r;
	/* One line per TCP connection of every camera, on disk, is what this would be. */
	params = hub_params(setup);
	list = json_new_array();
	for (unsigned i = 0; i < 16; i++)
		json_append(list, cJSON_CreateNumber(0));
	json_add_bool(params, "SaveSecurityLog_bool", true);
	json_add_number(params, "SecurityLogSwitchType_u32", 4);
	json_add_bool(params, "SavePacketLog_bool", false);
	json_add_number(params, "PacketLogSwitchType_u32", 4);
	json_add(params, "PacketLogConfig_u32", list);
	return setup_call(setup->rpc, "SetHubLog", params);
}

static int add_tap(struct hub_setup *setup)
{
	const struct service_settings *settings = setup->settings;
	const cJSON *list, *bridge;
	const char *device, *hub;
	cJSON *params;
	int r = setup_call(setup->rpc, "EnumLocalBridge", NULL);

	if (r == 0)
		r = json_get_array(setup->rpc->result, "LocalBridgeList", 1000, &list);
	if (r == -ENOENT)
		list = NULL;
	else if (r < 0)
		return r;
	json_for_each (bridge, list) {
		if (json_get_string(bridge, "DeviceName_str", 255, &device) == 0 &&
		    json_get_string(bridge, "HubNameLB_str", 255, &hub) == 0 &&
		    !strcasecmp(device, settings->tap) && !strcasecmp(hub, settings->hub))
			return 0;
	}
	params = json_new_object();
	json_add_string(params, "DeviceName_str", settings->tap);
	json_add_string(params, "HubNameLB_str", settings->hub);
	json_add_bool(params, "TapMode_bool", true);
	r = setup_call(setup->rpc, "AddLocalBridge", params);
	if (r == 0)
		setup_say("TAP tap_%s: added to the hub", settings->tap);
	return r;
}

int setup_hub(struct setup_rpc *rpc, const struct service_settings *settings,
	      const char *certificate)
{
	int (*const steps[])(struct hub_setup *) = {
		make_hub, remove_stock_hub, make_group, add_authority, configure_hub, add_tap,
	};
	struct hub_setup setup = { .rpc = rpc, .settings = settings, .certificate = certificate };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](&setup);
	return r;
}
