/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io.evercam.Discovery1.Device of one device. */
#pragma once

#include "common/bus.h"
#include "common/bus_message.h"
#include "discoverd/device.h"

struct device_bus;

/* device: borrowed; its members are read whenever the bus wants them. */
int device_bus_new(struct device_bus **ret_device_bus, struct bus *bus, struct device *device);
/* Writes the answer of Explain: of any device, shown or not. */
void device_bus_explain(struct bus_writer *writer, const struct device *device);
struct device_bus *device_bus_free(struct device_bus *device_bus);

/* Finds out which properties have changed, and marks them. */
void device_bus_update(struct device_bus *device_bus);
