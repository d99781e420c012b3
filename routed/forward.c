/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A forward is checked once, here, when it enters; everything behind relies on it: the interface is
 * a name the kernel could have given, the target is one host, names cannot break out of a quoted
 * nft comment or drive the terminal of somebody who lists the table.
 */
#include "routed/forward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

const char *forward_protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

const char *forward_format_key(const struct forward *forward,
			       char buffer[static FORWARD_ADDRESS_SIZE])
{
	snprintf(buffer, FORWARD_ADDRESS_SIZE, "%s %s/%u", forward_protocol_name(forward->protocol),
		 forward->interface, (unsigned)forward->listen_port);
	return buffer;
}

bool forward_interface_is_valid(const char *interface)
{
	size_t length = strlen(interface);

	if (length == 0 || length >= IFNAMSIZ || strcmp(interface, ".") == 0 ||
	    strcmp(interface, "..") == 0)
		return false;
	/* The kernel refuses '/', ':' and blanks; the rest would be read as a pattern or end a
	 * quoted string in nft's own language. */
	for (; *interface; interface++)
		if (*interface <= ' ' || *interface > '~' || strchr("/:*\"\\", *interface))
			return false;
	return true;
}

int forward_set_check(const char *set, char **ret_error)
{
	size_t length = strspn(set,
			       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	if (length > 0 && length < FORWARD_SET_SIZE && !set[length])
		return 0;
	*ret_error = xasprintf(
		"\"%.32s\" is not a name of a set: 1 to %d letters, digits, '-' or '_'", set,
		FORWARD_SET_SIZE - 1);
	return -EINVAL;
}

/* C0, DEL, and C1 in its UTF-8 form. */
static bool is_control(const char *at)
{
	unsigned char first = (unsigned char)at[0], second = (unsigned char)at[1];

	return first < ' ' || first == 0x7f || (first == 0xc2 && second >= 0x80 && second <= 0x9f);
}

char *forward_name_clean(const char *name)
{
	char *clean, *out;
	size_t length;

	if (!name || !*name)
		return NULL;
	length = strnlen(name, FORWARD_NAME_MAX);
	/* Cut between characters: a continuation byte belongs to the one before. */
	while (length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80)
		length--;
	if (length == 0)
		return NULL;
	clean = xstrndup(name, length);
	for (out = clean; *out; out++) {
		if (is_control(out)) {
			if ((unsigned char)*out == 0xc2)
				*out++ = '?';
			*out = '?';
		} else if (*out == '"') {
			*out = '\'';
		}
	}
	return clean;
}

static int parse_protocol(uint8_t *ret_protocol, const char *text)
{
	if (strcmp(text, "tcp") == 0)
		*ret_protocol = IPPROTO_TCP;
	else if (strcmp(text, "udp") == 0)
		*ret_protocol = IPPROTO_UDP;
	else
		return -EINVAL;
	return 0;
}

static char *input_error(const struct forward_input *input)
{
	struct netaddr target;
	uint8_t protocol;

	if (parse_protocol(&protocol, input->protocol) < 0)
		return xasprintf("protocol \"%.16s\" is neither tcp nor udp", input->protocol);
	if (!forward_interface_is_valid(input->interface))
		return xasprintf("ingress interface \"%.32s\" is not a name of a network interface",
				 input->interface);
	if (strcmp(input->interface, "lo") == 0)
		return xstrdup("the loopback interface cannot be an ingress");
	if (input->listen_port == 0)
		return xstrdup("listen port 0 is not a port (1 to 65535)");
	if (input->target_port == 0)
		return xstrdup("target port 0 is not a port (1 to 65535)");
	if (netaddr_parse(&target, input->target) < 0)
		return xasprintf("target \"%.64s\" is not an IP address", input->target);
	if (!netaddr_is_unicast_host(&target))
		return xasprintf("target %.64s is not the address of another host", input->target);
	if (target.family == AF_INET6 && netaddr_is_link_local(&target))
		return xasprintf("target %.64s is valid on one link only", input->target);
	return NULL;
}

static int compare_prefixes(const void *a, const void *b)
{
	const struct netprefix *first = a, *second = b;
	int order = memcmp(&first->address.v6, &second->address.v6, sizeof(first->address.v6));

	return order ? order : (int)first->length - (int)second->length;
}

void forward_set_sources(struct forward *forward, struct netprefix *prefixes, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		prefixes[i] = netprefix_network(&prefixes[i]);
	if (count > 1)
		qsort(prefixes, count, sizeof(*prefixes), compare_prefixes);
	/* A network comes right before those inside it. */
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !netprefix_contains(&prefixes[kept - 1], &prefixes[i].address))
			prefixes[kept++] = prefixes[i];
	if (kept > 0 && prefixes[0].length == 0)
		kept = 0; /* everywhere */
	if (kept == 0) {
		free(prefixes);
		prefixes = NULL;
	}
	free(forward->sources);
	forward->sources = prefixes;
	forward->source_count = (uint8_t)kept;
}

static int parse_sources(struct forward *forward, char *const *texts, char **ret_error)
{
	size_t count = strv_length(texts);
	struct netprefix *prefixes;

	if (!texts)
		return 0;
	if (count == 0 || count > FORWARD_SOURCES_MAX) {
		*ret_error = xasprintf("allow-from has %zu prefixes, not 1 to %d", count,
				       FORWARD_SOURCES_MAX);
		return -EINVAL;
	}
	prefixes = xcalloc(count, sizeof(*prefixes));
	for (size_t i = 0; i < count; i++) {
		if (netprefix_parse(&prefixes[i], texts[i]) >= 0 &&
		    prefixes[i].address.family == forward->target.family)
			continue;
		*ret_error = xasprintf(
			"allow-from \"%.64s\" is not a prefix of the target's "
			"address family, like %s",
			texts[i], forward->target.family == AF_INET6 ? "fd00::/8" : "10.0.0.0/8");
		free(prefixes);
		return -EINVAL;
	}
	forward_set_sources(forward, prefixes, count);
	return 0;
}

bool forward_admits(const struct forward *forward, const struct netaddr *client)
{
	for (size_t i = 0; i < forward->source_count; i++)
		if (netprefix_contains(&forward->sources[i], client))
			return true;
	return forward->source_count == 0;
}

static int refuse(const struct forward_input *input, char *error, char **ret_error)
{
	*ret_error = xasprintf("%.16s %.32s/%u: %s", input->protocol, input->interface,
			       (unsigned)input->listen_port, error);
	free(error);
	return -EINVAL;
}

int forward_parse(struct forward *ret_forward, const struct forward_input *input, char **ret_error)
{
	struct forward forward = { .listen_port = input->listen_port,
				   .target_port = input->target_port };
	char *error = input_error(input);

	if (error)
		return refuse(input, error, ret_error);
	(void)parse_protocol(&forward.protocol, input->protocol);
	(void)netaddr_parse(&forward.target, input->target);
	memcpy(forward.interface, input->interface, strlen(input->interface));
	if (parse_sources(&forward, input->sources, &error) < 0)
		return refuse(input, error, ret_error);
	forward.keeps_client = input->keeps_client;
	forward.expires = input->expires;
	forward.name = forward_name_clean(input->name);
	*ret_forward = forward;
	return 0;
}

void forward_deinit(struct forward *forward)
{
	free(forward->name);
	free(forward->sources);
	forward->name = NULL;
	forward->sources = NULL;
}

struct forward forward_copy(const struct forward *forward)
{
	struct forward copy = *forward;

	copy.name = xstrdup(forward->name);
	if (forward->sources)
		copy.sources = xmemdup(forward->sources,
				       forward->source_count * sizeof(*forward->sources));
	return copy;
}

int forward_compare(const struct forward *a, const struct forward *b)
{
	int order = memcmp(a->interface, b->interface, IFNAMSIZ);

	if (order)
		return order;
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if (a->listen_port != b->listen_port)
		return a->listen_port < b->listen_port ? -1 : 1;
	if (a->target.family != b->target.family)
		return a->target.family < b->target.family ? -1 : 1;
	return 0;
}

bool forward_same_target(const struct forward *a, const struct forward *b)
{
	return netaddr_equal(&a->target, &b->target) && a->target_port == b->target_port;
}

static bool same_sources(const struct forward *a, const struct forward *b)
{
	if (a->source_count != b->source_count)
		return false;
	for (size_t i = 0; i < a->source_count; i++)
		if (compare_prefixes(&a->sources[i], &b->sources[i]) != 0)
			return false;
	return true;
}

bool forward_equal(const struct forward *a, const struct forward *b)
{
	return forward_compare(a, b) == 0 && forward_same_target(a, b) &&
	       strcmp(a->set, b->set) == 0 && a->keeps_client == b->keeps_client &&
	       a->expires == b->expires && same_sources(a, b) &&
	       strcmp(a->name ? a->name : "", b->name ? b->name : "") == 0;
}
