/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel tells of links and of forwarding that is switched; each time the host is looked at as
 * a whole, at the end of the loop's turn, because such events come in crowds.
 */
#include "routed/readiness.h"

#include <net/if.h> /* the C library's definitions, before the kernel's of the same things */

#include <linux/rtnetlink.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/netlink.h"
#include "routed/host.h"

struct readiness {
	struct netlink *netlink;
	struct loop_defer look_again;
	const struct forward_list *forwards; /* borrowed */
	bool needs_ipv4, needs_ipv6;         /* there are forwards of it */
	bool forwards_ipv4, forwards_ipv6;   /* the kernel does */
	char **absent;
	readiness_changed_fn *on_changed;
	void *owner;
};

static bool strv_equal(char *const *a, char *const *b)
{
	size_t length = strv_length(a);

	if (length != strv_length(b))
		return false;
	for (size_t i = 0; i < length; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool strv_has(char *const *strings, const char *text)
{
	for (; strings && *strings; strings++)
		if (strcmp(*strings, text) == 0)
			return true;
	return false;
}

static bool is_present(const struct if_nameindex *interfaces, const char *name)
{
	for (; interfaces->if_name; interfaces++)
		if (strcmp(interfaces->if_name, name) == 0)
			return true;
	return false;
}

/* The list is sorted by interface. */
static char **find_absent(const struct forward_list *forwards)
{
	struct if_nameindex *present = forwards->count > 0 ? if_nameindex() : NULL;
	char **absent = NULL;
	const char *last = "";

	if (!present)
		return NULL;
	for (size_t i = 0; i < forwards->count; i++) {
		if (strcmp(forwards->items[i].interface, last) == 0)
			continue;
		last = forwards->items[i].interface;
		if (!is_present(present, last))
			absent = strv_append(absent, last);
	}
	if_freenameindex(present);
	return absent;
}

static bool has_family(const struct forward_list *forwards, sa_family_t family)
{
	for (size_t i = 0; i < forwards->count; i++)
		if (forwards->items[i].target.family == family)
			return true;
	return false;
}

static void log_switch(const char *family, bool was, bool is)
{
	if (was != is)
		log_write(is ? LOG_INFO : LOG_WARNING, 0, NULL, "%s forwarding is %s now", family,
			  is ? "on" : "off");
}

static void log_interfaces(char *const *were, char *const *are)
{
	for (char *const *name = are; name && *name; name++)
		if (!strv_has(were, *name))
			log_info("there is no interface %s: forwards from it wait for it", *name);
	for (char *const *name = were; name && *name; name++)
		if (!strv_has(are, *name))
			log_info("no forward waits for the interface %s any more", *name);
}

void readiness_look(struct readiness *readiness)
{
	char **absent = find_absent(readiness->forwards);

	readiness->needs_ipv6 = has_family(readiness->forwards, AF_INET6);
	readiness->needs_ipv4 = !readiness->needs_ipv6 || has_family(readiness->forwards, AF_INET);
	readiness->forwards_ipv4 = host_forwards(AF_INET);
	readiness->forwards_ipv6 = host_forwards(AF_INET6);
	log_interfaces(readiness->absent, absent);
	strv_free(readiness->absent);
	readiness->absent = absent;
}

static void on_look_again(struct loop_defer *defer)
{
	struct readiness *readiness = container_of(defer, struct readiness, look_again);
	bool ipv4 = readiness->forwards_ipv4, ipv6 = readiness->forwards_ipv6;
	_cleanup_(strv_freep) char **absent = strv_copy((const char *const *)readiness->absent);

	readiness_look(readiness);
	log_switch("IPv4", ipv4, readiness->forwards_ipv4);
	log_switch("IPv6", ipv6, readiness->forwards_ipv6);
	if (ipv4 != readiness->forwards_ipv4 || ipv6 != readiness->forwards_ipv6 ||
	    !strv_equal(absent, readiness->absent))
		readiness->on_changed(readiness->owner);
}

static void on_message(const struct nlmsghdr *message, void *owner)
{
	struct readiness *readiness = owner;

	loop_defer_schedule(&readiness->look_again);
}

int readiness_new(struct readiness **ret_readiness, struct loop *loop,
		  const struct forward_list *forwards, readiness_changed_fn *on_changed,
		  void *owner)
{
	static const unsigned groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_NETCONF,
					   RTNLGRP_IPV6_NETCONF };
	_cleanup_(readiness_freep) struct readiness *readiness = xnew(struct readiness);
	int r;

	readiness->forwards = forwards;
	readiness->on_changed = on_changed;
	readiness->owner = owner;
	loop_defer_init(&readiness->look_again, loop, on_look_again);
	r = netlink_new(&readiness->netlink, loop, NETLINK_ROUTE, on_message, readiness);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(groups); i++)
		r = netlink_join(readiness->netlink, groups[i]);
	if (r < 0)
		return r;
	*ret_readiness = steal_ptr(readiness);
	return 0;
}

struct readiness *readiness_free(struct readiness *readiness)
{
	if (!readiness)
		return NULL;
	loop_defer_deinit(&readiness->look_again);
	netlink_free(readiness->netlink);
	strv_free(readiness->absent);
	free(readiness);
	return NULL;
}

bool readiness_forwarding_enabled(const struct readiness *readiness)
{
	return !readiness_advice(readiness);
}

char *const *readiness_absent_interfaces(const struct readiness *readiness)
{
	return readiness->absent;
}

bool readiness_is_absent(const struct readiness *readiness, const char *interface)
{
	return strv_has(readiness->absent, interface);
}

const char *readiness_advice(const struct readiness *readiness)
{
	if (readiness->needs_ipv4 && !readiness->forwards_ipv4)
		return "IPv4 forwarding is off, so nothing is forwarded: set net.ipv4.ip_forward = "
		       "1";
	if (readiness->needs_ipv6 && !readiness->forwards_ipv6)
		return "IPv6 forwarding is off, so IPv6 forwards do nothing: set "
		       "net.ipv6.conf.all.forwarding = 1";
	return NULL;
}
