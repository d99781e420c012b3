/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON-RPC to SoftEther's vpnserver over loopback: one call, one answer, several at a time.
 *
 * The server's certificate is not checked, because it is the very thing that setup puts there; in
 * exchange only loopback URLs are accepted, so that the administrator password stays on this host.
 */
#pragma once

#include "common/json.h"
#include "common/loop.h"

struct softether;
struct softether_call;

/* Errors of SoftEther (Cedar.h), as far as we tell them apart. */
enum softether_code {
	SOFTETHER_NO_HUB = 8,
	SOFTETHER_NO_OBJECT = 29,
	SOFTETHER_UNSUPPORTED = 33,
	SOFTETHER_LISTENER_EXISTS = 54,
	SOFTETHER_HUB_EXISTS = 57,
	SOFTETHER_NO_GROUP = 65,
	SOFTETHER_USER_EXISTS = 66,
	SOFTETHER_GROUP_EXISTS = 67,
};

struct softether_answer {
	/*
	 * 0: result is set. -EREMOTEIO: SoftEther said no, see code. -EACCES: wrong password.
	 * -ENETUNREACH, -ETIMEDOUT: no answer. -EPROTO: not an answer of SoftEther.
	 */
	int error;
	int code;
	const char *text;    /* what is wrong, when error is not 0 */
	const cJSON *result; /* borrowed for the call */
};

/* The last callback of a call, which is gone afterwards. */
typedef void softether_done_fn(const struct softether_answer *answer, void *owner);

/* https://127.0.0.1:PORT/api/, or the same on localhost or [::1] */
bool softether_url_is_valid(const char *url);
/* -EINVAL: not such a URL, or the password is no line of text. */
int softether_new(struct softether **ret_softether, struct loop *loop, const char *url,
		  const char *password);
struct softether *softether_free(struct softether *softether); /* cancels its calls */
DEFINE_CLEANUP(struct softether *, softether_free);

/* Takes params (NULL: none). on_done never runs inside. */
struct softether_call *softether_start(struct softether *softether, const char *method,
				       cJSON *params, softether_done_fn *on_done, void *owner);
/* NULL-safe; on_done is not called. SoftEther may have done it all the same. */
struct softether_call *softether_cancel(struct softether_call *call);

/* Binary members (…_bin) are base64. */
void softether_add_binary(cJSON *object, const char *name, const void *content, size_t size);
