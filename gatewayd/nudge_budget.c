/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayd/nudge_budget.h"

#define FULL        1000
#define PRICE       50
#define REFUND      49
#define FILL_PERIOD (100 * USEC_PER_MSEC) /* one more in this time */

static void add(struct nudge_budget *budget, usec_t amount)
{
	budget->left = amount >= FULL - budget->left ? FULL : budget->left + (unsigned)amount;
}

void nudge_budget_init(struct nudge_budget *budget, usec_t now)
{
	*budget = (struct nudge_budget){ .left = FULL, .filled = now };
}

usec_t nudge_budget_pay(struct nudge_budget *budget, usec_t now)
{
	usec_t periods = (now - budget->filled) / FILL_PERIOD;

	add(budget, periods);
	budget->filled += periods * FILL_PERIOD;
	if (budget->left < PRICE)
		return (PRICE - budget->left) * FILL_PERIOD;
	budget->left -= PRICE;
	return 0;
}

void nudge_budget_refund(struct nudge_budget *budget)
{
	add(budget, REFUND);
}
