/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fusion of evidence. The weights follow one thought: a protocol that only video devices speak, and
 * speak about themselves, is certain; a service that others offer too (RTSP, HTTP, a name) only
 * adds up; a sign of another kind of device takes away from what merely adds up, but does not
 * outweigh a device that calls itself a network video transmitter.
 */
#include "discoverd/evidence.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/netaddr.h"
#include "discoverd/vendor.h"

#define MAX_OF_FIELD (EVIDENCE_MAX_FACTS / 4)
#define MAX_FAILURES 3

#define SOURCE_NAME(name, text) text,
static const char *const source_names[SOURCE_COUNT] = { SOURCES(SOURCE_NAME) };

/* For single-valued fields: which source is believed first. Sources not listed come last. */
#define ORDER(...)                        \
	{                                 \
		__VA_ARGS__, SOURCE_COUNT \
	}
static const struct {
	const char *name;
	bool single;
	enum source order[SOURCE_COUNT + 1];
} fields[FIELD_COUNT] = {
	[FIELD_VENDOR] = { "vendor", true,
			   ORDER(SOURCE_ONVIF, SOURCE_MDNS, SOURCE_WSD, SOURCE_RTSP, SOURCE_HTTP,
				 SOURCE_SSDP, SOURCE_CERTIFICATE, SOURCE_DHCP) },
	[FIELD_MODEL] = { "model", true,
			  ORDER(SOURCE_ONVIF, SOURCE_WSD, SOURCE_MDNS, SOURCE_SSDP, SOURCE_RTSP,
				SOURCE_HTTP, SOURCE_CERTIFICATE) },
	[FIELD_SERIAL] = { "serial", true,
			   ORDER(SOURCE_ONVIF, SOURCE_WSD, SOURCE_MDNS, SOURCE_SSDP, SOURCE_RTSP,
				 SOURCE_HTTP, SOURCE_CERTIFICATE) },
	[FIELD_FIRMWARE] = { "firmware", true, ORDER(SOURCE_ONVIF, SOURCE_WSD, SOURCE_MDNS) },
	[FIELD_NAME] = { "name", true, ORDER(SOURCE_WSD, SOURCE_SSDP, SOURCE_MDNS) },
	[FIELD_KIND] = { "kind", true, ORDER(SOURCE_MDNS, SOURCE_WSD) },
	[FIELD_STREAM_PATH] = { "stream-path", true, ORDER(SOURCE_ONVIF, SOURCE_MDNS) },
	[FIELD_SNAPSHOT_PATH] = { "snapshot-path", true, ORDER(SOURCE_ONVIF) },
	[FIELD_ADDRESS] = { "address", true, ORDER(SOURCE_ARP) },
	[FIELD_CLASS] = { "vendor-class", true, ORDER(SOURCE_DHCP) },
	[FIELD_TRAIT] = { "trait", false, ORDER(SOURCE_WSD) },
	[FIELD_ENDPOINT] = { "endpoint", false, ORDER(SOURCE_WSD) },
	[FIELD_MAC] = { "mac", false, ORDER(SOURCE_MDNS, SOURCE_WSD) },
	[FIELD_HINT] = { "hint", false, ORDER(SOURCE_WSD) },
	[FIELD_ONVIF] = { "onvif", false, ORDER(SOURCE_WSD) },
	[FIELD_SERVICE] = { "service", false, ORDER(SOURCE_RTSP) },
};

static const struct trait {
	const char *name;
	double weight;
	bool certain; /* proves a video device by itself */
} traits[] = {
	{ "onvif-transmitter", 0.95, true }, /* WS-Discovery type NetworkVideoTransmitter */
	{ "onvif-device", 0.9, true },       /* WS-Discovery type tds:Device */
	{ "onvif-answers", 0.9, true },      /* its device service has answered, or refused to */
	{ "onvif-scope", 0.85, true },       /* a scope that begins with onvif:// */
	{ "axis-video", 0.95, true },        /* _axis-video._tcp, _axis-nvr._tcp */
	{ "hap-camera", 0.9, true },         /* _hap._tcp, category camera or doorbell */
	{ "onvif-service", 0.85, true },     /* _onvif._tcp */
	{ "upnp-camera", 0.9, true },        /* UPnP type DigitalSecurityCamera, or Axis' own */
	{ "camera-service", 0.7, false },    /* _camera._tcp, _nvr._tcp, _psia._tcp, vendors' own */
	{ "rtsp-service", 0.3, false },      /* _rtsp._tcp announced */
	{ "ndi-source", 0.5, false },        /* _ndi._tcp: a video source, often a program */
	{ "camera-name", 0.3, false },       /* an HTTP announcement whose name says camera */
	{ "upnp-maker", 0.5, false },        /* its UPnP description names a maker of cameras */
	{ "upnp-name", 0.3, false },         /* and calls it one */
	{ "rtsp-answers", 0.3, false },      /* an RTSP server, of nobody in particular */
	{ "rtsp-vendor", 0.8, true },        /* an RTSP server that only cameras run */
	{ "http-vendor", 0.5, false },       /* an HTTP server that cameras run */
	{ "added", 0.3, false },             /* an operator has added its address */
	{ "certificate-vendor", 0.4, false }, /* its certificate names a maker of cameras */
	{ "camera-oui", 0.2, false },         /* the MAC is of a block of a maker of cameras */
	{ "camera-class", 0.7, false },       /* its DHCP vendor class says camera */
	{ "factory-address", 0.4, false },    /* a camera's first address, of another network */
	{ "computer", -0.8, false },          /* WS-Discovery type pub:Computer */
	{ "printer", -1.0, false },
	{ "telephone", -1.0, false },
	{ "speaker", -1.0, false }, /* AirPlay, RAOP: they speak RTSP */
	{ "television", -1.0, false },
	{ "media-player", -1.0, false }, /* UPnP types MediaServer, MediaRenderer */
	{ "router", -1.0, false },       /* UPnP type InternetGatewayDevice */
	{ "lighting", -1.0, false },     /* a bridge of lamps */
};

const char *source_name(enum source source)
{
	return source_names[source];
}

const char *field_name(enum field field)
{
	return fields[field].name;
}

void evidence_deinit(struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->count; i++)
		free(evidence->facts[i]);
	free(evidence->facts);
	*evidence = (struct evidence){ 0 };
}

static void remove_at(struct evidence *evidence, size_t index)
{
	free(evidence->facts[index]);
	evidence->count--;
	memmove(evidence->facts + index, evidence->facts + index + 1,
		(evidence->count - index) * sizeof(*evidence->facts));
}

/* Makes room for a fact of that field: nobody drives out the other fields by telling much of one.
 */
static void make_room(struct evidence *evidence, enum field field)
{
	size_t oldest = 0, oldest_of_field = evidence->count, of_field = 0;

	for (size_t i = 0; i < evidence->count; i++) {
		if (evidence->facts[i]->time < evidence->facts[oldest]->time)
			oldest = i;
		if (evidence->facts[i]->field != field)
			continue;
		if (!of_field++ ||
		    evidence->facts[i]->time < evidence->facts[oldest_of_field]->time)
			oldest_of_field = i;
	}
	if (of_field >= MAX_OF_FIELD)
		remove_at(evidence, oldest_of_field);
	else if (evidence->count == EVIDENCE_MAX_FACTS)
		remove_at(evidence, oldest);
}

/* Whether a fact takes the place of the one known: same thing said by the same source. */
static bool replaces(const struct fact *known, enum source source, enum field field, uint16_t port,
		     const char *text)
{
	if (known->field != field)
		return false;
	if (field == FIELD_SERVICE)
		return known->port == port; /* a port has one service, whoever found it */
	if (known->source != source)
		return false;
	if (field == FIELD_ONVIF)
		return known->port == port;
	return fields[field].single || (known->port == port && strcmp(known->text, text) == 0);
}

static bool add_clean(struct evidence *evidence, const struct fact *model, const char *text)
{
	size_t length = strlen(text), index;
	struct fact *fact;

	for (index = 0; index < evidence->count; index++)
		if (replaces(evidence->facts[index], model->source, model->field, model->port,
			     text))
			break;
	if (index < evidence->count) {
		fact = evidence->facts[index];
		if (fact->time > model->time)
			return false; /* of two devices that turn out to be one: the newer word */
		if (strcmp(fact->text, text) == 0) {
			fact->time = model->time;
			fact->stale = model->stale;
			fact->failures = model->failures;
			return false;
		}
		remove_at(evidence, index);
	}
	make_room(evidence, model->field);
	fact = xcalloc(1, sizeof(*fact) + length + 1);
	*fact = *model;
	memcpy(fact->text, text, length + 1);
	evidence->facts = xrealloc_array(evidence->facts, evidence->count + 1,
					 sizeof(*evidence->facts));
	evidence->facts[evidence->count++] = fact;
	return true;
}

bool evidence_add_port(struct evidence *evidence, enum source source, enum field field,
		       uint16_t port, const char *text, usec_t time)
{
	const struct fact model = { .time = time, .source = source, .field = field, .port = port };
	char clean[TEXT_SIZE];

	if (!text || !text_clean(clean, sizeof(clean), text, strlen(text)))
		return false;
	return add_clean(evidence, &model, clean);
}

bool evidence_add(struct evidence *evidence, enum source source, enum field field, const char *text,
		  usec_t time)
{
	return evidence_add_port(evidence, source, field, 0, text, time);
}

bool evidence_add_mac(struct evidence *evidence, enum source source, const char *text, usec_t time)
{
	char digits[12], canonical[MAC_TEXT_SIZE];
	struct mac_address mac;
	size_t used = 0;

	for (; *text; text++) {
		if (isxdigit((unsigned char)*text) && used < sizeof(digits))
			digits[used++] = *text;
		else if (*text != ':' && *text != '-')
			return false;
	}
	if (used != sizeof(digits))
		return false;
	snprintf(canonical, sizeof(canonical), "%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", digits, digits + 2,
		 digits + 4, digits + 6, digits + 8, digits + 10);
	if (mac_parse(&mac, canonical) < 0 || !mac_is_unicast(&mac))
		return false;
	evidence_add(evidence, source, FIELD_MAC, mac_format(&mac, canonical), time);
	return true;
}

bool evidence_merge(struct evidence *evidence, const struct evidence *other)
{
	bool changed = false;

	for (size_t i = 0; i < other->count; i++)
		changed |= add_clean(evidence, other->facts[i], other->facts[i]->text);
	return changed;
}

static bool is_repeated(const struct evidence *answer, const struct fact *known)
{
	for (size_t i = 0; i < answer->count; i++) {
		const struct fact *fact = answer->facts[i];

		if (replaces(known, fact->source, fact->field,
			     fact->port ? fact->port : known->port, fact->text))
			return true;
	}
	return false;
}

bool evidence_take_answer(struct evidence *evidence, const struct evidence *answer, uint16_t port,
			  unsigned sources)
{
	bool changed = false;

	for (size_t i = 0; i < answer->count; i++) {
		struct fact model = *answer->facts[i];

		if (!model.port)
			model.port = port;
		changed |= add_clean(evidence, &model, answer->facts[i]->text);
	}
	for (size_t i = evidence->count; i-- > 0;) {
		struct fact *fact = evidence->facts[i];

		if (fact->port != port || !(sources & BIT(fact->source)) ||
		    is_repeated(answer, fact) || ++fact->failures < MAX_FAILURES)
			continue;
		remove_at(evidence, i);
		changed = true;
	}
	return changed;
}

bool evidence_is_failing(const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->count; i++) {
		const struct fact *fact = evidence->facts[i];

		if (fact->failures &&
		    (fact->field == FIELD_SERVICE ||
		     (fact->field == FIELD_ONVIF && fact->source == SOURCE_ONVIF)))
			return true;
	}
	return false;
}

static size_t rank(enum field field, enum source source)
{
	size_t i;

	for (i = 0; fields[field].order[i] != SOURCE_COUNT; i++)
		if (fields[field].order[i] == source)
			break;
	return i;
}

const char *evidence_best(const struct evidence *evidence, enum field field)
{
	const struct fact *best = NULL;

	for (size_t i = 0; i < evidence->count; i++) {
		const struct fact *fact = evidence->facts[i];

		if (fact->field != field)
			continue;
		if (!best || rank(field, fact->source) < rank(field, best->source))
			best = fact;
	}
	return best ? best->text : NULL;
}

const struct fact *evidence_next(const struct evidence *evidence, enum field field,
				 const struct fact *after)
{
	size_t i = 0;

	if (after) {
		while (i < evidence->count && evidence->facts[i] != after)
			i++;
		i++;
	}
	for (; i < evidence->count; i++)
		if (evidence->facts[i]->field == field)
			return evidence->facts[i];
	return NULL;
}

bool evidence_has_trait(const struct evidence *evidence, const char *trait)
{
	const struct fact *fact = NULL;

	while ((fact = evidence_next(evidence, FIELD_TRAIT, fact)))
		if (strcmp(fact->text, trait) == 0)
			return true;
	return false;
}

bool evidence_speaks_against(const struct evidence *evidence)
{
	const struct fact *fact = NULL;

	while ((fact = evidence_next(evidence, FIELD_TRAIT, fact)))
		if (evidence_weigh(evidence, fact).value < 0)
			return true;
	return false;
}

bool evidence_has_source(const struct evidence *evidence, enum source source)
{
	for (size_t i = 0; i < evidence->count; i++)
		if (evidence->facts[i]->source == source)
			return true;
	return false;
}

/* Whether somebody told the trait before, in the order of the list. */
static bool is_first(const struct evidence *evidence, const struct fact *trait)
{
	const struct fact *fact = NULL;

	while ((fact = evidence_next(evidence, FIELD_TRAIT, fact)) != trait)
		if (strcmp(fact->text, trait->text) == 0)
			return false;
	return true;
}

struct evidence_weight evidence_weigh(const struct evidence *evidence, const struct fact *fact)
{
	struct evidence_weight weight = { 0 };

	for (size_t i = 0; fact->field == FIELD_TRAIT && i < ARRAY_SIZE(traits); i++) {
		if (strcmp(traits[i].name, fact->text) != 0)
			continue;
		weight.value = is_first(evidence, fact) ? traits[i].weight : 0;
		weight.alone = traits[i].certain && !fact->stale ? traits[i].weight : 0;
		break;
	}
	return weight;
}

double evidence_sum(const struct evidence *evidence)
{
	const struct fact *fact = NULL;
	double sum = 0;

	while ((fact = evidence_next(evidence, FIELD_TRAIT, fact)))
		sum += evidence_weigh(evidence, fact).value;
	return sum;
}

double evidence_confidence(const struct evidence *evidence)
{
	double confidence = evidence_sum(evidence), alone;
	const struct fact *fact = NULL;

	while ((fact = evidence_next(evidence, FIELD_TRAIT, fact))) {
		alone = evidence_weigh(evidence, fact).alone;
		if (alone > confidence)
			confidence = alone;
	}
	return confidence > 1 ? 1 : confidence < 0 ? 0 : confidence;
}

bool evidence_is_other(const struct evidence *evidence)
{
	return evidence_sum(evidence) < 0 && evidence_confidence(evidence) < CANDIDATE_FROM;
}

/*
 * Sources that every burst asks again, and that then say all they have to say. The others tell
 * once, and either last (the maker's block of MACs) or are taken back otherwise (what a service
 * told, by evidence_take_answer(); mDNS, by avahi).
 */
static bool is_asked_again(enum source source)
{
	return source == SOURCE_WSD || source == SOURCE_SSDP;
}

bool evidence_is_told(const struct evidence *evidence, enum source source, usec_t since)
{
	for (size_t i = 0; i < evidence->count; i++)
		if (evidence->facts[i]->source == source && evidence->facts[i]->time >= since)
			return true;
	return false;
}

bool evidence_age(struct evidence *evidence, usec_t since)
{
	bool changed = false;

	for (size_t i = evidence->count; i-- > 0;) {
		struct fact *fact = evidence->facts[i];

		if (fact->time >= since || !is_asked_again(fact->source))
			continue;
		if (evidence_is_told(evidence, fact->source, since)) {
			remove_at(evidence, i);
			changed = true;
		} else if (!fact->stale) {
			fact->stale = true;
			changed = true;
		}
	}
	return changed;
}

/* A name is its owner's: a camera that looks at a recorder may be called after it. */
static const char *kind_by_name(const struct evidence *evidence)
{
	const struct vendor *vendor = vendor_find(evidence_best(evidence, FIELD_VENDOR));
	const char *model = evidence_best(evidence, FIELD_MODEL);
	const char *name = evidence_best(evidence, FIELD_NAME);

	if (model)
		return vendor_kind_of(vendor, model);
	return name ? vendor_kind_of(vendor, name) : NULL;
}

const char *evidence_kind(const struct evidence *evidence)
{
	const char *told = evidence_best(evidence, FIELD_KIND);

	if (told)
		return told;
	told = kind_by_name(evidence);
	if (told)
		return told;
	/* A program on a PC that speaks ONVIF, or an RTSP server of nobody in particular. */
	if (evidence_has_trait(evidence, "computer") || evidence_has_trait(evidence, "ndi-source"))
		return "video-source";
	return evidence_confidence(evidence) < CAMERA_FROM ? "video-source" : "camera";
}
