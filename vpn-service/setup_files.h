/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of setup that makes files: directories, keys, certificates, configuration. */
#pragma once

#include "vpn-service/settings.h"

struct setup_files {
	/* Owned by this struct, filled in by setup_files_make(). */
	char *softether_password;
	char *hub_certificate;
	char *vpn_certificate;
	char *vpn_key;
};

/* The daemon's configuration as far as setup was told it, in a drop-in file of its own. */
int setup_files_configure(const struct service_settings *settings);

/* Under which name the API reaches this host: as told (may be NULL), as before, as the VPN. Owned.
 */
int setup_files_api_name(const struct service_settings *settings, const char *told,
			 char **ret_name);

/* Makes what is missing, keeps what is there. Failures are logged. */
int setup_files_make(struct setup_files *files, const struct service_settings *settings,
		     const char *api_name);
void setup_files_deinit(struct setup_files *files);

/* dnsmasq's configuration for the segment. Returns 1 when it was changed. */
int setup_files_dnsmasq(const struct service_settings *settings);

/* Prints what to do on the API's host. */
void setup_files_print_api_client(void);
