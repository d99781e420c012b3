/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One daemon, from its command line to its exit code. sd_notify's protocol (one datagram of
 * "NAME=value" lines to $NOTIFY_SOCKET) is spoken directly: libsystemd is not everywhere.
 *
 * The loop may be stopped before it runs, for example when the bus goes away while the daemon still
 * builds its objects; so the result is kept here, and daemon_run() then returns at once.
 */
#include "common/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/bus.h"
#include "common/log.h"
#include "common/memory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

enum { EXIT_USAGE = 2 };

struct instance {
	struct daemon daemon;
	struct loop_signal terminated;
	struct loop_signal interrupted;
	struct loop_timer watchdog;
	usec_t watchdog_interval;
	bool stopped;
	int result;
};

struct command_line {
	const char *config_path;
	bool config_given;
	bool check_config;
	bool debug;
};

static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	size_t length;

	if (!path || (path[0] != '/' && path[0] != '@'))
		return;
	length = strlen(path);
	if (length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* the abstract namespace: no NUL at the end */
	else
		length++;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		log_warning_errno(-errno, "cannot notify the service manager: %m");
}

/* The interval in which systemd wants to hear from us, or 0. */
static usec_t watchdog_interval(void)
{
	const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!interval || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(interval, NULL, 10);
}

static void on_watchdog(struct loop_timer *timer)
{
	struct instance *instance = container_of(timer, struct instance, watchdog);

	notify("WATCHDOG=1");
	loop_timer_arm(timer, instance->watchdog_interval / 2);
}

static void on_terminated(struct loop_signal *handle)
{
	daemon_stop(&container_of(handle, struct instance, terminated)->daemon, 0);
}

static void on_interrupted(struct loop_signal *handle)
{
	daemon_stop(&container_of(handle, struct instance, interrupted)->daemon, 0);
}

static void on_bus_lost(struct bus *bus, void *owner)
{
	struct daemon *daemon = owner;

	log_error("lost the message bus; ending, so that the service manager starts me anew");
	daemon_stop(daemon, -ECONNRESET);
}

void daemon_stop(struct daemon *daemon, int result)
{
	struct instance *instance = container_of(daemon, struct instance, daemon);

	if (!instance->stopped) {
		instance->stopped = true;
		instance->result = result;
	}
	loop_stop(daemon->loop, instance->result);
}

static int own_name(const struct daemon *daemon)
{
	const char *name = daemon->description->bus_name;
	int r;

	if (!daemon->bus)
		return 0;
	r = bus_own_name(daemon->bus, name);
	if (r == -EEXIST)
		log_error("%s is already running: somebody else owns %s on the bus",
			  daemon->description->name, name);
	else if (r == -EACCES)
		log_error("the bus does not let this user own %s: is its policy file installed?",
			  name);
	else if (r < 0)
		log_error_errno(r, "cannot own %s on the bus: %m", name);
	return r;
}

/* With the name and the signals. */
static int serve(struct instance *instance)
{
	struct daemon *daemon = &instance->daemon;
	int r;

	notify("READY=1");
	instance->watchdog_interval = watchdog_interval();
	if (instance->watchdog_interval) {
		loop_timer_init(&instance->watchdog, daemon->loop, on_watchdog);
		loop_timer_arm(&instance->watchdog, instance->watchdog_interval / 2);
	}
	log_info("%s " EVERCAM_VERSION " is running", daemon->description->name);
	r = instance->stopped ? instance->result : loop_run(daemon->loop);
	notify("STOPPING=1");
	log_info("%s is stopping", daemon->description->name);
	loop_timer_deinit(&instance->watchdog);
	return r;
}

int daemon_run(struct daemon *daemon)
{
	struct instance *instance = container_of(daemon, struct instance, daemon);
	int r;

	/* Before the name, by which others see that we are there and may be told to end. */
	loop_signal_init(&instance->terminated, daemon->loop, SIGTERM, on_terminated);
	loop_signal_init(&instance->interrupted, daemon->loop, SIGINT, on_interrupted);
	r = own_name(daemon);
	if (r == 0)
		r = serve(instance);
	loop_signal_deinit(&instance->interrupted);
	loop_signal_deinit(&instance->terminated);
	return r;
}

static void print_config_option(const struct config_option *option)
{
	printf("  %-28s %s", option->key, option->description ? option->description : "");
	if (option->required)
		printf(" (required)");
	else if (option->fallback)
		printf(" (default: %s)", option->fallback);
	printf("\n");
}

static void print_help(const struct daemon_description *description)
{
	const struct config_option *option = description->options;

	printf("Usage: %s [OPTION…]%s\n", description->name,
	       description->command ? " [COMMAND…]" : "");
	if (description->summary)
		printf("%s\n", description->summary);
	printf("\n"
	       "  --config FILE   configuration (default: " CONFIG_DIRECTORY
	       "/%s.conf), and FILE.d\n"
	       "  --check-config  only check the configuration\n"
	       "  --debug         log everything\n"
	       "  --version       show the version\n"
	       "  --help          show this\n",
	       description->name);
	if (option && option->key)
		printf("\nConfiguration, one \"key = value\" per line:\n");
	for (; option && option->key; option++)
		print_config_option(option);
}

/* Returns -1 to go on, or the exit code. */
static int parse_command_line(struct command_line *line, int argc, char *argv[],
			      const struct daemon_description *description)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "debug", no_argument, NULL, 'd' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 0; /* from the start, for tests that come here again */
	/* '+': what follows a command belongs to it. */
	while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		switch (option) {
		case 'c':
			line->config_path = optarg;
			line->config_given = true;
			break;
		case 'k':
			line->check_config = true;
			break;
		case 'd':
			line->debug = true;
			break;
		case 'v':
			printf("%s " EVERCAM_VERSION "\n", description->name);
			return EXIT_SUCCESS;
		case 'h':
			print_help(description);
			return EXIT_SUCCESS;
		default:
			return EXIT_USAGE; /* getopt has said what was wrong */
		}
	}
	if (optind < argc && !description->command) {
		fprintf(stderr, "%s: unexpected argument \"%s\"; try --help\n", description->name,
			argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

/*
 * Loads and checks the settings. The sentence of a failure has been logged. What the daemon needs
 * beyond a command's settings may be what the command is to make.
 */
static int load_settings(struct daemon *daemon, const struct command_line *line, bool for_command)
{
	static const struct config_option no_options[] = { CONFIG_END };
	const struct daemon_description *description = daemon->description;
	config_check_fn *checks[4] = { 0 };
	size_t check_count = 0;
	_cleanup_free_ char *default_path = NULL, *error = NULL;
	const char *path = line->config_path;
	int r;

	if (!path)
		path = default_path = xasprintf(CONFIG_DIRECTORY "/%s.conf", description->name);
	/* Defaults are fine when there is no file, but not when one was named. */
	if (line->config_given && access(path, F_OK) < 0)
		return log_error_errno(-errno, "%s: %m", path);
	if (description->check)
		checks[check_count++] = description->check;
	if (description->check_start && !for_command)
		checks[check_count++] = description->check_start;
	if (description->check_work && line->check_config)
		checks[check_count++] = description->check_work;
	r = config_load(daemon->settings, description->options ? description->options : no_options,
			path, checks, &error);
	if (r < 0)
		log_error("%s", error ? error : strerror(-r));
	return r;
}

static int start(struct instance *instance)
{
	struct daemon *daemon = &instance->daemon;
	const struct daemon_description *description = daemon->description;
	int r;

	if (description->bus_name) {
		r = bus_open(&daemon->bus, daemon->loop, NULL);
		if (r < 0)
			return log_error_errno(r, "cannot connect to the message bus: %m");
		bus_on_lost(daemon->bus, on_bus_lost, daemon);
	}
	r = description->run(daemon);
	daemon->bus = bus_free(daemon->bus);
	return r;
}

/* With its settings loaded. Returns the exit code. */
static int run_instance(struct instance *instance, int argc, char *argv[])
{
	struct daemon *daemon = &instance->daemon;
	int r;

	r = loop_new(&daemon->loop);
	if (r < 0) {
		log_error_errno(r, "cannot make an event loop: %m");
		return EXIT_FAILURE;
	}
	if (argc > 0) {
		r = daemon->description->command(daemon, argc, argv);
		if (r == -EINVAL)
			r = EXIT_USAGE;
		else
			r = r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	} else {
		r = start(instance) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	daemon->loop = loop_free(daemon->loop);
	return r;
}

/* 0, 1 and 2 must be open: what is opened later would take their place and get our messages. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR); /* without close-on-exec, like any standard one */
	while (fd >= 0 && fd <= STDERR_FILENO);
	closep(&fd);
}

/* For good. Nothing when we are not root, or where the daemon's user has not been made. */
static int become_daemon_user(const char *name)
{
	_cleanup_free_ char *user_name = xasprintf("evercam-%s", name);
	const struct passwd *user;

	if (geteuid() != 0)
		return 0;
	user = getpwnam(user_name);
	if (!user)
		return 0;
	if (initgroups(user_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
	    setuid(user->pw_uid) < 0)
		return log_error_errno(-errno, "cannot become the user %s: %m", user_name);
#ifdef __SANITIZE_ADDRESS__
	prctl(PR_SET_DUMPABLE, 1); /* as in daemon_protect_process() */
#endif
	return 0;
}

/* Keys and tokens live in this process: no core dump, no tracing by others of the same user. */
void daemon_protect_process(void)
{
	umask(077);
#ifndef __SANITIZE_ADDRESS__ /* the leak checker traces its own process */
	prctl(PR_SET_DUMPABLE, 0);
#endif
	signal(SIGPIPE, SIG_IGN); /* writing to who is gone is EPIPE */
	signal(SIGCHLD, SIG_DFL); /* ignored, it would take the exit status of children away */
}

int daemon_main(int argc, char *argv[], const struct daemon_description *description)
{
	struct instance instance = { .daemon.description = description };
	struct command_line line = { 0 };
	int r;

	open_standard_descriptors();
	daemon_protect_process();
	r = parse_command_line(&line, argc, argv, description);
	if (r >= 0)
		return r;
	log_open(description->name, line.debug ? LOG_DEBUG : LOG_INFO);
	/* Root may read files that the daemon may not. A file that is named is perhaps yet to be
	 * put in its place. */
	if (line.check_config && !line.config_given && become_daemon_user(description->name) < 0)
		return EXIT_FAILURE;
	instance.daemon.settings = xcalloc(1, description->settings_size);
	if (load_settings(&instance.daemon, &line, optind < argc) < 0) {
		free(instance.daemon.settings);
		return EXIT_USAGE;
	}
	r = EXIT_SUCCESS;
	if (!line.check_config)
		r = run_instance(&instance, argc - optind, argv + optind);
	if (description->options)
		config_free(instance.daemon.settings, description->options);
	free(instance.daemon.settings);
	return r;
}
