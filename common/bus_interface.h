/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shape of what tools/bus-codegen.py makes from one dbus/<interface>.xml: data only, no logic. The
 * XML is the contract; a binding (struct bus_vtable) fills arrays indexed by the generated enums,
 * so that a renamed or new member breaks the build or the start, never a client.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* org.freedesktop.DBus.Property.EmitsChangedSignal */
enum bus_emits {
	BUS_EMITS_CHANGE,      /* "true": PropertiesChanged carries the value */
	BUS_EMITS_INVALIDATES, /* PropertiesChanged names it only */
	BUS_EMITS_NEVER,       /* "false" or "const" */
};

struct bus_method_info {
	const char *name;
	const char *in_signature;
	const char *out_signature;
};

struct bus_signal_info {
	const char *name;
	const char *signature;
};

struct bus_property_info {
	const char *name;
	const char *signature;
	enum bus_emits emits;
	bool writable;
};

struct bus_interface {
	const char *name;
	const struct bus_method_info *methods;
	size_t method_count;
	const struct bus_signal_info *signals;
	size_t signal_count;
	const struct bus_property_info *properties;
	size_t property_count;
	const char *xml; /* the <interface> element for Introspect, without its documentation */
};
