/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/protocols.h"

#include "common/log.h"
#include "common/memory.h"

#define ENTRY(name) &name##_protocol,
static const struct protocol *const protocol_table[] = { PROTOCOLS(ENTRY) };

struct protocols {
	struct protocol_environment environment;
	void *probers[ARRAY_SIZE(protocol_table)]; /* NULL: not started */
};

void protocols_new(struct protocols **ret_protocols, const struct protocol_environment *environment)
{
	struct protocols *protocols = xnew(struct protocols);

	protocols->environment = *environment;
	*ret_protocols = protocols;
}

struct protocols *protocols_free(struct protocols *protocols)
{
	if (!protocols)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(protocol_table); i++)
		if (protocols->probers[i])
			protocol_table[i]->stop(protocols->probers[i]);
	free(protocols);
	return NULL;
}

void protocols_start(struct protocols *protocols)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(protocol_table); i++) {
		r = protocol_table[i]->start(&protocols->probers[i], &protocols->environment);
		if (r < 0)
			log_warning_errno(r, "cannot use the protocol %s: %m",
					  protocol_table[i]->name);
	}
}

void protocols_on_interface(struct protocols *protocols, const struct interface *interface,
			    enum interface_event event)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocol_table); i++)
		if (protocols->probers[i])
			protocol_table[i]->on_interface(protocols->probers[i], interface, event);
}

void protocols_burst(struct protocols *protocols, const struct interface *interface, bool light)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocol_table); i++)
		if (protocols->probers[i] && protocol_table[i]->burst)
			protocol_table[i]->burst(protocols->probers[i], interface, light);
}

void protocols_point_to(struct protocols *protocols, const struct interface *interface,
			const struct netaddr *address)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocol_table); i++)
		if (protocols->probers[i] && protocol_table[i]->point_to)
			protocol_table[i]->point_to(protocols->probers[i], interface, address);
}

void protocols_ask(struct protocols *protocols, enum question question,
		   const struct interface *interface, const struct netaddr *address,
		   unsigned attempt)
{
	bool elsewhere = interface != &interface_routed &&
			 !interface_is_on_link(interface, address);

	for (size_t i = 0; i < ARRAY_SIZE(protocol_table); i++)
		if (protocols->probers[i] && (elsewhere ? protocol_table[i]->asks_below_ip
							: protocol_table[i]->asks[question]))
			protocol_table[i]->ask(protocols->probers[i], interface, address, attempt);
}

struct progress protocols_progress(const struct protocols *protocols)
{
	struct progress least = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(protocol_table); i++)
		if (protocols->probers[i] && protocol_table[i]->progress)
			least = progress_least(least,
					       protocol_table[i]->progress(protocols->probers[i]));
	return least;
}
