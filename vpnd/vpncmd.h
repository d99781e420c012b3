/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said to SoftEther's vpncmd and what it answers. Commands go in one file (/IN:), because
 * each start of vpncmd costs more than a dozen commands; /CSV answers come back behind a line
 * "VPN Client>COMMAND" each. Pure.
 *
 * The exit status of vpncmd is not used: with /IN it says nothing about a single command, and for
 * AccountStatusGet 0 only means that the account is switched on. What counts is read back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/netaddr.h"

#define VPNCMD_TEXT_SIZE   256
#define VPNCMD_DIGEST_SIZE 41 /* SHA-1 in upper-case hex, and NUL */

/* The settings of an account as far as they can be read back; two equal ones need no change. */
struct vpncmd_account {
	char host[VPNCMD_TEXT_SIZE]; /* with the hint: "vpn.example/tcp" */
	uint16_t port;
	char hub[VPNCMD_TEXT_SIZE];
	char username[VPNCMD_TEXT_SIZE];
	char nic[VPNCMD_TEXT_SIZE];
	char certificate_sha1[VPNCMD_DIGEST_SIZE];        /* empty: no certificate login */
	char server_certificate_sha1[VPNCMD_DIGEST_SIZE]; /* empty: nothing pinned */
	unsigned tcp_connections;
	bool verify_server;   /* refuse a server whose certificate is not the pinned one */
	bool retry_untrusted; /* do not give up for ever on a wrong certificate */
	bool keep_routes;     /* leave the routing table alone */
	bool without_udp;     /* no UDP acceleration */
};

enum vpncmd_session {
	VPNCMD_OFFLINE,    /* switched off, or the client gave up */
	VPNCMD_CONNECTING, /* dialling or waiting to dial again */
	VPNCMD_CONNECTED,
};

/* Answer to vpncmd_inspect_script(). */
struct vpncmd_state {
	bool nic_exists;
	struct mac_address nic_mac; /* as stored; the interface itself may still have another */
	bool account_exists;
	enum vpncmd_session session;
	struct vpncmd_account account;
	char session_since[VPNCMD_TEXT_SIZE]; /* "2026-11-20 (Fri) 11:21:31", local time; or empty
					       */
};

/* 0; -ECONNREFUSED: no client service answered; -EBADMSG: an answer that is not understood. */
int vpncmd_parse_state(struct vpncmd_state *ret_state, const char *output, size_t size,
		       const char *nic, const char *account);

/* The first command that failed. */
struct vpncmd_error {
	unsigned code;                  /* SoftEther's; 0: vpncmd itself refused the command */
	char command[VPNCMD_TEXT_SIZE]; /* its first word */
	char text[VPNCMD_TEXT_SIZE];    /* what vpncmd said about it */
};

/* True when a command failed; error 1 before the first command is reported with command "". */
bool vpncmd_find_error(struct vpncmd_error *ret_error, const char *output, size_t size);

bool vpncmd_account_equal(const struct vpncmd_account *a, const struct vpncmd_account *b);

/* Seconds since 1970 of a session_since text; 0 when it is not one. */
int64_t vpncmd_parse_time(const char *text);

/* Only these reach a command file: letters, digits, '.', '_', '-', and '/' for paths. */
bool vpncmd_word_is_safe(const char *word);

/* Scripts: owned text for the command file. Every value must be safe. */
char *vpncmd_inspect_script(const char *account);
char *vpncmd_nic_script(const char *nic, const struct mac_address *mac, bool create);

struct vpncmd_files {
	const char *certificate;
	const char *private_key;
	const char *server_certificate;
};
/* Replaces the account. retry_seconds: between two dials of the client. Ends with an inspection. */
char *vpncmd_account_script(const char *name, const struct vpncmd_account *account,
			    const struct vpncmd_files *files, unsigned retry_seconds, bool exists);
char *vpncmd_connect_script(const char *account);
char *vpncmd_disconnect_script(const char *account);
char *vpncmd_forget_script(const char *account, const char *nic);

/* argv of one run: takes nothing, borrows its arguments; NULL-terminated. in_option: owned. */
#define VPNCMD_ARGV_COUNT 6
void vpncmd_build_argv(const char *argv[static VPNCMD_ARGV_COUNT], char **ret_in_option,
		       const char *program, const char *script_path);
