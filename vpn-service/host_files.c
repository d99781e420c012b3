/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dnsmasq's host files. The hosts directory is followed in both directions; of the DHCP directory
 * dnsmasq sees additions only and keeps removed records until it is told to read everything again
 * (dnsmasq_reload.h). A record that repeats an address it still has is refused, which does no harm
 * as long as an address belongs to one gateway only: see pool.c and the retired addresses.
 *
 * Files are written to a name that dnsmasq ignores (leading dot) and renamed. They are not synced:
 * the database is the truth and a start writes whatever is missing or wrong.
 */
#include "vpn-service/host_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "common/state_file.h"

#define RECORD_MAX 1024

enum directory { DIRECTORY_HOSTS, DIRECTORY_DHCP, DIRECTORY_COUNT };

struct host_files {
	int directories[DIRECTORY_COUNT];
	char *domain;
};

static const char gateway_prefix[] = "gateway";

const char *gateway_name_format(uint32_t gateway_id, char buffer[static GATEWAY_NAME_SIZE])
{
	snprintf(buffer, GATEWAY_NAME_SIZE, "%s%u", gateway_prefix, gateway_id);
	return buffer;
}

int gateway_name_parse(const char *name, uint32_t *ret_gateway_id)
{
	const char *digits = name + strlen(gateway_prefix);
	uint64_t number = 0;

	if (strncmp(name, gateway_prefix, strlen(gateway_prefix)) != 0 || *digits < '1')
		return -EINVAL;
	for (; *digits; digits++) {
		if (*digits < '0' || *digits > '9')
			return -EINVAL;
		number = number * 10 + (uint64_t)(*digits - '0');
		if (number > GATEWAY_ID_MAX)
			return -EINVAL;
	}
	*ret_gateway_id = (uint32_t)number;
	return 0;
}

int host_files_open(struct host_files **ret_files, const char *hosts_directory,
		    const char *dhcp_hosts_directory, const char *domain)
{
	_cleanup_(host_files_closep) struct host_files *files = xnew(struct host_files);
	const char *const paths[DIRECTORY_COUNT] = {
		[DIRECTORY_HOSTS] = hosts_directory,
		[DIRECTORY_DHCP] = dhcp_hosts_directory,
	};

	for (unsigned i = 0; i < DIRECTORY_COUNT; i++)
		files->directories[i] = -1;
	files->domain = xstrdup(domain);
	for (unsigned i = 0; i < DIRECTORY_COUNT; i++) {
		files->directories[i] = open(paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (files->directories[i] < 0)
			return -errno;
	}
	*ret_files = steal_ptr(files);
	return 0;
}

struct host_files *host_files_close(struct host_files *files)
{
	if (!files)
		return NULL;
	for (unsigned i = 0; i < DIRECTORY_COUNT; i++)
		closep(&files->directories[i]);
	free(files->domain);
	free(files);
	return NULL;
}

static bool file_says(int directory, const char *name, const char *content)
{
	_cleanup_free_ char *present = NULL;

	return state_file_read(directory, name, RECORD_MAX, &present, NULL) == 0 &&
	       strcmp(present, content) == 0;
}

static int file_write(int directory, const char *name, const char *content)
{
	char temporary[GATEWAY_NAME_SIZE + 2];
	_cleanup_close_ int fd = -1;
	size_t size = strlen(content);

	if (file_says(directory, name, content))
		return 0;
	snprintf(temporary, sizeof(temporary), ".%s", name);
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd < 0)
		return -errno;
	/* dnsmasq reads as another user, whatever our umask says. */
	if (fchmod(fd, 0644) < 0 || write(fd, content, size) != (ssize_t)size ||
	    renameat(directory, temporary, directory, name) < 0) {
		int error = errno ? -errno : -EIO;

		unlinkat(directory, temporary, 0);
		return error;
	}
	return 0;
}

int host_files_write(struct host_files *files, const struct account *account)
{
	struct netaddr address = pool_netaddr(account->address);
	char name[GATEWAY_NAME_SIZE], mac[MAC_TEXT_SIZE], ip[NETADDR_TEXT_SIZE];
	_cleanup_free_ char *host_record = NULL;
	_cleanup_free_ char *lease_record = NULL;
	int r;

	gateway_name_format(account->gateway_id, name);
	mac_format(&account->mac, mac);
	netaddr_format(&address, ip);
	host_record = xasprintf("%s %s.%s %s\n", ip, name, files->domain, name);
	lease_record = xasprintf("%s,%s\n", mac, ip);
	r = file_write(files->directories[DIRECTORY_DHCP], name, lease_record);
	if (r < 0)
		return r;
	return file_write(files->directories[DIRECTORY_HOSTS], name, host_record);
}

int host_files_remove(struct host_files *files, uint32_t gateway_id)
{
	char name[GATEWAY_NAME_SIZE];
	int removed = 0;

	gateway_name_format(gateway_id, name);
	for (unsigned i = 0; i < DIRECTORY_COUNT; i++) {
		if (unlinkat(files->directories[i], name, 0) == 0)
			removed = 1;
		else if (errno != ENOENT)
			return -errno;
	}
	return removed;
}

static int prune(int directory, host_files_wanted_fn *is_wanted, void *owner)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint32_t gateway_id;
	int removed = 0;

	if (!listing) {
		int error = -errno;

		closep(&fd);
		return error;
	}
	while ((entry = readdir(listing))) {
		/* With or without the dot of a temporary file that a crash left. */
		const char *name = entry->d_name + (entry->d_name[0] == '.');

		if (gateway_name_parse(name, &gateway_id) < 0)
			continue;
		if (name == entry->d_name && is_wanted(gateway_id, owner))
			continue;
		if (unlinkat(directory, entry->d_name, 0) == 0)
			removed++;
	}
	closedir(listing);
	return removed;
}

int host_files_prune(struct host_files *files, host_files_wanted_fn *is_wanted, void *owner)
{
	int removed = 0;

	for (unsigned i = 0; i < DIRECTORY_COUNT; i++) {
		int r = prune(files->directories[i], is_wanted, owner);

		if (r < 0)
			return r;
		removed += r;
	}
	return removed;
}
