/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one daemon shows on the bus, as JSON that is kept current, and each change to it. */
#pragma once

#include "common/bus.h"
#include "common/json.h"
#include "gatewayctl/query.h"

enum live_event {
	LIVE_PRESENT, /* the daemon is there: root and objects are filled */
	LIVE_ABSENT,  /* it went; root and objects are empty */
	LIVE_ADDED,   /* an object, after LIVE_PRESENT */
	LIVE_CHANGED, /* properties of the root or of an object */
	LIVE_REMOVED,
	LIVE_EXPIRED, /* Routing1's signal ForwardExpired */
};

struct live_change {
	enum service service;
	enum live_event event;
	const char *path; /* of the object; NULL for the root, LIVE_PRESENT and LIVE_ABSENT */
	const cJSON
		*object; /* as it is now; as it was, of LIVE_REMOVED; of LIVE_EXPIRED the forward */
	const cJSON *changed; /* of LIVE_CHANGED: the new values, null for one that is gone */
	const cJSON *before;  /* of LIVE_CHANGED: their old values, where there were any */
	const cJSON *objects; /* of LIVE_PRESENT: path -> properties */
};

/* All of it is borrowed for the call. May not free the live. */
typedef void live_fn(const struct live_change *change, void *owner);

struct live;
int live_new(struct live **ret_live, struct loop *loop, struct bus *bus, enum service service,
	     live_fn *on_change, void *owner);
struct live *live_free(struct live *live);
DEFINE_CLEANUP(struct live *, live_free);

const cJSON *live_root(const struct live *live);    /* properties; empty while absent */
const cJSON *live_objects(const struct live *live); /* path -> properties */
