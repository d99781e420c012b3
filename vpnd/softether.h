/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transport: SoftEther's client daemon on this host, driven through vpncmd. Brings its virtual
 * interface and its account to what the settings say and lets it dial; from then on the client
 * redials by itself, also without vpnd, and the interface tells whether it is connected.
 *
 * One goal at a time: a new one drops the old. Handlers never run inside a softether_…() call.
 */
#pragma once

#include "vpnd/link.h"
#include "vpnd/settings.h"

struct softether;

struct softether_options {
	const char *vpncmd;    /* absolute path */
	const char *libexec;   /* where vpnd-child and vpnd-probe are */
	const char *directory; /* state directory, for command, certificate and key files */
	int directory_fd;
	const char *nic;     /* "ether" makes the interface vpn_ether */
	const char *account; /* name of the account in the client */
	unsigned tcp_connections;
};

struct softether_handlers {
	void (*on_joined)(void *owner); /* the account is right and dialling, or connected */
	void (*on_left)(void *owner);
	void (*on_fault)(const char *error, void *owner); /* ends any goal */
	void (*on_note)(const char *note, void *owner);   /* wrong, but going on; NULL: over */
};

/* Options and link are borrowed. */
int softether_new(struct softether **ret_softether, struct loop *loop, struct link *link,
		  const struct softether_options *options,
		  const struct softether_handlers *handlers, void *owner);
/* Ends a running vpncmd; account and tunnel stay as they are. */
struct softether *softether_free(struct softether *softether);
DEFINE_CLEANUP(struct softether *, softether_free);

/* settings are borrowed until the next join, leave or free. An account that is right already, with
 * any of the servers and pins, is left alone. Ends with on_joined or on_fault. */
void softether_join(struct softether *softether, const struct settings *settings);
/* After a join: finds out why the link is down and moves to a better server or pin if there is one
 * (on_joined), or says what is wrong (on_fault). */
void softether_diagnose(struct softether *softether);
/* Hangs up and stays off; forget: also removes account, interface and the files of the key. */
void softether_leave(struct softether *softether, bool forget);

void softether_on_link_changed(struct softether *softether);

const char *softether_server(const struct softether *softether); /* "HOST:PORT", or NULL */
/* When the running session began, when it was there before the last join; 0: it was not. */
int64_t softether_session_since(const struct softether *softether);
