/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What dnsmasq knows of the gateways: one file per gateway in its --hostsdir (the name) and one in
 * its --dhcp-hostsdir (the lease), both watched by dnsmasq with inotify.
 */
#pragma once

#include <stdbool.h>

#include "vpn-service/account_store.h"

struct host_files;

/* Opens both directories; they must exist. */
int host_files_open(struct host_files **ret_files, const char *hosts_directory,
		    const char *dhcp_hosts_directory, const char *domain);
struct host_files *host_files_close(struct host_files *files);
DEFINE_CLEANUP(struct host_files *, host_files_close);

/* Writes both files; files that already say the same are left alone (dnsmasq would read them
 * again). */
int host_files_write(struct host_files *files, const struct account *account);
/* Returns 1 when a file was removed, 0 when there was none. */
int host_files_remove(struct host_files *files, uint32_t gateway_id);

/*
 * Removes the files of gateways that is_wanted() does not know; files of other names are not ours
 * and stay. Returns the number of files removed.
 */
typedef bool host_files_wanted_fn(uint32_t gateway_id, void *owner);
int host_files_prune(struct host_files *files, host_files_wanted_fn *is_wanted, void *owner);

/* "gateway17" <-> 17, also the VPN user's name. */
#define GATEWAY_NAME_SIZE 18
const char *gateway_name_format(uint32_t gateway_id, char buffer[static GATEWAY_NAME_SIZE]);
int gateway_name_parse(const char *name, uint32_t *ret_gateway_id); /* 0 or -EINVAL */
