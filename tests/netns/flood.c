/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A flood of forged devices, for tests and benchmarks:
 *
 *     flood INTERFACE NETWORK/LENGTH SECONDS answers|cards
 *
 * A million devices in turn, each from another address of the network. answers: WS-Discovery Hellos
 * and ProbeMatches (to where the last probe came from) and SSDP announcements; cards: ARP and DHCP
 * requests, with a MAC of each device's own, as well. As fast as one process can. Prints "ready",
 * and how many packets it sent and how many that is in a second, when SECONDS are over or standard
 * input ends.
 *
 * All frames come from one Ethernet address: a switch is not what is flooded.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEVICES    1000000U
#define A_TURN     64
#define TURNS      32         /* between looks at anything else */
#define MARK       "########" /* replaced by the number of the device */
#define MARK_SIZE  (sizeof(MARK) - 1)
#define MOST_MARKS 4
#define HEADERS    (ETH_HLEN + 20 + 8) /* of UDP over IPv4 */
#define WSD_PORT   3702

#define SOAP(action, open, close)                                                                 \
	"<?xml version=\"1.0\"?><e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\" " \
	"xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "                           \
	"xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\" "                            \
	"xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\"><e:Header>"                         \
	"<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/" action                       \
	"</a:Action></e:Header><e:Body>" open                                                     \
	"<a:EndpointReference><a:Address>urn:uuid:1419d68a-1dd2-11b2-a105-0000" MARK              \
	"</a:Address></a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>"         \
	"<d:Scopes>onvif://www.onvif.org/name/Forged onvif://www.onvif.org/hardware/F" MARK       \
	"</d:Scopes><d:XAddrs>http://192.0.2.1/onvif/device_service</d:XAddrs>" close             \
	"</e:Body></e:Envelope>"

static const char hello[] = SOAP("Hello", "<d:Hello>", "</d:Hello>");
static const char match[] = SOAP("ProbeMatches", "<d:ProbeMatches><d:ProbeMatch>",
				 "</d:ProbeMatch></d:ProbeMatches>");
static const char notify[] =
	"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\n"
	"LOCATION: http://192.0.2.1/d.xml\r\n"
	"NT: urn:schemas-upnp-org:device:DigitalSecurityCamera:1\r\n"
	"NTS: ssdp:alive\r\nSERVER: Forged\r\n"
	"USN: uuid:1419d68a-1dd2-11b2-a105-1111" MARK
	"::urn:schemas-upnp-org:device:DigitalSecurityCamera:1\r\n\r\n";

static const uint8_t own_mac[ETH_ALEN] = { 0x02, 'f', 'o', 'r', 'g', 'e' };
static const uint8_t everybody[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
/* RFC 1112, section 6.4: 239.255.255.250 */
static const uint8_t multicast_mac[ETH_ALEN] = { 0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa };

/* A frame to be filled in with a source address and the number of a device. */
struct template
{
	uint8_t bytes[ETH_FRAME_LEN];
	size_t size;
	size_t source;            /* offset of the IPv4 address */
	bool is_ip;               /* with a header that has a checksum */
	size_t mac;               /* offset of the device's own MAC; 0: none */
	size_t marks[MOST_MARKS]; /* offsets, up to the first 0 */
};

enum kind { KIND_ARP, KIND_DHCP, KIND_HELLO, KIND_NOTIFY, KIND_MATCH, KIND_COUNT };
static struct template templates[KIND_COUNT];
static unsigned first_kind, last_kind = KIND_NOTIFY; /* that are sent: nobody has probed yet */

static void fail(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value & 0xffff);
}

/* --- templates --- */

static uint8_t *begin(struct template *template, const uint8_t *mac, unsigned protocol)
{
	*template = (struct template){ 0 };
	memcpy(template->bytes, mac, ETH_ALEN);
	memcpy(template->bytes + ETH_ALEN, own_mac, ETH_ALEN);
	put16(template->bytes + 2 * ETH_ALEN, protocol);
	return template->bytes + ETH_HLEN;
}

/* UDP without a checksum, which RFC 768 allows. */
static void make_udp(struct template *template, const uint8_t *mac, const char *address,
		     unsigned from, unsigned to, const void *payload, size_t size)
{
	uint8_t *ip = begin(template, mac, ETH_P_IP), *udp = ip + 20;
	size_t marks = 0;

	ip[0] = 0x45;
	put16(ip + 2, (unsigned)(28 + size));
	ip[8] = 4; /* hops */
	ip[9] = IPPROTO_UDP;
	inet_pton(AF_INET, address, ip + 16);
	put16(udp, from);
	put16(udp + 2, to);
	put16(udp + 4, (unsigned)(8 + size));
	memcpy(udp + 8, payload, size);
	template->is_ip = true;
	template->source = ETH_HLEN + 12;
	template->size = HEADERS + size;
	for (size_t i = HEADERS; i + MARK_SIZE <= template->size; i++)
		if (memcmp(template->bytes + i, MARK, MARK_SIZE) == 0)
			template->marks[marks++] = i;
}

/* Who has 0.0.0.1? Nobody, but all hear who asks. RFC 826 */
static void make_arp(struct template *template)
{
	uint8_t *arp = begin(template, everybody, ETH_P_ARP);

	put16(arp, 1); /* Ethernet */
	put16(arp + 2, ETH_P_IP);
	arp[4] = ETH_ALEN;
	arp[5] = 4;
	put16(arp + 6, 1); /* request */
	arp[27] = 1;
	template->mac = ETH_HLEN + 8;
	template->source = ETH_HLEN + 14;
	template->size = ETH_HLEN + 28;
}

/* DHCPREQUEST of a client that calls itself a camera. RFC 2131, 2132 */
static void make_dhcp(struct template *template)
{
	static const uint8_t options[] = { 0x63, 0x82, 0x53, 0x63, 53,  1,   3,   60,  9,  'I',
					   'P',  '-',  'C',  'a',  'm', 'e', 'r', 'a', 255 };
	uint8_t payload[236 + sizeof(options)] = { 1, 1, ETH_ALEN };

	memcpy(payload + 236, options, sizeof(options));
	make_udp(template, everybody, "255.255.255.255", 68, 67, payload, sizeof(payload));
	template->mac = HEADERS + 28;
}

static void make_templates(void)
{
	make_udp(&templates[KIND_HELLO], multicast_mac, "239.255.255.250", WSD_PORT, WSD_PORT,
		 hello, sizeof(hello) - 1);
	make_udp(&templates[KIND_NOTIFY], multicast_mac, "239.255.255.250", 1900, 1900, notify,
		 sizeof(notify) - 1);
	make_arp(&templates[KIND_ARP]);
	make_dhcp(&templates[KIND_DHCP]);
}

/* --- sending --- */

static void set_checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	put16(ip + 10, 0);
	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~(sum + (sum >> 16)) & 0xffff);
}

static void fill(const struct template *template, uint8_t *frame, uint32_t source, uint32_t device)
{
	static const char digits[] = "0123456789abcdef";

	memcpy(frame, template->bytes, template->size);
	put32(frame + template->source, source);
	if (template->mac) {
		put16(frame + template->mac, 0x0200);
		put32(frame + template->mac + 2, device);
	}
	for (size_t i = 0; i < MOST_MARKS && template->marks[i]; i++)
		for (unsigned digit = 0; digit < MARK_SIZE; digit++)
			frame[template->marks[i] + digit] =
				(uint8_t)digits[device >> (28 - 4 * digit) & 0xf];
	if (template->is_ip)
		set_checksum(frame + ETH_HLEN);
}

/* Returns how many were taken. */
static unsigned send_turn(int fd, uint32_t first, uint32_t count, uint64_t sent)
{
	static uint8_t frames[A_TURN][ETH_FRAME_LEN];
	struct mmsghdr messages[A_TURN] = { 0 };
	struct iovec vectors[A_TURN];
	int taken;

	for (unsigned i = 0; i < A_TURN; i++) {
		const struct template *template =
			&templates[first_kind + (sent + i) % (last_kind - first_kind + 1)];
		uint32_t device = (uint32_t)((sent + i) % DEVICES);

		fill(template, frames[i], first + (uint32_t)((uint64_t)device * 7919 % count),
		     device);
		vectors[i] = (struct iovec){ frames[i], template->size };
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	taken = sendmmsg(fd, messages, A_TURN, 0);
	return taken > 0 ? (unsigned)taken : 0; /* no buffer for the others */
}

/* Where answers to probes go. */
static void look_for_probes(int fd)
{
	uint8_t frame[ETH_FRAME_LEN];
	char address[INET_ADDRSTRLEN];
	ssize_t size;

	while ((size = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0) {
		if (size < HEADERS || frame[ETH_HLEN + 9] != IPPROTO_UDP ||
		    (frame[ETH_HLEN + 22] << 8 | frame[ETH_HLEN + 23]) != WSD_PORT ||
		    !memmem(frame + HEADERS, (size_t)size - HEADERS, "Probe<", 6) ||
		    !inet_ntop(AF_INET, frame + ETH_HLEN + 12, address, sizeof(address)))
			continue;
		make_udp(&templates[KIND_MATCH], frame + ETH_ALEN, address, WSD_PORT,
			 (unsigned)(frame[ETH_HLEN + 20] << 8 | frame[ETH_HLEN + 21]), match,
			 sizeof(match) - 1);
		last_kind = KIND_MATCH;
	}
}

static int open_link(const char *interface, unsigned protocol)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons((uint16_t)protocol),
				       .sll_ifindex = (int)if_nametoindex(interface) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (!address.sll_ifindex || fd < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		fail(interface);
	return fd;
}

static bool is_input_over(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&input, 1, 0) > 0;
}

int main(int argc, char *argv[])
{
	int out, in, length = 0;
	char network[INET_ADDRSTRLEN + 1];
	struct in_addr base;
	uint64_t sent = 0;
	double started, seconds;
	uint32_t count;

	if (argc != 5 || sscanf(argv[2], "%16[0-9.]/%d", network, &length) != 2 ||
	    inet_pton(AF_INET, network, &base) != 1 || length < 1 || length > 30 ||
	    (strcmp(argv[4], "answers") != 0 && strcmp(argv[4], "cards") != 0)) {
		fprintf(stderr, "usage: flood INTERFACE NETWORK/LENGTH SECONDS answers|cards\n");
		return 2;
	}
	count = (1U << (32 - length)) - 2;
	seconds = strtod(argv[3], NULL);
	first_kind = strcmp(argv[4], "cards") == 0 ? KIND_ARP : KIND_HELLO;
	make_templates();
	out = open_link(argv[1], 0);
	in = open_link(argv[1], ETH_P_IP);
	printf("ready\n");
	fflush(stdout);
	started = now();
	while (now() - started < seconds && !is_input_over()) {
		look_for_probes(in);
		for (unsigned turn = 0; turn < TURNS; turn++)
			sent += send_turn(out, ntohl(base.s_addr) + 1, count, sent);
	}
	printf("%llu %.0f\n", (unsigned long long)sent, (double)sent / (now() - started));
	return 0;
}
