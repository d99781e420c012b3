/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vpnd - joins the VPN and holds it: SoftEther's client, its virtual interface, the address on it.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
static int check(const void *settings, struct config_refusal *refusal)
{
	const struct vpn_options *vpn = settings;

	if (!vpncmd_word_is_safe(vpn->state_directory))
		return config_refuse(refusal, "state_directory",
				     "must be of letters, digits and ._-/ only");
	if (!vpncmd_word_is_safe(vpn->account) || strchr(vpn->account, '/'))
		return config_refuse(refusal, "account", "must be of letters, digits and ._- only");
	if (strspn(vpn->nic, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(vpn->nic) ||
	    strlen(vpn->nic) < 1 || strlen(vpn->nic) > 11)
		return config_refuse(refusal, "nic",
				     "must be 1 to 11 lower-case letters and digits");
	return 0;
}

static int check_program(struct config_refusal *refusal, const char *key, const char *path,
			 const char *package)
{
	struct stat status;

	if (access(path, X_OK) < 0)
		return config_refuse(refusal, key, "%s cannot be run: %s; is %s installed?", path,
				     strerror(errno), package);
	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return config_refuse(refusal, key, "%s is not a program", path);
	return 0;
}

/* Without them it waits, and tells: they may be installed later. */
static int check_programs(const void *settings, struct config_refusal *refusal)
{
	const struct vpn_options *vpn = settings;
	int r = check_program(refusal, "vpncmd", vpn->vpncmd, "softether-vpncmd");

	return r < 0 ? r : check_program(refusal, "dhcp_client", vpn->dhcp_client, "udhcpc");
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
		.check_work = check_programs,
		.run = run,
		.command = command,
	};

	return daemon_main(argc, argv, &description);
}
