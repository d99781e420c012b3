/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * So many in any tenth of a second are ten times as many in any second, and no long bursts. What
 * was opened out of turn stands in the list with a time to come, and so delays what comes after it.
 */
#include "discoverd/connection_budget.h"

#define TENTH         (USEC_PER_SEC / 10)
#define SAMPLE        32 /* connections after which trouble is looked for */
#define MOST_HALVINGS 3
#define FULL_WAIT     (20 * USEC_PER_MSEC)
#define CLAIM_TIME    (5 * USEC_PER_MSEC)

/* When the next may be opened. */
static usec_t due(const struct connection_budget *budget)
{
	unsigned rate = CONNECTION_BUDGET_TENTH >> budget->halvings;
	unsigned first = (budget->next + CONNECTION_BUDGET_TENTH - rate) % CONNECTION_BUDGET_TENTH;

	return budget->opened[first] ? budget->opened[first] + TENTH : 0;
}

bool connection_budget_is_full(const struct connection_budget *budget)
{
	return budget->running >= CONNECTION_BUDGET_RUNNING >> budget->halvings;
}

usec_t connection_budget_wait(const struct connection_budget *budget, usec_t now)
{
	usec_t time = due(budget), wait = time > now ? time - now : 0;

	return connection_budget_is_full(budget) && wait < FULL_WAIT ? FULL_WAIT : wait;
}

void connection_budget_replace(struct connection_budget *budget, usec_t now)
{
	usec_t time = due(budget);

	budget->opened[budget->next] = time > now ? time : now;
	budget->next = (budget->next + 1) % CONNECTION_BUDGET_TENTH;
}

static bool take(struct connection_budget *budget, usec_t now)
{
	if (connection_budget_is_full(budget) || due(budget) > now)
		return false;
	budget->running++;
	connection_budget_replace(budget, now);
	return true;
}

bool connection_budget_take(struct connection_budget *budget, usec_t now)
{
	return budget->claimed <= now && take(budget, now);
}

bool connection_budget_claim(struct connection_budget *budget, usec_t now)
{
	bool taken = take(budget, now);

	budget->claimed = taken ? 0 : now + connection_budget_wait(budget, now) + CLAIM_TIME;
	return taken;
}

static void slow_down(struct connection_budget *budget)
{
	budget->halvings += budget->halvings < MOST_HALVINGS;
	budget->ended = budget->lost = 0;
}

void connection_budget_give_back(struct connection_budget *budget, enum connection_end end)
{
	budget->running--;
	switch (end) {
	case CONNECTION_UNKNOWN:
		return;
	case CONNECTION_UNMADE:
		slow_down(budget);
		return;
	case CONNECTION_LOST:
		budget->lost++;
		break;
	case CONNECTION_ANSWERED:
		break;
	}
	if (++budget->ended < SAMPLE)
		return;
	if (budget->lost * 10 > budget->ended * 3) {
		slow_down(budget);
	} else {
		budget->halvings -= budget->halvings > 0;
		budget->ended = budget->lost = 0;
	}
}
