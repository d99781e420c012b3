/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator runs these as root beside the running daemon. The database must stay its user's, so
 * root first becomes the owner of the directory it lies in.
 */
#include "apid/commands.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apid/init.h"
#include "apid/password.h"
#include "common/log.h"
#include "common/memory.h"

#define DEFAULT_ORGANISATION "default"
#define MAX_ORGANISATION     128

static int become_owner(const char *database)
{
	_cleanup_free_ char *copy = xstrdup(database);
	struct stat status;

	if (geteuid() != 0)
		return 0;
	if (stat(dirname(copy), &status) < 0)
		return log_error_errno(-errno, "%s: %m", database);
	if (status.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setgid(status.st_gid) < 0 || setuid(status.st_uid) < 0)
		return log_error_errno(-errno, "cannot become the owner of the database: %m");
	return 0;
}

/* One line from standard input, so that no password stands in a command line. */
static int read_password(char ret_password[static PASSWORD_MAX + 2])
{
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "Password (it is shown while you type): ");
	if (!fgets(ret_password, PASSWORD_MAX + 2, stdin))
		ret_password[0] = '\0';
	ret_password[strcspn(ret_password, "\n")] = '\0';
	if (strlen(ret_password) < PASSWORD_MIN || strlen(ret_password) > PASSWORD_MAX ||
	    !utf8_is_valid(ret_password, strlen(ret_password))) {
		log_error("expected a password of %d to %d bytes on standard input", PASSWORD_MIN,
			  PASSWORD_MAX);
		return -EINVAL;
	}
	return 0;
}

static bool name_is_valid(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@+";

	return *name && strlen(name) <= MAX_USER_NAME && strspn(name, allowed) == strlen(name);
}

int command_read_user(struct user *ret_user, const char *name, enum user_role role)
{
	char password[PASSWORD_MAX + 2];
	int r;

	if (!name_is_valid(name)) {
		log_error("a user name is letters, digits and . - _ @ +");
		return -EINVAL;
	}
	r = read_password(password);
	if (r < 0)
		return r;
	*ret_user = (struct user){ .role = role };
	snprintf(ret_user->name, sizeof(ret_user->name), "%s", name);
	password_hash(ret_user->password, password);
	explicit_bzero(password, sizeof(password));
	return 0;
}

int command_store_user(const struct api_settings *settings, const struct user *user,
		       const char *organisation)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_free_ char *error = NULL;
	int r = become_owner(settings->database);

	if (r == 0)
		r = store_open(&store, settings->database, &error);
	if (r < 0) {
		if (error)
			log_error("%s", error);
		return r == -EINVAL ? -EIO : r;
	}
	r = store_user_put(store, user, organisation ? organisation : DEFAULT_ORGANISATION);
	if (r < 0)
		return log_error_errno(r, "cannot store the user: %m");
	printf("user %s can log in\n", user->name);
	return 0;
}

static int user_add(const struct api_settings *settings, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "admin", no_argument, NULL, 'a' },
		{ "viewer", no_argument, NULL, 'v' },
		{ "organisation", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	const char *organisation = DEFAULT_ORGANISATION;
	enum user_role role = ROLE_OPERATOR;
	struct user user;
	int option, r;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == '?')
			return -EINVAL;
		if (option == 'o')
			organisation = optarg;
		else
			role = option == 'a' ? ROLE_ADMIN : ROLE_VIEWER;
	}
	if (argc - optind != 1 || !*organisation || strlen(organisation) > MAX_ORGANISATION ||
	    !utf8_is_valid(organisation, strlen(organisation))) {
		log_error("expected one user name");
		return -EINVAL;
	}
	r = command_read_user(&user, argv[optind], role);
	return r < 0 ? r : command_store_user(settings, &user, organisation);
}

static int print_routes(void)
{
	for (size_t i = 0; i < api_route_count; i++)
		printf("%s %s\n", api_routes[i].method, api_routes[i].path);
	return 0;
}

int command_run(struct daemon *daemon, int argc, char *argv[])
{
	if (strcmp(argv[0], "init") == 0)
		return init_command(daemon->settings, argc, argv);
	if (argc >= 3 && strcmp(argv[0], "user") == 0 && strcmp(argv[1], "add") == 0)
		return user_add(daemon->settings, argc - 1, argv + 1);
	if (argc == 1 && strcmp(argv[0], "routes") == 0)
		return print_routes();
	log_error("unknown command; there are: init (see init --help), user add [--admin|--viewer] "
		  "[--organisation NAME] "
		  "NAME, routes");
	return -EINVAL;
}
