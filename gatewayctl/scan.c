/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gatewayctl scan: has discoverd look for devices, and shows each camera as soon as it is known.
 * What was known before is shown first. Progress goes to standard error, on a terminal.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/bus_client.h"
#include "common/memory.h"
#include "dbus/discovery1.h"
#include "gatewayctl/command.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/live.h"
#include "gatewayctl/table.h"

#define PATIENCE (120 * USEC_PER_SEC) /* without any progress */
#define TICK     (USEC_PER_SEC / 2)

struct scan {
	struct command *command;
	struct live *live;
	struct bus_request *request;
	struct loop_timer tick;
	usec_t progressed;   /* the last time it came further */
	int64_t progress;    /* percent */
	cJSON *shown;        /* path -> true */
	bool answered;       /* Scan was called, and discoverd has begun */
	struct table *table; /* NULL before the first row */
};

/* Rows are printed before the next ones are known: their columns are as wide as most cameras need.
 */
static const char *const titles[] = { "NAME", "VENDOR", "MODEL", "ADDRESS", "PORTS", NULL };
static const unsigned widths[] = { 26, 10, 18, 15, 11 };
static const char *const spare[] = { "VENDOR", "MODEL", NULL };

static void clear_progress(const struct scan *scan)
{
	if (isatty(STDERR_FILENO) && !scan->command->json)
		fputs("\r\x1b[K", stderr);
}

static void show_progress(struct scan *scan)
{
	if (!isatty(STDERR_FILENO) || scan->command->json)
		return;
	clear_progress(scan);
	fprintf(stderr, "looking for devices: %" PRIi64 " %%, %d so far", scan->progress,
		cJSON_GetArraySize(live_objects(scan->live)));
	fflush(stderr);
}

static void show(struct scan *scan, const char *path, const cJSON *device)
{
	const struct screen *screen = &scan->command->screen;
	_cleanup_free_ char *ports = device_ports(device);

	/* Who may not scan gets a refusal, and nothing before it. */
	if (!scan->answered || scan->command->json || field(scan->shown, path) ||
	    !device_is_camera(device))
		return;
	clear_progress(scan);
	if (!scan->table) {
		scan->table = table_new(titles);
		table_spare(scan->table, spare);
		table_begin(scan->table, screen, widths);
	}
	json_add_bool(scan->shown, path, true);
	table_row(scan->table, screen,
		  (const char *const[]){ field_text(device, "name"), field_text(device, "vendor"),
					 field_text(device, "model"), field_text(device, "address"),
					 ports });
	fflush(screen->file);
}

static void note_progress(struct scan *scan)
{
	int64_t progress = field_number(live_root(scan->live), "scan_progress");

	if (progress == scan->progress)
		return;
	scan->progress = progress;
	scan->progressed = loop_now(scan->command->loop);
	show_progress(scan);
}

static void finish_if_done(struct scan *scan)
{
	if (scan->answered && !cJSON_IsTrue(field(live_root(scan->live), "scanning")))
		loop_stop(scan->command->loop, EXIT_DONE);
}

static void on_scan_answered(const struct bus_reply *reply, void *owner)
{
	struct scan *scan = owner;
	const cJSON *device;

	scan->request = NULL;
	if (reply->error < 0) {
		clear_progress(scan);
		loop_stop(scan->command->loop,
			  query_tell_failure(reply, SERVICE_DISCOVERY, "scan"));
		return;
	}
	/* Scanning has become true before the answer, if there is anything to do. */
	scan->answered = true;
	json_for_each (device, live_objects(scan->live))
		show(scan, device->string, device);
	finish_if_done(scan);
}

static void call(struct scan *scan)
{
	const struct service_info *info = service_info(SERVICE_DISCOVERY);
	struct bus_writer *writer;

	scan->request = bus_request_new(scan->command->bus, info->name, info->path, info->name,
					discovery1_interface.methods[DISCOVERY1_METHOD_SCAN].name);
	writer = bus_request_arguments(scan->request);
	bus_open_dict(writer);
	bus_close(writer);
	bus_request_send(scan->request, "", 0, on_scan_answered, scan);
}

static void on_change(const struct live_change *change, void *owner)
{
	struct scan *scan = owner;

	switch (change->event) {
	case LIVE_PRESENT:
		if (!scan->request && !scan->answered)
			call(scan);
		return;
	case LIVE_ABSENT:
		clear_progress(scan);
		tell("discoverd ended; look at 'journalctl -u evercam-discoverd'");
		loop_stop(scan->command->loop, EXIT_NOT_RUNNING);
		return;
	case LIVE_ADDED:
	case LIVE_CHANGED:
		if (change->path)
			show(scan, change->path, change->object);
		else
			note_progress(scan);
		finish_if_done(scan);
		return;
	case LIVE_REMOVED:
	case LIVE_EXPIRED:
		return;
	}
}

static void on_tick(struct loop_timer *timer)
{
	struct scan *scan = container_of(timer, struct scan, tick);

	if (loop_now(scan->command->loop) - scan->progressed > PATIENCE) {
		clear_progress(scan);
		tell("the scan does not get any further; 'gatewayctl devices' shows what was "
		     "found");
		loop_stop(scan->command->loop, EXIT_FAILED);
		return;
	}
	show_progress(scan);
	loop_timer_arm(timer, TICK);
}

static void print_result(struct scan *scan)
{
	unsigned cameras = 0, others = 0;
	const cJSON *device;

	json_for_each (device, live_objects(scan->live)) {
		cameras += device_is_camera(device);
		others += !device_is_camera(device);
	}
	if (cameras > 0)
		fputc('\n', scan->command->screen.file);
	fprintf(scan->command->screen.file, "%u camera%s", cameras, cameras == 1 ? "" : "s");
	if (others > 0)
		fprintf(scan->command->screen.file,
			", and %u device%s that may be one ('gatewayctl devices')", others,
			others == 1 ? "" : "s");
	fputc('\n', scan->command->screen.file);
}

static void print_json(struct scan *scan)
{
	_cleanup_json_ cJSON *document = json_new_object();
	_cleanup_free_ char *text = NULL;
	cJSON *devices = json_new_array(), *copy;
	const cJSON *device;

	json_for_each (device, live_objects(scan->live)) {
		copy = cJSON_Duplicate(device, true);
		if (!copy)
			abort();
		json_add_string(copy, "path", device->string);
		json_append(devices, copy);
	}
	json_add(document, "devices", devices);
	text = json_print(document);
	puts(text);
}

int scan_command(struct command *command)
{
	struct scan scan = { .command = command, .shown = json_new_object() };
	cJSON *discovery = NULL;
	int code;

	/* A mirror waits for who is not there; a command says so. */
	code = query_properties_or_tell(command->bus, SERVICE_DISCOVERY, &discovery);
	cJSON_Delete(discovery);
	if (code == EXIT_DONE && live_new(&scan.live, command->loop, command->bus,
					  SERVICE_DISCOVERY, on_change, &scan) < 0)
		code = EXIT_FAILED;
	if (code == EXIT_DONE) {
		scan.progressed = loop_now(command->loop);
		loop_timer_init(&scan.tick, command->loop, on_tick);
		loop_timer_arm(&scan.tick, TICK);
		code = loop_run(command->loop);
		loop_timer_deinit(&scan.tick);
		clear_progress(&scan);
	}
	if (code == EXIT_DONE && command->json)
		print_json(&scan);
	else if (code == EXIT_DONE)
		print_result(&scan);
	bus_request_cancel(scan.request);
	live_free(scan.live);
	table_free(scan.table);
	cJSON_Delete(scan.shown);
	return code;
}
