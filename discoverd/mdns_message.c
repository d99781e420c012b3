/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/mdns_message.h"

#include <string.h>
#include <strings.h>

#include "discoverd/oui.h"
#include "discoverd/vendor.h"

enum service_kind {
	SERVICE_AXIS,     /* a TXT record has the MAC */
	SERVICE_CAMERA,   /* announced by cameras only */
	SERVICE_HOMEKIT,  /* a TXT record has the category */
	SERVICE_RTSP,     /* a TXT record may have the path */
	SERVICE_NDI,      /* a video source, often a program */
	SERVICE_WEB,      /* anything: counts only with a name that says camera */
	SERVICE_NEGATIVE, /* another kind of device */
};

static const struct type {
	const char *name;
	enum service_kind kind;
	const char *trait;
	const char *hint; /* service that is offered at the port */
	const char *vendor;
	const char *device_kind; /* FIELD_KIND */
} types[] = {
	{ "_axis-video._tcp", SERVICE_AXIS, "axis-video", "http", "Axis", NULL },
	{ "_axis-nvr._tcp", SERVICE_AXIS, "axis-video", "http", "Axis", "nvr" },
	{ "_psia._tcp", SERVICE_CAMERA, "camera-service", "http", NULL, NULL },
	{ "_CGI._tcp", SERVICE_CAMERA, "camera-service", "http", NULL, NULL },
	{ "_onvif._tcp", SERVICE_CAMERA, "onvif-service", "http", NULL, NULL },
	{ "_camera._tcp", SERVICE_CAMERA, "camera-service", NULL, NULL, NULL },
	{ "_nvr._tcp", SERVICE_CAMERA, "camera-service", NULL, NULL, "nvr" },
	{ "_arec._tcp", SERVICE_CAMERA, "camera-service", NULL, "Arecont Vision", NULL },
	{ "_uniview._tcp", SERVICE_CAMERA, "camera-service", NULL, "Uniview", NULL },
	{ "_dahua._tcp", SERVICE_CAMERA, "camera-service", NULL, "Dahua", NULL },
	{ "_hap._tcp", SERVICE_HOMEKIT, "hap-camera", NULL, NULL, NULL },
	{ "_hap._udp", SERVICE_HOMEKIT, "hap-camera", NULL, NULL, NULL },
	{ "_rtsp._tcp", SERVICE_RTSP, "rtsp-service", "rtsp", NULL, NULL },
	{ "_ndi._tcp", SERVICE_NDI, "ndi-source", NULL, NULL, NULL },
	{ "_http._tcp", SERVICE_WEB, "camera-name", "http", NULL, NULL },
	{ "_raop._tcp", SERVICE_NEGATIVE, "speaker", NULL, NULL, NULL },
	{ "_airplay._tcp", SERVICE_NEGATIVE, "speaker", NULL, NULL, NULL },
	{ "_ipp._tcp", SERVICE_NEGATIVE, "printer", NULL, NULL, NULL },
	{ "_printer._tcp", SERVICE_NEGATIVE, "printer", NULL, NULL, NULL },
	{ "_pdl-datastream._tcp", SERVICE_NEGATIVE, "printer", NULL, NULL, NULL },
};

const char *const mdns_types[] = {
	"_axis-video._tcp",
	"_axis-nvr._tcp",
	"_psia._tcp",
	"_CGI._tcp",
	"_onvif._tcp",
	"_camera._tcp",
	"_nvr._tcp",
	"_arec._tcp",
	"_uniview._tcp",
	"_dahua._tcp",
	"_hap._tcp",
	"_hap._udp",
	"_rtsp._tcp",
	"_ndi._tcp",
	"_http._tcp",
	"_raop._tcp",
	"_airplay._tcp",
	"_ipp._tcp",
	"_printer._tcp",
	"_pdl-datastream._tcp",
	NULL,
};

static const struct type *find_type(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcasecmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

/* Value of a key (RFC 6763, section 6.4: case does not matter), or NULL. */
static const char *find_txt(const struct mdns_service *service, const char *key)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < service->txt_count; i++)
		if (strncasecmp(service->txt[i], key, length) == 0 &&
		    service->txt[i][length] == '=')
			return service->txt[i] + length + 1;
	return NULL;
}

static void add(struct evidence *evidence, enum field field, const char *text, usec_t time)
{
	evidence_add(evidence, SOURCE_MDNS, field, text, time);
}

/* "VENDOR MODEL - MAC OR SERIAL" is how several makers name their instances. */
static void read_instance(struct evidence *evidence, const char *instance, usec_t time)
{
	const struct vendor *vendor = vendor_recognise(instance);
	const char *tail = strstr(instance, " - ");
	char text[TEXT_SIZE];
	size_t length;

	if (!vendor)
		return;
	add(evidence, FIELD_VENDOR, vendor->name, time);
	if (vendor_model_of(vendor, instance, text, sizeof(text)))
		add(evidence, FIELD_MODEL, text, time);
	if (!tail)
		return;
	tail += strlen(" - ");
	length = strcspn(tail, " ");
	text_clean(text, sizeof(text), tail, length);
	if (!evidence_add_mac(evidence, SOURCE_MDNS, text, time) && length >= 6 &&
	    strspn(text, "0123456789") == length)
		add(evidence, FIELD_SERIAL, text, time);
}

static void read_axis(struct evidence *evidence, const struct mdns_service *service, usec_t time)
{
	const char *text = find_txt(service, "macaddress"), *maker;
	struct mac_address mac;

	if (!text || !evidence_add_mac(evidence, SOURCE_MDNS, text, time))
		return;
	/* Mobotix and DoorBird took over Axis' service type: the block of the address is the
	 * maker's.
	 */
	maker = mac_parse(&mac, evidence_best(evidence, FIELD_MAC)) == 0 ? oui_find(&mac) : NULL;
	if (maker)
		add(evidence, FIELD_VENDOR, maker, time);
	if (strncasecmp(text, "1ccae3", 6) != 0)
		return;
	add(evidence, FIELD_VENDOR, "DoorBird", time);
	add(evidence, FIELD_KIND, "doorbell", time);
}

/* HomeKit Accessory Protocol, accessory categories. Returns whether it is one with a camera. */
static bool read_homekit(struct evidence *evidence, const struct mdns_service *service, usec_t time)
{
	const char *category = find_txt(service, "ci"), *model = find_txt(service, "md");

	if (!category || (strcmp(category, "17") != 0 && strcmp(category, "18") != 0))
		return false;
	if (strcmp(category, "18") == 0)
		add(evidence, FIELD_KIND, "doorbell", time);
	if (model)
		add(evidence, FIELD_MODEL, model, time);
	return true;
}

static void read_rtsp(struct evidence *evidence, const struct mdns_service *service, usec_t time)
{
	const char *path = find_txt(service, "path");
	char text[TEXT_SIZE];

	if (!path || !*path)
		return;
	text[0] = '/';
	text_clean(text + 1, sizeof(text) - 1, path, strlen(path));
	add(evidence, FIELD_STREAM_PATH, *path == '/' ? text + 1 : text, time);
}

static bool is_camera_name(const char *instance)
{
	static const char *const words[] = { "camera", "ipcam", "ipcamera", "webcam",  "netcam",
					     "nvr",    "dvr",   "cctv",     "doorbell" };

	if (vendor_recognise(instance))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (text_has_word(instance, words[i], false))
			return true;
	return false;
}

static void add_host(struct evidence *evidence, const char *host, usec_t time)
{
	const char *end = strchr(host, '.');
	char text[TEXT_SIZE];

	text_clean(text, sizeof(text), host, end ? (size_t)(end - host) : strlen(host));
	add(evidence, FIELD_NAME, text, time);
}

void mdns_message_read(struct evidence *evidence, const struct mdns_service *service, usec_t time)
{
	const struct type *type = find_type(service->type);

	if (!type)
		return;
	switch (type->kind) {
	case SERVICE_HOMEKIT:
		if (!read_homekit(evidence, service, time))
			return;
		break;
	case SERVICE_WEB:
		if (!is_camera_name(service->instance))
			return;
		break;
	case SERVICE_NEGATIVE:
		add(evidence, FIELD_TRAIT, type->trait, time);
		return;
	case SERVICE_AXIS:
	case SERVICE_CAMERA:
	case SERVICE_RTSP:
	case SERVICE_NDI:
		break;
	}
	add(evidence, FIELD_TRAIT, type->trait, time);
	if (type->vendor)
		add(evidence, FIELD_VENDOR, type->vendor, time);
	if (type->device_kind)
		add(evidence, FIELD_KIND, type->device_kind, time);
	read_instance(evidence, service->instance, time);
	if (type->kind == SERVICE_AXIS)
		read_axis(evidence, service, time);
	if (type->kind == SERVICE_RTSP)
		read_rtsp(evidence, service, time);
	if (type->hint && service->port)
		evidence_add_port(evidence, SOURCE_MDNS, FIELD_HINT, service->port, type->hint,
				  time);
	add_host(evidence, service->host, time);
}
