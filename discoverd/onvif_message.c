/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests are one line, as those of WS-Discovery are, for the same firmwares. Answers are read
 * by local names: makers do not agree on prefixes. An answer that was cut off, because it is longer
 * than we care to read, tells what stood before the cut.
 */
#include "discoverd/onvif_message.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "discoverd/url.h"
#include "discoverd/vendor.h"
#include "discoverd/xml.h"

#define DEVICE_NAMESPACE "http://www.onvif.org/ver10/device/wsdl"
#define SCHEMA_NAMESPACE "http://www.onvif.org/ver10/schema"

static const char *const media_namespaces[] = {
	[1] = "http://www.onvif.org/ver10/media/wsdl",
	[2] = "http://www.onvif.org/ver20/media/wsdl",
};

static const struct {
	const char *name;
	bool media;
	const char *arguments;
	const char *arguments2; /* of version 2, where they differ; %s: the profile's token */
} calls[ONVIF_CALL_COUNT] = {
	[ONVIF_GET_SYSTEM_DATE_AND_TIME] = { "GetSystemDateAndTime", false, "" },
	[ONVIF_GET_DEVICE_INFORMATION] = { "GetDeviceInformation", false, "" },
	[ONVIF_GET_SERVICES] = { "GetServices", false,
				 "<IncludeCapability>false</IncludeCapability>" },
	[ONVIF_GET_CAPABILITIES] = { "GetCapabilities", false, "<Category>All</Category>" },
	[ONVIF_GET_PROFILES] = { "GetProfiles", true, "", "" },
	[ONVIF_GET_STREAM_URI] = { "GetStreamUri", true,
				   "<StreamSetup><Stream xmlns=\"" SCHEMA_NAMESPACE
				   "\">RTP-Unicast</Stream><Transport xmlns=\"" SCHEMA_NAMESPACE
				   "\"><Protocol>RTSP</Protocol></Transport></StreamSetup>",
				   "<Protocol>RTSP</Protocol>" },
	[ONVIF_GET_SNAPSHOT_URI] = { "GetSnapshotUri", true, "", "" },
	[ONVIF_GET_HOSTNAME] = { "GetHostname", false, "" },
	[ONVIF_GET_ENDPOINT_REFERENCE] = { "GetEndpointReference", false, "" },
};

/* --- requests --- */

bool onvif_message_is_due(const struct onvif_session *session, enum onvif_call call)
{
	switch (call) {
	case ONVIF_GET_CAPABILITIES:
		return !session->services_known;
	case ONVIF_GET_PROFILES:
		return session->media.version > 0;
	case ONVIF_GET_STREAM_URI:
	case ONVIF_GET_SNAPSHOT_URI:
		return session->media.version > 0 && session->profile[0];
	case ONVIF_GET_SYSTEM_DATE_AND_TIME:
	case ONVIF_GET_DEVICE_INFORMATION:
	case ONVIF_GET_SERVICES:
	case ONVIF_GET_HOSTNAME:
	case ONVIF_GET_ENDPOINT_REFERENCE:
	case ONVIF_CALL_COUNT:
		break;
	}
	return true;
}

bool onvif_message_is_media(enum onvif_call call)
{
	return calls[call].media;
}

size_t onvif_message_request(char buffer[static ONVIF_REQUEST_SIZE],
			     const struct onvif_session *session, enum onvif_call call)
{
	const char *space = DEVICE_NAMESPACE, *path = session->path;
	const char *arguments = calls[call].arguments, *bracket = "";
	char body[ONVIF_REQUEST_SIZE], token[ONVIF_TOKEN_SIZE + 40] = "";
	char text[NETADDR_TEXT_SIZE];
	uint16_t port = session->port;
	size_t size;

	if (calls[call].media) {
		space = media_namespaces[session->media.version];
		path = session->media.path;
		port = session->media.port;
		if (session->media.version == 2)
			arguments = calls[call].arguments2;
		if (call != ONVIF_GET_PROFILES)
			snprintf(token, sizeof(token), "<ProfileToken>%s</ProfileToken>",
				 session->profile);
	}
	if (session->address.family == AF_INET6)
		bracket = "[";
	size = (size_t)snprintf(body, sizeof(body),
				"<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope "
				"xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>"
				"<%s xmlns=\"%s\">%s%s</%s></s:Body></s:Envelope>",
				calls[call].name, space, arguments, token, calls[call].name);
	return (size_t)snprintf(buffer, ONVIF_REQUEST_SIZE,
				"POST %s HTTP/1.1\r\nHost: %s%s%s:%u\r\n"
				"User-Agent: evercam-gateway\r\nContent-Type: "
				"application/soap+xml; charset=utf-8; action=\"%s/%s\"\r\n"
				"Content-Length: %zu\r\nConnection: keep-alive\r\n\r\n%s",
				path, bracket, netaddr_format(&session->address, text),
				*bracket ? "]" : "", port, space, calls[call].name, size, body);
}

/* --- answers --- */

bool onvif_message_is_whole(const char *body, size_t size)
{
	static const char end[] = "Envelope>";
	const size_t length = sizeof(end) - 1;

	while (size && isspace((unsigned char)body[size - 1]))
		size--;
	return size > length && memcmp(body + size - length, end, length) == 0;
}

struct reader {
	struct onvif_session *session;
	struct evidence *evidence;
	enum onvif_call call;
	usec_t time;
	bool envelope; /* it is SOAP */
	bool answered; /* with what was asked for */
	bool fault;
	bool denied;
	bool own_fault;          /* a fault of ONVIF's */
	char service[TEXT_SIZE]; /* namespace of the service that is being read */
};

static void add(const struct reader *reader, enum field field, const char *text)
{
	evidence_add(reader->evidence, SOURCE_ONVIF, field, text, reader->time);
}

/* "ter:NotAuthorized", "env:Sender" */
static void read_fault_code(struct reader *reader, const struct xml *xml, const char *text)
{
	const char *colon = strchr(text, ':'), *local = colon ? colon + 1 : text, *space;
	size_t length = colon ? (size_t)(colon - text) : 0;

	if (strcasecmp(local, "NotAuthorized") == 0 ||
	    strcasecmp(local, "FailedAuthentication") == 0)
		reader->denied = true;
	space = length ? xml_namespace(xml, text, length) : NULL;
	reader->own_fault |= space ? strstr(space, "onvif.org") != NULL
				   : length == 3 && memcmp(text, "ter", 3) == 0;
}

static void read_media(struct reader *reader, unsigned version, const char *text)
{
	struct onvif_media *media = &reader->session->media;
	struct url url;

	/* The first version is preferred: its profiles are those of H.264 and JPEG. */
	if ((media->version && media->version <= version) || !url_read(&url, text, strlen(text)) ||
	    url.rtsp)
		return;
	media->version = version;
	memcpy(media->path, url.path, sizeof(media->path));
	/* Where it disagrees about TLS, it is believed to be where the device service is. */
	media->port = url.secure == reader->session->secure ? url.port : reader->session->port;
}

static void read_service(struct reader *reader, const char *text)
{
	for (unsigned version = 1; version < ARRAY_SIZE(media_namespaces); version++)
		if (strcasecmp(reader->service, media_namespaces[version]) == 0)
			read_media(reader, version, text);
}

/* What the makers of nobody's cameras write. */
static bool is_maker(const char *text)
{
	static const char *const nobody[] = { "General", "ONVIF", "IPC",  "IPCAM",   "IP Camera",
					      "NVT",     "none",  "null", "unknown", "Manufacturer",
					      "H264",    "H265",  "Linux" };

	for (size_t i = 0; i < ARRAY_SIZE(nobody); i++)
		if (strcasecmp(text, nobody[i]) == 0)
			return false;
	return true;
}

static void read_information(struct reader *reader, const char *name, const char *text)
{
	const struct vendor *vendor;

	if (strcmp(name, "Manufacturer") == 0) {
		vendor = vendor_recognise(text);
		if (vendor || is_maker(text))
			add(reader, FIELD_VENDOR, vendor ? vendor->name : text);
	} else if (strcmp(name, "Model") == 0) {
		add(reader, FIELD_MODEL, text);
	} else if (strcmp(name, "FirmwareVersion") == 0) {
		add(reader, FIELD_FIRMWARE, text);
	} else if (strcmp(name, "SerialNumber") == 0 && strspn(text, "0") < strlen(text)) {
		add(reader, FIELD_SERIAL, text);
	}
}

/* Some firmwares write the password into the path. It is nobody's business. */
static bool tells_secret(const char *path)
{
	static const char *const words[] = { "pass", "pwd", "psw" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(path, words[i]))
			return true;
	return false;
}

static void read_uri(struct reader *reader, const char *text)
{
	bool stream = reader->call == ONVIF_GET_STREAM_URI;
	struct url url;

	if (!url_read(&url, text, strlen(text)) || url.rtsp != stream)
		return;
	evidence_add_port(reader->evidence, SOURCE_ONVIF, FIELD_HINT, url.port,
			  stream ? (url.secure ? "rtsps" : "rtsp")
				 : (url.secure ? "https" : "http"),
			  reader->time);
	if (!tells_secret(url.path))
		add(reader, stream ? FIELD_STREAM_PATH : FIELD_SNAPSHOT_PATH, url.path);
}

static void read_hostname(struct reader *reader, const char *text)
{
	if (strcasecmp(text, "localhost") != 0 && strcasecmp(text, "(none)") != 0)
		add(reader, FIELD_NAME, text);
}

/* A token goes back out as it came: only what needs no escaping does. */
static void read_profile(struct reader *reader, const char *token)
{
	char *profile = reader->session->profile;

	if (profile[0] || !token || strlen(token) >= ONVIF_TOKEN_SIZE)
		return;
	for (const char *at = token; *at; at++)
		if (*at < ' ' || *at >= 0x7f || strchr("<>&\"'", *at))
			return;
	memcpy(profile, token, strlen(token) + 1);
}

static void on_start(struct xml *xml, const char *name, void *owner)
{
	static const char ending[] = "Response";
	struct reader *reader = owner;
	size_t length = strlen(calls[reader->call].name);

	if (strcmp(name, "Envelope") == 0)
		reader->envelope = true;
	else if (strcmp(name, "Fault") == 0)
		reader->fault = true;
	else if (strncmp(name, calls[reader->call].name, length) == 0 &&
		 strcmp(name + length, ending) == 0)
		reader->answered = true;
	else if (strcmp(name, "Service") == 0)
		reader->service[0] = '\0';
	else if (strcmp(name, "Profiles") == 0 && reader->call == ONVIF_GET_PROFILES)
		read_profile(reader, xml_attribute(xml, "token"));
}

static void read_answer(struct reader *reader, const struct xml *xml, const char *name,
			const char *text)
{
	const char *parent = xml_parent(xml);

	switch (reader->call) {
	case ONVIF_GET_DEVICE_INFORMATION:
		if (strcmp(parent, "GetDeviceInformationResponse") == 0)
			read_information(reader, name, text);
		break;
	case ONVIF_GET_SERVICES:
		if (strcmp(parent, "Service") != 0)
			break;
		if (strcmp(name, "Namespace") == 0)
			text_clean(reader->service, TEXT_SIZE, text, strlen(text));
		else if (strcmp(name, "XAddr") == 0)
			read_service(reader, text);
		break;
	case ONVIF_GET_CAPABILITIES:
		if (strcmp(parent, "Media") == 0 && strcmp(name, "XAddr") == 0)
			read_media(reader, 1, text);
		break;
	case ONVIF_GET_STREAM_URI:
	case ONVIF_GET_SNAPSHOT_URI:
		if (strcmp(name, "Uri") == 0)
			read_uri(reader, text);
		break;
	case ONVIF_GET_HOSTNAME:
		if (strcmp(parent, "HostnameInformation") == 0 && strcmp(name, "Name") == 0)
			read_hostname(reader, text);
		break;
	case ONVIF_GET_ENDPOINT_REFERENCE:
		if (strcmp(name, "GUID") == 0)
			add(reader, FIELD_ENDPOINT, text);
		break;
	case ONVIF_GET_SYSTEM_DATE_AND_TIME:
	case ONVIF_GET_PROFILES:
	case ONVIF_CALL_COUNT:
		break;
	}
}

static void on_end(struct xml *xml, const char *name, const char *text, void *owner)
{
	struct reader *reader = owner;

	/* SOAP 1.2, section 5.4, and 1.1, which some speak all the same. */
	if (reader->fault && (strcmp(name, "Value") == 0 || strcmp(name, "faultcode") == 0))
		read_fault_code(reader, xml, text);
	else if (reader->answered)
		read_answer(reader, xml, name, text);
}

enum onvif_answer onvif_message_read(struct onvif_session *session, struct evidence *evidence,
				     enum onvif_call call, unsigned status, const char *body,
				     size_t size, usec_t time)
{
	static const struct xml_handlers handlers = { on_start, on_end };
	struct reader reader = {
		.session = session, .evidence = evidence, .call = call, .time = time
	};

	xml_read(body, size, &handlers, &reader); /* may be cut off, or break off */
	if (reader.envelope && (reader.answered || reader.denied || reader.own_fault)) {
		add(&reader, FIELD_TRAIT, "onvif-answers");
		evidence_add_port(evidence, SOURCE_ONVIF, FIELD_ONVIF, session->port, session->path,
				  time);
	}
	if (call == ONVIF_GET_SERVICES && reader.answered)
		session->services_known = true;
	if (reader.envelope && reader.answered)
		return ONVIF_ANSWERED;
	if (reader.denied || status == 401 || status == 403)
		return ONVIF_DENIED;
	return reader.envelope ? ONVIF_FAILED : ONVIF_FOREIGN;
}
