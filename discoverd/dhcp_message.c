/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/dhcp_message.h"

#include <errno.h>
#include <string.h>

#include "discoverd/text.h"
#include "discoverd/vendor.h"

/* RFC 791, 768: offsets in the packet. */
enum {
	IP_SMALLEST = 20,
	IP_FRAGMENT = 6,
	IP_PROTOCOL = 9,
	PROTOCOL_UDP = 17,
	UDP_SIZE = 8,
	PORT_SERVER = 67,
	PORT_CLIENT = 68,
};
/* RFC 2131, section 2: offsets in the message. */
enum {
	OP = 0,
	HARDWARE = 1,
	HARDWARE_SIZE = 2,
	CLIENT_ADDRESS = 12,
	YOUR_ADDRESS = 16,
	CLIENT_MAC = 28,
	COOKIE = 236,
	OPTIONS = 240,
};
enum {
	FROM_CLIENT = 1,
	FROM_SERVER = 2,
	ETHERNET = 1,
};
/* RFC 2132 */
enum {
	OPTION_PAD = 0,
	OPTION_HOST_NAME = 12,
	OPTION_REQUESTED_ADDRESS = 50,
	OPTION_TYPE = 53,
	OPTION_VENDOR_CLASS = 60,
	OPTION_END = 255,
};
enum {
	TYPE_REQUEST = 3,
	TYPE_DECLINE = 4,
	TYPE_ACK = 5,
	TYPE_RELEASE = 7,
};

struct bytes {
	const uint8_t *start;
	size_t size;
};

static unsigned u16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

/* The UDP payload of a whole packet to a port of DHCP. */
static int find_message(struct bytes *ret_message, const uint8_t *packet, size_t size)
{
	size_t head, length;

	if (size < IP_SMALLEST || packet[0] >> 4 != 4)
		return -EBADMSG;
	head = (packet[0] & 0xfU) * 4;
	length = u16(packet + 2);
	if (head < IP_SMALLEST || length > size || head + UDP_SIZE > length ||
	    packet[IP_PROTOCOL] != PROTOCOL_UDP)
		return -EBADMSG;
	if (u16(packet + IP_FRAGMENT) & 0x3fff) /* more fragments, or not the first */
		return -ENODATA;
	packet += head;
	length -= head;
	if (u16(packet + 2) != PORT_SERVER && u16(packet + 2) != PORT_CLIENT)
		return -ENODATA;
	if (u16(packet + 4) < UDP_SIZE || u16(packet + 4) > length)
		return -EBADMSG;
	*ret_message = (struct bytes){ packet + UDP_SIZE, u16(packet + 4) - UDP_SIZE };
	return 0;
}

/* The value of an option; size 0 when it is absent. Only the options field is looked at: what a
 * client has to say fits there. */
static struct bytes find_option(const struct bytes *message, uint8_t wanted)
{
	const uint8_t *at = message->start + OPTIONS, *end = message->start + message->size;

	while (at < end && *at != OPTION_END) {
		if (*at == OPTION_PAD) {
			at++;
			continue;
		}
		if (end - at < 2 || end - at - 2 < at[1])
			break;
		if (*at == wanted)
			return (struct bytes){ at + 2, at[1] };
		at += 2 + at[1];
	}
	return (struct bytes){ at, 0 };
}

static bool read_address(struct netaddr *ret_address, const uint8_t *bytes)
{
	struct netaddr address = { .family = AF_INET };

	memcpy(&address.v4, bytes, sizeof(address.v4));
	if (!netaddr_is_unicast_host(&address))
		return false;
	*ret_address = address;
	return true;
}

static void read_client(struct dhcp_message *message, const struct bytes *bytes, unsigned type)
{
	struct bytes option = find_option(bytes, OPTION_HOST_NAME);

	text_clean(message->host_name, sizeof(message->host_name), (const char *)option.start,
		   option.size);
	option = find_option(bytes, OPTION_VENDOR_CLASS);
	text_clean(message->vendor_class, sizeof(message->vendor_class), (const char *)option.start,
		   option.size);
	message->releases = type == TYPE_RELEASE || type == TYPE_DECLINE;
	/* RFC 2131, 4.3.2: an address that it uses already, or one that it was offered. */
	if (type != TYPE_REQUEST || read_address(&message->address, bytes->start + CLIENT_ADDRESS))
		return;
	option = find_option(bytes, OPTION_REQUESTED_ADDRESS);
	if (option.size == sizeof(message->address.v4))
		read_address(&message->address, option.start);
}

int dhcp_message_read(struct dhcp_message *ret_message, const void *bytes, size_t size)
{
	static const uint8_t cookie[] = { 99, 130, 83, 99 };
	struct dhcp_message message = { 0 };
	struct bytes payload = { 0 }, option;
	unsigned type;
	int r = find_message(&payload, bytes, size);

	if (r < 0)
		return r;
	if (payload.size < OPTIONS || memcmp(payload.start + COOKIE, cookie, sizeof(cookie)) != 0)
		return -EBADMSG;
	option = find_option(&payload, OPTION_TYPE);
	if (option.size != 1)
		return -EBADMSG; /* BOOTP, or cut */
	type = option.start[0];
	if (payload.start[HARDWARE] != ETHERNET ||
	    payload.start[HARDWARE_SIZE] != sizeof(message.mac.octets))
		return -ENODATA;
	memcpy(message.mac.octets, payload.start + CLIENT_MAC, sizeof(message.mac.octets));
	if (!mac_is_unicast(&message.mac))
		return -EBADMSG;
	if (payload.start[OP] == FROM_CLIENT)
		read_client(&message, &payload, type);
	else if (payload.start[OP] != FROM_SERVER)
		return -EBADMSG;
	else if (type != TYPE_ACK || !read_address(&message.address, payload.start + YOUR_ADDRESS))
		return -ENODATA; /* an offer is not yet a lease */
	*ret_message = message;
	return 0;
}

/* --- what it says --- */

/* "AXIS,Network Camera,M1065-LW,8.20.1": the form that Axis' devices use. */
static void read_axis_class(struct evidence *evidence, const char *class, usec_t time)
{
	const char *model = strchr(class, ','), *firmware;
	char text[TEXT_SIZE];

	model = model ? strchr(model + 1, ',') : NULL;
	if (!model)
		return;
	firmware = strchr(++model, ',');
	text_clean(text, sizeof(text), model,
		   firmware ? (size_t)(firmware - model) : strlen(model));
	evidence_add(evidence, SOURCE_DHCP, FIELD_MODEL, text, time);
	if (firmware)
		evidence_add(evidence, SOURCE_DHCP, FIELD_FIRMWARE, firmware + 1, time);
}

static void read_class(struct evidence *evidence, const char *class, usec_t time)
{
	static const struct {
		const char *word;
		const char *trait;
	} words[] = {
		{ "Network Camera", "camera-class" },
		{ "IP Camera", "camera-class" },
		{ "MSFT", "computer" },
		{ "Printer", "printer" },
		{ "MFP", "printer" },
		{ "IP Phone", "telephone" },
	};
	const struct vendor *vendor = vendor_recognise(class);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (text_has_word(class, words[i].word, false))
			evidence_add(evidence, SOURCE_DHCP, FIELD_TRAIT, words[i].trait, time);
	if (vendor)
		evidence_add(evidence, SOURCE_DHCP, FIELD_VENDOR, vendor->name, time);
	if (text_starts_with(class, "AXIS,"))
		read_axis_class(evidence, class, time);
	evidence_add(evidence, SOURCE_DHCP, FIELD_CLASS, class, time);
}

void dhcp_message_evidence(struct evidence *evidence, const struct dhcp_message *message,
			   usec_t time)
{
	evidence_add(evidence, SOURCE_DHCP, FIELD_NAME, message->host_name, time);
	if (message->vendor_class[0])
		read_class(evidence, message->vendor_class, time);
}
