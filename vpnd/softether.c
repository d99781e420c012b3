/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each goal is a walk through steps, one child process (or wait) each; enter() is the only writer
 * of the step. What vpncmd was told is read back: only an account that reads as it should counts.
 *
 * SoftEther pins one server certificate per account and never says why it does not connect. So
 * before dialling, vpnd-probe looks at the certificate that each server shows: the first server
 * that shows a pinned one is taken, with that pin.
 *
 * The MAC is set twice: NicSetSetting is for the next start of the client (it stores it and does
 * not touch the living interface, SoftEther issue 172), netlink is for now.
 */
#include "vpnd/softether.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/state_file.h"
#include "vpnd/candidate.h"
#include "vpnd/child.h"
#include "vpnd/server_search.h"
#include "vpnd/vpncmd.h"

#define VPNCMD_TIMEOUT (20 * USEC_PER_SEC)
#define NIC_TIMEOUT    (5 * USEC_PER_SEC)
#define RETRY_SECONDS  5U /* between two dials of the client; spread by RETRY_SPREAD */
#define RETRY_SPREAD   4U
#define SERVICE_HINT   "is softether-vpnclient running?"

#define SCRIPT_FILE             "vpncmd.in"
#define CERTIFICATE_FILE        "certificate.pem"
#define PRIVATE_KEY_FILE        "private-key.pem"
#define SERVER_CERTIFICATE_FILE "server-certificate.pem"

enum step {
	STEP_IDLE,
	STEP_INSPECTING,
	STEP_MAKING_NIC,
	STEP_AWAITING_NIC,
	STEP_SETTING_MAC,
	STEP_PROBING,
	STEP_CONFIGURING,
	STEP_DIALLING,
	STEP_HANGING_UP, /* nobody to trust there; then on_fault(verdict) */
	STEP_LEAVING,
	STEP_FORGETTING,
	STEP_COUNT
};

static const char *const step_names[STEP_COUNT] = {
	[STEP_IDLE] = "idle",
	[STEP_INSPECTING] = "inspecting",
	[STEP_MAKING_NIC] = "making the interface",
	[STEP_AWAITING_NIC] = "awaiting the interface",
	[STEP_SETTING_MAC] = "setting the MAC",
	[STEP_PROBING] = "probing",
	[STEP_CONFIGURING] = "configuring",
	[STEP_DIALLING] = "dialling",
	[STEP_HANGING_UP] = "hanging up",
	[STEP_LEAVING] = "leaving",
	[STEP_FORGETTING] = "forgetting",
};

struct softether {
	struct loop *loop;
	struct link *link;
	const struct softether_options *options;
	const struct softether_handlers *handlers;
	void *owner;
	const struct settings *settings;

	enum step step;
	bool diagnosing; /* the account is right as far as we know, and yet the link is down */
	struct process *vpncmd;
	struct server_search *search;
	struct loop_timer timer;
	struct vpncmd_state state; /* what was read last */
	struct candidate matched;  /* what that account is */
	struct candidate chosen;   /* what it shall be */
	char *verdict;             /* what is wrong with the servers, a sentence */
	char *server;
	int64_t session_since;
};

static void enter(struct softether *softether, enum step step);

static void fail(struct softether *softether, const char *error)
{
	_cleanup_free_ char *text = xstrdup(error);

	enter(softether, STEP_IDLE);
	softether->handlers->on_fault(text, softether->owner);
}

static void joined(struct softether *softether, struct candidate candidate)
{
	const struct server *server = &softether->settings->servers[candidate.server];
	_cleanup_free_ char *text = xasprintf("%s:%u", server->host, server->port);

	replace_string(&softether->server, text);
	softether->session_since = softether->state.session == VPNCMD_CONNECTED
					   ? vpncmd_parse_time(softether->state.session_since)
					   : 0;
	enter(softether, STEP_IDLE);
	softether->handlers->on_joined(softether->owner);
}

static struct candidate match_account(const struct softether *softether)
{
	if (!softether->state.account_exists)
		return (struct candidate){ .found = false };
	return candidate_match(&softether->state.account, softether->settings,
			       softether->options->nic, softether->options->tcp_connections);
}

/* A fleet whose server restarts shall not come back in one wave; SoftEther itself has no jitter. */
static unsigned retry_seconds(const struct softether *softether)
{
	return RETRY_SECONDS + softether->settings->mac.octets[5] % RETRY_SPREAD;
}

/* --- running vpncmd --- */

static char *file_path(const struct softether *softether, const char *name)
{
	return xasprintf("%s/%s", softether->options->directory, name);
}

static int write_account_files(const struct softether *softether)
{
	const struct settings *settings = softether->settings;
	const struct {
		const char *name;
		const char *content;
	} files[] = {
		{ CERTIFICATE_FILE, settings->certificate },
		{ PRIVATE_KEY_FILE, settings->private_key },
		{ SERVER_CERTIFICATE_FILE, settings->server_certificates[softether->chosen.pin] },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int r = state_file_write(softether->options->directory_fd, files[i].name,
					 files[i].content, strlen(files[i].content), 0600);

		if (r < 0)
			return r;
	}
	return 0;
}

static char *account_script(const struct softether *softether)
{
	_cleanup_free_ char *certificate = file_path(softether, CERTIFICATE_FILE);
	_cleanup_free_ char *private_key = file_path(softether, PRIVATE_KEY_FILE);
	_cleanup_free_ char *server_certificate = file_path(softether, SERVER_CERTIFICATE_FILE);
	const struct vpncmd_files files = { certificate, private_key, server_certificate };
	struct vpncmd_account account;

	candidate_describe(softether->chosen, softether->settings, softether->options->nic,
			   softether->options->tcp_connections, &account);
	return vpncmd_account_script(softether->options->account, &account, &files,
				     retry_seconds(softether), softether->state.account_exists);
}

/* The command file of a step; NULL: the step runs no vpncmd. */
static char *step_script(const struct softether *softether)
{
	const struct softether_options *options = softether->options;

	switch (softether->step) {
	case STEP_INSPECTING:
		return vpncmd_inspect_script(options->account);
	case STEP_MAKING_NIC:
		return vpncmd_nic_script(options->nic, &softether->settings->mac,
					 !softether->state.nic_exists);
	case STEP_CONFIGURING:
		return account_script(softether);
	case STEP_DIALLING:
		return vpncmd_connect_script(options->account);
	case STEP_HANGING_UP:
	case STEP_LEAVING:
		return vpncmd_disconnect_script(options->account);
	case STEP_FORGETTING:
		return vpncmd_forget_script(options->account, options->nic);
	case STEP_IDLE:
	case STEP_AWAITING_NIC:
	case STEP_SETTING_MAC:
	case STEP_PROBING:
	case STEP_COUNT:
		break;
	}
	return NULL;
}

static void on_vpncmd_exit(struct process *vpncmd, const struct process_result *result,
			   void *owner);

static int start_vpncmd(struct softether *softether)
{
	_cleanup_free_ char *path = file_path(softether, SCRIPT_FILE);
	_cleanup_free_ char *script = step_script(softether);
	_cleanup_free_ char *in_option = NULL;
	const char *argv[VPNCMD_ARGV_COUNT];
	int r = 0;

	if (softether->step == STEP_CONFIGURING)
		r = write_account_files(softether);
	if (r == 0)
		r = state_file_write(softether->options->directory_fd, SCRIPT_FILE, script,
				     strlen(script), 0600);
	if (r < 0)
		return r;
	vpncmd_build_argv(argv, &in_option, softether->options->vpncmd, path);
	return child_start(&softether->vpncmd, softether->loop, softether->options->libexec,
			   &(struct process_options){ .argv = argv, .timeout = VPNCMD_TIMEOUT },
			   on_vpncmd_exit, softether);
}

/* --- steps --- */

static void on_mac_set(int result, void *owner);
static void on_search_done(const struct server_search_result *result, void *owner);

static void enter(struct softether *softether, enum step step)
{
	int r = 0;

	softether->vpncmd = process_free(softether->vpncmd);
	softether->search = server_search_free(softether->search);
	loop_timer_cancel(&softether->timer);
	if (softether->step != step)
		log_debug("SoftEther: %s", step_names[step]);
	softether->step = step;
	switch (step) {
	case STEP_INSPECTING:
	case STEP_MAKING_NIC:
	case STEP_CONFIGURING:
	case STEP_DIALLING:
	case STEP_HANGING_UP:
	case STEP_LEAVING:
	case STEP_FORGETTING:
		r = start_vpncmd(softether);
		break;
	case STEP_PROBING:
		r = server_search_start(&softether->search, softether->loop,
					softether->options->libexec, softether->settings,
					on_search_done, softether);
		break;
	case STEP_AWAITING_NIC:
		loop_timer_arm(&softether->timer, NIC_TIMEOUT);
		break;
	case STEP_SETTING_MAC:
		link_set_mac(softether->link, &softether->settings->mac, on_mac_set, softether);
		break;
	case STEP_IDLE:
	case STEP_COUNT:
		break;
	}
	if (r < 0) {
		log_error_errno(r, "SoftEther: %s: %m", step_names[step]);
		/* Reported from the loop, by the timer, because enter() runs inside our callers. */
		loop_timer_arm(&softether->timer, 0);
	}
}

/* The interface is there and has its MAC: now the account. */
static void check_account(struct softether *softether)
{
	softether->matched = match_account(softether);
	if (softether->matched.found && softether->state.session != VPNCMD_OFFLINE &&
	    (!softether->diagnosing || link_is_up(softether->link)))
		joined(softether, softether->matched);
	else
		enter(softether, STEP_PROBING);
}

static void check_interface(struct softether *softether)
{
	struct mac_address mac = link_mac(softether->link);
	int r;

	if (link_index(softether->link) == 0) {
		enter(softether, STEP_AWAITING_NIC);
		return;
	}
	r = link_disable_ipv6(softether->link);
	if (r < 0 && r != -ENOENT)
		log_debug("cannot switch off IPv6 on %s: %s", link_name(softether->link),
			  strerror(-r));
	if (!mac_equal(&mac, &softether->settings->mac))
		enter(softether, STEP_SETTING_MAC);
	else
		check_account(softether);
}

static void on_mac_set(int result, void *owner)
{
	struct softether *softether = owner;

	if (softether->step != STEP_SETTING_MAC)
		return;
	if (result < 0) {
		_cleanup_free_ char *error = xasprintf(
			"cannot set the MAC of %s: %s; vpnd needs CAP_NET_ADMIN",
			link_name(softether->link), strerror(-result));

		fail(softether, error);
		return;
	}
	check_account(softether);
}

void softether_on_link_changed(struct softether *softether)
{
	if (!link_is_up(softether->link))
		softether->session_since = 0;
	if (softether->step == STEP_AWAITING_NIC && link_index(softether->link) != 0)
		check_interface(softether);
}

static void on_timer(struct loop_timer *timer)
{
	struct softether *softether = container_of(timer, struct softether, timer);
	_cleanup_free_ char *error = NULL;

	if (softether->step == STEP_AWAITING_NIC)
		error = xasprintf("the SoftEther client made no interface %s: it needs "
				  "/dev/net/tun and CAP_NET_ADMIN",
				  link_name(softether->link));
	else
		error = xasprintf("%s failed on this host: see the log of vpnd",
				  step_names[softether->step]);
	fail(softether, error);
}

/* --- what the children said --- */

static void on_inspected(struct softether *softether)
{
	const struct vpncmd_state *state = &softether->state;

	if (!state->nic_exists || !mac_equal(&state->nic_mac, &softether->settings->mac))
		enter(softether, STEP_MAKING_NIC);
	else
		check_interface(softether);
}

static void on_configured(struct softether *softether)
{
	if (candidate_equal(match_account(softether), softether->chosen))
		enter(softether, STEP_DIALLING);
	else
		fail(softether, "the SoftEther client does not keep the account as it was told: "
				"is its version supported?");
}

static void on_forgotten(struct softether *softether)
{
	if (softether->state.account_exists || softether->state.nic_exists) {
		fail(softether, "the SoftEther client does not remove the account or the "
				"interface; tried again");
		return;
	}
	state_file_remove(softether->options->directory_fd, SCRIPT_FILE);
	enter(softether, STEP_IDLE);
	softether->handlers->on_left(softether->owner);
}

static void on_vpncmd_done(struct softether *softether)
{
	switch (softether->step) {
	case STEP_INSPECTING:
		on_inspected(softether);
		break;
	case STEP_MAKING_NIC:
		check_interface(softether);
		break;
	case STEP_CONFIGURING:
		on_configured(softether);
		break;
	case STEP_DIALLING:
		softether->state.session = VPNCMD_CONNECTING;
		if (softether->verdict)
			softether->handlers->on_note(softether->verdict, softether->owner);
		joined(softether, softether->chosen);
		break;
	case STEP_HANGING_UP:
		fail(softether, softether->verdict);
		break;
	case STEP_LEAVING:
		enter(softether, STEP_IDLE);
		softether->handlers->on_left(softether->owner);
		break;
	case STEP_FORGETTING:
		on_forgotten(softether);
		break;
	case STEP_IDLE:
	case STEP_AWAITING_NIC:
	case STEP_SETTING_MAC:
	case STEP_PROBING:
	case STEP_COUNT:
		break;
	}
}

static bool step_reads_state(enum step step)
{
	return step == STEP_INSPECTING || step == STEP_CONFIGURING || step == STEP_FORGETTING;
}

/* An owned sentence about what went wrong, or NULL. */
static char *judge_vpncmd(struct softether *softether, const struct process_result *result)
{
	const char *program = softether->options->vpncmd;
	struct vpncmd_error error;
	char how[128];
	int r = 0;

	if (result->end != PROCESS_EXITED || result->code == 126 || result->code == 127)
		return xasprintf("%s %s: %.200s; is softether-vpncmd installed?", program,
				 process_describe(result, how, sizeof(how)), result->output);
	if (step_reads_state(softether->step))
		r = vpncmd_parse_state(&softether->state, result->output, result->output_size,
				       softether->options->nic, softether->options->account);
	if (vpncmd_find_error(&error, result->output, result->output_size)) {
		if (!error.command[0])
			return xasprintf("the SoftEther client does not answer (code %u): %s",
					 error.code, SERVICE_HINT);
		return xasprintf("the SoftEther client refuses %s (code %u): %s", error.command,
				 error.code, error.text);
	}
	if (r < 0)
		return xasprintf("%s said something that is not understood: %.200s", program,
				 result->output);
	return NULL;
}

static void on_vpncmd_exit(struct process *vpncmd, const struct process_result *result, void *owner)
{
	struct softether *softether = owner;
	_cleanup_free_ char *error = judge_vpncmd(softether, result);

	if (error)
		fail(softether, error);
	else
		on_vpncmd_done(softether);
}

static bool is_dialling(const struct softether *softether)
{
	return softether->state.account_exists && softether->state.session != VPNCMD_OFFLINE;
}

static void take_candidate(struct softether *softether, struct candidate candidate)
{
	softether->chosen = candidate;
	if (!candidate_equal(candidate, softether->matched))
		enter(softether, STEP_CONFIGURING);
	else if (!is_dialling(softether))
		enter(softether, STEP_DIALLING);
	else
		fail(softether, "the VPN server is there and shows the right certificate, but does "
				"not let this gateway in: is its account there, with this "
				"certificate, on this hub?");
}

static void on_search_done(const struct server_search_result *result, void *owner)
{
	struct softether *softether = owner;

	replace_string(&softether->verdict, result->candidate.found ? NULL : result->verdict);
	if (result->candidate.found)
		take_candidate(softether, result->candidate);
	else if (result->refused && is_dialling(softether))
		enter(softether, STEP_HANGING_UP);
	else if (result->refused)
		fail(softether, softether->verdict);
	else if (softether->matched.found && is_dialling(softether))
		fail(softether, softether->verdict); /* the client goes on dialling */
	else /* nobody answers: set it up all the same, so that the client dials until one does */
		take_candidate(softether, softether->matched.found
						  ? softether->matched
						  : (struct candidate){ .found = true });
}

/* --- goals --- */

int softether_new(struct softether **ret_softether, struct loop *loop, struct link *link,
		  const struct softether_options *options,
		  const struct softether_handlers *handlers, void *owner)
{
	struct softether *softether = xnew(struct softether);

	softether->loop = loop;
	softether->link = link;
	softether->options = options;
	softether->handlers = handlers;
	softether->owner = owner;
	loop_timer_init(&softether->timer, loop, on_timer);
	*ret_softether = softether;
	return 0;
}

struct softether *softether_free(struct softether *softether)
{
	if (!softether)
		return NULL;
	process_free(softether->vpncmd);
	server_search_free(softether->search);
	loop_timer_deinit(&softether->timer);
	free(softether->verdict);
	free(softether->server);
	free(softether);
	return NULL;
}

void softether_join(struct softether *softether, const struct settings *settings)
{
	softether->settings = settings;
	softether->diagnosing = false;
	enter(softether, STEP_INSPECTING);
}

void softether_diagnose(struct softether *softether)
{
	if (softether->step != STEP_IDLE)
		return;
	softether->diagnosing = true;
	enter(softether, STEP_INSPECTING);
}

static void remove_files(const struct softether *softether)
{
	static const char *const names[] = { SCRIPT_FILE, CERTIFICATE_FILE, PRIVATE_KEY_FILE,
					     SERVER_CERTIFICATE_FILE };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int r = state_file_remove(softether->options->directory_fd, names[i]);

		if (r < 0)
			log_error_errno(r, "cannot remove %s: %m", names[i]);
	}
}

void softether_leave(struct softether *softether, bool forget)
{
	softether->settings = NULL;
	replace_string(&softether->server, NULL);
	softether->session_since = 0;
	enter(softether, STEP_IDLE);
	if (forget)
		remove_files(softether); /* the key at once, even if the client does not answer */
	enter(softether, forget ? STEP_FORGETTING : STEP_LEAVING);
}

const char *softether_server(const struct softether *softether)
{
	return softether->server;
}

int64_t softether_session_since(const struct softether *softether)
{
	return softether->session_since;
}
