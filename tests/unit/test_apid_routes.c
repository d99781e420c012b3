/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matching of paths, and that the table itself is unambiguous. */
#include "tests/support/test.h"

#include <string.h>

#include "apid/routes.h"

static int handle(struct call *call)
{
	return 0;
}

static const struct route routes[] = {
	{ "GET", "/healthz", handle, ACCESS_PUBLIC },
	{ "POST", "/v1/gateways", handle, ACCESS_PUBLIC },
	{ "GET", "/v1/gateways/{mac}/token", handle, ACCESS_PUBLIC },
	{ "POST", "/v1/gateways/{id}/token", handle, ACCESS_GATEWAY },
	{ "DELETE", "/v1/gateways/{id}/rules/{rule_id}", handle, ACCESS_USER },
};

static struct route_parameters parameters;
static char allowed[ROUTE_ALLOWED_SIZE];

static int find(const char *method, const char *path)
{
	const struct route *route;

	switch (route_find(routes, ARRAY_SIZE(routes), method, path, &route, &parameters,
			   allowed)) {
	case ROUTE_FOUND:
		return (int)(route - routes);
	case ROUTE_NO_PATH:
		return -404;
	case ROUTE_NO_METHOD:
		return -405;
	}
	return -1;
}

static void paths_match(void **state)
{
	assert_int_equal(find("GET", "/healthz"), 0);
	assert_int_equal(find("POST", "/v1/gateways"), 1);
	assert_int_equal(find("GET", "/v1/gateways/AA:bb:cc:dd:ee:ff/token"), 2);
	assert_int_equal(parameters.mac.octets[0], 0xaa);
	assert_int_equal(find("POST", "/v1/gateways/17/token"), 3);
	assert_int_equal(parameters.id, 17);
	assert_int_equal(find("DELETE", "/v1/gateways/17/rules/999999999999999999"), 4);
	assert_int_equal(parameters.rule_id, 999999999999999999);
}

static void paths_do_not_match(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"healthz",
		"/healthz/",
		"//healthz",
		"/healthz/x",
		"/HEALTHZ",
		"/v1",
		"/v1/gateways/",
		"/v1/gateways/17",
		"/v1/gateways/0/token",
		"/v1/gateways/-1/token",
		"/v1/gateways/017/token",
		"/v1/gateways/17x/token",
		"/v1/gateways/9999999999999999999/token",
		"/v1/gateways//token",
		"/v1/gateways/{id}/token",
		"/v1/gateways/aa:bb:cc:dd:ee/token",
		"/v1/gateways/aa:bb:cc:dd:ee:ff:00/token",
		"/v1/gateways/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/token",
		"/v1/gateways/17/rules/",
		"/v1/gateways/17/rules/x",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_int_equal(find("GET", paths[i]), -404);
}

static void methods(void **state)
{
	assert_int_equal(find("DELETE", "/healthz"), -405);
	assert_string_equal(allowed, "GET");
	assert_int_equal(find("POST", "/v1/gateways/aa:bb:cc:dd:ee:ff/token"), -405);
	assert_int_equal(find("", "/healthz"), -405);
}

static void ids(void **state)
{
	uint64_t id = 7;

	assert_int_equal(route_parse_id(&id, "12x", 2), 0);
	assert_int_equal(id, 12);
	assert_true(route_parse_id(&id, "", 0) < 0);
	assert_true(route_parse_id(&id, "+1", 2) < 0);
	assert_int_equal(id, 12);
}

static void table_is_sound(void **state)
{
	for (size_t i = 0; i < api_route_count; i++) {
		const struct route *route = &api_routes[i];

		assert_non_null(route->handle);
		assert_int_equal(route->path[0], '/');
		/* Only a gateway or a person can be told which {id} is theirs. */
		if (strstr(route->path, "{id}"))
			assert_int_not_equal(route->access, ACCESS_PUBLIC);
		if (route->access == ACCESS_GATEWAY)
			assert_non_null(strstr(route->path, "{id}"));
		for (size_t j = 0; j < i; j++)
			assert_false(strcmp(route->path, api_routes[j].path) == 0 &&
				     strcmp(route->method, api_routes[j].method) == 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_match),    cmocka_unit_test(paths_do_not_match),
		cmocka_unit_test(methods),        cmocka_unit_test(ids),
		cmocka_unit_test(table_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
