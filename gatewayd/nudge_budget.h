/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How often the long-poll may be asked again at once. A broken server could answer it at once for
 * ever; so each question is paid for out of a budget that fills up slowly. An answer that has led
 * to something new gets nearly all of its price back: hundreds of true changes in a row pass
 * undelayed and then ten a second, idle answers twenty and then one in five seconds. Pure.
 */
#pragma once

#include "common/macros.h"

struct nudge_budget {
	unsigned left;
	usec_t filled; /* when it was counted last */
};

void nudge_budget_init(struct nudge_budget *budget, usec_t now);
/* Pays for one question and returns 0; or, when the budget is used up, how long to wait first. */
usec_t nudge_budget_pay(struct nudge_budget *budget, usec_t now);
void nudge_budget_refund(struct nudge_budget *budget);
