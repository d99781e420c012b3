/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpn-service/setup_rpc.h"

#include <errno.h>

#include "common/log.h"
#include "common/memory.h"

#define PAUSE (300 * USEC_PER_MSEC)

static void on_pause_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct setup_rpc, pause)->loop, 0);
}

void setup_rpc_init(struct setup_rpc *rpc, struct loop *loop)
{
	*rpc = (struct setup_rpc){ .loop = loop };
	loop_timer_init(&rpc->pause, loop, on_pause_over);
}

void setup_rpc_deinit(struct setup_rpc *rpc)
{
	softether_free(rpc->softether);
	loop_timer_deinit(&rpc->pause);
	cJSON_Delete(rpc->result);
	free(rpc->text);
}

int setup_rpc_connect(struct setup_rpc *rpc, const char *url, const char *password)
{
	rpc->softether = softether_free(rpc->softether);
	return softether_new(&rpc->softether, rpc->loop, url, password);
}

static void on_answer(const struct softether_answer *answer, void *owner)
{
	struct setup_rpc *rpc = owner;

	rpc->error = answer->error;
	rpc->code = answer->code;
	replace_string(&rpc->text, answer->text);
	cJSON_Delete(rpc->result);
	rpc->result = answer->result ? cJSON_Duplicate(answer->result, true) : NULL;
	loop_stop(rpc->loop, 0);
}

int setup_try_call(struct setup_rpc *rpc, const char *method, cJSON *params)
{
	softether_start(rpc->softether, method, params, on_answer, rpc);
	loop_run(rpc->loop);
	return rpc->error;
}

int setup_call(struct setup_rpc *rpc, const char *method, cJSON *params)
{
	int r = setup_try_call(rpc, method, params);

	if (r < 0)
		log_error("SoftEther: %s: %s", method, rpc->text);
	return r;
}

bool setup_failed_with(const struct setup_rpc *rpc, enum softether_code code)
{
	return rpc->error == -EREMOTEIO && rpc->code == (int)code;
}

void setup_pause(struct setup_rpc *rpc)
{
	loop_timer_arm(&rpc->pause, PAUSE);
	loop_run(rpc->loop);
}
