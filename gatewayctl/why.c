/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/why.h"

#include <stdlib.h>

#include "common/memory.h"
#include "dbus/discovery1.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/query.h"
#include "gatewayctl/table.h"

static double number(const cJSON *json, const char *name)
{
	return cJSON_GetNumberValue(field(json, name));
}

struct entry {
	const cJSON *fact;
	double size; /* of its weight */
	size_t index;
};

/* What weighs most comes first; the rest as it was told. */
static int compare(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;

	if (first->size < second->size || first->size > second->size)
		return first->size < second->size ? 1 : -1;
	return (first->index > second->index) - (first->index < second->index);
}

static void add_row(struct table *table, const cJSON *fact, const struct screen *screen)
{
	double weight = number(fact, "weight");
	_cleanup_free_ char *ago = duration_text(screen->now - field_number(fact, "time"));
	_cleanup_free_ char *port = xasprintf("%u", (unsigned)field_number(fact, "port"));
	_cleanup_free_ char *sum = xasprintf("%+.2f", weight);

	table_add(table,
		  (const char *const[]){ weight > 0 || weight < 0 ? sum : NULL,
					 field_text(fact, "source"), field_text(fact, "field"),
					 field_number(fact, "port") ? port : NULL,
					 field_text(fact, "value"), ago });
}

static void print_facts(const cJSON *facts, const struct screen *screen)
{
	static const char *const titles[] = { "ADDS",  "SOURCE", "WHAT", "PORT",
					      "VALUE", "TOLD",   NULL };
	size_t count = (size_t)cJSON_GetArraySize(facts), used = 0;
	_cleanup_free_ struct entry *sorted = xcalloc(count + 1, sizeof(*sorted));
	struct table *table = table_new(titles);
	const cJSON *fact;
	double weight;

	json_for_each (fact, facts) {
		weight = number(fact, "weight");
		sorted[used] = (struct entry){ fact, weight < 0 ? -weight : weight, used };
		used++;
	}
	qsort(sorted, used, sizeof(*sorted), compare);
	for (size_t i = 0; i < used; i++)
		add_row(table, sorted[i].fact, screen);
	table_print(table, screen);
	table_free(table);
}

/* The fact that is worth most by itself, or NULL. */
static const cJSON *strongest(const cJSON *facts)
{
	const cJSON *fact, *best = NULL;

	json_for_each (fact, facts)
		if (number(fact, "alone") > (best ? number(best, "alone") : 0))
			best = fact;
	return best;
}

static const char *verdict_text(const cJSON *explanation)
{
	if (field_is(explanation, "verdict", "camera"))
		return "a camera";
	return field_is(explanation, "verdict", "candidate") ? "perhaps a camera, shown as unsure"
							     : "not a camera, and not shown";
}

static void print_verdict(const cJSON *explanation, const struct screen *screen)
{
	const cJSON *best = strongest(field(explanation, "facts"));
	_cleanup_free_ char *alone = NULL, *text = NULL;

	if (best)
		alone = xasprintf(", but %s alone is worth %.2f", field_text(best, "value"),
				  number(best, "alone"));
	if (best && number(best, "alone") <= number(explanation, "sum")) {
		free(alone);
		alone = NULL;
	}
	text = xasprintf("It adds up to %.2f%s. From %.2f a device is shown as unsure, from %.2f "
			 "it is a camera.",
			 number(explanation, "sum"), alone ? alone : "",
			 number(explanation, "candidate_from"), number(explanation, "camera_from"));
	screen_paragraph(screen, text, 2);
}

static void print(const cJSON *explanation, const struct screen *screen)
{
	const char *mac = field_text(explanation, "mac_address");
	const char *address = field_text(explanation, "address");
	_cleanup_free_ char *head = NULL;

	head = xasprintf("%s, at %s, MAC %s: %s.", device_title(explanation),
			 address ? address : "no address", mac ? mac : "unknown",
			 verdict_text(explanation));
	screen_paragraph(screen, head, 0);
	fputc('\n', screen->file);
	print_facts(field(explanation, "facts"), screen);
	fputc('\n', screen->file);
	print_verdict(explanation, screen);
}

int why_command(struct command *command, const char *id)
{
	_cleanup_json_ cJSON *explanation = NULL;
	_cleanup_free_ char *document = NULL;
	int code = query_call(command->bus, SERVICE_DISCOVERY,
			      discovery1_interface.methods[DISCOVERY1_METHOD_EXPLAIN].name, id,
			      "say why", &explanation);

	if (code != EXIT_DONE)
		return code;
	device_name_facts(explanation);
	if (command->json) {
		document = json_print(explanation);
		puts(document);
	} else {
		print(explanation, &command->screen);
	}
	return EXIT_DONE;
}
