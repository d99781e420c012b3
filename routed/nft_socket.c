/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nfnetlink processes a batch inside sendmsg(): errors come back one by one, in the order of the
 * messages, then the ACK of the last message, which nft_batch_finish() asked for. Without that ACK
 * the answer is incomplete (the receive buffer was full), and only a look at the table tells.
 */
#include "routed/nft_socket.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"

#define RECEIVE_SIZE (64 * 1024)
#define ANSWER_SPACE (1024 * 1024)

struct nft_socket {
	struct mnl_socket *netlink;
	uint32_t sequence;
	char *buffer; /* RECEIVE_SIZE bytes */
};

int nft_socket_new(struct nft_socket **ret_socket)
{
	_cleanup_(nft_socket_freep) struct nft_socket *nft = xnew(struct nft_socket);
	const int answer_space = ANSWER_SPACE, on = 1;

	nft->sequence = 1;
	nft->netlink = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nft->netlink || mnl_socket_bind(nft->netlink, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* Both only make errors better: short copies, and the attribute at fault. */
	mnl_socket_setsockopt(nft->netlink, NETLINK_CAP_ACK, (void *)&on, sizeof(on));
	mnl_socket_setsockopt(nft->netlink, NETLINK_EXT_ACK, (void *)&on, sizeof(on));
	setsockopt(mnl_socket_get_fd(nft->netlink), SOL_SOCKET, SO_RCVBUFFORCE, &answer_space,
		   sizeof(answer_space));
	nft->buffer = xcalloc(1, RECEIVE_SIZE);
	*ret_socket = steal_ptr(nft);
	return 0;
}

struct nft_socket *nft_socket_free(struct nft_socket *nft)
{
	if (!nft)
		return NULL;
	if (nft->netlink)
		mnl_socket_close(nft->netlink);
	free(nft->buffer);
	free(nft);
	return NULL;
}

uint32_t nft_socket_port_id(const struct nft_socket *nft)
{
	return mnl_socket_get_portid(nft->netlink);
}

uint32_t nft_socket_sequence(const struct nft_socket *nft)
{
	return nft->sequence;
}

/* --- transactions --- */

/* One datagram must hold the whole transaction. */
static void make_room(struct nft_socket *nft, size_t size)
{
	int fd = mnl_socket_get_fd(nft->netlink), space = 0, needed = (int)(size + size / 8 + 4096);
	socklen_t space_size = sizeof(space);

	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &space, &space_size);
	if (space < needed)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &needed, sizeof(needed));
}

static int send_pages(struct nft_socket *nft, struct nft_batch *batch)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr message = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
	size_t size = 0;
	ssize_t sent;

	message.msg_iov = nft_batch_pages(batch, &message.msg_iovlen);
	for (size_t i = 0; i < message.msg_iovlen; i++)
		size += message.msg_iov[i].iov_len;
	make_room(nft, size);
	do
		sent = sendmsg(mnl_socket_get_fd(nft->netlink), &message, 0);
	while (sent < 0 && errno == EINTR);
	free(message.msg_iov);
	return sent < 0 ? -errno : 0;
}

static int on_error_attribute(const struct nlattr *attribute, void *owner)
{
	const struct nlattr **attributes = owner;

	if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
		attributes[NLMSGERR_ATTR_MSG] = attribute;
	if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_OFFS &&
	    mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
		attributes[NLMSGERR_ATTR_OFFS] = attribute;
	return MNL_CB_OK;
}

/* The extended ACK lies behind the header of the message that failed (NETLINK_CAP_ACK: only that).
 */
static void describe_error(struct nft_error *error, struct nft_batch *batch,
			   const struct nlmsghdr *header, const struct nlmsgerr *answer)
{
	const struct nlattr *attributes[NLMSGERR_ATTR_MAX + 1] = { NULL };
	const char *what, *message = NULL;
	uint32_t offset = 0;

	if (header->nlmsg_flags & NLM_F_ACK_TLVS)
		mnl_attr_parse(header, sizeof(*answer), on_error_attribute, attributes);
	if (attributes[NLMSGERR_ATTR_OFFS])
		offset = mnl_attr_get_u32(attributes[NLMSGERR_ATTR_OFFS]);
	if (attributes[NLMSGERR_ATTR_MSG])
		message = mnl_attr_get_str(attributes[NLMSGERR_ATTR_MSG]);
	what = nft_batch_describe(batch, answer->msg.nlmsg_seq, offset, &error->subject);
	errno = -answer->error;
	snprintf(error->text, sizeof(error->text), "%s: %m%s%.80s", what, message ? ": " : "",
		 message ? message : "");
}

struct answer {
	struct nft_batch *batch;
	struct nft_error *error;
	int result; /* the first error */
	bool complete;
	uint32_t last_sequence; /* of the message that asked for an ACK */
};

static void read_answer(struct answer *answer, const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

	if (header->nlmsg_type != NLMSG_ERROR ||
	    header->nlmsg_len < mnl_nlmsg_size(sizeof(struct nlmsgerr)))
		return;
	if (error->error && !answer->result) {
		answer->result = error->error;
		describe_error(answer->error, answer->batch, header, error);
	}
	if (header->nlmsg_seq == answer->last_sequence)
		answer->complete = true;
}

/* Everything is there already: read until nothing is left. */
static int read_answers(struct nft_socket *nft, struct answer *answer)
{
	int fd = mnl_socket_get_fd(nft->netlink), left;
	const struct nlmsghdr *header;
	ssize_t size;

	for (;;) {
		size = recv(fd, nft->buffer, RECEIVE_SIZE, MSG_DONTWAIT);
		if (size < 0 && (errno == EINTR || errno == ENOBUFS))
			continue; /* ENOBUFS: answers were lost; the ACK may still be here */
		if (size < 0 && errno != EAGAIN)
			return -errno;
		if (size <= 0)
			return 0;
		left = (int)size;
		for (header = (const void *)nft->buffer; mnl_nlmsg_ok(header, left);
		     header = mnl_nlmsg_next(header, &left))
			read_answer(answer, header);
	}
}

int nft_socket_commit(struct nft_socket *nft, struct nft_batch *batch, struct nft_error *ret_error)
{
	struct answer answer = { .batch = batch, .error = ret_error };
	int r;

	*ret_error = (struct nft_error){ .subject = NULL };
	nft_batch_finish(batch);
	nft->sequence = nft_batch_next_sequence(batch);
	answer.last_sequence = nft->sequence - 2; /* the end of the batch is behind it */
	r = send_pages(nft, batch);
	if (r >= 0)
		r = read_answers(nft, &answer);
	if (r >= 0)
		r = answer.result;
	if (r >= 0 && !answer.complete)
		r = -EIO;
	if (r < 0 && !ret_error->text[0]) {
		errno = -r;
		snprintf(ret_error->text, sizeof(ret_error->text), "transaction: %m");
	}
	return r;
}

/* --- reading back --- */

static int receive_dump(struct nft_socket *nft, uint32_t sequence, mnl_cb_t on_message, void *owner)
{
	ssize_t size;
	int r = MNL_CB_OK;

	do {
		size = mnl_socket_recvfrom(nft->netlink, nft->buffer, RECEIVE_SIZE);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		r = mnl_cb_run(nft->buffer, (size_t)size, sequence,
			       mnl_socket_get_portid(nft->netlink), on_message, owner);
		if (r < 0)
			return errno == EINTR ? -EAGAIN : -errno;
	} while (r > MNL_CB_STOP);
	return 0;
}

/* Answers of a dump that was ended early must not be taken for those of the next request. */
static void discard_answers(struct nft_socket *nft)
{
	while (recv(mnl_socket_get_fd(nft->netlink), nft->buffer, RECEIVE_SIZE, MSG_DONTWAIT) > 0)
		;
}

static int on_table(const struct nlmsghdr *header, void *owner)
{
	struct nftnl_table *table = nftnl_table_alloc(), **found = owner;

	if (!table)
		abort();
	if (*found || nftnl_table_nlmsg_parse(header, table) < 0)
		nftnl_table_free(table);
	else
		*found = table;
	return MNL_CB_OK;
}

int nft_socket_get_table(struct nft_socket *nft, const char *name, struct nftnl_table **ret_table)
{
	char request[MNL_NLMSG_HDRLEN + 256] = { 0 };
	struct nftnl_table *table = NULL;
	struct nlmsghdr *header;
	int r;

	header = nftnl_nlmsg_build_hdr(request, NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_ACK,
				       nft->sequence++);
	mnl_attr_put_strz(header, NFTA_TABLE_NAME, name);
	if (mnl_socket_sendto(nft->netlink, header, header->nlmsg_len) < 0)
		return -errno;
	r = receive_dump(nft, header->nlmsg_seq, on_table, &table);
	if (r >= 0 && table) {
		*ret_table = table;
		return 0;
	}
	if (table)
		nftnl_table_free(table);
	return r < 0 ? r : -EBADMSG;
}

struct elements_answer {
	nft_element_fn *on_element;
	void *owner;
	int result;
};

static int on_element(struct nftnl_set_elem *element, void *owner)
{
	struct elements_answer *answer = owner;

	answer->result = answer->on_element(element, answer->owner);
	return answer->result;
}

static int on_elements(const struct nlmsghdr *header, void *owner)
{
	struct nftnl_set *set = nftnl_set_alloc();
	struct elements_answer *answer = owner;
	int r = 0;

	if (!set)
		abort();
	if (nftnl_set_elems_nlmsg_parse(header, set) >= 0)
		r = nftnl_set_elem_foreach(set, on_element, answer);
	else
		answer->result = r = -EBADMSG;
	nftnl_set_free(set);
	if (r >= 0)
		return MNL_CB_OK;
	errno = -answer->result;
	return MNL_CB_ERROR;
}

int nft_socket_get_elements(struct nft_socket *nft, const char *table, const char *set,
			    nft_element_fn *on_one, void *owner)
{
	struct elements_answer answer = { on_one, owner, 0 };
	char request[MNL_NLMSG_HDRLEN + 512] = { 0 };
	struct nlmsghdr *header;
	int r;

	header = nftnl_nlmsg_build_hdr(request, NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP,
				       nft->sequence++);
	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, set);
	if (mnl_socket_sendto(nft->netlink, header, header->nlmsg_len) < 0)
		return -errno;
	r = receive_dump(nft, header->nlmsg_seq, on_elements, &answer);
	if (r < 0)
		discard_answers(nft);
	return r;
}
