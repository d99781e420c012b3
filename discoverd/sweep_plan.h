/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In which order the addresses of one IPv4 network are asked for: first those that somebody
 * pointed to (devices that are known, and their neighbours: cameras are numbered in a row), then
 * the host numbers that cameras have when they leave the factory, then the /24 that those devices
 * are in, then the rest, spread over the network. Each address comes once, and those that have not answered come once more. Pure.
 */
#pragma once

#include "common/netaddr.h"

#define SWEEP_SHORTEST_PREFIX 16

struct sweep_plan;

/* NULL: not IPv4, or larger than a /16. */
struct sweep_plan *sweep_plan_new(const struct netprefix *network);
struct sweep_plan *sweep_plan_free(struct sweep_plan *plan);

/* A device is there, or was: it and its neighbours come next. */
void sweep_plan_point_to(struct sweep_plan *plan, const struct netaddr *address);
/* It needs no asking (any more). */
void sweep_plan_answered(struct sweep_plan *plan, const struct netaddr *address);

/* False at the end. */
bool sweep_plan_next(struct sweep_plan *plan, struct netaddr *ret_address);
/* Of the questions of both rounds. */
uint32_t sweep_plan_total(const struct sweep_plan *plan);
uint32_t sweep_plan_left(const struct sweep_plan *plan);
