/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests are one line without comments: several firmwares look for fixed text and do not
 * answer otherwise. The order Action, MessageID, ReplyTo, To and the prefix "dn" are what the
 * ONVIF Device Manager sends, which every maker has tested against.
 *
 * An element is recognised by its local name and, for addresses, by the element around it, so that
 * the header's ReplyTo is not taken for an endpoint.
 */
#include "discoverd/wsd_message.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "discoverd/url.h"
#include "discoverd/vendor.h"
#include "discoverd/xml.h"

#define ENVELOPE(addressing, discovery, id_scheme, anonymous, everyone)              \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>"                                 \
	"<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "           \
	"xmlns:a=\"" addressing "\" xmlns:d=\"" discovery "\">"                      \
	"<s:Header><a:Action s:mustUnderstand=\"1\">" discovery "/%s</a:Action>"     \
	"<a:MessageID>" id_scheme ":%s</a:MessageID>"                                \
	"<a:ReplyTo><a:Address>" addressing "/" anonymous "</a:Address></a:ReplyTo>" \
	"<a:To s:mustUnderstand=\"1\">" everyone "</a:To></s:Header>"                \
	"<s:Body>%s</s:Body></s:Envelope>"

/* Action, identifier, body; of the dialect of 2005/04 and of OASIS' of 2009/01. */
#define FORMAT_2005                                                                           \
	ENVELOPE("http://schemas.xmlsoap.org/ws/2004/08/addressing",                          \
		 "http://schemas.xmlsoap.org/ws/2005/04/discovery", "uuid", "role/anonymous", \
		 "urn:schemas-xmlsoap-org:ws:2005:04:discovery")
#define FORMAT_OASIS                                                                               \
	ENVELOPE("http://www.w3.org/2005/08/addressing",                                           \
		 "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01", "urn:uuid", "anonymous", \
		 "urn:docs-oasis-open-org:ws-dd:ns:discovery:2009:01")

static const char *const probe_bodies[WSD_PROBE_FORM_COUNT] = {
	[WSD_PROBE_TRANSMITTER] =
		"<d:Probe><d:Types xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\">"
		"dn:NetworkVideoTransmitter</d:Types></d:Probe>",
	[WSD_PROBE_DEVICE] =
		"<d:Probe><d:Types xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\">"
		"tds:Device</d:Types></d:Probe>",
	[WSD_PROBE_ANY] = "<d:Probe/>",
	[WSD_PROBE_OASIS] = "<d:Probe/>",
};

void wsd_message_uuid(char buffer[static WSD_UUID_SIZE], const uint8_t random[static 16])
{
	snprintf(buffer, WSD_UUID_SIZE,
		 "%02x%02x%02x%02x-%02x%02x-4%x%02x-%x%x%02x-%02x%02x%02x%02x%02x%02x", random[0],
		 random[1], random[2], random[3], random[4], random[5], random[6] & 15U, random[7],
		 8U | (random[8] & 3U), (unsigned)(random[8] >> 4), random[9], random[10],
		 random[11], random[12], random[13], random[14], random[15]);
}

static size_t write_envelope(char buffer[static WSD_REQUEST_SIZE], bool oasis, const char *action,
			     const char *uuid, const char *body)
{
	return (size_t)(oasis ? snprintf(buffer, WSD_REQUEST_SIZE, FORMAT_OASIS, action, uuid, body)
			      : snprintf(buffer, WSD_REQUEST_SIZE, FORMAT_2005, action, uuid,
					 body));
}

size_t wsd_message_probe(char buffer[static WSD_REQUEST_SIZE], enum wsd_probe_form form,
			 const char *uuid)
{
	return write_envelope(buffer, form == WSD_PROBE_OASIS, "Probe", uuid, probe_bodies[form]);
}

size_t wsd_message_resolve(char buffer[static WSD_REQUEST_SIZE], const char *endpoint, bool oasis,
			   const char *uuid)
{
	char body[TEXT_SIZE + 128];

	/* The endpoint is a stranger's text: only what needs no escaping goes back out. */
	if (!*endpoint || strpbrk(endpoint, "<>&\"'"))
		return 0;
	snprintf(body, sizeof(body),
		 "<d:Resolve><a:EndpointReference><a:Address>%s</a:Address></a:EndpointReference>"
		 "</d:Resolve>",
		 endpoint);
	return write_envelope(buffer, oasis, "Resolve", uuid, body);
}

/* --- types --- */

struct reader {
	struct wsd_message *message;
	struct wsd_match *match; /* being read, or NULL */
	usec_t time;
};

static void add_trait(struct reader *reader, const char *trait)
{
	evidence_add(&reader->match->evidence, SOURCE_WSD, FIELD_TRAIT, trait, reader->time);
}

static bool is_onvif_prefix(const struct xml *xml, const char *prefix, size_t length)
{
	const char *uri = xml_namespace(xml, prefix, length);

	if (uri)
		return strstr(uri, "onvif.org") != NULL;
	return length == 3 && memcmp(prefix, "tds", 3) == 0;
}

/* One qualified name, "dn:NetworkVideoTransmitter". Windows says "wsdp:Device": another Device. */
static void read_type(struct reader *reader, const struct xml *xml, const char *name, size_t length)
{
	static const struct {
		const char *local, *trait;
		bool onvif;
	} types[] = {
		{ "NetworkVideoTransmitter", "onvif-transmitter", true },
		{ "NetworkVideoStorage", "onvif-device", true },
		{ "Computer", "computer", false },
		{ "PrintDeviceType", "printer", false },
		{ "PrinterServiceType", "printer", false },
		{ "ScanDeviceType", "printer", false },
		{ "ScannerServiceType", "printer", false },
	};
	const char *colon = memchr(name, ':', length);
	const char *local = colon ? colon + 1 : name;
	size_t local_length = length - (size_t)(local - name);

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strlen(types[i].local) != local_length ||
		    strncasecmp(types[i].local, local, local_length) != 0)
			continue;
		add_trait(reader, types[i].trait);
		reader->match->is_onvif |= types[i].onvif;
	}
	if (colon && local_length == 6 && strncasecmp(local, "Device", 6) == 0 &&
	    is_onvif_prefix(xml, name, (size_t)(colon - name))) {
		add_trait(reader, "onvif-device");
		reader->match->is_onvif = true;
	}
	if (local_length == 19 && strncasecmp(local, "NetworkVideoStorage", 19) == 0)
		evidence_add(&reader->match->evidence, SOURCE_WSD, FIELD_KIND, "nvr", reader->time);
}

/* --- scopes --- */

enum scope_use {
	SCOPE_NAME,
	SCOPE_HARDWARE,
	SCOPE_VENDOR,
	SCOPE_FIRMWARE,
	SCOPE_SERIAL,
	SCOPE_MAC,
	SCOPE_TYPE,
};

/* Categories of onvif://www.onvif.org/CATEGORY/VALUE, case not mattering. */
static const struct {
	const char *category;
	enum scope_use use;
} scope_categories[] = {
	{ "name", SCOPE_NAME },
	{ "hardware", SCOPE_HARDWARE },
	{ "manufacturer", SCOPE_VENDOR },
	{ "vendor", SCOPE_VENDOR },
	{ "mfr", SCOPE_VENDOR },
	{ "firmware", SCOPE_FIRMWARE },
	{ "serial", SCOPE_SERIAL },
	{ "SerialNumber", SCOPE_SERIAL },
	{ "MacAddress", SCOPE_MAC },
	{ "macaddr", SCOPE_MAC },
	{ "mac", SCOPE_MAC },
	{ "type", SCOPE_TYPE },
};

static void add_vendor(struct reader *reader, const char *text, bool trusted)
{
	const struct vendor *vendor = vendor_recognise(text);

	if (vendor)
		text = vendor->name;
	else if (!trusted)
		return;
	evidence_add(&reader->match->evidence, SOURCE_WSD, FIELD_VENDOR, text, reader->time);
}

static void use_scope(struct reader *reader, enum scope_use use, const char *value)
{
	struct evidence *evidence = &reader->match->evidence;

	switch (use) {
	case SCOPE_NAME:
		evidence_add(evidence, SOURCE_WSD, FIELD_NAME, value, reader->time);
		if (!evidence_best(evidence, FIELD_VENDOR))
			add_vendor(reader, value, false);
		break;
	case SCOPE_HARDWARE:
		evidence_add(evidence, SOURCE_WSD, FIELD_MODEL, value, reader->time);
		if (!evidence_best(evidence, FIELD_VENDOR))
			add_vendor(reader, value, false);
		break;
	case SCOPE_VENDOR:
		add_vendor(reader, value, true);
		break;
	case SCOPE_FIRMWARE:
		evidence_add(evidence, SOURCE_WSD, FIELD_FIRMWARE, value, reader->time);
		break;
	case SCOPE_SERIAL:
		evidence_add(evidence, SOURCE_WSD, FIELD_SERIAL, value, reader->time);
		break;
	case SCOPE_MAC:
		evidence_add_mac(evidence, SOURCE_WSD, value, reader->time);
		break;
	case SCOPE_TYPE:
		/* Nearly all cameras say video_encoder: that tells nothing. */
		if (strcasecmp(value, "Network_Video_Storage") == 0 ||
		    strcasecmp(value, "NVR") == 0)
			evidence_add(evidence, SOURCE_WSD, FIELD_KIND, "nvr", reader->time);
		break;
	}
}

static void read_scope(struct reader *reader, const struct xml *xml, const char *scope,
		       size_t length)
{
	static const char start[] = "onvif://";
	char text[2 * TEXT_SIZE], *category, *value;

	(void)xml;
	if (length < sizeof(start) - 1 || strncasecmp(scope, start, sizeof(start) - 1) != 0)
		return;
	add_trait(reader, "onvif-scope");
	reader->match->is_onvif = true;
	scope += sizeof(start) - 1;
	length -= sizeof(start) - 1;
	category = memchr(scope, '/', length);
	if (!category)
		return;
	length -= (size_t)(category + 1 - scope);
	text_decode_percent(text, sizeof(text), category + 1, length);
	value = strchr(text, '/');
	if (!value)
		return;
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(scope_categories); i++)
		if (strcasecmp(text, scope_categories[i].category) == 0)
			use_scope(reader, scope_categories[i].use, value);
}

/* --- addresses --- */

/* User information refuses it all. */
static void read_xaddr(struct reader *reader, const struct xml *xml, const char *text,
		       size_t length)
{
	struct wsd_xaddr *xaddr = &reader->match->xaddrs[reader->match->xaddr_count];
	struct url url;

	(void)xml;
	if (reader->match->xaddr_count == WSD_MAX_XADDRS || !url_read(&url, text, length) ||
	    url.rtsp || url.has_user)
		return;
	xaddr->host = url.host;
	xaddr->secure = url.secure;
	xaddr->port = url.port;
	memcpy(xaddr->path, url.path, sizeof(xaddr->path));
	reader->match->xaddr_count++;
}

/* --- the envelope --- */

typedef void item_fn(struct reader *reader, const struct xml *xml, const char *item, size_t length);

static void for_each_item(struct reader *reader, const struct xml *xml, const char *list,
			  item_fn *read_item)
{
	size_t length;

	while (*(list += strspn(list, " \t\r\n"))) {
		length = strcspn(list, " \t\r\n");
		read_item(reader, xml, list, length);
		list += length;
	}
}

/* "IPC322SB": no spaces, nothing in lower case, three digits. Owners' names look otherwise. */
static bool is_model(const char *name)
{
	unsigned digits = 0;

	for (; *name; name++) {
		if (isdigit((unsigned char)*name))
			digits++;
		else if (!isupper((unsigned char)*name) && *name != '-')
			return false;
	}
	return digits >= 3;
}

/* Without a hardware scope the name is often the model. */
static void complete_match(struct reader *reader)
{
	struct evidence *evidence = &reader->match->evidence;
	const char *name = evidence_best(evidence, FIELD_NAME);

	if (name && !evidence_best(evidence, FIELD_MODEL) && is_model(name))
		evidence_add(evidence, SOURCE_WSD, FIELD_MODEL, name, reader->time);
}

static enum wsd_action action_of_match(const char *element)
{
	static const struct {
		const char *element;
		enum wsd_action action;
	} actions[] = {
		{ "ProbeMatch", WSD_ACTION_PROBE_MATCHES },
		{ "ResolveMatch", WSD_ACTION_RESOLVE_MATCHES },
		{ "Hello", WSD_ACTION_HELLO },
		{ "Bye", WSD_ACTION_BYE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strcmp(element, actions[i].element) == 0)
			return actions[i].action;
	return WSD_ACTION_OTHER;
}

static void on_start(struct xml *xml, const char *name, void *owner)
{
	struct reader *reader = owner;
	struct wsd_message *message = reader->message;

	if (reader->match || action_of_match(name) == WSD_ACTION_OTHER ||
	    message->match_count == WSD_MAX_MATCHES)
		return;
	reader->match = &message->matches[message->match_count];
}

static void on_end(struct xml *xml, const char *name, const char *text, void *owner)
{
	struct reader *reader = owner;
	struct wsd_match *match = reader->match;

	if (strcmp(name, "Action") == 0)
		reader->message->oasis = strstr(text, "/discovery/2009/01/") != NULL;
	if (!match)
		return;
	if (strcmp(name, "Address") == 0 && strcmp(xml_parent(xml), "EndpointReference") == 0)
		text_clean(match->endpoint, sizeof(match->endpoint), text, strlen(text));
	else if (strcmp(name, "Types") == 0)
		for_each_item(reader, xml, text, read_type);
	else if (strcmp(name, "Scopes") == 0)
		for_each_item(reader, xml, text, read_scope);
	else if (strcmp(name, "XAddrs") == 0)
		for_each_item(reader, xml, text, read_xaddr);
	else if (action_of_match(name) != WSD_ACTION_OTHER) {
		complete_match(reader);
		reader->message->action = action_of_match(name);
		reader->message->match_count++;
		reader->match = NULL;
	}
}

int wsd_message_read(struct wsd_message *ret_message, const void *bytes, size_t size, usec_t time)
{
	static const struct xml_handlers handlers = { on_start, on_end };
	struct reader reader = { .message = ret_message, .time = time };
	int r;

	*ret_message = (struct wsd_message){ 0 };
	r = xml_read(bytes, size, &handlers, &reader);
	if (reader.match) {
		evidence_deinit(&reader.match->evidence); /* cut off in the middle */
		*reader.match = (struct wsd_match){ 0 };
	}
	return ret_message->match_count ? 0 : r;
}

void wsd_message_deinit(struct wsd_message *message)
{
	for (size_t i = 0; i < message->match_count; i++)
		evidence_deinit(&message->matches[i].evidence);
	message->match_count = 0;
}

/* "uuid:" alone, or no letter at all, names nobody. */
static bool is_endpoint(const char *endpoint)
{
	const char *colon = strrchr(endpoint, ':');

	return *(colon ? colon + 1 : endpoint) != '\0';
}

void wsd_message_evidence(struct evidence *evidence, const struct wsd_match *match, usec_t time)
{
	evidence_merge(evidence, &match->evidence);
	if (is_endpoint(match->endpoint))
		evidence_add(evidence, SOURCE_WSD, FIELD_ENDPOINT, match->endpoint, time);
	for (size_t i = 0; i < match->xaddr_count; i++) {
		const struct wsd_xaddr *xaddr = &match->xaddrs[i];

		evidence_add_port(evidence, SOURCE_WSD, FIELD_HINT, xaddr->port,
				  xaddr->secure ? "https" : "http", time);
		if (match->is_onvif)
			evidence_add_port(evidence, SOURCE_WSD, FIELD_ONVIF, xaddr->port,
					  xaddr->path, time);
	}
}
