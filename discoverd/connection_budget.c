/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rate is that of the generic cell rate algorithm (ITU-T I.371): connections are opened evenly,
 * but up to a few at once. In any second there are at most those few and a second's worth of even
 * ones.
 */
#include "discoverd/connection_budget.h"

#define AT_ONCE       20
#define INTERVAL      (USEC_PER_SEC / (CONNECTION_BUDGET_SECOND - AT_ONCE))
#define SAMPLE        32 /* connections after which trouble is looked for */
#define MOST_HALVINGS 3
#define FULL_WAIT     (20 * USEC_PER_MSEC)

static usec_t interval(const struct connection_budget *budget)
{
	return (INTERVAL + 1) << budget->halvings;
}

static usec_t early(const struct connection_budget *budget, usec_t now)
{
	usec_t tolerance = interval(budget) * (AT_ONCE - 1);

	return budget->due > now + tolerance ? budget->due - now - tolerance : 0;
}

static bool is_full(const struct connection_budget *budget)
{
	return budget->running >= CONNECTION_BUDGET_RUNNING >> budget->halvings;
}

void connection_budget_replace(struct connection_budget *budget, usec_t now)
{
	budget->due = (budget->due > now ? budget->due : now) + interval(budget);
}

bool connection_budget_take(struct connection_budget *budget, usec_t now)
{
	if (is_full(budget) || early(budget, now))
		return false;
	budget->running++;
	connection_budget_replace(budget, now);
	return true;
}

void connection_budget_give_back(struct connection_budget *budget, bool lost)
{
	budget->running--;
	budget->ended++;
	budget->lost += lost;
	if (budget->ended < SAMPLE)
		return;
	if (budget->lost * 10 > budget->ended * 3)
		budget->halvings += budget->halvings < MOST_HALVINGS;
	else
		budget->halvings -= budget->halvings > 0;
	budget->ended = budget->lost = 0;
}

usec_t connection_budget_wait(const struct connection_budget *budget, usec_t now)
{
	usec_t wait = early(budget, now);

	return is_full(budget) && wait < FULL_WAIT ? FULL_WAIT : wait;
}
