/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which devices are shown, from a confidence on and under which name, and what the log says of
 * their coming and going.
 */
#pragma once

#include "discoverd/device.h"

struct publication_handlers {
	device_fn *on_published;
	device_fn *on_changed; /* of a published device */
	device_fn *on_withdrawn;
};

struct publication {
	unsigned count;
	const struct publication_handlers *handlers; /* borrowed */
	void *owner;
};

/* Anything about the device may be another: shows it, does so no more, or under a better name. */
void publication_update(struct publication *publication, struct device *device);
/* It is about to be freed. */
void publication_forget(struct publication *publication, struct device *device);
