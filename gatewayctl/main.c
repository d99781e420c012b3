/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gatewayctl - the operator's command: shows and drives the daemons of this host over D-Bus. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/bus.h"
#include "common/memory.h"
#include "gatewayctl/command.h"
#include "gatewayctl/query.h"

static const struct verb {
	const char *name;
	const char *summary;
	const char *help; /* more than the summary says */
	int (*run)(struct command *command);
	const char *argument; /* that follows it; NULL: none */
} verbs[] = {
	{ "status", "where this gateway stands: approval, VPN, cameras, forwards, problems",
	  "One screen; while the gateway waits for its owner, the claim code and what to do with "
	  "it.\n"
	  "Exit code 3 unless everything is in order.\n",
	  status_command },
	{ "devices", "the cameras, and what may be one",
	  "STATE is online, offline, asleep (on a battery), unreachable (its address is of "
	  "another\n"
	  "network; below the table, what to do), or unsure: not sure enough to be reported as a\n"
	  "camera.\n"
	  "With --why ID (a MAC or IP address): what was told about a host, also one that is not\n"
	  "shown, what that adds up to, and so why it is a camera, or is not.\n",
	  devices_command },
	{ "forwards", "the forwards, where each leads and in which state it is",
	  "The rules of the API, and what others have set in routed. Also on the VPN host.\n",
	  forwards_command },
	{ "vpn", "the tunnel", "Exit code 3 unless it is up.\n", vpn_command },
	{ "scan", "look for cameras now, and show each as it is found",
	  "For root and the group evercam.\n", scan_command },
	{ "add", "look for a camera at an address that is not found by itself",
	  "Beyond a router, or where multicast does not reach; now, in every scan, and after a\n"
	  "restart. For root and the group evercam.\n",
	  add_command, "ADDRESS" },
	{ "forget", "no longer look at an address that was added",
	  "What is beyond a router and was found by it is gone at once.\n"
	  "For root and the group evercam.\n",
	  forget_command, "ADDRESS" },
	{ "sync", "ask the API for configuration and rules now",
	  "Also reports devices and status. For root and the group evercam.\n", sync_command },
	{ "monitor", "what happens, as it happens, until Ctrl-C",
	  "States, devices found, changed and lost, forwards, the VPN, problems.\n"
	  "With --json one object per line.\n",
	  monitor_command },
	{ "reset", "forget approval, configuration and forwards; announce a new gateway",
	  "The owner must approve again, by a new claim code. Asks first, unless --yes is given.\n"
	  "For root and the group evercam.\n",
	  reset_command },
	{ "gateways", "on the VPN host: the gateways' accounts",
	  "What vpn-service has provisioned.\n", gateways_command },
};

static void print_usage(FILE *file)
{
	fputs("Usage: gatewayctl [OPTION…] VERB [ADDRESS]\n"
	      "\n"
	      "Shows and drives this gateway.\n"
	      "\n"
	      "Verbs:\n",
	      file);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(file, "  %-10s  %s\n", verbs[i].name, verbs[i].summary);
	fputs("\n"
	      "Options:\n"
	      "  --json      print JSON, for programs\n"
	      "  --yes       do not ask (reset)\n"
	      "  --why ID    why a host is a camera, or is not (devices)\n"
	      "  --version   print the version\n"
	      "  --help      print this, or with a verb what it does\n"
	      "\n"
	      "Exit codes: 0 done, everything is in order; 1 failed; 2 wrong usage, or not\n"
	      "confirmed; 3 something needs attention (not approved, VPN not up, a problem);\n"
	      "4 the daemon is not running; 5 only root and the group evercam may do this.\n",
	      file);
}

static void print_verb(const struct verb *verb)
{
	printf("Usage: gatewayctl [--json]%s %s%s%s%s\n\n%s: %s.\n%s",
	       verb->run == reset_command ? " [--yes]" : "", verb->name,
	       verb->run == devices_command ? " [--why ID]" : "", verb->argument ? " " : "",
	       verb->argument ? verb->argument : "", verb->name, verb->summary, verb->help);
}

/* The exit code, unless not all of the output could be written. */
static int finish_output(int code)
{
	bool failed = ferror(stdout);

	errno = 0;
	if (fflush(stdout) == 0 && !failed)
		return code;
	tell("cannot write the output%s%s", errno ? ": " : "", errno ? strerror(errno) : "");
	return EXIT_FAILED;
}

static int run(const struct verb *verb, struct command *command)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	int r;

	screen_init(&command->screen);
	r = loop_new(&loop);
	if (r == 0)
		r = bus_open(&command->bus, loop, NULL);
	if (r < 0) {
		tell("cannot reach the system bus: %s; is dbus-daemon running?", strerror(-r));
		return EXIT_FAILED;
	}
	command->loop = loop;
	r = verb->run(command);
	bus_free(command->bus);
	return finish_output(r);
}

static const struct verb *find_verb(int argc, char *argv[], int first)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs) && first < argc; i++)
		if (strcmp(argv[first], verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

static int argument_count(const struct verb *verb)
{
	return verb->argument ? 1 : 0;
}

static int refuse(const struct verb *verb, int argc, char *argv[], int first)
{
	int last = first + (verb ? argument_count(verb) : 0);

	if (!verb && first < argc)
		tell("'%s' is not a verb it knows\n", argv[first]);
	else if (last + 1 < argc)
		tell("'%s' is too much\n", argv[last + 1]);
	else if (verb)
		tell("%s what? %s is missing\n", verb->name, verb->argument);
	else
		tell("a verb is missing: what to show or to do\n");
	print_usage(stderr);
	return EXIT_USAGE;
}

int main(int argc, char *argv[])
{
	enum { OPTION_JSON = 256, OPTION_YES, OPTION_WHY, OPTION_VERSION, OPTION_HELP };
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "yes", no_argument, NULL, OPTION_YES },
		{ "why", required_argument, NULL, OPTION_WHY },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ 0 },
	};
	struct command command = { 0 };
	const struct verb *verb;
	bool help = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OPTION_JSON:
			command.json = true;
			break;
		case OPTION_YES:
			command.confirmed = true;
			break;
		case OPTION_WHY:
			command.why = optarg;
			break;
		case OPTION_VERSION:
			puts("gatewayctl " EVERCAM_VERSION);
			return finish_output(EXIT_DONE);
		case OPTION_HELP:
			help = true;
			break;
		default:
			print_usage(stderr);
			return EXIT_USAGE;
		}
	}
	verb = find_verb(argc, argv, optind);
	if (verb ? optind + 1 + argument_count(verb) != argc && !(help && optind + 1 == argc)
		 : !(help && optind == argc))
		return refuse(verb, argc, argv, optind);
	if (verb && verb->argument)
		command.argument = argv[optind + 1];
	if (verb && command.why && verb->run != devices_command && !help) {
		tell("--why goes with devices\n");
		print_usage(stderr);
		return EXIT_USAGE;
	}
	/* Nothing is done, whatever the verb is. */
	if (help && verb)
		print_verb(verb);
	else if (help)
		print_usage(stdout);
	else
		return run(verb, &command);
	return finish_output(EXIT_DONE);
}
