/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * udhcpc runs in the foreground under vpnd-child, so that it ends with us, and calls vpnd-lease,
 * whose line comes back through the client's output. Whether there is an address is read from the
 * kernel, never concluded from what DHCP said: the kernel ends a lease that nobody renews.
 */
#include "vpnd/address.h"

#include <string.h>

#include "common/backoff.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"
#include "vpnd/child.h"
#include "vpnd/lease.h"

#define RESTART_FIRST   (1 * USEC_PER_SEC)
#define RESTART_LONGEST (30 * USEC_PER_SEC)
#define MAX_LINE        256

struct address {
	struct loop *loop;
	struct link *link;
	const struct address_options *options;
	address_changed_fn *on_changed;
	void *owner;

	bool wanted;
	char *hostname;
	struct netprefix expected;
	struct process *client;
	bool bound;              /* this client has got a lease */
	struct loop_timer timer; /* starts the client again */
	struct backoff backoff;
	struct loop_defer report;
};

static bool is_as_expected(const struct address *address, const struct netprefix *found)
{
	return address->expected.length == 0 ||
	       netaddr_equal(&address->expected.address, &found->address);
}

static bool has_usable_address(const struct address *address)
{
	struct netprefix found;

	return link_address(address->link, &found) &&
	       (address->bound || is_as_expected(address, &found));
}

static void on_report(struct loop_defer *defer)
{
	struct address *address = container_of(defer, struct address, report);

	if (address->wanted)
		address->on_changed(has_usable_address(address), address->owner);
}

void address_on_link_changed(struct address *address)
{
	if (address->wanted)
		loop_defer_schedule(&address->report);
}

static void on_address_set(int result, void *owner)
{
	struct address *address = owner;

	if (result < 0)
		log_error_errno(result,
				"cannot put the leased address on %s: %m; vpnd needs CAP_NET_ADMIN",
				link_name(address->link));
	/* It may have been there before: then the kernel has nothing to tell, but it counts now. */
	else if (address->wanted)
		loop_defer_schedule(&address->report);
}

static void take_lease(struct address *address, const struct lease *lease)
{
	struct netprefix prefix = lease->address;
	char text[NETPREFIX_TEXT_SIZE];

	/* A wider network than agreed would pull other traffic into the tunnel. */
	if (address->expected.length > prefix.length)
		prefix.length = address->expected.length;
	if (!address->bound)
		log_event(LOG_INFO, LOG_FIELDS("EVENT=lease"), "leased %s for %u s",
			  netprefix_format(&prefix, text), lease->seconds);
	address->bound = true;
	backoff_reset(&address->backoff);
	link_set_address(address->link, &prefix, lease->seconds, on_address_set, address);
}

static void on_client_line(struct process *client, const char *line, void *owner)
{
	struct address *address = owner;
	struct lease lease;
	int r = lease_parse(&lease, line);

	if (r < 0) {
		log_level_errno(r == -EINVAL ? LOG_WARNING : LOG_DEBUG, 0, "DHCP: %s%s", line,
				r == -EINVAL ? " (unusable)" : "");
		return;
	}
	switch (lease.event) {
	case LEASE_BOUND:
		take_lease(address, &lease);
		break;
	case LEASE_LOST:
		/* The client begins with one: an address of before is still good then. */
		if (!address->bound)
			break;
		log_event(LOG_WARNING, LOG_FIELDS("EVENT=lease-lost"),
			  "the lease on the VPN has ended");
		address->bound = false;
		link_remove_addresses(address->link);
		break;
	case LEASE_FAILING:
		log_debug("DHCP on the VPN does not answer");
		break;
	}
}

static void on_client_exit(struct process *client, const struct process_result *result, void *owner)
{
	struct address *address = owner;
	char how[128];

	log_warning("%s %s; started again", address->options->dhcp_client,
		    process_describe(result, how, sizeof(how)));
	address->client = process_free(address->client);
	loop_timer_arm(&address->timer, backoff_next(&address->backoff, random_u64()));
}

static void start_client(struct address *address)
{
	_cleanup_free_ char *script = xasprintf("%s/vpnd-lease", address->options->libexec);
	_cleanup_free_ char *hostname = xasprintf("hostname:%s", address->hostname);
	char requested[NETADDR_TEXT_SIZE];
	struct netprefix known;
	/* -o -O subnet: asks for the netmask only, so no router and no name server are offered. After
	 * four questions a second apart, soon again: for 13 s after our last packet in another session
	 * SoftEther's server drops what comes from our MAC address in this one. */
	const char *argv[] = {
		address->options->dhcp_client,
		"-f",
		"-i",
		link_name(address->link),
		"-s",
		script,
		"-o",
		"-O",
		"subnet",
		"-x",
		hostname,
		"-t",
		"4",
		"-T",
		"1",
		"-A",
		"1",
		NULL,
		NULL,
		NULL,
	};
	int r;

	if (link_address(address->link, &known) && is_as_expected(address, &known)) {
		argv[ARRAY_SIZE(argv) - 3] = "-r";
		argv[ARRAY_SIZE(argv) - 2] = netaddr_format(&known.address, requested);
	}
	address->bound = false;
	r = child_start(&address->client, address->loop, address->options->libexec,
			&(struct process_options){
				.argv = argv, .on_line = on_client_line, .max_output = MAX_LINE },
			on_client_exit, address);
	if (r < 0) {
		log_error_errno(r, "cannot start %s: %m", address->options->dhcp_client);
		loop_timer_arm(&address->timer, backoff_next(&address->backoff, random_u64()));
	}
}

static void on_timer(struct loop_timer *timer)
{
	struct address *address = container_of(timer, struct address, timer);

	if (address->wanted && !address->client)
		start_client(address);
}

int address_new(struct address **ret_address, struct loop *loop, struct link *link,
		const struct address_options *options, address_changed_fn *on_changed, void *owner)
{
	struct address *address = xnew(struct address);

	address->loop = loop;
	address->link = link;
	address->options = options;
	address->on_changed = on_changed;
	address->owner = owner;
	address->backoff = (struct backoff)BACKOFF_INIT(RESTART_FIRST, RESTART_LONGEST);
	loop_timer_init(&address->timer, loop, on_timer);
	loop_defer_init(&address->report, loop, on_report);
	*ret_address = address;
	return 0;
}

struct address *address_free(struct address *address)
{
	if (!address)
		return NULL;
	process_free(address->client);
	loop_timer_deinit(&address->timer);
	loop_defer_deinit(&address->report);
	free(address->hostname);
	free(address);
	return NULL;
}

void address_start(struct address *address, const char *hostname, const struct netprefix *expected)
{
	address_stop(address);
	address->wanted = true;
	replace_string(&address->hostname, hostname);
	address->expected = *expected;
	start_client(address);
	loop_defer_schedule(&address->report);
}

void address_stop(struct address *address)
{
	address->wanted = false;
	address->bound = false;
	address->client = process_free(address->client);
	loop_timer_cancel(&address->timer);
}
