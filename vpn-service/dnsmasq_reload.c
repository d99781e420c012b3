/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dnsmasq's D-Bus method ClearCache does what SIGHUP does. A dnsmasq that is not there needs no
 * telling: it reads everything when it starts.
 */
#include "vpn-service/dnsmasq_reload.h"

#include "common/bus_client.h"
#include "common/log.h"
#include "common/memory.h"

#define DNSMASQ_NAME "uk.org.thekelleys.dnsmasq"
#define DNSMASQ_PATH "/uk/org/thekelleys/dnsmasq"
#define DELAY        (300 * USEC_PER_MSEC)

struct dnsmasq_reload {
	struct bus *bus;
	struct loop_timer delay;
	struct bus_request *request;
	bool again; /* asked for while the request was under way */
};

static void on_reloaded(const struct bus_reply *reply, void *owner)
{
	struct dnsmasq_reload *reload = owner;

	reload->request = NULL;
	if (reply->error)
		log_warning("dnsmasq was not told to forget removed leases (%s); it will when it "
			    "is restarted",
			    reply->error_text ? reply->error_text : "no answer");
	if (reload->again) {
		reload->again = false;
		dnsmasq_reload_schedule(reload);
	}
}

static void on_delay_over(struct loop_timer *timer)
{
	struct dnsmasq_reload *reload = container_of(timer, struct dnsmasq_reload, delay);

	if (reload->request) {
		reload->again = true;
		return;
	}
	reload->request = bus_request_new(reload->bus, DNSMASQ_NAME, DNSMASQ_PATH, DNSMASQ_NAME,
					  "ClearCache");
	bus_request_send(reload->request, "", 0, on_reloaded, reload);
}

void dnsmasq_reload_schedule(struct dnsmasq_reload *reload)
{
	if (reload->bus && !loop_timer_is_armed(&reload->delay))
		loop_timer_arm(&reload->delay, DELAY);
}

struct dnsmasq_reload *dnsmasq_reload_new(struct loop *loop, struct bus *bus)
{
	struct dnsmasq_reload *reload = xnew(struct dnsmasq_reload);

	reload->bus = bus;
	loop_timer_init(&reload->delay, loop, on_delay_over);
	return reload;
}

struct dnsmasq_reload *dnsmasq_reload_free(struct dnsmasq_reload *reload)
{
	if (!reload)
		return NULL;
	bus_request_cancel(reload->request);
	loop_timer_deinit(&reload->delay);
	free(reload);
	return NULL;
}
