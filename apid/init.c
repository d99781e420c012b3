/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The authority's key is root's, in a directory of its own; the daemon gets the server's key and
 * the copies of what vpn-service's setup has made. A certificate that is there without an authority
 * of ours is the operator's own: it is kept, and gateways check it against what they trust anyway.
 *
 * The configuration is written last: the unit starts only when it is there. The user comes after
 * everything else, since for the database root becomes the daemon's user and cannot go back.
 */
#include "apid/init.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apid/commands.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/netaddr.h"
#include "common/setup_options.h"
#include "common/setup_place.h"
#include "common/state_file.h"

#define DAEMON_USER       "evercam-apid"
#define PRIVATE_DIRECTORY CONFIG_DIRECTORY "/apid"
#define DROP_IN_DIRECTORY CONFIG_DIRECTORY "/apid.conf.d"
#define DROP_IN_FILE      "50-init.conf"
#define FILE_CA           "api-ca.crt"
#define FILE_CA_KEY       "api-ca.key"
#define FILE_ADDRESS      "vpn-service.address"
#define URL_SCHEME        "https://"
#define MAX_FILE          65536

struct command_line {
	const char *name, *vpn_service, *admin;
};

struct init {
	const struct api_settings *settings;
	const struct passwd *user;
	const char *name;
	char *vpn_service; /* owned HOST:PORT, or NULL */
	bool has_authority;
};

static int read_command_line(struct command_line *line, int argc, char *argv[])
{
	const struct setup_option options[] = {
		{ "name", "NAME", "name or address of this host as gateways reach it",
		  &line->name },
		{ "vpn-service", "PATH",
		  "directory api-client that \"vpn-service setup\" has made,\n"
		  "copied from the VPN host",
		  &line->vpn_service },
		{ "admin", "USER", "make this user; the password is one line on standard input",
		  &line->admin },
		{ 0 },
	};
	const struct setup_usage usage = {
		"apid init", "--name NAME",
		"Makes certificates and configuration of this API host, and its first user.\n"
		"May be run again at any time; options that are left out keep their values.",
		options
	};

	return setup_read_options(&usage, argc, argv);
}

/* The daemon's file in a directory that stays root's. */
static int open_for_daemon(struct setup_place *ret_place, const char *path,
			   const struct passwd *user)
{
	int r = setup_place_open(ret_place, path, 0755, NULL);

	if (r == 0 && user) {
		ret_place->user = user->pw_uid;
		ret_place->group = user->pw_gid;
	}
	return r;
}

/* --- certificates --- */

static int make_certificate(struct init *init, const struct setup_place *private,
			    const struct setup_place *public, const struct setup_place *place)
{
	const struct api_settings *settings = init->settings;
	_cleanup_free_ char *certificate_path = xstrdup(settings->certificate);
	_cleanup_free_ char *key_path = xstrdup(settings->key);
	_cleanup_free_ char *authority = NULL, *certificate = NULL;
	_cleanup_secret_ char *authority_key = NULL, *key = NULL;
	struct certificate_issuer issuer;
	int r;

	init->has_authority = faccessat(private->fd, FILE_CA_KEY, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
			      access(settings->certificate, F_OK) < 0;
	if (!init->has_authority) {
		setup_say("%s: there already, kept", settings->certificate);
		return 0;
	}
	r = setup_ensure_pair(&(struct setup_pair){ public, FILE_CA, private, FILE_CA_KEY,
						    CERTIFICATE_KEY_P256, CERTIFICATE_AUTHORITY,
						    "Evercam Gateway API authority" },
			      NULL, &authority, &authority_key);
	if (r < 0)
		return r;
	issuer = (struct certificate_issuer){ .certificate = authority, .key = authority_key };
	return setup_ensure_pair(&(struct setup_pair){ place, basename(certificate_path), place,
						       basename(key_path), CERTIFICATE_KEY_P256,
						       CERTIFICATE_SERVER, init->name, true },
				 &issuer, &certificate, &key);
}

static int make_certificates(struct init *init)
{
	_cleanup_free_ char *directory = xstrdup(init->settings->certificate);
	_cleanup_(setup_place_close) struct setup_place private = { .fd = -1 };
	_cleanup_(setup_place_close) struct setup_place public = { .fd = -1 };
	_cleanup_(setup_place_close) struct setup_place place = { .fd = -1 };
	int r = setup_place_open(&public, CONFIG_DIRECTORY, 0755, NULL);

	if (r == 0)
		r = setup_place_open(&private, PRIVATE_DIRECTORY, 0700, NULL);
	if (r == 0)
		r = open_for_daemon(&place, dirname(directory), init->user);
	return r < 0 ? r : make_certificate(init, &private, &public, &place);
}

/* --- the way to vpn-service --- */

static int copy_file(const char *from, const char *name, const char *target,
		     const struct passwd *user)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", from, name);
	_cleanup_free_ char *directory = xstrdup(target), *target_name = xstrdup(target);
	_cleanup_(setup_place_close) struct setup_place place = { .fd = -1 };
	_cleanup_secret_ char *content = NULL;
	int r = file_read(path, MAX_FILE, &content, NULL);

	if (r < 0)
		return log_error_errno(r, "cannot read %s: %m", path);
	r = open_for_daemon(&place, dirname(directory), user);
	if (r == 0)
		r = setup_place_update(&place, basename(target_name), content, 0600);
	return r < 0 ? r : 0;
}

static int take_vpn_service(struct init *init, const char *directory)
{
	const struct api_settings *settings = init->settings;
	const struct {
		const char *name, *target;
	} files[] = {
		{ "vpn-service-ca.crt", settings->vpn_service_ca },
		{ "vpn-service-client.crt", settings->vpn_service_certificate },
		{ "vpn-service-client.key", settings->vpn_service_key },
		{ "vpn-service.token", settings->vpn_service_token_file },
	};
	_cleanup_free_ char *path = xasprintf("%s/" FILE_ADDRESS, directory);
	_cleanup_free_ char *address = NULL;
	int r = file_read(path, MAX_FILE, &address, NULL);

	if (r < 0)
		return log_error_errno(r, "cannot read %s: %m; is it what setup has made?", path);
	address[strcspn(address, "\r\n")] = '\0';
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		r = copy_file(directory, files[i].name, files[i].target, init->user);
	if (r == 0)
		init->vpn_service = steal_ptr(address);
	return r;
}

/* --- configuration --- */

static int write_configuration(const struct init *init)
{
	_cleanup_(setup_place_close) struct setup_place place = { .fd = -1 };
	_cleanup_free_ char *content = xasprintf(
		"# Written by \"apid init\" and written again when it is run again.\n"
		"public_url = " URL_SCHEME "%s\n"
		"%s%s%s",
		init->name, init->vpn_service ? "vpn_service = " : "",
		init->vpn_service ? init->vpn_service : "", init->vpn_service ? "\n" : "");
	int r = setup_place_open(&place, DROP_IN_DIRECTORY, 0755, NULL);

	if (r == 0)
		r = setup_place_update(&place, DROP_IN_FILE, content, 0644);
	return r < 0 ? r : 0;
}

/* As the unit would make it. */
static int make_state_directory(const struct init *init)
{
	_cleanup_free_ char *directory = xstrdup(init->settings->database);
	_cleanup_(setup_place_close) struct setup_place place = { .fd = -1 };

	return setup_place_open(&place, dirname(directory), 0700, init->user);
}

static void print_next(const struct init *init)
{
	if (!init->vpn_service)
		setup_say(
			"\nGateways will wait for their VPN accounts until init is run again with "
			"--vpn-service.");
	setup_say("\nFor each gateway, in its " CONFIG_DIRECTORY "/gatewayd.conf:");
	setup_say("    api = " URL_SCHEME "%s", init->name);
	if (init->has_authority) {
		setup_say("    ca = " CONFIG_DIRECTORY "/" FILE_CA);
		setup_say("and copy that file, " CONFIG_DIRECTORY "/" FILE_CA
			  ", from here to there.");
	}
	setup_say("\nDone. Start apid: systemctl restart evercam-apid");
}

static int run(struct init *init, const struct command_line *line, const struct user *admin)
{
	int r = 0;

	init->user = setup_find_user(DAEMON_USER);
	if (line->vpn_service)
		r = take_vpn_service(init, line->vpn_service);
	else if (init->settings->vpn_service)
		init->vpn_service = xstrdup(init->settings->vpn_service);
	if (r == 0)
		r = make_certificates(init);
	if (r == 0)
		r = make_state_directory(init);
	if (r == 0)
		r = write_configuration(init);
	if (r == 0 && line->admin)
		r = command_store_user(init->settings, admin, NULL);
	if (r == 0)
		print_next(init);
	return r;
}

/* The name told now, or the one of the configuration; NULL, and said, when there is none. */
static const char *choose_name(const struct api_settings *settings, const char *told)
{
	const char *url = settings->public_url;

	if (!told && url && strncmp(url, URL_SCHEME, strlen(URL_SCHEME)) == 0)
		told = url + strlen(URL_SCHEME);
	if (!told)
		log_error("--name is needed the first time; try init --help");
	else if (host_name_is_valid(told))
		return told;
	else
		log_error("--name: must be a host name or an IPv4 address");
	return NULL;
}

int init_command(const struct api_settings *settings, int argc, char *argv[])
{
	struct command_line line = { 0 };
	struct init init = { .settings = settings };
	struct user admin;
	int r = read_command_line(&line, argc, argv);

	if (r != 0)
		return r < 0 ? r : 0;
	if (geteuid() != 0) {
		log_error("init must be run as root");
		return -EPERM;
	}
	init.name = choose_name(settings, line.name);
	if (!init.name)
		return -EINVAL;
	if (line.admin)
		r = command_read_user(&admin, line.admin, ROLE_ADMIN);
	if (r == 0)
		r = run(&init, &line, &admin);
	free(init.vpn_service);
	return r;
}
