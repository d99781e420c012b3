/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON-RPC for a command, which may wait: each call runs the loop until its answer is there. */
#pragma once

#include "common/loop.h"
#include "vpn-service/softether_rpc.h"

struct setup_rpc {
	struct loop *loop;
	struct softether *softether; /* NULL: not connected to anything yet */
	struct loop_timer pause;
	/* The answer of the last call. */
	int error;
	int code;
	char *text;
	cJSON *result; /* until the next call */
};

void setup_rpc_init(struct setup_rpc *rpc, struct loop *loop);
void setup_rpc_deinit(struct setup_rpc *rpc);

/* Where further calls go. */
int setup_rpc_connect(struct setup_rpc *rpc, const char *url, const char *password);

/* Take params (NULL: none) and return the error; the first logs it. */
int setup_call(struct setup_rpc *rpc, const char *method, cJSON *params);
int setup_try_call(struct setup_rpc *rpc, const char *method, cJSON *params);
bool setup_failed_with(const struct setup_rpc *rpc, enum softether_code code);

/* A fraction of a second, between two looks at something that takes its time. */
void setup_pause(struct setup_rpc *rpc);
