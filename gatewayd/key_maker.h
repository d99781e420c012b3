/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes an RSA key: seconds to minutes on small hardware, so that a child does it, and the loop
 * goes on. The child is this very program, started with KEY_MAKER_VERB and the file's path; the key
 * goes from its memory to that file, whole or not at all, and nowhere else.
 */
#pragma once

#include "common/loop.h"
#include "common/macros.h"

#define KEY_MAKER_VERB "make-key"

struct key_maker;

/* problem NULL: the key is in its file; otherwise a sentence. The last callback; may free the
 * maker.
 */
typedef void key_maker_fn(const char *problem, void *owner);

int key_maker_start(struct key_maker **ret_maker, struct loop *loop, const char *path,
		    key_maker_fn *on_made, void *owner);
struct key_maker *key_maker_free(struct key_maker *maker); /* ends the child */
DEFINE_CLEANUP(struct key_maker *, key_maker_free);

/* What the child does. Returns its exit status; says on standard error what went wrong. */
int key_maker_main(const char *path);
