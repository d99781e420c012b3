/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection's original tuple holds the address and port that the client asked for; the source of
 * its reply tuple is who answers: the target of a redirected one.
 */
#include "routed/conntrack_message.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "common/macros.h"

/* Of CTA_FILTER_{ORIG,REPLY}_FLAGS; the kernel's own header does not export them. */
#define FILTER_IP_SRC    BIT(0)
#define FILTER_PROTO_NUM BIT(3)
#define FILTER_SRC_PORT  BIT(4)
#define FILTER_DST_PORT  BIT(5)

/* One table of attributes, at most `size` types; those beyond are skipped. */
struct attributes {
	const struct nlattr **table;
	uint16_t size;
};

static int on_attribute(const struct nlattr *attribute, void *owner)
{
	const struct attributes *attributes = owner;

	if (mnl_attr_get_type(attribute) < attributes->size)
		attributes->table[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

static void parse_nested(const struct nlattr *nest, const struct nlattr **table, uint16_t size)
{
	struct attributes attributes = { table, size };

	if (nest)
		mnl_attr_parse_nested(nest, on_attribute, &attributes);
}

static int get_address(struct netaddr *ret_address, const struct nlattr *v4,
		       const struct nlattr *v6)
{
	struct netaddr address = { .family = v4 ? AF_INET : AF_INET6 };
	const struct nlattr *attribute = v4 ? v4 : v6;
	size_t size = v4 ? sizeof(address.v4) : sizeof(address.v6);

	if (!attribute || mnl_attr_get_payload_len(attribute) != size)
		return -EBADMSG;
	memcpy(&address.v6, mnl_attr_get_payload(attribute), size);
	*ret_address = address;
	return 0;
}

static int get_port(uint16_t *ret_port, const struct nlattr *attribute)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != sizeof(uint16_t))
		return -EBADMSG;
	*ret_port = ntohs(mnl_attr_get_u16(attribute));
	return 0;
}

/* Of one direction; 0: not counted. */
static uint64_t get_bytes(const struct nlattr *nest)
{
	const struct nlattr *counters[CTA_COUNTERS_MAX + 1] = { NULL };

	parse_nested(nest, counters, ARRAY_SIZE(counters));
	if (!counters[CTA_COUNTERS_BYTES] ||
	    mnl_attr_validate(counters[CTA_COUNTERS_BYTES], MNL_TYPE_U64) < 0)
		return 0;
	return be64toh(mnl_attr_get_u64(counters[CTA_COUNTERS_BYTES]));
}

struct tuple {
	const struct nlattr *ip[CTA_IP_MAX + 1];
	const struct nlattr *proto[CTA_PROTO_MAX + 1];
};

static void parse_tuple(struct tuple *tuple, const struct nlattr *nest)
{
	const struct nlattr *parts[CTA_TUPLE_MAX + 1] = { NULL };

	*tuple = (struct tuple){ { NULL } };
	parse_nested(nest, parts, ARRAY_SIZE(parts));
	parse_nested(parts[CTA_TUPLE_IP], tuple->ip, ARRAY_SIZE(tuple->ip));
	parse_nested(parts[CTA_TUPLE_PROTO], tuple->proto, ARRAY_SIZE(tuple->proto));
}

static void parse_message(const struct nlmsghdr *message, const struct nlattr **table)
{
	struct attributes attributes = { table, CTA_MAX + 1 };

	mnl_attr_parse(message, sizeof(struct nfgenmsg), on_attribute, &attributes);
}

int conntrack_message_parse(struct ended_connection *ret_connection, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[CTA_MAX + 1] = { NULL };
	struct ended_connection connection = { 0 };
	struct tuple original, reply;

	parse_message(message, attributes);
	if (!attributes[CTA_STATUS] || mnl_attr_validate(attributes[CTA_STATUS], MNL_TYPE_U32) < 0)
		return -EBADMSG;
	connection.redirected = ntohl(mnl_attr_get_u32(attributes[CTA_STATUS])) & IPS_DST_NAT;
	parse_tuple(&original, attributes[CTA_TUPLE_ORIG]);
	parse_tuple(&reply, attributes[CTA_TUPLE_REPLY]);
	if (!original.proto[CTA_PROTO_NUM] ||
	    mnl_attr_validate(original.proto[CTA_PROTO_NUM], MNL_TYPE_U8) < 0)
		return -EBADMSG;
	connection.protocol = mnl_attr_get_u8(original.proto[CTA_PROTO_NUM]);
	if (connection.protocol != IPPROTO_TCP && connection.protocol != IPPROTO_UDP)
		return -ENOENT;
	if (get_address(&connection.client, original.ip[CTA_IP_V4_SRC],
			original.ip[CTA_IP_V6_SRC]) < 0 ||
	    get_address(&connection.asked, original.ip[CTA_IP_V4_DST], original.ip[CTA_IP_V6_DST]) <
		    0 ||
	    get_address(&connection.target, reply.ip[CTA_IP_V4_SRC], reply.ip[CTA_IP_V6_SRC]) < 0 ||
	    get_port(&connection.listen_port, original.proto[CTA_PROTO_DST_PORT]) < 0 ||
	    get_port(&connection.target_port, reply.proto[CTA_PROTO_SRC_PORT]) < 0)
		return -EBADMSG;
	connection.counted = attributes[CTA_COUNTERS_ORIG];
	connection.bytes = get_bytes(attributes[CTA_COUNTERS_ORIG]) +
			   get_bytes(attributes[CTA_COUNTERS_REPLY]);
	*ret_connection = connection;
	return 0;
}

static struct nlmsghdr *begin(char *buffer, uint32_t sequence, uint8_t type, uint16_t flags,
			      sa_family_t family)
{
	struct nfgenmsg *generic;
	struct nlmsghdr *header;

	memset(buffer, 0, CONNTRACK_MESSAGE_SIZE);
	header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	header->nlmsg_seq = sequence;
	generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	generic->nfgen_family = (uint8_t)family;
	generic->version = NFNETLINK_V0;
	return header;
}

static void put_asked(struct nlmsghdr *header, const struct conntrack_filter *filter)
{
	struct nlattr *outer = mnl_attr_nest_start(header, CTA_TUPLE_ORIG), *inner;

	inner = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(header, CTA_PROTO_NUM, filter->protocol);
	if (filter->listen_port)
		mnl_attr_put_u16(header, CTA_PROTO_DST_PORT, htons(filter->listen_port));
	mnl_attr_nest_end(header, inner);
	mnl_attr_nest_end(header, outer);
}

static void put_target(struct nlmsghdr *header, const struct forward *forward)
{
	struct nlattr *outer = mnl_attr_nest_start(header, CTA_TUPLE_REPLY), *inner;
	bool ip6 = forward->target.family == AF_INET6;

	inner = mnl_attr_nest_start(header, CTA_TUPLE_IP);
	mnl_attr_put(header, ip6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, ip6 ? 16 : 4,
		     &forward->target.v6);
	mnl_attr_nest_end(header, inner);
	inner = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(header, CTA_PROTO_NUM, forward->protocol);
	mnl_attr_put_u16(header, CTA_PROTO_SRC_PORT, htons(forward->target_port));
	mnl_attr_nest_end(header, inner);
	mnl_attr_nest_end(header, outer);
}

static void put_filter(struct nlmsghdr *header, const struct conntrack_filter *filter)
{
	uint32_t asked = FILTER_PROTO_NUM;
	struct nlattr *flags;

	put_asked(header, filter);
	if (filter->listen_port)
		asked |= FILTER_DST_PORT;
	if (filter->target)
		put_target(header, filter->target);
	flags = mnl_attr_nest_start(header, CTA_FILTER);
	mnl_attr_put_u32(header, CTA_FILTER_ORIG_FLAGS, asked);
	if (filter->target)
		mnl_attr_put_u32(header, CTA_FILTER_REPLY_FLAGS,
				 FILTER_IP_SRC | FILTER_PROTO_NUM | FILTER_SRC_PORT);
	mnl_attr_nest_end(header, flags);
}

struct conntrack_filter conntrack_filter_of(const struct forward *forward)
{
	return (struct conntrack_filter){ .protocol = forward->protocol,
					  .listen_port = forward->listen_port,
					  .target = forward };
}

struct nlmsghdr *conntrack_message_dump(char *buffer, uint32_t sequence, sa_family_t family,
					const struct conntrack_filter *filter)
{
	struct nlmsghdr *header = begin(buffer, sequence, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);

	if (filter->protocol)
		put_filter(header, filter);
	return header;
}

static void copy_attribute(struct nlmsghdr *header, const struct nlattr *attribute)
{
	if (attribute)
		mnl_attr_put(header, attribute->nla_type, mnl_attr_get_payload_len(attribute),
			     mnl_attr_get_payload(attribute));
}

struct nlmsghdr *conntrack_message_delete(char *buffer, uint32_t sequence,
					  const struct nlmsghdr *connection)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(connection);
	const struct nlattr *attributes[CTA_MAX + 1] = { NULL };
	struct nlmsghdr *header;

	parse_message(connection, attributes);
	header = begin(buffer, sequence, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, generic->nfgen_family);
	copy_attribute(header, attributes[CTA_TUPLE_ORIG]);
	copy_attribute(header, attributes[CTA_ZONE]);
	copy_attribute(header, attributes[CTA_ID]); /* not its successor with the same tuple */
	return header;
}
