/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Most cameras give "Basic:1" as their type, like many other things do, so what counts then is the
 * maker and what the texts call the device. Makers who also make routers and televisions count only
 * with a model that is a camera's.
 */
#include "discoverd/upnp_description.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/netaddr.h"
#include "discoverd/vendor.h"
#include "discoverd/xml.h"

static const struct {
	const char *type; /* what stands between "urn:DOMAIN:device:" and ":VERSION" */
	const char *trait;
} types[] = {
	{ "DigitalSecurityCamera", "upnp-camera" },
	{ "EmbeddedNetDevice", "camera-service" },
	{ "EmbeddedNetDeviceControl", "camera-service" },
	{ "InternetGatewayDevice", "router" },
	{ "WANDevice", "router" },
	{ "WANConnectionDevice", "router" },
	{ "WLANAccessPointDevice", "router" },
	{ "MediaServer", "media-player" },
	{ "MediaRenderer", "media-player" },
	{ "SatIPServer", "media-player" }, /* they speak RTSP */
	{ "dial", "television" },
	{ "ZonePlayer", "speaker" },
	{ "Printer", "printer" },
};

static const char axis_type[] = "urn:axis-com:service:BasicService:";

void upnp_type_read(struct evidence *evidence, const char *type, usec_t time)
{
	const char *end, *start = type;

	if (text_starts_with(type, axis_type)) {
		evidence_add(evidence, SOURCE_SSDP, FIELD_TRAIT, "upnp-camera", time);
		evidence_add(evidence, SOURCE_SSDP, FIELD_VENDOR, "Axis", time);
		return;
	}
	if (!text_starts_with(type, "urn:"))
		return;
	for (unsigned colons = 0; colons < 3; start++) {
		if (!*start)
			return;
		colons += *start == ':';
	}
	end = start + strcspn(start, ":");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].type) == (size_t)(end - start) &&
		    strncasecmp(types[i].type, start, (size_t)(end - start)) == 0)
			evidence_add(evidence, SOURCE_SSDP, FIELD_TRAIT, types[i].trait, time);
}

/* "uuid:Upnp-BasicDevice-1_0-00408C123456", perhaps with "::upnp:rootdevice" behind it. */
void upnp_name_read(struct evidence *evidence, const char *name, usec_t time)
{
	static const char start[] = "uuid:Upnp-BasicDevice-1_0-";
	char text[TEXT_SIZE];

	if (!text_starts_with(name, start))
		return;
	name += strlen(start);
	text_clean(text, sizeof(text), name, strcspn(name, ":"));
	evidence_add_mac(evidence, SOURCE_SSDP, text, time);
}

/* --- the description --- */

enum element {
	ELEMENT_FRIENDLY_NAME,
	ELEMENT_MANUFACTURER,
	ELEMENT_MODEL_NAME,
	ELEMENT_MODEL_NUMBER,
	ELEMENT_MODEL_DESCRIPTION,
	ELEMENT_SERIAL_NUMBER,
	ELEMENT_UDN,
	ELEMENT_PRESENTATION_URL,
	ELEMENT_COUNT,
};
static const char *const element_names[ELEMENT_COUNT] = {
	[ELEMENT_FRIENDLY_NAME] = "friendlyName",
	[ELEMENT_MANUFACTURER] = "manufacturer",
	[ELEMENT_MODEL_NAME] = "modelName",
	[ELEMENT_MODEL_NUMBER] = "modelNumber",
	[ELEMENT_MODEL_DESCRIPTION] = "modelDescription",
	[ELEMENT_SERIAL_NUMBER] = "serialNumber",
	[ELEMENT_UDN] = "UDN",
	[ELEMENT_PRESENTATION_URL] = "presentationURL",
};

struct description {
	struct evidence *evidence;
	usec_t time;
	bool found;                           /* a device with a type */
	char texts[ELEMENT_COUNT][TEXT_SIZE]; /* of the root device, which comes first */
};

static void on_start(struct xml *xml, const char *name, void *owner)
{
}

static void on_end(struct xml *xml, const char *name, const char *text, void *owner)
{
	struct description *description = owner;

	if (strcmp(xml_parent(xml), "device") != 0)
		return;
	if (strcmp(name, "deviceType") == 0) {
		description->found = true;
		upnp_type_read(description->evidence, text, description->time);
		return;
	}
	for (enum element element = 0; element < ELEMENT_COUNT; element++)
		if (strcmp(name, element_names[element]) == 0 && !description->texts[element][0])
			text_clean(description->texts[element], TEXT_SIZE, text, strlen(text));
}

static void add(const struct description *description, enum field field, const char *text)
{
	evidence_add(description->evidence, SOURCE_SSDP, field, text, description->time);
}

static bool is_camera_model(const struct description *description, const struct vendor *vendor)
{
	static const enum element elements[] = { ELEMENT_MODEL_NAME, ELEMENT_MODEL_NUMBER,
						 ELEMENT_FRIENDLY_NAME };

	for (size_t i = 0; i < ARRAY_SIZE(elements); i++)
		for (const char *const *model = vendor->models; model && *model; model++)
			if (text_has_word(description->texts[elements[i]], *model, true))
				return true;
	return false;
}

static bool is_called_camera(const struct description *description)
{
	static const char *const words[] = { "camera",   "ipcamera",      "ipcam",       "netcam",
					     "webcam",   "nvr",           "dvr",         "cctv",
					     "doorbell", "video encoder", "video server" };
	static const enum element elements[] = { ELEMENT_MODEL_NAME, ELEMENT_MODEL_DESCRIPTION,
						 ELEMENT_FRIENDLY_NAME };

	for (size_t i = 0; i < ARRAY_SIZE(elements); i++)
		for (size_t j = 0; j < ARRAY_SIZE(words); j++)
			if (text_has_word(description->texts[elements[i]], words[j], false))
				return true;
	return false;
}

/* Hue bridges, which are Basic:1 as well. */
static bool is_lighting(const struct description *description)
{
	return text_has_word(description->texts[ELEMENT_MANUFACTURER], "Signify", false) ||
	       text_has_word(description->texts[ELEMENT_MODEL_NAME], "Philips hue", true);
}

static void weigh(const struct description *description, const struct vendor *vendor)
{
	bool camera_model = vendor && is_camera_model(description, vendor);

	if (is_lighting(description))
		add(description, FIELD_TRAIT, "lighting");
	if (vendor && (camera_model || !vendor_is_general(vendor)))
		add(description, FIELD_TRAIT, "upnp-maker");
	if (camera_model || is_called_camera(description))
		add(description, FIELD_TRAIT, "upnp-name");
}

/* The host in it is passed over: what counts is who sent it. */
static void read_presentation(const struct description *description)
{
	const char *url = description->texts[ELEMENT_PRESENTATION_URL];
	char text[TEXT_SIZE];
	uint16_t port = 80;

	if (!text_starts_with(url, "http://") || strchr(url, '@'))
		return;
	url += strlen("http://");
	url += *url == '[' ? strcspn(url, "]") : strcspn(url, ":/");
	url += *url == ']';
	if (*url == ':') {
		text_clean(text, sizeof(text), url + 1, strcspn(url + 1, "/"));
		if (port_parse(&port, text) < 0)
			return;
	}
	evidence_add_port(description->evidence, SOURCE_SSDP, FIELD_HINT, port, "http",
			  description->time);
}

int upnp_description_read(struct evidence *evidence, const void *bytes, size_t size, usec_t time)
{
	static const struct xml_handlers handlers = { on_start, on_end };
	struct description description = { .evidence = evidence, .time = time };
	const struct vendor *vendor;
	const char *model = description.texts[ELEMENT_MODEL_NAME];
	char text[TEXT_SIZE];

	xml_read(bytes, size, &handlers, &description); /* may be cut off */
	if (!description.found)
		return -EBADMSG;
	vendor = vendor_recognise(description.texts[ELEMENT_MANUFACTURER]);
	weigh(&description, vendor);
	add(&description, FIELD_VENDOR,
	    vendor ? vendor->name : description.texts[ELEMENT_MANUFACTURER]);
	if (vendor_model_of(vendor, model, text, sizeof(text)))
		add(&description, FIELD_MODEL, text);
	else
		add(&description, FIELD_MODEL, description.texts[ELEMENT_MODEL_NUMBER]);
	add(&description, FIELD_KIND, vendor_kind_of(vendor, model));
	add(&description, FIELD_NAME, description.texts[ELEMENT_FRIENDLY_NAME]);
	add(&description, FIELD_SERIAL, description.texts[ELEMENT_SERIAL_NUMBER]);
	/* What has no vendor that we know may write anything there. */
	if (vendor)
		evidence_add_mac(evidence, SOURCE_SSDP, description.texts[ELEMENT_SERIAL_NUMBER],
				 time);
	upnp_name_read(evidence, description.texts[ELEMENT_UDN], time);
	read_presentation(&description);
	return 0;
}
