/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owned by struct discovery; the confirmation of each device belongs to the device.
 *
 * Whatever happens to a device, it is asked everything once in ten minutes at most, and a few times
 * in between whether its services are still there; only a scan that somebody wants comes on top.
 */
#include "discoverd/service_watch.h"

#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/confirmation.h"

#define LEAST_CONFIDENCE 0.3 /* to ask the ports that something points to */
#define MAX_RECHECKS     3
#define STARTING         (300 * USEC_PER_SEC) /* as long as it may take until all servers run */
#define RECHECK_LATER    (10 * USEC_PER_SEC)
#define COOL_DOWN        (600 * USEC_PER_SEC)
#define MAX_LOOKS        6 /* within that time, besides the one at everything */

struct service_watch {
	struct loop *loop;
	struct confirmer *confirmer;
	const struct service_watch_handlers *handlers;
	void *owner;
};

static bool is_complete(const struct device *device)
{
	struct device_service services[DEVICE_MAX_SERVICES];
	size_t count = device_services(device, services);
	bool rtsp = false, http = false;

	for (size_t i = 0; i < count; i++) {
		rtsp |= text_starts_with(services[i].name, "rtsp");
		http |= text_starts_with(services[i].name, "http");
	}
	return rtsp && http;
}

static bool is_starting(const struct service_watch *watch, const struct device *device)
{
	return loop_now(watch->loop) - device->online_since < STARTING;
}

/* Alive, and perhaps a camera: it got the time to say what it is. */
static bool is_stranger(const struct service_watch *watch, const struct device *device)
{
	return device->stranger_until && device->stranger_until <= loop_now(watch->loop) &&
	       !evidence_speaks_against(&device->evidence);
}

/* Devices announce themselves before all of their servers run: look again soon, but not for ever.
 */
static void plan_recheck(struct service_watch *watch, struct device *device)
{
	static const usec_t delays[MAX_RECHECKS] = { 10 * USEC_PER_SEC, 30 * USEC_PER_SEC,
						     120 * USEC_PER_SEC };

	if (device->recheck || device->rechecks == MAX_RECHECKS)
		return;
	device->recheck = loop_now(watch->loop) + delays[device->rechecks++];
	watch->handlers->on_planned(device, watch->owner);
}

/* How closely a new look may be. */
static enum look allowance(struct service_watch *watch, struct device *device, bool full)
{
	usec_t now = loop_now(watch->loop);

	if (!device->looked || now - device->looked >= COOL_DOWN) {
		device->looked = now;
		device->looks = 0;
		if (full)
			return LOOK_FULL;
	}
	return device->looks++ < MAX_LOOKS ? LOOK_LIGHT : LOOK_NONE;
}

static bool is_unknown(const struct device *device)
{
	return evidence_confidence(&device->evidence) < LEAST_CONFIDENCE;
}

/* Everything is to be asked again; of a host that is nothing so far, little. */
static void begin(struct service_watch *watch, struct device *device, bool full)
{
	enum look look = allowance(watch, device, full);

	device->first_look = look == LOOK_FULL && is_unknown(device);
	confirmation_reset(device->confirmation, device->first_look ? LOOK_FIRST : look);
}

void service_watch_update(struct service_watch *watch, struct device *device)
{
	const struct device_address *address = device_address(device);
	double confidence = evidence_confidence(&device->evidence);
	bool stranger = is_stranger(watch, device);
	struct tcp_place place = { 0 };

	/* Who says to be elsewhere is not believed: an answer may be forged to make us call others.
	 */
	if (!address || !device_address_is_reachable(address) || !device->online ||
	    (confidence < LEAST_CONFIDENCE && !stranger)) {
		if (device->confirmation) /* from the start, when it returns */
			confirmation_reset(device->confirmation, LOOK_NONE);
		device->confirmed_address = (struct netaddr){ 0 };
		return;
	}
	if (!device->confirmation)
		confirmation_new(&device->confirmation, watch->confirmer, device);
	if (address->ifindex != device->confirmed_ifindex ||
	    !netaddr_equal(&address->address, &device->confirmed_address)) {
		begin(watch, device, true);
		device->rechecks = 0;
	} else if (device->first_look && confidence >= LEAST_CONFIDENCE) {
		device->first_look = false;
		confirmation_extend(device->confirmation);
	}
	device->confirmed_ifindex = address->ifindex;
	device->confirmed_address = address->address;
	if (is_starting(watch, device) && !is_complete(device) && confidence >= LEAST_CONFIDENCE)
		plan_recheck(watch, device);
	place.ifindex = address->ifindex;
	place.address = address->address;
	confirmation_update(device->confirmation, &place, &device->evidence,
			    /* the usual ones, too */
			    stranger || confidence >= CAMERA_FROM ||
				    evidence_has_trait(&device->evidence, "added"));
	watch->handlers->on_activity(watch->owner);
}

/* Silence says nothing about a service when the whole device may be gone. */
static bool is_meaningful(const struct service_watch *watch, const struct device *device,
			  enum probe_result result)
{
	return result != PROBE_SILENT ||
	       (device->online && loop_now(watch->loop) - device->heard < PROBE_TIMEOUT);
}

static void on_confirmation_result(struct device *device, uint16_t port, enum probe_service service,
				   enum probe_result result, const struct evidence *evidence,
				   void *owner)
{
	const unsigned sources = service == PROBE_ONVIF ? BIT(SOURCE_ONVIF)
							: BIT(SOURCE_RTSP) | BIT(SOURCE_HTTP) |
								  BIT(SOURCE_CERTIFICATE);
	struct service_watch *watch = owner;
	char address[NETADDR_TEXT_SIZE];
	bool changed;

	log_debug("%s: port %u %s %s", netaddr_format(&device->confirmed_address, address), port,
		  result == PROBE_CONFIRMED ? "speaks"
		  : result == PROBE_REFUSED ? "is closed, asked for"
		  : result == PROBE_SILENT  ? "is silent, asked for"
					    : "does not speak",
		  probe_service_name(service));
	changed = evidence_take_answer(&device->evidence, evidence, port,
				       is_meaningful(watch, device, result) ? sources : 0);
	if (result == PROBE_CONFIRMED)
		watch->handlers->on_heard(device, watch->owner);
	if (evidence_is_failing(&device->evidence))
		plan_recheck(watch, device);
	else if (is_complete(device))
		device->rechecks = 0;
	if (changed)
		watch->handlers->on_changed(device, watch->owner);
}

static void on_idle(void *owner)
{
	struct service_watch *watch = owner;

	watch->handlers->on_activity(watch->owner);
}

void service_watch_scan(struct service_watch *watch, struct device *device, bool light)
{
	if (!device->confirmation || (light && is_unknown(device)))
		return;
	device->rechecks = 0;
	if (!light)
		device->looked = 0;
	begin(watch, device, !light || (device->published && !is_complete(device)));
	service_watch_update(watch, device);
}

void service_watch_postpone(struct service_watch *watch, struct device *device)
{
	device->recheck = loop_now(watch->loop) + RECHECK_LATER;
	watch->handlers->on_planned(device, watch->owner);
}

void service_watch_recheck(struct service_watch *watch, struct device *device)
{
	if (!device->confirmation ||
	    (is_complete(device) && !evidence_is_failing(&device->evidence)))
		return;
	if (confirmation_is_busy(device->confirmation)) { /* still at the look before */
		service_watch_postpone(watch, device);
		return;
	}
	confirmation_reset(device->confirmation, allowance(watch, device, false));
	service_watch_update(watch, device);
}

void service_watch_verify(struct service_watch *watch, struct device *device)
{
	if (device->confirmation && confirmation_is_busy(device->confirmation))
		return; /* whatever answers will tell */
	if (device->confirmation)
		confirmation_reset(device->confirmation, LOOK_VERIFY);
	service_watch_update(watch, device);
}

void service_watch_forget(struct device *device)
{
	device->confirmation = confirmation_free(device->confirmation);
}

void service_watch_new(struct service_watch **ret_watch, struct loop *loop,
		       struct connection_budget *budget,
		       const struct service_watch_handlers *handlers, void *owner)
{
	struct service_watch *watch = xnew(struct service_watch);

	watch->loop = loop;
	watch->handlers = handlers;
	watch->owner = owner;
	confirmer_new(&watch->confirmer, loop, budget, on_confirmation_result, on_idle, watch);
	*ret_watch = watch;
}

struct service_watch *service_watch_free(struct service_watch *watch)
{
	if (!watch)
		return NULL;
	confirmer_free(watch->confirmer);
	free(watch);
	return NULL;
}

bool service_watch_is_busy(const struct service_watch *watch)
{
	return confirmer_is_busy(watch->confirmer);
}
