/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/ssdp_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "discoverd/upnp_description.h"

#define MAX_HEAD 8192

static const char *const targets[SSDP_TARGET_COUNT] = {
	[SSDP_TARGET_ROOT_DEVICE] = "upnp:rootdevice",
	[SSDP_TARGET_AXIS] = "urn:axis-com:service:BasicService:1",
	[SSDP_TARGET_EMBEDDED_NET_DEVICE] =
		"urn:schemas-upnp-org:service:EmbeddedNetDeviceControl:1",
	[SSDP_TARGET_SECURITY_CAMERA] = "urn:schemas-upnp-org:device:DigitalSecurityCamera:1",
	[SSDP_TARGET_PRINTER] = "urn:schemas-upnp-org:device:Printer:1",
	[SSDP_TARGET_ALL] = "ssdp:all",
};

size_t ssdp_message_search(char buffer[static SSDP_REQUEST_SIZE], enum ssdp_target target,
			   const struct netaddr *host)
{
	char text[NETADDR_TEXT_SIZE];
	bool v6 = host->family == AF_INET6;

	return (size_t)snprintf(buffer, SSDP_REQUEST_SIZE,
				"M-SEARCH * HTTP/1.1\r\nHOST: %s%s%s:%d\r\n"
				"MAN: \"ssdp:discover\"\r\nMX: 1\r\nST: %s\r\n\r\n",
				v6 ? "[" : "", netaddr_format(host, text), v6 ? "]" : "", SSDP_PORT,
				targets[target]);
}

/* --- reading --- */

struct span {
	const char *bytes;
	size_t length;
};

static bool starts_with(struct span span, const char *text)
{
	size_t length = strlen(text);

	return span.length >= length && strncasecmp(span.bytes, text, length) == 0;
}

static bool is(struct span span, const char *text)
{
	return span.length == strlen(text) && starts_with(span, text);
}

static struct span trim(struct span span)
{
	while (span.length && (*span.bytes == ' ' || *span.bytes == '\t')) {
		span.bytes++;
		span.length--;
	}
	while (span.length && strchr(" \t\r", span.bytes[span.length - 1]))
		span.length--;
	return span;
}

static struct span next_line(struct span *rest)
{
	struct span line = *rest;
	const char *end = memchr(rest->bytes, '\n', rest->length);

	if (end)
		line.length = (size_t)(end - rest->bytes);
	rest->bytes += line.length + (end ? 1 : 0);
	rest->length -= line.length + (end ? 1 : 0);
	return trim(line);
}

static void read_header(struct ssdp_message *message, struct span name, struct span value)
{
	if (is(name, "NT") || is(name, "ST"))
		text_clean(message->type, TEXT_SIZE, value.bytes, value.length);
	else if (is(name, "USN"))
		text_clean(message->name, TEXT_SIZE, value.bytes, value.length);
	else if (is(name, "SERVER"))
		text_clean(message->server, TEXT_SIZE, value.bytes, value.length);
	else if (is(name, "LOCATION") && value.length < TEXT_SIZE)
		text_clean(message->location, TEXT_SIZE, value.bytes, value.length);
	else if (is(name, "NTS") && is(value, "ssdp:byebye"))
		message->kind = SSDP_LEAVING;
	else if (is(name, "hue-bridgeid"))
		message->is_bridge = true;
}

int ssdp_message_read(struct ssdp_message *ret_message, const char *bytes, size_t size)
{
	struct span rest = { bytes, size < MAX_HEAD ? size : MAX_HEAD }, line, name;
	struct ssdp_message message = { .kind = SSDP_PRESENT };

	line = next_line(&rest);
	message.is_announcement = starts_with(line, "NOTIFY ");
	if (starts_with(line, "M-SEARCH ")) {
		*ret_message = (struct ssdp_message){ .kind = SSDP_OTHER };
		return 0;
	}
	if (!message.is_announcement && !starts_with(line, "HTTP/1.1 200") &&
	    !starts_with(line, "HTTP/1.0 200"))
		return -EBADMSG;
	while (rest.length && (line = next_line(&rest)).length) {
		const char *colon = memchr(line.bytes, ':', line.length);

		if (!colon)
			continue;
		name.bytes = line.bytes;
		name.length = (size_t)(colon - line.bytes);
		line.length -= name.length + 1;
		line.bytes = colon + 1;
		read_header(&message, trim(name), trim(line));
	}
	if (!message.type[0] && !message.name[0])
		return -EBADMSG;
	*ret_message = message;
	return 0;
}

void ssdp_message_evidence(struct evidence *evidence, const struct ssdp_message *message,
			   usec_t time)
{
	const char *type = strstr(message->name, "::");

	upnp_type_read(evidence, message->type, time);
	if (type)
		upnp_type_read(evidence, type + 2, time);
	upnp_name_read(evidence, message->name, time);
	if (message->is_bridge)
		evidence_add(evidence, SOURCE_SSDP, FIELD_TRAIT, "lighting", time);
	if (text_has_word(message->server, "Sonos", true))
		evidence_add(evidence, SOURCE_SSDP, FIELD_TRAIT, "speaker", time);
}

/* The host of a URL that begins there; returns where it ends, or NULL. */
static const char *read_host(struct netaddr *ret_host, const char *url)
{
	size_t length = *url == '[' ? strcspn(++url, "]%") : strcspn(url, ":/");
	char text[NETADDR_TEXT_SIZE];

	if (length >= sizeof(text))
		return NULL;
	memcpy(text, url, length);
	text[length] = '\0';
	if (netaddr_parse(ret_host, text) < 0)
		return NULL;
	url += length;
	if (ret_host->family != AF_INET6)
		return url;
	url += strcspn(url, "]"); /* a zone of theirs means nothing here */
	return *url ? url + 1 : NULL;
}

bool ssdp_message_location(const struct ssdp_message *message, const struct netaddr *sender,
			   uint16_t *ret_port, char path[static TEXT_SIZE])
{
	const char *rest = message->location;
	struct netaddr host;
	char text[TEXT_SIZE];
	uint16_t port = 80;

	if (!text_starts_with(rest, "http://"))
		return false;
	rest = read_host(&host, rest + strlen("http://"));
	if (!rest || !netaddr_equal(&host, sender))
		return false;
	if (*rest == ':') {
		text_clean(text, sizeof(text), rest + 1, strcspn(rest + 1, "/"));
		if (port_parse(&port, text) < 0)
			return false;
		rest += 1 + strcspn(rest + 1, "/");
	}
	if ((*rest && *rest != '/') || strpbrk(rest, " \"<>\\^`{|}"))
		return false;
	for (const char *at = rest; *at; at++)
		if ((unsigned char)*at >= 0x80)
			return false;
	text_clean(path, TEXT_SIZE, *rest ? rest : "/", *rest ? strcspn(rest, "#") : 1);
	*ret_port = port;
	return true;
}
