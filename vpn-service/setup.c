/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of setup, and the order of its parts: keys before the server that needs them,
 * what was told on the command line written down only when everything else has worked.
 */
#include "vpn-service/setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/setup_options.h"
#include "common/setup_place.h"
#include "vpn-service/setup_files.h"
#include "vpn-service/setup_softether.h"

struct command_line {
	const char *hostname, *domain, *port, *pool, *bridge, *api_name;
};

static int read_command_line(struct command_line *line, int argc, char *argv[])
{
	const struct setup_option options[] = {
		{ "hostname", "NAME", "name or address of the VPN server as gateways reach it",
		  &line->hostname },
		{ "domain", "NAME", "DNS domain of the gateways: gatewayN.NAME", &line->domain },
		{ "port", "NUMBER", "TCP port of the VPN server (default: 80)", &line->port },
		{ "pool", "PREFIX", "network of the VPN segment (default: 10.44.0.0/20)",
		  &line->pool },
		{ "bridge", "NAME", "existing bridge to put the segment's TAP into",
		  &line->bridge },
		{ "api-name", "NAME",
		  "name or address of this host as the API reaches it\n"
		  "(default: what it was, or that of --hostname)",
		  &line->api_name },
		{ 0 },
	};
	const struct setup_usage usage = {
		"vpn-service setup", "--hostname NAME --domain NAME",
		"Prepares this host's SoftEther vpnserver (installed and running) and dnsmasq.\n"
		"May be run again at any time; options that are left out keep their values.",
		options
	};

	return setup_read_options(&usage, argc, argv);
}

/* The command line over the configuration. The texts of settings stay borrowed. */
static int merge(struct service_settings *settings, const struct command_line *line)
{
	struct config_refusal refusal = { 0 };
	uint16_t port;
	int r;

	if (line->hostname)
		settings->vpn_hostname = (char *)line->hostname;
	if (line->domain)
		settings->vpn_domain = (char *)line->domain;
	if (line->bridge)
		settings->bridge = (char *)line->bridge;
	if (line->port) {
		if (port_parse(&port, line->port) < 0) {
			log_error("--port: must be a number from 1 to 65535");
			return -EINVAL;
		}
		settings->vpn_port = port;
	}
	if (line->pool && netprefix_parse(&settings->pool, line->pool) < 0) {
		log_error("--pool: must be a network such as 10.44.0.0/20");
		return -EINVAL;
	}
	if (!settings->vpn_hostname || !settings->vpn_domain) {
		log_error("--hostname and --domain are needed the first time; try setup --help");
		return -EINVAL;
	}
	r = settings_check(settings, &refusal);
	if (r < 0)
		log_error("%s: %s", refusal.key, refusal.sentence);
	free(refusal.sentence);
	return r;
}

static int run(struct loop *loop, const struct service_settings *settings, const char *api_name)
{
	_cleanup_free_ char *name = NULL;
	struct setup_files files = { 0 };
	int r = setup_files_api_name(settings, api_name, &name);

	if (r == 0)
		r = setup_files_make(&files, settings, name);

	if (r == 0)
		r = setup_softether(loop, settings, &files);
	setup_files_deinit(&files);
	if (r == 0)
		r = setup_files_configure(settings);
	if (r < 0)
		return r;
	r = setup_files_dnsmasq(settings);
	if (r < 0)
		return r;
	setup_files_print_api_client();
	setup_say("\nDone. %sstart vpn-service: systemctl restart %severcam-vpn-service",
		  r ? "Now restart dnsmasq and " : "If it does not run yet, ", r ? "dnsmasq " : "");
	return 0;
}

int setup_command(struct loop *loop, const struct service_settings *settings, int argc,
		  char *argv[])
{
	struct service_settings merged = *settings;
	struct command_line line = { 0 };
	const char *name = argv[0];
	int r;

	if (strcmp(name, "setup") != 0) {
		log_error("unknown command \"%s\"; there is only setup", name);
		return -EINVAL;
	}
	r = read_command_line(&line, argc, argv);
	if (r != 0)
		return r < 0 ? r : 0;
	if (geteuid() != 0) {
		log_error("setup must be run as root");
		return -EPERM;
	}
	r = merge(&merged, &line);
	if (r < 0)
		return r;
	if (line.api_name && settings_check_name(line.api_name) < 0) {
		log_error("--api-name: must be a host name or an address");
		return -EINVAL;
	}
	return run(loop, &merged, line.api_name);
}
