/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this host must have for its forwards to work, and may lack without their being wrong: that
 * the kernel forwards the address families they are of, and the interfaces they begin at.
 */
#pragma once

#include <stdbool.h>

#include "common/loop.h"
#include "routed/forward_list.h"

struct readiness;
typedef void readiness_changed_fn(void *owner);

/* forwards: borrowed, sorted. on_changed: the host has changed what readiness_…() tells. */
int readiness_new(struct readiness **ret_readiness, struct loop *loop,
		  const struct forward_list *forwards, readiness_changed_fn *on_changed,
		  void *owner);
struct readiness *readiness_free(struct readiness *readiness);
DEFINE_CLEANUP(struct readiness *, readiness_free);

/* To be called at the start, and when the forwards have changed. */
void readiness_look(struct readiness *readiness);

/* The kernel forwards all address families of the forwards; IPv4 when there are none. */
bool readiness_forwarding_enabled(const struct readiness *readiness);
/* Ingress interfaces of forwards that do not exist now, sorted; NULL or empty: none. */
char *const *readiness_absent_interfaces(const struct readiness *readiness);
bool readiness_is_absent(const struct readiness *readiness, const char *interface);
/* What to do about forwarding that is off; NULL when it is on. */
const char *readiness_advice(const struct readiness *readiness);
