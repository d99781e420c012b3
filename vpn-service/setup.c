/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of setup, and the order of its parts: keys before the server that needs them,
 * what was told on the command line written down only when everything else has worked.
 */
#include "vpn-service/setup.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/setup_place.h"
#include "vpn-service/setup_files.h"
#include "vpn-service/setup_softether.h"

struct command_line {
	const char *hostname, *domain, *port, *pool, *bridge, *api_name;
	bool help;
};

static void print_help(void)
{
	printf("Usage: vpn-service setup --hostname NAME --domain NAME [OPTION…]\n"
	       "Prepares this host's SoftEther vpnserver (installed and running) and dnsmasq.\n"
	       "May be run again at any time; options that are left out keep their values.\n"
	       "\n"
	       "  --hostname NAME   name or address of the VPN server as gateways reach it\n"
	       "  --domain NAME     DNS domain of the gateways: gatewayN.NAME\n"
	       "  --port NUMBER     TCP port of the VPN server (default: 80)\n"
	       "  --pool PREFIX     network of the VPN segment (default: 10.44.0.0/20)\n"
	       "  --bridge NAME     existing bridge to put the segment's TAP into\n"
	       "  --api-name NAME   name or address of this host as the API reaches it\n"
	       "                    (default: what it was, or that of --hostname)\n");
}

static int parse_command_line(struct command_line *line, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "hostname", required_argument, NULL, 'n' },
		{ "domain", required_argument, NULL, 'd' },
		{ "port", required_argument, NULL, 'p' },
		{ "pool", required_argument, NULL, 'l' },
		{ "bridge", required_argument, NULL, 'b' },
		{ "api-name", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		switch (option) {
		case 'n':
			line->hostname = optarg;
			break;
		case 'd':
			line->domain = optarg;
			break;
		case 'p':
			line->port = optarg;
			break;
		case 'l':
			line->pool = optarg;
			break;
		case 'b':
			line->bridge = optarg;
			break;
		case 'a':
			line->api_name = optarg;
			break;
		case 'h':
			line->help = true;
			break;
		default:
			return -EINVAL; /* getopt has said what was wrong */
		}
	}
	if (optind < argc) {
		log_error("unexpected argument \"%s\"; try setup --help", argv[optind]);
		return -EINVAL;
	}
	return 0;
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
	r = parse_command_line(&line, argc, argv);
	if (r < 0)
		return r;
	if (line.help) {
		print_help();
		return 0;
	}
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
