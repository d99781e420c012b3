/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/fingerprint.h"

#include <string.h>
#include <strings.h>

#include "discoverd/vendor.h"

enum where {
	IN_SERVER,
	IN_REALM,
	IN_LOCATION,
};

enum tells {
	TELLS_VENDOR,   /* a camera of this vendor */
	TELLS_CAMERA,   /* a camera, whose maker stays unknown */
	TELLS_SERIAL,   /* the rest of the text is the serial number */
	TELLS_MAC,      /* the rest of the text is the MAC address */
	TELLS_NEGATIVE, /* another kind of device: name is the trait */
};

/* Patterns match at the start; the first that matches in a place decides for that place. */
static const struct {
	enum where where;
	const char *start;
	enum tells tells;
	const char *name;
} fingerprints[] = {
	{ IN_SERVER, "AirTunes", TELLS_NEGATIVE, "speaker" },
	{ IN_REALM, "raop", TELLS_NEGATIVE, "speaker" },
	{ IN_REALM, "airplay", TELLS_NEGATIVE, "speaker" },
	{ IN_SERVER, "fbxrtspd", TELLS_NEGATIVE, "television" },
	{ IN_SERVER, "HDHomeRun", TELLS_NEGATIVE, "television" },
	{ IN_SERVER, "WMServer", TELLS_NEGATIVE, "computer" },

	{ IN_SERVER, "App-webs", TELLS_VENDOR, "Hikvision" },
	{ IN_SERVER, "Hikvision", TELLS_VENDOR, "Hikvision" },
	{ IN_SERVER, "DNVRS-Webs", TELLS_VENDOR, "Hikvision" },
	{ IN_SERVER, "DVRDVS-Webs", TELLS_VENDOR, "Hikvision" },
	{ IN_SERVER, "Dahua", TELLS_VENDOR, "Dahua" },
	{ IN_SERVER, "H264DVR", TELLS_VENDOR, "Xiongmai" },
	{ IN_SERVER, "uc-httpd", TELLS_VENDOR, "Xiongmai" },
	{ IN_SERVER, "Hipcam", TELLS_VENDOR, "Hipcam" },
	{ IN_SERVER, "Netwave IP Camera", TELLS_VENDOR, "Foscam" },
	{ IN_SERVER, "GeoHttpServer", TELLS_VENDOR, "GeoVision" },
	{ IN_SERVER, "Vivotek", TELLS_VENDOR, "Vivotek" },
	{ IN_SERVER, "IQinVision", TELLS_VENDOR, "IQinVision" },
	{ IN_SERVER, "Camera Web Server", TELLS_VENDOR, "Belkin" },
	{ IN_SERVER, "TAS-Tech IPCam", TELLS_CAMERA, NULL },
	{ IN_SERVER, "Network Camera", TELLS_CAMERA, NULL },
	{ IN_SERVER, "Motion/", TELLS_CAMERA, NULL },
	{ IN_SERVER, "GS-Webs", TELLS_VENDOR, "Grandstream" },

	{ IN_REALM, "IP Camera(", TELLS_VENDOR, "Hikvision" },
	{ IN_REALM, "Hikvision", TELLS_VENDOR, "Hikvision" },
	{ IN_REALM, "Login to ", TELLS_SERIAL, "Dahua" },
	{ IN_REALM, "AXIS_WS_", TELLS_MAC, "Axis" },
	{ IN_REALM, "AXIS_", TELLS_MAC, "Axis" },
	{ IN_REALM, "HITRON_", TELLS_MAC, NULL },
	{ IN_REALM, "NET-i", TELLS_VENDOR, "Hanwha" },
	{ IN_REALM, "iPolis", TELLS_VENDOR, "Hanwha" },
	{ IN_REALM, "Arecont Vision", TELLS_VENDOR, "Arecont Vision" },
	{ IN_REALM, "DCS-", TELLS_VENDOR, "D-Link" },
	{ IN_REALM, "TV-IP", TELLS_VENDOR, "TRENDnet" },
	{ IN_REALM, "Sony Network Camera", TELLS_VENDOR, "Sony" },
	{ IN_REALM, "Use 'live' as User Name", TELLS_VENDOR, "Bosch" },
	{ IN_REALM, "netcam", TELLS_CAMERA, NULL },
	{ IN_REALM, "IP Webcam", TELLS_CAMERA, NULL },

	{ IN_LOCATION, "/control/userimage.html", TELLS_VENDOR, "Mobotix" },
	{ IN_LOCATION, "/cgi-bin/guestimage.html", TELLS_VENDOR, "Mobotix" },
	{ IN_LOCATION, "/doc/page/login.asp", TELLS_VENDOR, "Hikvision" },
};

static void read_place(struct evidence *evidence, enum source source, enum where where,
		       const char *text, usec_t time)
{
	static const char *const vendor_traits[SOURCE_COUNT] = {
		[SOURCE_RTSP] = "rtsp-vendor",
		[SOURCE_HTTP] = "http-vendor",
	};
	const char *rest;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fingerprints); i++)
		if (fingerprints[i].where == where && text_starts_with(text, fingerprints[i].start))
			break;
	if (i == ARRAY_SIZE(fingerprints))
		return;
	rest = text + strlen(fingerprints[i].start);
	if (fingerprints[i].tells == TELLS_NEGATIVE) {
		evidence_add(evidence, source, FIELD_TRAIT, fingerprints[i].name, time);
		return;
	}
	evidence_add(evidence, source, FIELD_TRAIT, vendor_traits[source], time);
	evidence_add(evidence, source, FIELD_VENDOR, fingerprints[i].name, time);
	if (fingerprints[i].tells == TELLS_SERIAL)
		evidence_add(evidence, source, FIELD_SERIAL, rest, time);
	if (fingerprints[i].tells == TELLS_MAC)
		evidence_add_mac(evidence, source, rest, time);
}

void fingerprint_read(struct evidence *evidence, const struct response *response, usec_t time)
{
	enum source source = response->protocol == RESPONSE_RTSP ? SOURCE_RTSP : SOURCE_HTTP;
	const char *location = response->location;

	/* "http://10.0.0.7/doc/page/login.asp": what counts is the path. */
	if (text_starts_with(location, "http://")) {
		location = strchr(location + strlen("http://"), '/');
		if (!location)
			location = "";
	}
	read_place(evidence, source, IN_SERVER, response->server, time);
	for (unsigned i = 0; i < response->realm_count; i++)
		read_place(evidence, source, IN_REALM, response->realms[i], time);
	read_place(evidence, source, IN_LOCATION, location, time);
}
