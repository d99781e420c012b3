/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bounded reading of a small XML document from a stranger: no DTD, no entities of its own, limits
 * on size, depth and text. Names are given without their prefix, because devices disagree about
 * prefixes and some never declare the ones they use. What is UTF-8 is read as such whatever it
 * declares, as many declare what they do not send; else it is ISO 8859-1 where it says so, and
 * bytes that are not UTF-8 become '?' (many cameras write names in their own code page). UTF-16 has
 * a byte order mark. What follows the root element is ignored. Pure.
 */
#pragma once

#include <stddef.h>

#define XML_MAX_SIZE  65536
#define XML_MAX_DEPTH 32

struct xml;

struct xml_handlers {
	void (*on_start)(struct xml *xml, const char *name, void *owner);
	/* text: what stood in the element besides its children, without surrounding space. */
	void (*on_end)(struct xml *xml, const char *name, const char *text, void *owner);
};

/*
 * 0, -EMSGSIZE, or -EBADMSG for what is not well-formed or not allowed; handlers may have been
 * called by then for the part before the fault.
 */
int xml_read(const void *bytes, size_t size, const struct xml_handlers *handlers, void *owner);

/* Within a handler: name of the element around the current one, "" at the root. */
const char *xml_parent(const struct xml *xml);
/* Within on_start: an attribute of the element, its name without a prefix; or NULL. */
const char *xml_attribute(const struct xml *xml, const char *name);
/* Within a handler: namespace declared for a prefix (of the given length), or NULL. */
const char *xml_namespace(const struct xml *xml, const char *prefix, size_t length);
