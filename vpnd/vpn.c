/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is kept: settings.json (0600) with the key. What is not kept is rebuilt at start: account
 * and session from the client, MAC, link and address from the kernel. A vpnd that was killed finds
 * all of it as it should be and touches nothing.
 */
#include "vpnd/vpn.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/state_file.h"
#include "vpnd/address.h"
#include "vpnd/softether.h"
#include "vpnd/store.h"

#define INTERFACE_PREFIX "vpn_" /* SoftEther's, for every virtual interface */

struct vpn {
	int directory_fd;
	struct softether_options softether_options;
	struct address_options address_options;
	struct settings *settings; /* NULL: unconfigured */
	struct link *link;
	struct softether *softether;
	struct address *address;
	struct tunnel *tunnel;
	unsigned known_index;
	bool known_up;
	int64_t connected_since;
	char *first_server; /* shown until the transport has chosen one */
	vpn_changed_fn *on_changed;
	void *owner;
};

static void tell(struct vpn *vpn)
{
	if (vpn->on_changed)
		vpn->on_changed(vpn, vpn->owner);
}

/* --- the tunnel's operations --- */

static void join(void *owner)
{
	struct vpn *vpn = owner;

	softether_join(vpn->softether, vpn->settings);
}

static void leave(bool forget, void *owner)
{
	struct vpn *vpn = owner;

	softether_leave(vpn->softether, forget);
}

static void diagnose(void *owner)
{
	struct vpn *vpn = owner;

	softether_diagnose(vpn->softether);
}

static void start_address(void *owner)
{
	struct vpn *vpn = owner;

	address_start(vpn->address, vpn->settings->hostname, &vpn->settings->address);
}

static void stop_address(void *owner)
{
	struct vpn *vpn = owner;

	address_stop(vpn->address);
}

static void on_tunnel_changed(void *owner)
{
	struct vpn *vpn = owner;

	if (tunnel_state(vpn->tunnel) != TUNNEL_UP)
		vpn->connected_since = 0;
	else if (vpn->connected_since == 0)
		vpn->connected_since = softether_session_since(vpn->softether)
					       ? softether_session_since(vpn->softether)
					       : (int64_t)time(NULL);
	tell(vpn);
}

static const struct tunnel_operations tunnel_operations = {
	.join = join,
	.leave = leave,
	.diagnose = diagnose,
	.start_address = start_address,
	.stop_address = stop_address,
	.changed = on_tunnel_changed,
};

/* --- what the parts report --- */

static void on_joined(void *owner)
{
	struct vpn *vpn = owner;

	tunnel_on_joined(vpn->tunnel, link_is_up(vpn->link));
	tell(vpn);
}

static void on_left(void *owner)
{
	struct vpn *vpn = owner;

	link_remove_addresses(vpn->link);
	tunnel_on_left(vpn->tunnel);
}

static void on_fault(const char *error, void *owner)
{
	struct vpn *vpn = owner;

	tunnel_on_fault(vpn->tunnel, error);
}

static void on_note(const char *note, void *owner)
{
	struct vpn *vpn = owner;

	tunnel_set_error(vpn->tunnel, note);
}

static const struct softether_handlers softether_handlers = {
	.on_joined = on_joined,
	.on_left = on_left,
	.on_fault = on_fault,
	.on_note = on_note,
};

/* Up, but under another address than the platform looks for. */
static void note_address(struct vpn *vpn)
{
	char given[NETADDR_TEXT_SIZE], wanted[NETADDR_TEXT_SIZE];
	const struct netprefix *expected = &vpn->settings->address;
	_cleanup_free_ char *error = NULL;
	struct netprefix found;

	if (expected->length != 0 && link_address(vpn->link, &found) &&
	    !netaddr_equal(&found.address, &expected->address))
		error = xasprintf("DHCP on the VPN gave %s, but the configuration says %s: the VPN "
				  "host's lease and the API disagree",
				  netaddr_format(&found.address, given),
				  netaddr_format(&expected->address, wanted));
	tunnel_set_error(vpn->tunnel, error);
}

static void on_address_changed(bool present, void *owner)
{
	struct vpn *vpn = owner;

	tunnel_on_address(vpn->tunnel, present);
	if (tunnel_state(vpn->tunnel) == TUNNEL_UP)
		note_address(vpn);
	tell(vpn);
}

static void on_link_changed(struct link *link, void *owner)
{
	struct vpn *vpn = owner;
	unsigned index = link_index(link);
	bool up = link_is_up(link);
	bool other_link = index != vpn->known_index, turned = up != vpn->known_up;

	vpn->known_index = index;
	vpn->known_up = up;
	softether_on_link_changed(vpn->softether);
	address_on_link_changed(vpn->address);
	/*
	 * The client has restarted, or ended: look at the account again. (While we leave, the
	 * interface goes by our own doing, and only a new one is news.)
	 */
	if (other_link && (index != 0 || tunnel_state(vpn->tunnel) != TUNNEL_LEAVING))
		tunnel_on_stale(vpn->tunnel);
	else if (turned)
		tunnel_on_link(vpn->tunnel, up);
	tell(vpn);
}

/* --- life --- */

static int open_parts(struct vpn *vpn, struct loop *loop, const struct vpn_options *options)
{
	_cleanup_free_ char *interface = xasprintf(INTERFACE_PREFIX "%s", options->nic);
	int r;

	vpn->directory_fd = state_directory_open(options->state_directory);
	if (vpn->directory_fd < 0)
		return log_error_errno(vpn->directory_fd, "cannot open the state directory %s: %m",
				       options->state_directory);
	r = link_new(&vpn->link, loop, interface, on_link_changed, vpn);
	if (r < 0)
		return log_error_errno(r, "cannot watch %s: %m", interface);
	vpn->known_index = link_index(vpn->link);
	vpn->known_up = link_is_up(vpn->link);
	vpn->softether_options = (struct softether_options){
		.vpncmd = options->vpncmd,
		.libexec = options->libexec_directory,
		.directory = options->state_directory,
		.directory_fd = vpn->directory_fd,
		.nic = options->nic,
		.account = options->account,
		.tcp_connections = (unsigned)options->tcp_connections,
	};
	vpn->address_options = (struct address_options){
		.dhcp_client = options->dhcp_client,
		.libexec = options->libexec_directory,
	};
	r = softether_new(&vpn->softether, loop, vpn->link, &vpn->softether_options,
			  &softether_handlers, vpn);
	if (r == 0)
		r = address_new(&vpn->address, loop, vpn->link, &vpn->address_options,
				on_address_changed, vpn);
	if (r == 0)
		r = tunnel_new(&vpn->tunnel, loop, &tunnel_operations, vpn);
	return r;
}

int vpn_new(struct vpn **ret_vpn, struct loop *loop, const struct vpn_options *options)
{
	_cleanup_(vpn_freep) struct vpn *vpn = xnew(struct vpn);
	int r;

	vpn->directory_fd = -1;
	r = open_parts(vpn, loop, options);
	if (r < 0)
		return r;
	*ret_vpn = steal_ptr(vpn);
	return 0;
}

struct vpn *vpn_free(struct vpn *vpn)
{
	if (!vpn)
		return NULL;
	address_free(vpn->address);
	softether_free(vpn->softether);
	tunnel_free(vpn->tunnel);
	link_free(vpn->link);
	settings_free(vpn->settings);
	closep(&vpn->directory_fd);
	free(vpn->first_server);
	free(vpn);
	return NULL;
}

void vpn_on_changed(struct vpn *vpn, vpn_changed_fn *on_changed, void *owner)
{
	vpn->on_changed = on_changed;
	vpn->owner = owner;
}

static void note_first_server(struct vpn *vpn)
{
	const struct server *server = vpn->settings ? &vpn->settings->servers[0] : NULL;
	_cleanup_free_ char *text = server ? xasprintf("%s:%u", server->host, server->port) : NULL;

	replace_string(&vpn->first_server, text);
}

void vpn_start(struct vpn *vpn)
{
	_cleanup_free_ char *error = NULL;
	int r;

	r = store_load_settings(vpn->directory_fd, &vpn->settings, &error);
	if (r == -ENOENT) {
		/* A Forget that was cut short is finished now. */
		if (link_index(vpn->link) != 0)
			tunnel_forget(vpn->tunnel);
		return;
	}
	if (r < 0) {
		_cleanup_free_ char *text = xasprintf(
			"the stored settings cannot be used (%s): configure the VPN again", error);

		tunnel_set_error(vpn->tunnel, text);
		return;
	}
	note_first_server(vpn);
	if (store_is_away(vpn->directory_fd))
		tunnel_leave(vpn->tunnel);
	else
		tunnel_join(vpn->tunnel);
}

int vpn_configure(struct vpn *vpn, struct settings *settings)
{
	_cleanup_(settings_freep) struct settings *old = NULL, *new = settings;
	int r;

	if (vpn->settings && settings_equal(vpn->settings, new))
		return 0;
	r = store_save_settings(vpn->directory_fd, new);
	if (r == 0)
		r = store_set_away(vpn->directory_fd, false);
	if (r < 0)
		return log_error_errno(r, "cannot store the settings: %m");
	log_info("configured: %zu server(s), hub %s as %s", new->server_count, new->hub,
		 new->username);
	old = vpn->settings; /* borrowed by the transport until it joins with the new ones */
	vpn->settings = steal_ptr(new);
	note_first_server(vpn);
	tunnel_join(vpn->tunnel);
	return 0;
}

int vpn_connect(struct vpn *vpn)
{
	int r;

	if (!vpn->settings)
		return -EAGAIN;
	r = store_set_away(vpn->directory_fd, false);
	if (r < 0)
		return r;
	switch (tunnel_state(vpn->tunnel)) {
	case TUNNEL_DISCONNECTED:
	case TUNNEL_LEAVING:
	case TUNNEL_FAILED: /* whoever asks wants it tried now */
		tunnel_join(vpn->tunnel);
		break;
	case TUNNEL_UNCONFIGURED:
	case TUNNEL_PREPARING:
	case TUNNEL_CONNECTING:
	case TUNNEL_ADDRESSING:
	case TUNNEL_UP:
	case TUNNEL_STATE_COUNT:
		break;
	}
	return 0;
}

int vpn_disconnect(struct vpn *vpn)
{
	int r;

	if (!vpn->settings)
		return -EAGAIN;
	r = store_set_away(vpn->directory_fd, true);
	if (r < 0)
		return r;
	if (tunnel_state(vpn->tunnel) != TUNNEL_DISCONNECTED)
		tunnel_leave(vpn->tunnel);
	return 0;
}

int vpn_forget(struct vpn *vpn)
{
	int r;

	/* First what must not come back, then what takes time. */
	r = store_remove_settings(vpn->directory_fd);
	if (r == 0)
		r = store_set_away(vpn->directory_fd, false);
	if (r < 0)
		return r;
	if (tunnel_state(vpn->tunnel) == TUNNEL_UNCONFIGURED && link_index(vpn->link) == 0)
		return 0;
	tunnel_forget(vpn->tunnel);
	vpn->settings = settings_free(vpn->settings);
	note_first_server(vpn);
	tell(vpn);
	return 0;
}

/* --- what it looks like --- */

bool vpn_is_configured(const struct vpn *vpn)
{
	return vpn->settings != NULL;
}

enum tunnel_state vpn_state(const struct vpn *vpn)
{
	return tunnel_state(vpn->tunnel);
}

const char *vpn_last_error(const struct vpn *vpn)
{
	return tunnel_last_error(vpn->tunnel);
}

const char *vpn_server(const struct vpn *vpn)
{
	const char *server = softether_server(vpn->softether);

	return server ? server : vpn->first_server;
}

const char *vpn_interface(const struct vpn *vpn)
{
	return link_index(vpn->link) ? link_name(vpn->link) : NULL;
}

bool vpn_address(const struct vpn *vpn, struct netprefix *ret_address)
{
	return link_address(vpn->link, ret_address);
}

int64_t vpn_connected_since(const struct vpn *vpn)
{
	return vpn->connected_since;
}

void vpn_statistics(const struct vpn *vpn, struct link_statistics *ret_statistics)
{
	if (link_read_statistics(vpn->link, ret_statistics) < 0)
		*ret_statistics = (struct link_statistics){ 0 };
}
