/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stock vpnserver listens on four ports, speaks OpenVPN, SSTP and NAT traversal, calls its
 * makers' dynamic DNS, and lets anybody administer it, because its password is empty. The password
 * comes first, the rest afterwards, each step looking first and changing only what is not yet as it
 * should be, so that a second run disturbs nobody.
 */
#include "vpn-service/setup_softether.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/memory.h"
#include "common/setup_place.h"
#include "common/state_file.h"
#include "vpn-service/setup_hub.h"
#include "vpn-service/softether_config.h"

#define WAIT_FOR_SERVER (20 * USEC_PER_SEC)

static const uint16_t stock_ports[] = { 443, 992, 1194, 5555 };

struct softether_setup {
	struct setup_rpc rpc;
	const struct service_settings *settings;
	const struct setup_files *files;
};

/* --- finding the server, and its password --- */

static int connect_to(struct softether_setup *setup, uint16_t port, const char *password)
{
	_cleanup_free_ char *url = settings_softether_url(setup->settings, port);

	return setup_rpc_connect(&setup->rpc, url, password);
}

/* -EACCES: there is a server, with another password. */
static int try_password(struct softether_setup *setup, uint16_t port, const char *password)
{
	int r = connect_to(setup, port, password);

	return r < 0 ? r : setup_try_call(&setup->rpc, "GetServerInfo", NULL);
}

/*
 * A server without a password takes any. What is tried first is worth nothing, so that our password
 * is shown to nobody but a server that has one.
 */
static int login(struct softether_setup *setup, uint16_t port)
{
	char worthless[SECRET_SIZE];
	cJSON *params;
	int r;

	secret_generate(worthless);
	r = try_password(setup, port, worthless);
	if (r == -EACCES)
		return try_password(setup, port, setup->files->softether_password);
	if (r < 0)
		return r;
	params = json_new_object();
	json_add_string(params, "PlainTextPassword_str", setup->files->softether_password);
	r = setup_call(&setup->rpc, "SetServerPassword", params);
	if (r < 0)
		return r;
	setup_say("administrator password: set (it was empty)");
	r = connect_to(setup, port, setup->files->softether_password);
	return r < 0 ? r : setup_call(&setup->rpc, "Flush", NULL);
}

/* Its own port first: after the first run there is no other. */
static int find_server(struct softether_setup *setup, uint16_t *ret_port)
{
	uint16_t ports[1 + ARRAY_SIZE(stock_ports)] = { (uint16_t)setup->settings->vpn_port };
	usec_t deadline = loop_now(setup->rpc.loop) + WAIT_FOR_SERVER;
	int r, result = -ENETUNREACH;

	memcpy(ports + 1, stock_ports, sizeof(stock_ports));
	setup_say("looking for vpnserver on this host");
	do {
		for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
			r = login(setup, ports[i]);
			if (r == 0) {
				*ret_port = ports[i];
				return 0;
			}
			if (r == -EACCES)
				result = r;
		}
		setup_pause(&setup->rpc);
	} while (result != -EACCES && loop_now(setup->rpc.loop) < deadline);
	if (result == -EACCES)
		log_error("vpnserver has an administrator password that is not ours; write it to "
			  "%s/" FILE_SOFTETHER_PASSWORD " and run setup again",
			  setup->settings->state_directory);
	else
		log_error("vpnserver does not answer on any of its ports; install and start "
			  "softether-vpnserver, then run setup again");
	return result;
}

/* After a change that makes the server start anew. */
static int wait_for_server(struct softether_setup *setup)
{
	usec_t deadline = loop_now(setup->rpc.loop) + WAIT_FOR_SERVER;

	do {
		setup_pause(&setup->rpc);
		if (setup_try_call(&setup->rpc, "GetServerInfo", NULL) == 0)
			return 0;
	} while (loop_now(setup->rpc.loop) < deadline);
	log_error("vpnserver did not come back: %s", setup->rpc.text);
	return -ETIMEDOUT;
}

/* Whoever is not on this host does not even get to try a password. */
static int restrict_administration(struct softether_setup *setup)
{
	static const char name[] = "adminip.txt", content[] = "127.0.0.1\n";
	const char *directory = setup->settings->softether_directory;
	_cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *present = NULL;
	int r;

	if (fd < 0)
		return log_error_errno(-errno, "%s: %m; is softether_directory right?", directory);
	r = state_file_read(fd, name, 4096, &present, NULL);
	if (r == 0) {
		setup_say("%s/%s: kept as it is", directory, name);
		return 0;
	}
	r = state_file_write(fd, name, content, strlen(content), 0600);
	if (r < 0)
		return log_error_errno(r, "cannot write %s/%s: %m", directory, name);
	setup_say("administration: from this host only");
	return 0;
}

/* --- listeners and protocols --- */

static bool has_item(const cJSON *list, const char *name, uint64_t wanted)
{
	const cJSON *item;
	uint64_t number;

	json_for_each (item, list) {
		if (json_get_number(item, name, 0, UINT32_MAX, &number) == 0 && number == wanted)
			return true;
	}
	return false;
}

static int list_ports(struct softether_setup *setup, const cJSON **ret_list)
{
	int r = setup_call(&setup->rpc, "EnumListener", NULL);

	return r < 0 ? r : json_get_array(setup->rpc.result, "ListenerList", 1000, ret_list);
}

static int change_listener(struct softether_setup *setup, const char *method, uint16_t port)
{
	cJSON *params = json_new_object();
	int r;

	json_add_number(params, "Port_u32", port);
	json_add_bool(params, "Enable_bool", true);
	r = setup_call(&setup->rpc, method, params);
	if (r == 0)
		setup_say("port %u: %s", (unsigned)port,
			  strcmp(method, "CreateListener") ? "closed" : "open for the VPN");
	return r;
}

/* Opens the VPN's port, and moves over to it. */
static int open_port(struct softether_setup *setup, uint16_t current)
{
	uint16_t port = (uint16_t)setup->settings->vpn_port;
	const cJSON *list;
	int r = list_ports(setup, &list);

	if (r == 0 && !has_item(list, "Ports_u32", port))
		r = change_listener(setup, "CreateListener", port);
	if (r < 0 || current == port)
		return r;
	r = connect_to(setup, port, setup->files->softether_password);
	return r < 0 ? r : wait_for_server(setup);
}

static int close_stock_ports(struct softether_setup *setup)
{
	_cleanup_json_ cJSON *copy = NULL;
	const cJSON *list;
	int r = list_ports(setup, &list);

	if (r < 0)
		return r;
	copy = cJSON_Duplicate(list, true);
	for (size_t i = 0; i < ARRAY_SIZE(stock_ports); i++) {
		if (stock_ports[i] == setup->settings->vpn_port ||
		    !has_item(copy, "Ports_u32", stock_ports[i]))
			continue;
		r = change_listener(setup, "DeleteListener", stock_ports[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Some of these do not exist in every version: what is not there need not be switched off. */
static int switch_off(struct softether_setup *setup, const char *method, cJSON *params)
{
	int r = setup_try_call(&setup->rpc, method, params);

	if (r == 0 || setup_failed_with(&setup->rpc, SOFTETHER_UNSUPPORTED))
		return 0;
	log_error("SoftEther: %s: %s", method, setup->rpc.text);
	return r;
}

static int close_protocols(struct softether_setup *setup)
{
	cJSON *params = json_new_object();
	int r;

	json_add_bool(params, "EnableOpenVPN_bool", false);
	json_add_bool(params, "EnableSSTP_bool", false);
	r = switch_off(setup, "SetOpenVpnSstpConfig", params);
	if (r < 0)
		return r;
	params = json_new_object();
	json_add_bool(params, "L2TP_Raw_bool", false);
	json_add_bool(params, "L2TP_IPsec_bool", false);
	json_add_bool(params, "EtherIP_IPsec_bool", false);
	json_add_string(params, "IPsec_Secret_str", "");
	json_add_string(params, "L2TP_DefaultHub_str", setup->settings->hub);
	r = switch_off(setup, "SetIPsecServices", params);
	if (r < 0)
		return r;
	params = json_new_object();
	json_add_bool(params, "IsEnabled_bool", false);
	r = switch_off(setup, "SetAzureStatus", params);
	if (r < 0)
		return r;
	params = json_new_object();
	json_add_bool(params, "VpnOverIcmpListener_bool", false);
	json_add_bool(params, "VpnOverDnsListener_bool", false);
	r = switch_off(setup, "SetSpecialListener", params);
	if (r < 0)
		return r;
	params = json_new_object();
	json_add(params, "Ports_u32", json_new_array());
	r = switch_off(setup, "SetPortsUDP", params);
	if (r == 0)
		setup_say("OpenVPN, SSTP, L2TP, EtherIP, VPN Azure, ICMP, DNS, UDP: off");
	return r;
}

/* Connections every minute to a server of SoftEther's makers. */
static int stop_keep_alive(struct softether_setup *setup)
{
	cJSON *params = json_new_object();

	json_add_bool(params, "UseKeepConnect_bool", false);
	json_add_string(params, "KeepConnectHost_str", "127.0.0.1");
	json_add_number(params, "KeepConnectPort_u32", 80);
	json_add_number(params, "KeepConnectProtocol_u32", 1);
	json_add_number(params, "KeepConnectInterval_u32", 50);
	return switch_off(setup, "SetKeep", params);
}

/* --- certificate --- */

static int set_certificate(struct softether_setup *setup)
{
	const struct setup_files *files = setup->files;
	_cleanup_free_ char *wanted = certificate_to_base64(files->vpn_certificate);
	const char *present;
	cJSON *params;
	int r = setup_call(&setup->rpc, "GetServerCert", NULL);

	if (r < 0)
		return r;
	if (wanted &&
	    json_get_string(setup->rpc.result, "Cert_bin", CERTIFICATE_MAX_PEM, &present) == 0 &&
	    !strcmp(present, wanted))
		return 0;
	params = json_new_object();
	softether_add_binary(params, "Cert_bin", files->vpn_certificate,
			     strlen(files->vpn_certificate));
	softether_add_binary(params, "Key_bin", files->vpn_key, strlen(files->vpn_key));
	r = setup_call(&setup->rpc, "SetServerCert", params);
	if (r == 0)
		setup_say("server certificate: ours");
	return r;
}

/* --- the configuration file --- */

static char *decode_base64(const char *text)
{
	size_t length = strlen(text);
	char *decoded = xcalloc(1, length / 4 * 3 + 4);

	if (EVP_DecodeBlock((unsigned char *)decoded, (const unsigned char *)text, (int)length) < 0)
		decoded[0] = '\0';
	return decoded;
}

/* Owned text with the switches set, or NULL in *ret_edited when they are. */
static int get_edited(struct softether_setup *setup, char **ret_edited)
{
	static const struct softether_switch switches[] = {
		{ "DDnsClient", "Disabled", true },
		{ "ServerConfiguration", "DisableNatTraversal", true },
		{ "ServerConfiguration", "EnableVpnAzure", false },
		{ "ServerConfiguration", "EnableVpnOverDns", false },
		{ "ServerConfiguration", "EnableVpnOverIcmp", false },
		{ "ServerConfiguration", "DisableGetHostNameWhenAcceptTcp", true },
		{ "ServerConfiguration", "Tls_Disable1_0", true },
		{ "ServerConfiguration", "Tls_Disable1_1", true },
		{ "ServerConfiguration", "UseKeepConnect", false },
	};
	_cleanup_secret_ char *text = NULL;
	const cJSON *content;
	int r = setup_try_call(&setup->rpc, "GetConfig", NULL);

	if (r < 0)
		return r;
	content = cJSON_GetObjectItemCaseSensitive(setup->rpc.result, "FileData_bin");
	if (!cJSON_IsString(content))
		return -EPROTO;
	text = decode_base64(content->valuestring);
	*ret_edited = softether_config_edit(text, switches, ARRAY_SIZE(switches));
	return 0;
}

/*
 * The server answers first and starts anew afterwards. Until the new one is there nothing else may
 * be asked of it, Flush least of all: the old one would write the old configuration back.
 */
static int wait_for_switches(struct softether_setup *setup)
{
	usec_t deadline = loop_now(setup->rpc.loop) + WAIT_FOR_SERVER;
	int r;

	do {
		_cleanup_secret_ char *edited = NULL;

		setup_pause(&setup->rpc);
		r = get_edited(setup, &edited);
		if (r == 0 && !edited)
			return 0;
	} while (loop_now(setup->rpc.loop) < deadline);
	log_error("vpnserver did not take over the new configuration: %s",
		  r < 0 ? setup->rpc.text : "it still has the old one");
	return -ETIMEDOUT;
}

static int switch_in_file(struct softether_setup *setup)
{
	_cleanup_secret_ char *edited = NULL;
	cJSON *params;
	int r = get_edited(setup, &edited);

	if (r < 0) {
		log_error("SoftEther: GetConfig: %s",
			  setup->rpc.text ? setup->rpc.text : "no text");
		return r;
	}
	if (!edited)
		return 0;
	setup_say("dynamic DNS, NAT traversal, old TLS: off (vpnserver starts anew)");
	params = json_new_object();
	json_add_string(params, "FileName_str", "vpn_server.config");
	softether_add_binary(params, "FileData_bin", edited, strlen(edited));
	r = setup_call(&setup->rpc, "SetConfig", params);
	return r < 0 ? r : wait_for_switches(setup);
}

/* --- all of it --- */

static int configure(struct softether_setup *setup)
{
	int (*const steps[])(struct softether_setup *) = {
		restrict_administration, close_stock_ports, close_protocols,
		stop_keep_alive,         set_certificate,
	};
	uint16_t port;
	int r = find_server(setup, &port);

	if (r == 0)
		r = open_port(setup, port);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](setup);
	if (r == 0)
		r = setup_hub(&setup->rpc, setup->settings, setup->files->hub_certificate);
	/* Written to disk before the server starts anew from what it is given. */
	if (r == 0)
		r = setup_call(&setup->rpc, "Flush", NULL);
	if (r == 0)
		r = switch_in_file(setup);
	return r < 0 ? r : setup_call(&setup->rpc, "Flush", NULL);
}

int setup_softether(struct loop *loop, const struct service_settings *settings,
		    const struct setup_files *files)
{
	struct softether_setup setup = { .settings = settings, .files = files };
	int r;

	setup_rpc_init(&setup.rpc, loop);
	r = configure(&setup);
	setup_rpc_deinit(&setup.rpc);
	return r;
}
