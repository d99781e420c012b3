/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One probe at a time. What is wrong with each server is collected into one sentence, because
 * SoftEther's client itself never tells why it does not connect.
 */
#include "vpnd/server_search.h"

#include <string.h>

#include "common/memory.h"
#include "vpnd/child.h"
#include "vpnd/probe.h"

#define PROBE_TIMEOUT (10 * USEC_PER_SEC)

struct server_search {
	struct loop *loop;
	const char *libexec;
	const struct settings *settings;
	server_search_fn *on_done;
	void *owner;
	struct process *probe;
	size_t server; /* the one that is looked at */
	bool refused;
	char *verdict;
};

static int probe_server(struct server_search *search);

/* Appends what is wrong with the present server. */
static void add_verdict(struct server_search *search, const char *what, const char *detail)
{
	const struct server *server = &search->settings->servers[search->server];
	_cleanup_free_ char *verdict = NULL;

	verdict = xasprintf("%s%s%s:%u %s%s%s", search->verdict ? search->verdict : "",
			    search->verdict ? "; " : "", server->host, server->port, what,
			    *detail ? ": " : "", detail);
	replace_string(&search->verdict, verdict);
}

static void finish(struct server_search *search, struct candidate candidate)
{
	_cleanup_free_ char *verdict = steal_ptr(search->verdict);
	const struct server_search_result result = {
		.candidate = candidate,
		.refused = !candidate.found && search->refused,
		.verdict = verdict,
	};

	search->on_done(&result, search->owner);
}

static bool find_pin(const struct server_search *search, const char *sha256, size_t *ret_pin)
{
	for (size_t i = 0; i < search->settings->server_certificate_count; i++)
		if (strcmp(search->settings->server_digests[i].sha256, sha256) == 0) {
			*ret_pin = i;
			return true;
		}
	return false;
}

/* True when this is the server to take, with that pin. */
static bool take_report(struct server_search *search, const struct probe_report *report,
			size_t *ret_pin)
{
	switch (report->result) {
	case PROBE_UNRESOLVED:
		add_verdict(search, "has no address in DNS", report->text);
		break;
	case PROBE_UNREACHABLE:
		add_verdict(search, "cannot be reached", report->text);
		break;
	case PROBE_NOT_TLS:
		add_verdict(search, "is no VPN server", report->text);
		break;
	case PROBE_EXPIRED:
		search->refused = true;
		add_verdict(search, "is refused: its certificate", report->text);
		break;
	case PROBE_CERTIFICATE:
		if (find_pin(search, report->sha256, ret_pin))
			return true;
		search->refused = true;
		add_verdict(search,
			    "is refused: it shows a certificate that is not among the pinned ones "
			    "(somebody in between, or a new certificate that the configuration "
			    "does not have yet), SHA-256",
			    report->sha256);
		break;
	case PROBE_RESULT_COUNT:
		break;
	}
	return false;
}

static void on_probe_exit(struct process *probe, const struct process_result *result, void *owner)
{
	_cleanup_free_ char *line = xstrdup(result->output);
	struct candidate candidate = { .found = false };
	struct server_search *search = owner;
	struct probe_report report;

	line[strcspn(line, "\n")] = '\0';
	candidate.server = search->server;
	if (result->end == PROCESS_TIMED_OUT)
		add_verdict(search, "cannot be reached", "no answer");
	else if (result->end != PROCESS_EXITED || probe_parse(&report, line) < 0)
		add_verdict(search, "cannot be probed", line);
	else
		candidate.found = take_report(search, &report, &candidate.pin);
	search->probe = process_free(search->probe);
	while (!candidate.found && ++search->server < search->settings->server_count) {
		if (probe_server(search) == 0)
			return;
		add_verdict(search, "cannot be probed", "this host has no resources left");
	}
	finish(search, candidate);
}

static int probe_server(struct server_search *search)
{
	const struct server *server = &search->settings->servers[search->server];
	_cleanup_free_ char *program = xasprintf("%s/vpnd-probe", search->libexec);
	_cleanup_free_ char *port = xasprintf("%u", server->port);
	const char *argv[] = { program, server->host, port, NULL };

	return child_start(&search->probe, search->loop, search->libexec,
			   &(struct process_options){ .argv = argv, .timeout = PROBE_TIMEOUT },
			   on_probe_exit, search);
}

int server_search_start(struct server_search **ret_search, struct loop *loop, const char *libexec,
			const struct settings *settings, server_search_fn *on_done, void *owner)
{
	_cleanup_(server_search_freep) struct server_search *search = xnew(struct server_search);
	int r;

	search->loop = loop;
	search->libexec = libexec;
	search->settings = settings;
	search->on_done = on_done;
	search->owner = owner;
	r = probe_server(search);
	if (r < 0)
		return r;
	*ret_search = steal_ptr(search);
	return 0;
}

struct server_search *server_search_free(struct server_search *search)
{
	if (!search)
		return NULL;
	process_free(search->probe);
	free(search->verdict);
	free(search);
	return NULL;
}
