/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SoftEther takes RSA only, and 3072 bits are the size it takes that is still good (facts: design
 * decision 7).
 */
#include "gatewayd/key_maker.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/daemon.h"
#include "common/memory.h"
#include "common/process.h"
#include "common/state_file.h"

#define KEY_BITS    3072
#define KEY_MODE    0600
#define KEY_TIMEOUT (900 * USEC_PER_SEC)
#define MAX_REASON  200

/* Also when the file has been replaced by an upgrade: it is what we run. */
static const char own_program[] = "/proc/self/exe";

struct key_maker {
	struct process *child;
	key_maker_fn *on_made;
	void *owner;
};

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(BIO *, BIO_free);

static void on_exit_of_child(struct process *child, const struct process_result *result,
			     void *owner)
{
	struct key_maker *maker = owner;
	_cleanup_free_ char *problem = NULL;
	char end[128];

	if (result->end != PROCESS_EXITED || result->code != 0)
		problem = xasprintf("the private key cannot be made: %.*s",
				    result->output_size ? MAX_REASON : (int)sizeof(end),
				    result->output_size
					    ? result->output
					    : process_describe(result, end, sizeof(end)));
	maker->on_made(problem, maker->owner);
}

int key_maker_start(struct key_maker **ret_maker, struct loop *loop, const char *path,
		    key_maker_fn *on_made, void *owner)
{
	_cleanup_(key_maker_freep) struct key_maker *maker = xnew(struct key_maker);
	const char *const argv[] = { own_program, KEY_MAKER_VERB, path, NULL };
	int r;

	maker->on_made = on_made;
	maker->owner = owner;
	r = process_start(&maker->child, loop,
			  &(struct process_options){ .argv = argv, .timeout = KEY_TIMEOUT },
			  on_exit_of_child, maker);
	if (r < 0)
		return r;
	*ret_maker = steal_ptr(maker);
	return 0;
}

struct key_maker *key_maker_free(struct key_maker *maker)
{
	if (!maker)
		return NULL;
	process_free(maker->child);
	free(maker);
	return NULL;
}

/* --- in the child --- */

static int write_key(const char *path, EVP_PKEY *key)
{
	/* Secure memory: overwritten when freed. */
	_cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_secmem());
	const char *name = strrchr(path, '/');
	_cleanup_free_ char *directory = NULL;
	_cleanup_close_ int fd = -1;
	char *text;
	long size;

	if (!name || !bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return -EIO;
	directory = xstrndup(path, (size_t)(name - path));
	fd = state_directory_open(directory);
	if (fd < 0)
		return fd;
	size = BIO_get_mem_data(bio, &text);
	return state_file_write(fd, name + 1, text, (size_t)size, KEY_MODE);
}

int key_maker_main(const char *path)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	int r = -EIO;

	daemon_protect_process();
	/* Who is started after us writes the same file. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	key = EVP_RSA_gen(KEY_BITS);
	if (key)
		r = write_key(path, key);
	if (r == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "%s: %s", path, strerror(-r));
	return EXIT_FAILURE;
}
