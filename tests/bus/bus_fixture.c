/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A daemon for the tests of the bus layer: exports io.evercam.Test1 or, asked with --mirror, watches
 * another instance and prints what it sees, one line per event.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bus/test1.h"
#include "common/bus.h"
#include "common/bus_client.h"
#include "common/bus_object.h"
#include "common/loop.h"
#include "common/memory.h"

#define ROOT         "/io/evercam/Test1"
#define MAX_CHILDREN 64

struct child {
	char *name;
	struct bus_object *object;
};

struct fixture {
	struct loop *loop;
	struct loop_signal terminate;
	struct bus *bus;
	struct bus_object *object;
	struct child children[MAX_CHILDREN];
	unsigned child_count;
	struct bus_call *kept;
	uint32_t number;
	bool has_maybe;
};

static const struct bus_vtable test1_vtable;
static const struct bus_vtable *const vtables[] = { &test1_vtable, NULL };

static int on_echo(struct bus_call *call, void *object)
{
	const char *text = NULL;

	bus_read_string(bus_call_arguments(call), &text);
	bus_write_string(bus_call_reply(call), text);
	return bus_call_send(call);
}

static void copy_value(struct bus_writer *writer, const char *key, struct bus_reader *value)
{
	_cleanup_(strv_freep) char **strings = NULL;
	const char *text;
	uint64_t wide;
	uint32_t word;
	uint16_t half;
	int64_t number;
	double real;
	bool flag;

	if (bus_read_string(value, &text) == 0)
		bus_dict_string(writer, key, text);
	else if (bus_read_bool(value, &flag) == 0)
		bus_dict_bool(writer, key, flag);
	else if (bus_read_u16(value, &half) == 0)
		bus_dict_u16(writer, key, half);
	else if (bus_read_u32(value, &word) == 0)
		bus_dict_u32(writer, key, word);
	else if (bus_read_u64(value, &wide) == 0)
		bus_dict_u64(writer, key, wide);
	else if (bus_read_i64(value, &number) == 0)
		bus_dict_i64(writer, key, number);
	else if (bus_read_double(value, &real) == 0)
		bus_dict_double(writer, key, real);
	else if (bus_read_strings(value, &strings) == 0)
		bus_dict_strings(writer, key, strings);
	/* Other types are left out. */
}

static int on_echo_all(struct bus_call *call, void *object)
{
	struct bus_writer *writer = bus_call_reply(call);
	struct bus_reader dict, value;
	const char *key;

	bus_enter(bus_call_arguments(call), &dict);
	bus_open_dict(writer);
	while (bus_next_entry(&dict, &key, &value))
		copy_value(writer, key, &value);
	bus_close(writer);
	return bus_call_send(call);
}

static int on_sum_ports(struct bus_call *call, void *object)
{
	struct bus_reader list, item, options;
	const char *text;
	uint16_t port, target;
	uint64_t sum = 0;

	bus_enter(bus_call_arguments(call), &list);
	while (!bus_reader_at_end(&list)) {
		bus_enter(&list, &item);
		if (bus_read_string(&item, &text) < 0 || bus_read_u16(&item, &port) < 0 ||
		    bus_read_string(&item, &text) < 0 || bus_read_u16(&item, &target) < 0 ||
		    bus_read_string(&item, &text) < 0 || bus_enter(&item, &options) < 0 ||
		    !bus_reader_at_end(&item))
			return -EIO;
		sum += port;
		sum += target;
	}
	bus_write_u64(bus_call_reply(call), sum);
	return bus_call_send(call);
}

static int on_read_descriptor(struct bus_call *call, void *object)
{
	_cleanup_close_ int fd = -1;
	char content[256] = "";
	int r = bus_read_fd(bus_call_arguments(call), &fd);

	if (r < 0)
		return r;
	if (read(fd, content, sizeof(content) - 1) < 0)
		return -errno;
	bus_write_string(bus_call_reply(call), content);
	return bus_call_send(call);
}

static int on_fail(struct bus_call *call, void *object)
{
	int32_t error = 0;

	bus_read_i32(bus_call_arguments(call), &error);
	return error < 0 ? error : -EIO;
}

static int on_keep(struct bus_call *call, void *object)
{
	struct fixture *fixture = object;

	if (fixture->kept)
		return -EBUSY;
	fixture->kept = bus_call_keep(call);
	return 0;
}

static int on_answer_kept(struct bus_call *call, void *object)
{
	struct fixture *fixture = object;

	if (!fixture->kept)
		return bus_call_fail(call, -ENOENT, "No call is kept; use Keep first");
	bus_call_send(steal_ptr(fixture->kept));
	return bus_call_send(call);
}

static int on_drop_kept(struct bus_call *call, void *object)
{
	struct fixture *fixture = object;

	fixture->kept = bus_call_drop(fixture->kept);
	return bus_call_send(call);
}

static int on_set_twice(struct bus_call *call, void *object)
{
	struct fixture *fixture = object;

	for (unsigned i = 0; i < 2 * TEST1_PROPERTY_COUNT; i++)
		bus_property_changed(fixture->object, &test1_vtable, i % TEST1_PROPERTY_COUNT);
	bus_read_u32(bus_call_arguments(call), &fixture->number);
	fixture->has_maybe = fixture->number % 2;
	return bus_call_send(call);
}

static int on_write_bad_text(struct bus_call *call, void *object)
{
	bus_write_string(bus_call_reply(call), "caf\xe9 \xed\xa0\x80 \xc3\xa9 \xf0\x9f\x93\xb7 \xf0");
	return bus_call_send(call);
}

static int on_add_child(struct bus_call *call, void *object)
{
	struct fixture *fixture = object;
	_cleanup_free_ char *path = NULL;
	const char *name = NULL;
	struct child *child;
	int r;

	bus_read_string(bus_call_arguments(call), &name);
	if (fixture->child_count == MAX_CHILDREN)
		return -ENOSPC;
	child = &fixture->children[fixture->child_count];
	path = xasprintf(ROOT "/%s", name);
	r = bus_object_new(&child->object, fixture->bus, path, vtables, fixture);
	if (r < 0)
		return r;
	child->name = xstrdup(name);
	fixture->child_count++;
	return bus_call_send(call);
}

static void remove_child(struct fixture *fixture, struct child *child)
{
	bus_object_free(child->object);
	free(child->name);
	*child = fixture->children[--fixture->child_count];
}

static int on_remove_child(struct bus_call *call, void *object)
{
	struct fixture *fixture = object;
	const char *name = NULL;

	bus_read_string(bus_call_arguments(call), &name);
	for (unsigned i = 0; i < fixture->child_count; i++)
		if (strcmp(fixture->children[i].name, name) == 0) {
			remove_child(fixture, &fixture->children[i]);
			return bus_call_send(call);
		}
	return -ENOENT;
}

static int on_emit_pulse(struct bus_call *call, void *object)
{
	struct fixture *fixture = object;
	struct bus_writer *writer;

	bus_read_u32(bus_call_arguments(call), &fixture->number);
	bus_property_changed(fixture->object, &test1_vtable, TEST1_PROPERTY_NUMBER);
	writer = bus_signal_begin(fixture->object, &test1_vtable, TEST1_SIGNAL_PULSE);
	bus_write_u32(writer, fixture->number);
	bus_signal_send(fixture->object);
	return bus_call_send(call);
}

static void get_number(struct bus_writer *value, const void *object)
{
	const struct fixture *fixture = object;

	bus_write_u32(value, fixture->number);
}

static int set_number(struct bus_reader *value, void *object)
{
	struct fixture *fixture = object;
	uint32_t number;
	int r = bus_read_u32(value, &number);

	if (r < 0)
		return r;
	if (number > 1000)
		return -EINVAL;
	fixture->number = number;
	bus_property_changed(fixture->object, &test1_vtable, TEST1_PROPERTY_NUMBER);
	return 0;
}

static void get_maybe(struct bus_writer *value, const void *object)
{
	bus_write_string(value, "here");
}

static bool has_maybe(const void *object)
{
	const struct fixture *fixture = object;

	return fixture->has_maybe;
}

static void get_quiet(struct bus_writer *value, const void *object)
{
	bus_write_string(value, "quiet");
}

static void get_big(struct bus_writer *value, const void *object)
{
	char *const words[] = { (char[]){ "one" }, (char[]){ "two" }, NULL };

	bus_write_strings(value, words);
}

static const struct bus_vtable test1_vtable = {
	.interface = &test1_interface,
	.methods = (bus_method_fn *const[TEST1_METHOD_COUNT]){
		[TEST1_METHOD_ECHO] = on_echo,
		[TEST1_METHOD_ECHO_ALL] = on_echo_all,
		[TEST1_METHOD_SUM_PORTS] = on_sum_ports,
		[TEST1_METHOD_READ_DESCRIPTOR] = on_read_descriptor,
		[TEST1_METHOD_FAIL] = on_fail,
		[TEST1_METHOD_KEEP] = on_keep,
		[TEST1_METHOD_ANSWER_KEPT] = on_answer_kept,
		[TEST1_METHOD_DROP_KEPT] = on_drop_kept,
		[TEST1_METHOD_SET_TWICE] = on_set_twice,
		[TEST1_METHOD_WRITE_BAD_TEXT] = on_write_bad_text,
		[TEST1_METHOD_ADD_CHILD] = on_add_child,
		[TEST1_METHOD_REMOVE_CHILD] = on_remove_child,
		[TEST1_METHOD_EMIT_PULSE] = on_emit_pulse,
	},
	.properties = (const struct bus_property[TEST1_PROPERTY_COUNT]){
		[TEST1_PROPERTY_NUMBER] = { .get = get_number, .set = set_number },
		[TEST1_PROPERTY_MAYBE] = { .get = get_maybe, .exists = has_maybe },
		[TEST1_PROPERTY_QUIET] = { .get = get_quiet },
		[TEST1_PROPERTY_BIG] = { .get = get_big },
	},
};

/* --- the watcher --- */

static void on_mirror_properties(const char *path, const char *interface, struct bus_reader *dict,
				 void *owner)
{
	struct bus_reader value;
	const char *key;
	uint32_t number;

	while (bus_next_entry(dict, &key, &value))
		if (bus_read_u32(&value, &number) == 0)
			printf("property %s %s=%u\n", path, key, number);
		else
			printf("property %s %s\n", path, key);
}

static void on_mirror_invalidated(const char *path, const char *interface, const char *property,
				  void *owner)
{
	printf("invalidated %s %s\n", path, property);
}

static void on_mirror_removed(const char *path, const char *interface, void *owner)
{
	printf("removed %s %s\n", path, interface);
}

static void on_mirror_presence(bool present, void *owner)
{
	printf(present ? "present\n" : "absent\n");
}

static void on_mirror_signal(const char *path, const char *interface, const char *member,
			     struct bus_reader *arguments, void *owner)
{
	uint32_t number = 0;

	bus_read_u32(arguments, &number);
	printf("signal %s %s %u\n", path, member, number);
}

static const struct bus_mirror_handlers mirror_handlers = {
	.on_properties = on_mirror_properties,
	.on_invalidated = on_mirror_invalidated,
	.on_removed = on_mirror_removed,
	.on_presence = on_mirror_presence,
	.on_signal = on_mirror_signal,
};

static void on_terminate(struct loop_signal *handle)
{
	loop_stop(container_of(handle, struct fixture, terminate)->loop, 0);
}

static void on_bus_lost(struct bus *bus, void *owner)
{
	printf("bus lost\n");
	loop_stop(owner, -ENOTCONN);
}

int main(int argc, char *argv[])
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	_cleanup_(bus_freep) struct bus *bus = NULL;
	_cleanup_(bus_mirror_freep) struct bus_mirror *mirror = NULL;
	bool watching = argc > 1 && strcmp(argv[1], "--mirror") == 0;
	struct fixture fixture = { .number = 7 };
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (loop_new(&loop) < 0 || bus_open(&bus, loop, NULL) < 0)
		return 1;
	fixture.loop = loop;
	fixture.bus = bus;
	loop_signal_init(&fixture.terminate, loop, SIGTERM, on_terminate);
	bus_on_lost(bus, on_bus_lost, loop);
	if (watching)
		r = bus_mirror_new(&mirror, bus, "io.evercam.Test1", ROOT, TEST1_INTERFACE,
				   &mirror_handlers, NULL);
	else
		r = bus_object_new(&fixture.object, bus, ROOT, vtables, &fixture);
	if (r == 0 && !watching)
		r = bus_own_name(bus, "io.evercam.Test1");
	if (r == 0)
		r = loop_run(loop);
	bus_call_drop(fixture.kept);
	while (fixture.child_count > 0)
		remove_child(&fixture, &fixture.children[0]);
	bus_object_free(fixture.object);
	loop_signal_deinit(&fixture.terminate);
	return r < 0 ? 3 : 0;
}
