/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table below is the one truth about every key: type, range, default and sentence. */
#include "vpn-service/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>

#include "common/memory.h"
#include "vpn-service/pool.h"
#include "vpn-service/softether_rpc.h"

#define STATE "/var/lib/evercam-gateway/"

#define OPTION(name, kind, ...)                                                                  \
	{                                                                                        \
		.key = #name, .type = (kind), .offset = offsetof(struct service_settings, name), \
		__VA_ARGS__                                                                      \
	}

/* clang-format off */
const struct config_option settings_options[] = {
	OPTION(listen, CONFIG_ADDRESS, .fallback = "0.0.0.0",
	       .description = "Address on which the API is served"),
	OPTION(listen_port, CONFIG_NUMBER, .fallback = "6060", .minimum = 1, .maximum = 65535,
	       .description = "TCP port on which the API is served"),
	OPTION(certificate, CONFIG_PATH,
	       .description = "TLS certificate shown to the API, PEM (default: made by setup)"),
	OPTION(key, CONFIG_PATH, .credential = true,
	       .description = "Its key, PEM (default: made by setup)"),
	OPTION(client_ca, CONFIG_PATH,
	       .description = "Authority of the API's client certificate, PEM (default: made by setup)"),
	OPTION(token_file, CONFIG_PATH, .credential = true,
	       .description = "File with the token that the API must send (default: made by setup)"),
	OPTION(vpn_hostname, CONFIG_STRING,
	       .description = "Name or address of the VPN server as gateways reach it"),
	OPTION(vpn_port, CONFIG_NUMBER, .fallback = "80", .minimum = 1, .maximum = 65535,
	       .description = "TCP port of the VPN server"),
	OPTION(vpn_domain, CONFIG_STRING,
	       .description = "DNS domain of the gateways on the VPN: gatewayN.<vpn_domain>"),
	OPTION(pool, CONFIG_PREFIX, .fallback = "10.44.0.0/20",
	       .description = "IPv4 network of the VPN segment; the first 16 addresses are not given to gateways"),
	OPTION(address, CONFIG_ADDRESS,
	       .description = "This host's own address in the pool (default: the first)"),
	OPTION(bridge, CONFIG_STRING,
	       .description = "Existing bridge to put the segment's TAP into; it then carries the address"),
	OPTION(tap, CONFIG_STRING, .fallback = "evercam",
	       .description = "Name of SoftEther's TAP device; the kernel's interface is tap_<name>"),
	OPTION(softether_url, CONFIG_STRING,
	       .description = "JSON-RPC of vpnserver, on loopback only (default: https://127.0.0.1:<vpn_port>/api/)"),
	OPTION(softether_password_file, CONFIG_PATH, .credential = true,
	       .description = "File with vpnserver's administrator password (default: made by setup)"),
	OPTION(softether_directory, CONFIG_PATH, .fallback = "/var/lib/softether",
	       .description = "Directory in which vpnserver keeps its configuration"),
	OPTION(hub, CONFIG_STRING, .fallback = "gateways",
	       .description = "SoftEther virtual hub of the gateways"),
	OPTION(hosts_directory, CONFIG_PATH, .fallback = STATE "vpn-segment/hosts",
	       .description = "dnsmasq's hostsdir"),
	OPTION(dhcp_hosts_directory, CONFIG_PATH, .fallback = STATE "vpn-segment/dhcp-hosts",
	       .description = "dnsmasq's dhcp-hostsdir"),
	OPTION(dnsmasq_configuration, CONFIG_PATH, .fallback = "/etc/dnsmasq.d/evercam-gateway.conf",
	       .description = "Configuration file for dnsmasq that setup writes"),
	OPTION(lease_time, CONFIG_SECONDS, .fallback = "1h", .minimum = 120, .maximum = 604800,
	       .description = "Time of a DHCP lease; an address rests for twice as long before it changes owner"),
	OPTION(state_directory, CONFIG_PATH, .fallback = STATE "vpn-service",
	       .description = "Database, keys and certificates"),
	CONFIG_END
};
/* clang-format on */

int settings_check_name(const char *name)
{
	return host_name_is_valid(name) ? 0 : -EINVAL;
}

/* Hub, TAP: words of SoftEther's, which also become parts of interface and file names. */
static bool word_is_valid(const char *word, size_t longest)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t length = strlen(word);

	return length > 0 && length <= longest && strspn(word, allowed) == length;
}

int settings_check(const void *object, struct config_refusal *refusal)
{
	const struct service_settings *settings = object;
	struct netaddr address = settings_address(settings);
	struct pool pool;
	uint32_t place;

	if (settings->vpn_hostname && settings_check_name(settings->vpn_hostname) < 0)
		return config_refuse(refusal, "vpn_hostname",
				     "must be a host name or an IPv4 address");
	if (settings->vpn_domain && settings_check_name(settings->vpn_domain) < 0)
		return config_refuse(refusal, "vpn_domain",
				     "must be a domain name, for example vpn.example.com");
	if (pool_init(&pool, &settings->pool) < 0)
		return config_refuse(refusal, "pool",
				     "must be an IPv4 network from /8 to /27, for example "
				     "10.44.0.0/20");
	/* Unsigned: what lies below the network is far above, too. */
	place = address.family == AF_INET ? ntohl(address.v4.s_addr) - (pool.first - POOL_RESERVED)
					  : 0;
	if (place < 1 || place >= POOL_RESERVED)
		return config_refuse(refusal, "address",
				     "must be one of the 15 after the pool's network address");
	if (!word_is_valid(settings->hub, 64))
		return config_refuse(refusal, "hub",
				     "must be a word of letters, digits, '-' and '_'");
	/* SoftEther cuts the interface's name at 15 characters. */
	if (!word_is_valid(settings->tap, IFNAMSIZ - 1 - strlen("tap_")))
		return config_refuse(refusal, "tap",
				     "must be a word of at most 11 letters and digits");
	if (settings->bridge && !word_is_valid(settings->bridge, IFNAMSIZ - 1))
		return config_refuse(refusal, "bridge", "must be the name of a bridge");
	if (settings->softether_url && !softether_url_is_valid(settings->softether_url))
		return config_refuse(refusal, "softether_url",
				     "must be https://127.0.0.1:PORT/api/ or the same on localhost "
				     "or [::1], since the administrator password is sent there");
	return 0;
}

char *settings_file(const struct service_settings *settings, const char *configured,
		    const char *name)
{
	if (configured)
		return xstrdup(configured);
	return xasprintf("%s/%s", settings->state_directory, name);
}

char *settings_softether_url(const struct service_settings *settings, uint16_t port)
{
	if (settings->softether_url)
		return xstrdup(settings->softether_url);
	return xasprintf("https://127.0.0.1:%u/api/", (unsigned)port);
}

char *settings_interface(const struct service_settings *settings)
{
	char *name = xasprintf("tap_%s", settings->tap);

	for (char *c = name; *c; c++) /* as SoftEther does */
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	return name;
}

struct netaddr settings_address(const struct service_settings *settings)
{
	struct netprefix network;

	if (settings->address.family != AF_UNSPEC || settings->pool.address.family != AF_INET)
		return settings->address;
	network = netprefix_network(&settings->pool);
	return pool_netaddr(ntohl(network.address.v4.s_addr) + 1);
}
