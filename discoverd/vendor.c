/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/vendor.h"

#include <string.h>
#include <strings.h>

#include "common/macros.h"
#include "discoverd/text.h"

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Relabelled brands stand before the maker whose words they also carry. */
static const struct vendor vendors[] = {
	{ "Axis", LIST("AXIS"), NULL, "/axis-media/media.amp", "/axis-cgi/jpg/image.cgi" },
	{ "Annke", LIST("ANNKE"), NULL, "/Streaming/Channels/101",
	  "/ISAPI/Streaming/channels/101/picture" },
	{ "EZVIZ", LIST("EZVIZ"), LIST("CS-C", "CS-BC", "CS-H"), "/Streaming/Channels/101", NULL },
	{ "LTS", LIST("LTS Security"), LIST("LTCMIP", "CMIP"), "/Streaming/Channels/101",
	  "/ISAPI/Streaming/channels/101/picture" },
	{ "Hikvision", LIST("HIKVISION", "HiLook", "HiWatch"),
	  LIST("DS-2", "DS-7", "DS-8", "DS-9", "DS-K", "iDS-", "HIK-"), "/Streaming/Channels/101",
	  "/ISAPI/Streaming/channels/101/picture" },
	{ "Amcrest", LIST("AMCREST"), LIST("IP2M-", "IP3M-", "IP4M-", "IP5M-", "IP8M-"),
	  "/cam/realmonitor?channel=1&subtype=0", "/cgi-bin/snapshot.cgi?channel=1" },
	{ "Lorex", LIST("LOREX"), LIST("LNB", "LNE"), "/cam/realmonitor?channel=1&subtype=0",
	  "/cgi-bin/snapshot.cgi?channel=1" },
	{ "Imou", LIST("IMOU"), NULL, "/cam/realmonitor?channel=1&subtype=0", NULL },
	{ "Dahua", LIST("DAHUA"),
	  LIST("DH-", "IPC-HF", "IPC-HD", "IPC-HUM", "DHI-", "SD49", "SD59", "SD6"),
	  "/cam/realmonitor?channel=1&subtype=0", "/cgi-bin/snapshot.cgi?channel=1" },
	{ "Reolink", LIST("REOLINK"), LIST("RLC-", "RLN", "RLK"), "/h264Preview_01_main",
	  "/cgi-bin/api.cgi?cmd=Snap&channel=0" },
	{ "TP-Link", LIST("TP-LINK", "TPLINK", "TAPO", "VIGI"), LIST("TL-IPC", "TL-NC"), "/stream1",
	  NULL },
	{ "Foscam", LIST("FOSCAM"), NULL, "/videoMain", NULL },
	{ "Hanwha", LIST("HANWHA", "WISENET", "SAMSUNG TECHWIN"),
	  LIST("XNV-", "XNO-", "XND-", "XNP-", "QNV-", "QNO-", "QND-", "PNV-", "SNV-", "SND-",
	       "SNO-", "SNB-"),
	  NULL, NULL },
	{ "Uniview", LIST("UNIVIEW", "UNV"), NULL, "/media/video1", NULL },
	{ "Bosch", LIST("BOSCH"), LIST("NBN-", "NDE-", "NDI-", "NBE-"), "/rtsp_tunnel", NULL },
	{ "Vivotek", LIST("VIVOTEK"), NULL, NULL, NULL },
	{ "Mobotix", LIST("MOBOTIX"), NULL, NULL, NULL },
	{ "i-PRO", LIST("I-PRO"), NULL, NULL, NULL },
	{ "Panasonic", LIST("PANASONIC"), LIST("WV-"), NULL, NULL },
	{ "Sony", LIST("SONY"), LIST("SNC-"), NULL, NULL },
	{ "D-Link", LIST("D-LINK", "DLINK"), LIST("DCS-"), NULL, NULL },
	{ "TRENDnet", LIST("TRENDNET"), LIST("TV-IP"), NULL, NULL },
	{ "Ubiquiti", LIST("UBIQUITI", "UNIFI"), LIST("UVC"), NULL, NULL },
	{ "Avigilon", LIST("AVIGILON"), NULL, NULL, NULL },
	{ "Arecont Vision", LIST("ARECONT"), NULL, NULL, NULL },
	{ "Pelco", LIST("PELCO"), NULL, NULL, NULL },
	{ "GeoVision", LIST("GEOVISION"), LIST("GV-"), NULL, NULL },
	{ "ACTi", LIST("ACTI"), NULL, NULL, NULL },
	{ "Milesight", LIST("MILESIGHT"), LIST("MS-C"), NULL, NULL },
	{ "Tiandy", LIST("TIANDY"), LIST("TC-C"), NULL, NULL },
	{ "Grandstream", LIST("GRANDSTREAM"), LIST("GXV3"), NULL, NULL },
	{ "DoorBird", LIST("DOORBIRD"), NULL, NULL, NULL },
	{ "Swann", LIST("SWANN"), NULL, NULL, NULL },
	{ "FLIR", LIST("FLIR"), NULL, NULL, NULL },
	{ "IQinVision", LIST("IQINVISION", "IQEYE"), NULL, NULL, NULL },
	{ "Sunell", LIST("SUNELL"), NULL, NULL, NULL },
	{ "Jovision", LIST("JOVISION"), NULL, NULL, NULL },
	{ "Infinova", LIST("INFINOVA"), NULL, NULL, NULL },
	{ "Belkin", LIST("BELKIN"), NULL, NULL, NULL },
	{ "Verkada", LIST("VERKADA"), NULL, NULL, NULL },
	{ "Wyze", LIST("WYZE"), NULL, NULL, NULL },
	{ "Xiongmai", LIST("XIONGMAI", "H264DVR"), NULL,
	  "/user=U_password=P_channel=1_stream=0.sdp?real_stream",
	  "/webcapture.jpg?command=snap&channel=1" },
	{ "Hipcam", LIST("HIPCAM"), NULL, "/11", NULL },
};

const struct vendor *vendor_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(vendors); i++)
		if (strcasecmp(vendors[i].name, name) == 0)
			return &vendors[i];
	return NULL;
}

const struct vendor *vendor_named(const char *text)
{
	const struct vendor *vendor = vendor_find(text);

	for (size_t i = 0; !vendor && i < ARRAY_SIZE(vendors); i++)
		for (const char *const *word = vendors[i].words; *word; word++)
			if (text_has_word(text, *word, false))
				return &vendors[i];
	return vendor;
}

const struct vendor *vendor_recognise(const char *text)
{
	const struct vendor *vendor = vendor_named(text);

	if (vendor)
		return vendor;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++)
		for (const char *const *model = vendors[i].models; model && *model; model++)
			if (text_has_word(text, *model, true))
				return &vendors[i];
	return NULL;
}

bool vendor_model_of(const struct vendor *vendor, const char *name, char *buffer, unsigned size)
{
	const char *end = strstr(name, " - ");
	size_t length = end ? (size_t)(end - name) : strlen(name);

	for (const char *const *word = vendor ? vendor->words : NULL; word && *word; word++) {
		size_t skip = strlen(*word);

		if (length < skip || strncasecmp(name, *word, skip) != 0 ||
		    (length > skip && name[skip] != ' '))
			continue;
		name += skip;
		length -= skip;
		break;
	}
	return text_clean(buffer, size, name, length) > 0;
}

struct model_word {
	const char *vendor; /* NULL: any */
	const char *word;
	bool prefix;
	const char *kind;
};

static bool has_word(const struct model_word *word, const struct vendor *vendor, const char *text)
{
	return (!word->vendor || (vendor && strcmp(vendor->name, word->vendor) == 0)) &&
	       text_has_word(text, word->word, word->prefix);
}

const char *vendor_kind_of(const struct vendor *vendor, const char *text)
{
	static const struct model_word words[] = {
		{ NULL, "doorbell", true, "doorbell" },
		{ NULL, "door station", false, "doorbell" },
		{ NULL, "intercom", false, "doorbell" },
		{ NULL, "NVR", true, "nvr" },
		{ NULL, "DVR", true, "nvr" },
		{ NULL, "XVR", true, "nvr" },
		{ NULL, "HVR", true, "nvr" },
		{ NULL, "recorder", false, "nvr" },
		{ NULL, "encoder", true, "encoder" },
		{ NULL, "video server", true, "encoder" },
		{ "Amcrest", "AD110", true, "doorbell" },
		{ "Amcrest", "AD410", true, "doorbell" },
		{ "Axis", "A80", true, "doorbell" },
		{ "Axis", "A81", true, "doorbell" },
		{ "Axis", "A82", true, "doorbell" },
		{ "Axis", "S10", true, "nvr" },
		{ "Axis", "S11", true, "nvr" },
		{ "Axis", "S12", true, "nvr" },
		{ "Axis", "S20", true, "nvr" },
		{ "Axis", "S21", true, "nvr" },
		{ "Axis", "S22", true, "nvr" },
		{ "Axis", "S30", true, "nvr" },
		{ "Axis", "M70", true, "encoder" },
		{ "Axis", "M71", true, "encoder" },
		{ "Axis", "P72", true, "encoder" },
		{ "Axis", "P73", true, "encoder" },
		{ "Axis", "Q74", true, "encoder" },
		{ "Bosch", "DIVAR", false, "nvr" },
		{ "Bosch", "VIDEOJET", false, "encoder" },
		{ "Dahua", "VTO", true, "doorbell" },
		{ "DoorBird", "D1", true, "doorbell" },
		{ "DoorBird", "D2", true, "doorbell" },
		{ "Hanwha", "XRN-", true, "nvr" },
		{ "Hanwha", "QRN-", true, "nvr" },
		{ "Hanwha", "PRN-", true, "nvr" },
		{ "Hanwha", "SRN-", true, "nvr" },
		{ "Hanwha", "WRN-", true, "nvr" },
		{ "Hanwha", "HRX-", true, "nvr" },
		{ "Hanwha", "SPE-", true, "encoder" },
		{ "Hikvision", "DS-7", true, "nvr" },
		{ "Hikvision", "DS-8", true, "nvr" },
		{ "Hikvision", "DS-9", true, "nvr" },
		{ "Hikvision", "iDS-7", true, "nvr" },
		{ "Hikvision", "iDS-9", true, "nvr" },
		{ "Hikvision", "DS-67", true, "encoder" },
		{ "Hikvision", "DS-HD", true, "doorbell" },
		{ "Hikvision", "DS-KB", true, "doorbell" },
		{ "Hikvision", "DS-KD", true, "doorbell" },
		{ "Hikvision", "DS-KV", true, "doorbell" },
		{ "Reolink", "RLN", true, "nvr" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (has_word(&words[i], vendor, text))
			return words[i].kind;
	return NULL;
}

bool vendor_is_general(const struct vendor *vendor)
{
	static const char *const names[] = { "TP-Link",  "Panasonic",  "Sony", "D-Link",
					     "TRENDnet", "Ubiquiti",   "FLIR", "Belkin",
					     "Bosch",    "Grandstream" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(vendor->name, names[i]) == 0)
			return true;
	return false;
}

bool vendor_model_sleeps(const struct vendor *vendor, const char *model)
{
	static const struct model_word models[] = {
		{ NULL, "battery", false },    { NULL, "eufyCam", true },
		{ NULL, "Argus", true },       { "Reolink", "Go", false },
		{ "Reolink", "Altas", false }, { "EZVIZ", "CS-BC", true },
		{ "EZVIZ", "CS-CB", true },    { "EZVIZ", "CS-EB", true },
		{ "EZVIZ", "CS-HB", true },    { "Imou", "Cell", false },
		{ "TP-Link", "C400", true },   { "TP-Link", "C410", true },
		{ "TP-Link", "C420", true },   { "TP-Link", "C425", true },
		{ "TP-Link", "C460", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		if (has_word(&models[i], vendor, model))
			return true;
	return false;
}
