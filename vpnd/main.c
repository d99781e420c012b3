/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vpnd - joins the VPN and holds it: SoftEther's client, its virtual interface, the address on it.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/memory.h"
#include "vpnd/forget.h"
#include "vpnd/vpn.h"
#include "vpnd/vpn_bus.h"
#include "vpnd/vpncmd.h"

static const struct config_option options[] = {
	{
		.key = "vpncmd",
		.type = CONFIG_PATH,
		.offset = offsetof(struct vpn_options, vpncmd),
		.fallback = "/usr/bin/vpncmd",
		.description = "SoftEther's command line tool.",
	},
	{
		.key = "dhcp_client",
		.type = CONFIG_PATH,
		.offset = offsetof(struct vpn_options, dhcp_client),
		.fallback = "/sbin/udhcpc",
		.description = "BusyBox's DHCP client.",
	},
	{
		.key = "libexec_directory",
		.type = CONFIG_PATH,
		.offset = offsetof(struct vpn_options, libexec_directory),
		.fallback = LIBEXECDIR,
		.description = "Where vpnd's helper programs are.",
	},
	{
		.key = "state_directory",
		.type = CONFIG_PATH,
		.offset = offsetof(struct vpn_options, state_directory),
		.fallback = "/var/lib/evercam-gateway/vpnd",
		.description = "Where the settings and the key are kept, readable by vpnd only.",
	},
	{
		.key = "nic",
		.type = CONFIG_STRING,
		.offset = offsetof(struct vpn_options, nic),
		.fallback = "ether",
		.description = "Name of SoftEther's virtual adapter; the interface is vpn_ and "
			       "this name.",
	},
	{
		.key = "account",
		.type = CONFIG_STRING,
		.offset = offsetof(struct vpn_options, account),
		.fallback = "evercam",
		.description = "Name of the account in SoftEther's client.",
	},
	{
		.key = "tcp_connections",
		.type = CONFIG_NUMBER,
		.offset = offsetof(struct vpn_options, tcp_connections),
		.fallback = "1",
		.description = "TCP connections of the tunnel; with more than one, SoftEther takes "
			       "several seconds longer to notice that the server is gone.",
		.minimum = 1,
		.maximum = 32,
	},
	CONFIG_END,
};

/* These become words of vpncmd's command file. */
static int check(const void *settings, char **ret_error)
{
	const struct vpn_options *vpn = settings;

	if (!vpncmd_word_is_safe(vpn->state_directory)) {
		*ret_error = xstrdup("state_directory: only letters, digits and ._-/ are possible");
		return -EINVAL;
	}
	if (!vpncmd_word_is_safe(vpn->account) || strchr(vpn->account, '/')) {
		*ret_error = xstrdup("account: only letters, digits and ._- are possible");
		return -EINVAL;
	}
	if (strspn(vpn->nic, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(vpn->nic) ||
	    strlen(vpn->nic) < 1 || strlen(vpn->nic) > 11) {
		*ret_error = xstrdup("nic: 1 to 11 lower-case letters and digits are possible");
		return -EINVAL;
	}
	return 0;
}

static int run(struct daemon *daemon)
{
	_cleanup_(vpn_freep) struct vpn *vpn = NULL;
	_cleanup_(vpn_bus_freep) struct vpn_bus *binding = NULL;
	int r;

	r = vpn_new(&vpn, daemon->loop, daemon->settings);
	if (r < 0)
		return log_error_errno(r, "cannot start: %m");
	r = vpn_bus_new(&binding, daemon->bus, vpn);
	if (r < 0)
		return log_error_errno(r, "cannot export " VPN_BUS_PATH ": %m");
	vpn_start(vpn);
	return daemon_run(daemon);
}

static int command(struct daemon *daemon, int argc, char *argv[])
{
	if (argc == 1 && strcmp(argv[0], "forget") == 0)
		return forget_command(daemon->loop, daemon->settings);
	log_error("unknown command; there is only forget");
	return -EINVAL;
}

int main(int argc, char *argv[])
{
	static const struct daemon_description description = {
		.name = "vpnd",
		.summary = "Joins the VPN and holds it. Command: forget (leaves no account, no "
			   "interface).",
		.bus_name = VPN_BUS_NAME,
		.options = options,
		.settings_size = sizeof(struct vpn_options),
		.check = check,
		.run = run,
		.command = command,
	};

	return daemon_main(argc, argv, &description);
}
