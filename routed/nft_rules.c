/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules are written as nft would write them: the nft text and the expressions that
 * `nft --debug=netlink` shows for it stand above each. What `nft list table inet evercam` prints
 * can be given back to nft -f. tests/data/routed/ holds the whole as a golden file.
 *
 * A packet's way. prerouting: the first packet of a connection to an address of this host is
 * looked up by ingress interface, protocol and port, and redirected; where not everybody may, only
 * from a network that is listed for that forward. forward: from a closed interface only what
 * belongs to a forward of today passes, every packet anew: the ingress, the protocol, the target
 * and the port it was first sent to must be those of one forward. So a removed or changed forward
 * stops at once, and what another program redirects does not slip through. postrouting: the same
 * lookup decides that the connection is ours to masquerade; no mark is left on packets or
 * connections, which belong to others as well. input: a closed interface reaches nothing of this
 * host but ping, DHCP answers and the services of the configuration.
 *
 * There is no flowtable. It would take established connections past the forward chain, so that
 * "removed means gone" would hang on conntrack alone; and until Linux 6.6 ctnetlink refuses to
 * delete an offloaded connection (EBUSY), so that there a removed forward would live on. Its
 * devices must exist when it is made, while ours come and go, and the VPN's TAP device, whose far
 * end is a process on this host, is what limits the rate (./bench routing: one connection with NAT
 * and all these rules has some nine tenths of the rate without).
 */
#include "routed/nft_rules.h"

#include <net/if.h> /* the C library's definitions, before the kernel's of the same things */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "routed/nft_expr.h"
#include "routed/nft_userdata.h"

/* Registers: four of 16 bytes, or sixteen of 4 (NFT_REG32_00…) over the same memory. */
#define REG32(number) ((uint32_t)NFT_REG32_00 + (number))

static struct nftnl_rule *rule_new(const char *chain)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule)
		abort();
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	return rule;
}

static void rule_comment(struct nftnl_rule *rule, const char *text)
{
	struct nft_userdata userdata = { .size = 0 };

	nft_userdata_put_text(&userdata, NFT_USERDATA_COMMENT, text);
	nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, userdata.bytes, (uint32_t)userdata.size);
}

static void match_family(struct nftnl_rule *rule, uint8_t family)
{
	nft_expr_meta(rule, NFT_META_NFPROTO, NFT_REG_1);
	nft_expr_equals_u8(rule, NFT_REG_1, family);
}

static void match_protocol(struct nftnl_rule *rule, uint8_t protocol)
{
	nft_expr_meta(rule, NFT_META_L4PROTO, NFT_REG_1);
	nft_expr_equals_u8(rule, NFT_REG_1, protocol);
}

/* A name, or with a trailing '*' the start of one: then the bytes behind it are not compared. */
static void match_interface(struct nftnl_rule *rule, enum nft_meta_keys key,
			    enum nft_cmp_ops operation, const char *pattern)
{
	size_t length = strnlen(pattern, IFNAMSIZ - 1);
	char name[IFNAMSIZ] = { 0 };

	memcpy(name, pattern, length);
	nft_expr_meta(rule, key, NFT_REG_1);
	if (length > 1 && name[length - 1] == '*')
		nft_expr_compare(rule, operation, NFT_REG_1, name, (uint32_t)length - 1);
	else
		nft_expr_compare(rule, operation, NFT_REG_1, name, IFNAMSIZ);
}

static void load_ingress(struct nftnl_rule *rule)
{
	nft_expr_meta(rule, NFT_META_IIFNAME, NFT_REG_1);
	nft_expr_meta(rule, NFT_META_L4PROTO, NFT_REG_2);
	nft_expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, REG32(5));
}

/*
 * fib daddr type local
 *   [ fib daddr type => reg 1 ]
 *   [ cmp eq reg 1 0x00000002 ]
 * Only what is sent to this host: a packet that merely passes is nobody's to redirect.
 */
static void match_to_this_host(struct nftnl_rule *rule)
{
	nft_expr_fib_destination_type(rule, NFT_REG_1);
	nft_expr_equals_u32(rule, NFT_REG_1, RTN_LOCAL);
}

/*
 * meta nfproto ipv4 fib daddr type local dnat ip to iifname . meta l4proto . th dport map
 * @forwards_ip [ meta load nfproto => reg 1 ] [ cmp eq reg 1 0x00000002 ] [ fib daddr type => reg 1
 * ] [ cmp eq reg 1 0x00000002 ] [ meta load iifname => reg 1 ] [ meta load l4proto => reg 2 ] [
 * payload load 2b @ transport header + 2 => reg 13 ] [ lookup reg 1 set forwards_ip dreg 1 ] [ nat
 * dnat ip addr_min reg 1 proto_min reg 9 ]
 */
static void add_redirect(struct nft_batch *batch, const char *chain, uint8_t family,
			 enum nft_table_set map)
{
	struct nftnl_rule *rule = rule_new(chain);

	match_family(rule, family);
	match_to_this_host(rule);
	load_ingress(rule);
	nft_expr_lookup(rule, nft_table_set_names[map], NFT_REG_1, NFT_REG_1);
	nft_expr_dnat(rule, family, NFT_REG_1, family == NFPROTO_IPV6 ? NFT_REG_2 : REG32(1));
	nft_batch_add_rule(batch, rule);
}

/*
 * fib daddr type local iifname . meta l4proto . th dport . ip saddr & 255.255.255.0 @sources_ip_24
 * goto restricted
 *   …
 *   [ payload load 2b @ transport header + 2 => reg 13 ]
 *   [ payload load 4b @ network header + 12 => reg 14 ]
 *   [ bitwise reg 14 = ( reg 14 & 0x00ffffff ) ^ 0x00000000 ]
 *   [ lookup reg 1 set sources_ip_24 0x0 ]
 *   [ immediate reg 0 goto -> restricted ]
 */
static void add_sources(struct nft_batch *batch, uint8_t family, unsigned length)
{
	struct nftnl_rule *rule = rule_new("prerouting");
	bool ip6 = family == NFPROTO_IPV6;
	uint32_t size = ip6 ? 16 : 4;
	uint8_t mask[16] = { 0 };

	for (unsigned bit = 0; bit < length; bit++)
		mask[bit / 8] = (uint8_t)(mask[bit / 8] | 0x80 >> bit % 8);
	match_family(rule, family);
	match_to_this_host(rule);
	load_ingress(rule);
	nft_expr_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, ip6 ? 8 : 12, size, REG32(6));
	if (length < 8 * size)
		nft_expr_mask(rule, REG32(6), mask, size);
	nft_expr_lookup(rule, nft_table_sources_name(ip6, length), NFT_REG_1, 0);
	nft_expr_verdict(rule, NFT_GOTO, "restricted");
	nft_batch_add_rule(batch, rule);
}

static void add_prerouting(struct nft_batch *batch, const struct nft_table_lengths *lengths)
{
	add_redirect(batch, "prerouting", NFPROTO_IPV4, NFT_SET_FORWARDS_IP);
	add_redirect(batch, "prerouting", NFPROTO_IPV6, NFT_SET_FORWARDS_IP6);
	add_redirect(batch, "restricted", NFPROTO_IPV4, NFT_SET_RESTRICTED_IP);
	add_redirect(batch, "restricted", NFPROTO_IPV6, NFT_SET_RESTRICTED_IP6);
	for (unsigned length = 0; length < NFT_TABLE_LENGTHS; length++) {
		if (lengths->ip[length])
			add_sources(batch, NFPROTO_IPV4, length);
		if (lengths->ip6[length])
			add_sources(batch, NFPROTO_IPV6, length);
	}
}

/*
 * iifname . meta l4proto . ip daddr . tcp dport . ct original proto-dst @allowed_ip
 *   [ meta load nfproto => reg 1 ]
 *   [ cmp eq reg 1 0x00000002 ]
 *   [ meta load l4proto => reg 1 ]
 *   [ cmp eq reg 1 0x00000006 ]
 *   [ meta load iifname => reg 1 ]
 *   [ meta load l4proto => reg 2 ]
 *   [ payload load 4b @ network header + 16 => reg 13 ]
 *   [ payload load 2b @ transport header + 2 => reg 14 ]
 *   [ ct load proto_dst => reg 15 , dir original ]
 *   [ lookup reg 1 set allowed_ip ]
 * One rule for each protocol, because nft cannot name the port of "tcp or udp".
 */
static struct nftnl_rule *allowed_rule_new(const char *chain, uint8_t family, uint8_t protocol,
					   enum nft_table_set set)
{
	struct nftnl_rule *rule = rule_new(chain);
	bool ip6 = family == NFPROTO_IPV6;

	match_family(rule, family);
	match_protocol(rule, protocol);
	nft_expr_meta(rule, NFT_META_IIFNAME, NFT_REG_1);
	nft_expr_meta(rule, NFT_META_L4PROTO, NFT_REG_2);
	nft_expr_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, ip6 ? 24 : 16, ip6 ? 16 : 4, REG32(5));
	nft_expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, ip6 ? REG32(9) : REG32(6));
	nft_expr_ct_original(rule, NFT_CT_PROTO_DST, ip6 ? REG32(10) : REG32(7));
	nft_expr_lookup(rule, nft_table_set_names[set], NFT_REG_1, 0);
	return rule;
}

/* set: the one of IPv4; the other follows it. */
static void add_allowed(struct nft_batch *batch, const char *chain, enum nft_table_set set,
			void (*finish)(struct nftnl_rule *rule))
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	struct nftnl_rule *rule;

	for (size_t i = 0; i < 4; i++) {
		rule = allowed_rule_new(chain, families[i / 2], protocols[i % 2], set + i / 2);
		finish(rule);
		nft_batch_add_rule(batch, rule);
	}
}

static void finish_accept(struct nftnl_rule *rule)
{
	nft_expr_verdict(rule, NF_ACCEPT, NULL);
}

/*
 * ct state STATES accept, for one protocol or (0) all
 *   [ ct load state => reg 1 ]
 *   [ bitwise reg 1 = ( reg 1 & 0x00000004 ) ^ 0x00000000 ]
 *   [ cmp neq reg 1 0x00000000 ]
 *   [ immediate reg 0 accept ]
 */
static void add_accept_state(struct nft_batch *batch, const char *chain, uint8_t protocol,
			     uint32_t states)
{
	struct nftnl_rule *rule = rule_new(chain);

	if (protocol)
		match_protocol(rule, protocol);
	nft_expr_ct(rule, NFT_CT_STATE, NFT_REG_1);
	nft_expr_any_bit(rule, NFT_REG_1, states);
	nft_expr_verdict(rule, NF_ACCEPT, NULL);
	nft_batch_add_rule(batch, rule);
}

/* counter drop comment "…" */
static void add_drop(struct nft_batch *batch, const char *chain, const char *comment)
{
	struct nftnl_rule *rule = rule_new(chain);

	nft_expr_counter(rule);
	nft_expr_verdict(rule, NF_DROP, NULL);
	rule_comment(rule, comment);
	nft_batch_add_rule(batch, rule);
}

/* ICMP errors about a connection that passes, such as "too big". */
static void add_icmp_errors(struct nft_batch *batch, const char *chain)
{
	add_accept_state(batch, chain, IPPROTO_ICMP, NF_CT_STATE_BIT(IP_CT_RELATED));
	add_accept_state(batch, chain, IPPROTO_ICMPV6, NF_CT_STATE_BIT(IP_CT_RELATED));
}

/*
 * ct direction reply ct status dnat accept
 *   [ ct load direction => reg 1 ]
 *   [ cmp eq reg 1 0x00000001 ]
 *   [ ct load status => reg 1 ]
 *   [ bitwise reg 1 = ( reg 1 & 0x00000020 ) ^ 0x00000000 ]
 *   [ cmp neq reg 1 0x00000000 ]
 *   [ immediate reg 0 accept ]
 */
static void add_answers(struct nft_batch *batch)
{
	struct nftnl_rule *rule = rule_new("to_closed");

	nft_expr_ct(rule, NFT_CT_DIRECTION, NFT_REG_1);
	nft_expr_equals_u8(rule, NFT_REG_1, 1 /* IP_CT_DIR_REPLY */);
	nft_expr_ct(rule, NFT_CT_STATUS, NFT_REG_1);
	nft_expr_any_bit(rule, NFT_REG_1, IPS_DST_NAT);
	nft_expr_verdict(rule, NF_ACCEPT, NULL);
	nft_batch_add_rule(batch, rule);
}

/*
 * icmp type TYPE accept
 *   [ meta load nfproto => reg 1 ]
 *   [ cmp eq reg 1 0x00000002 ]
 *   [ meta load l4proto => reg 1 ]
 *   [ cmp eq reg 1 0x00000001 ]
 *   [ payload load 1b @ transport header + 0 => reg 1 ]
 *   [ cmp eq reg 1 0x00000008 ]
 *   [ immediate reg 0 accept ]
 */
static void add_accept_icmp(struct nft_batch *batch, uint8_t family, uint8_t type)
{
	struct nftnl_rule *rule = rule_new("to_this_host");

	match_family(rule, family);
	match_protocol(rule, family == NFPROTO_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	nft_expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1);
	nft_expr_equals_u8(rule, NFT_REG_1, type);
	nft_expr_verdict(rule, NF_ACCEPT, NULL);
	nft_batch_add_rule(batch, rule);
}

/*
 * meta nfproto ipv4 udp sport 67 udp dport 68 accept
 *   [ meta load nfproto => reg 1 ]
 *   [ cmp eq reg 1 0x00000002 ]
 *   [ meta load l4proto => reg 1 ]
 *   [ cmp eq reg 1 0x00000011 ]
 *   [ payload load 4b @ transport header + 0 => reg 1 ]
 *   [ cmp eq reg 1 0x44004300 ]
 *   [ immediate reg 0 accept ]
 */
static void add_accept_dhcp(struct nft_batch *batch)
{
	static const uint8_t ports[4] = { 0, 67, 0, 68 };
	struct nftnl_rule *rule = rule_new("to_this_host");

	match_family(rule, NFPROTO_IPV4);
	match_protocol(rule, IPPROTO_UDP);
	nft_expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(ports), NFT_REG_1);
	nft_expr_compare(rule, NFT_CMP_EQ, NFT_REG_1, ports, sizeof(ports));
	nft_expr_verdict(rule, NF_ACCEPT, NULL);
	nft_batch_add_rule(batch, rule);
}

/*
 * meta l4proto . th dport @services accept
 *   [ meta load l4proto => reg 1 ]
 *   [ payload load 2b @ transport header + 2 => reg 9 ]
 *   [ lookup reg 1 set services ]
 *   [ immediate reg 0 accept ]
 */
static void add_accept_services(struct nft_batch *batch)
{
	struct nftnl_rule *rule = rule_new("to_this_host");

	nft_expr_meta(rule, NFT_META_L4PROTO, NFT_REG_1);
	nft_expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, REG32(1));
	nft_expr_lookup(rule, nft_table_set_names[NFT_SET_SERVICES], NFT_REG_1, 0);
	nft_expr_verdict(rule, NF_ACCEPT, NULL);
	nft_batch_add_rule(batch, rule);
}

/*
 * iifname != "lo" tcp dport 9931-9935 counter drop
 *   [ meta load iifname => reg 1 ]
 *   [ cmp neq reg 1 0x00006f6c 0x00000000 0x00000000 0x00000000 ]
 *   [ meta load l4proto => reg 1 ]
 *   [ cmp eq reg 1 0x00000006 ]
 *   [ payload load 2b @ transport header + 2 => reg 1 ]
 *   [ cmp gte reg 1 0x0000cb26 ]
 *   [ cmp lte reg 1 0x0000cf26 ]
 *   [ counter pkts 0 bytes 0 ]
 *   [ immediate reg 0 drop ]
 * SoftEther's client takes orders on the first free of these ports, on every address.
 */
static void add_drop_vpn_management(struct nft_batch *batch)
{
	const uint16_t first = htons(9931), last = htons(9935);
	struct nftnl_rule *rule = rule_new("input");

	match_interface(rule, NFT_META_IIFNAME, NFT_CMP_NEQ, "lo");
	match_protocol(rule, IPPROTO_TCP);
	nft_expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
	nft_expr_compare(rule, NFT_CMP_GTE, NFT_REG_1, &first, sizeof(first));
	nft_expr_compare(rule, NFT_CMP_LTE, NFT_REG_1, &last, sizeof(last));
	nft_expr_counter(rule);
	nft_expr_verdict(rule, NF_DROP, NULL);
	rule_comment(rule, "VPN client's management: local only");
	nft_batch_add_rule(batch, rule);
}

/*
 * iifname "vpn_*" jump CHAIN
 *   [ meta load iifname => reg 1 ]
 *   [ cmp eq reg 1 0x5f6e7076 ]
 *   [ immediate reg 0 jump -> CHAIN ]
 */
static void add_jump(struct nft_batch *batch, const char *chain, enum nft_meta_keys key,
		     const char *pattern, const char *target)
{
	struct nftnl_rule *rule = rule_new(chain);

	match_interface(rule, key, NFT_CMP_EQ, pattern);
	nft_expr_verdict(rule, NFT_JUMP, target);
	nft_batch_add_rule(batch, rule);
}

void nft_rules_add(struct nft_batch *batch, const struct nft_table_options *options)
{
	add_prerouting(batch, &options->lengths);
	add_allowed(batch, "postrouting", NFT_SET_ALLOWED_IP, nft_expr_masquerade);

	add_allowed(batch, "from_closed", NFT_SET_ALLOWED_IP, finish_accept);
	add_allowed(batch, "from_closed", NFT_SET_KEPT_IP, finish_accept);
	add_icmp_errors(batch, "from_closed");
	add_drop(batch, "from_closed", "no forward asked for it");

	add_answers(batch);
	add_icmp_errors(batch, "to_closed");
	add_drop(batch, "to_closed", "only answers go this way");

	add_accept_state(batch, "to_this_host", 0,
			 NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
	add_accept_icmp(batch, NFPROTO_IPV4, 8 /* echo-request */);
	add_accept_icmp(batch, NFPROTO_IPV6, 128 /* echo-request */);
	add_accept_icmp(batch, NFPROTO_IPV6, 135 /* nd-neighbor-solicit */);
	add_accept_icmp(batch, NFPROTO_IPV6, 136 /* nd-neighbor-advert */);
	add_accept_dhcp(batch);
	add_accept_services(batch);
	add_drop(batch, "to_this_host", "closed");

	add_drop_vpn_management(batch);
	for (char *const *pattern = options->closed_interfaces; pattern && *pattern; pattern++) {
		add_jump(batch, "forward", NFT_META_IIFNAME, *pattern, "from_closed");
		add_jump(batch, "forward", NFT_META_OIFNAME, *pattern, "to_closed");
		add_jump(batch, "input", NFT_META_IIFNAME, *pattern, "to_this_host");
	}
}
