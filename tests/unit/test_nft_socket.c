/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How answers of the kernel are understood, above all those that are not all there. sendmsg() and
 * recv() are this file's own: what goes out is dropped, what comes in is a script.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "routed/nft_socket.h"

enum step_kind { NOTHING_LEFT, FAILS, ANSWERS, ANSWERS_SHORT };

/* One call of recv(). */
struct step {
	enum step_kind kind;
	int error;        /* errno, or that of the answer */
	uint32_t message; /* which one of the batch is answered */
};

static const struct step *script;
static int send_error;
static struct nft_socket *nft;
static uint32_t first_sequence;

/* The C library's declaration has attributes that a definition need not repeat. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	size_t size = 0;

	errno = send_error;
	for (size_t i = 0; i < message->msg_iovlen; i++)
		size += message->msg_iov[i].iov_len;
	return send_error ? -1 : (ssize_t)size;
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
	const struct step *step = script;
	struct nlmsghdr *header;
	struct nlmsgerr *answer;

	if (step->kind == NOTHING_LEFT || step->kind == FAILS) {
		errno = step->kind == FAILS ? step->error : EAGAIN;
		script += step->kind == FAILS;
		return -1;
	}
	script++;
	memset(buffer, 0, MNL_NLMSG_HDRLEN + sizeof(*answer));
	header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = NLMSG_ERROR;
	header->nlmsg_seq = first_sequence + step->message;
	answer = mnl_nlmsg_put_extra_header(header, sizeof(*answer));
	answer->error = -step->error;
	answer->msg.nlmsg_seq = header->nlmsg_seq;
	assert_true(header->nlmsg_len <= size);
	return (ssize_t)header->nlmsg_len - (step->kind == ANSWERS_SHORT ? 8 : 0);
}

/* A batch of its begin (message 0), a table (1), a chain's rules (2, which asks for the ACK), its
 * end. */
static int commit(const struct step *steps, struct nft_error *error)
{
	_cleanup_(nft_batch_freep) struct nft_batch *batch = NULL;

	first_sequence = nft_socket_sequence(nft);
	batch = nft_batch_new("evercam", first_sequence);
	nft_batch_add_table(batch, "", 0);
	nft_batch_flush_chain(batch, "input");
	script = steps;
	return nft_socket_commit(nft, batch, error);
}

static void test_acknowledged(void **state)
{
	const struct step plain[] = { { ANSWERS, 0, 2 }, { NOTHING_LEFT, 0, 0 } };
	const struct step interrupted[] = { { FAILS, EINTR, 0 },
					    { ANSWERS, 0, 2 },
					    { NOTHING_LEFT, 0, 0 } };
	struct nft_error error;

	assert_int_equal(commit(plain, &error), 0);
	assert_string_equal(error.text, "");
	assert_int_equal(commit(interrupted, &error), 0);
}

static void test_refused(void **state)
{
	const struct step steps[] = { { ANSWERS, EBUSY, 1 },
				      { ANSWERS, ENOENT, 2 },
				      { NOTHING_LEFT, 0, 0 } };
	struct nft_error error;

	assert_int_equal(commit(steps, &error), -EBUSY); /* the first one is the cause */
	assert_non_null(strstr(error.text, "table evercam"));
	assert_non_null(strstr(error.text, strerror(EBUSY)));
}

/* Answers that had no room in the socket are gone: what is left of them must not be taken for all.
 */
static void test_no_room(void **state)
{
	const struct step ack_is_there[] = { { FAILS, ENOBUFS, 0 },
					     { ANSWERS, 0, 2 },
					     { NOTHING_LEFT, 0, 0 } };
	const struct step ack_is_lost[] = { { FAILS, ENOBUFS, 0 }, { NOTHING_LEFT, 0, 0 } };
	const struct step ack_of_another[] = { { ANSWERS, 0, 1 }, { NOTHING_LEFT, 0, 0 } };
	const struct step error_and_loss[] = { { ANSWERS, EEXIST, 1 },
					       { FAILS, ENOBUFS, 0 },
					       { NOTHING_LEFT, 0, 0 } };
	const struct step cut[] = { { ANSWERS_SHORT, 0, 2 }, { NOTHING_LEFT, 0, 0 } };
	struct nft_error error;

	assert_int_equal(commit(ack_is_there, &error), 0);
	assert_int_equal(commit(ack_is_lost, &error), -EIO);
	assert_non_null(strstr(error.text, "transaction"));
	assert_int_equal(commit(ack_of_another, &error), -EIO);
	assert_int_equal(commit(error_and_loss, &error), -EEXIST);
	assert_int_equal(commit(cut, &error), -EIO);
	assert_int_equal(commit(ack_is_there, &error), 0); /* nothing is left over */
}

static void test_broken_socket(void **state)
{
	const struct step steps[] = { { FAILS, EBADF, 0 }, { NOTHING_LEFT, 0, 0 } };
	const struct step none[] = { { NOTHING_LEFT, 0, 0 } };
	struct nft_error error;

	assert_int_equal(commit(steps, &error), -EBADF);
	send_error = EMSGSIZE;
	assert_int_equal(commit(none, &error), -EMSGSIZE);
	assert_non_null(strstr(error.text, strerror(EMSGSIZE)));
	send_error = 0;
}

static int setup(void **state)
{
	return nft_socket_new(&nft);
}

static int teardown(void **state)
{
	nft = nft_socket_free(nft);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acknowledged),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_broken_socket),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
