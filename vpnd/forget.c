/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The same objects as the daemon's, in a loop that ends when the tunnel has been forgotten. */
#include "vpnd/forget.h"

#include <errno.h>
#include <stdio.h>

#include "common/log.h"
#include "common/memory.h"

#define WAIT (30 * USEC_PER_SEC)

struct forget {
	struct loop *loop;
	struct loop_timer deadline;
};

static void on_changed(struct vpn *vpn, void *owner)
{
	struct forget *forget = owner;

	if (vpn_state(vpn) == TUNNEL_UNCONFIGURED)
		loop_stop(forget->loop, 0);
}

static void on_deadline(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct forget, deadline)->loop, -ETIMEDOUT);
}

int forget_command(struct loop *loop, const struct vpn_options *options)
{
	_cleanup_(vpn_freep) struct vpn *vpn = NULL;
	struct forget forget = { .loop = loop };
	int r = vpn_new(&vpn, loop, options);

	if (r < 0)
		return log_error_errno(r, "cannot start: %m");
	r = vpn_forget(vpn);
	if (r < 0)
		return log_error_errno(r, "cannot remove the settings: %m");
	if (vpn_state(vpn) != TUNNEL_UNCONFIGURED) {
		vpn_on_changed(vpn, on_changed, &forget);
		loop_timer_init(&forget.deadline, loop, on_deadline);
		loop_timer_arm(&forget.deadline, WAIT);
		r = loop_run(loop);
		loop_timer_deinit(&forget.deadline);
	}
	if (r < 0) {
		const char *error = vpn_last_error(vpn);

		log_error("SoftEther's client still has the account: %s",
			  error && *error ? error : "no answer in time");
		return r;
	}
	printf("The VPN is forgotten: no account, no interface.\n");
	return 0;
}
