/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tunnel's settings: bounds and form of every value, and their JSON. The words are kept to a
 * small alphabet because they end up as arguments of SoftEther's commands.
 */
#include "vpnd/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"

struct settings *settings_new(void)
{
	return xnew(struct settings);
}

struct settings *settings_free(struct settings *settings)
{
	if (!settings)
		return NULL;
	for (size_t i = 0; i < settings->server_count; i++)
		free(settings->servers[i].host);
	free(settings->hub);
	free(settings->username);
	free(settings->hostname);
	free(settings->certificate);
	secret_free(settings->private_key);
	strv_free(settings->server_certificates);
	free(settings);
	return NULL;
}

/* Letters, digits and these marks, beginning with a letter or digit. */
static bool is_word(const char *text, const char *marks, size_t max_length)
{
	size_t length = text ? strlen(text) : 0;

	if (length == 0 || length > max_length || !isalnum((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isascii(text[i]) ||
		    (!isalnum((unsigned char)text[i]) && !strchr(marks, text[i])))
			return false;
	return true;
}

int settings_add_server(struct settings *settings, const char *host, int64_t port, int32_t priority,
			char **ret_error)
{
	if (settings->server_count == SETTINGS_MAX_SERVERS) {
		*ret_error = xasprintf("servers: at most %d", SETTINGS_MAX_SERVERS);
		return -EINVAL;
	}
	if (!is_word(host, ".-", 253)) {
		*ret_error = xstrdup("servers: each host must be a name or an IPv4 address");
		return -EINVAL;
	}
	if (port < 1 || port > 65535) {
		*ret_error = xstrdup("servers: each port must be 1 to 65535");
		return -EINVAL;
	}
	settings->servers[settings->server_count++] = (struct server){
		.host = xstrdup(host),
		.port = (uint16_t)port,
		.priority = priority,
	};
	return 0;
}

static const char *check_words(const struct settings *settings)
{
	if (settings->server_count == 0)
		return "servers: at least one is needed";
	if (!is_word(settings->hub, "._-", 63))
		return "hub: letters, digits, '.', '_', '-', at most 63, are needed";
	if (!is_word(settings->username, "._-", 63))
		return "username: letters, digits, '.', '_', '-', at most 63, are needed";
	if (!is_word(settings->hostname, "-", 63))
		return "hostname: one label of letters, digits and '-', at most 63, is needed";
	if (!settings->has_mac || !mac_is_unicast(&settings->mac))
		return "mac_address: a unicast address like 02:ac:00:00:00:07 is needed";
	if (settings->address.length != 0 &&
	    (settings->address.address.family != AF_INET || settings->address.length < 8 ||
	     settings->address.length > 30 || !netaddr_is_unicast_host(&settings->address.address)))
		return "address, prefix_length: an IPv4 address and a length of 8 to 30 are needed";
	return NULL;
}

static const char *check_certificates(struct settings *settings)
{
	size_t count = strv_length(settings->server_certificates);

	if (!settings->certificate || strlen(settings->certificate) > SETTINGS_MAX_PEM ||
	    certificate_digests(&settings->certificate_digests, settings->certificate) < 0)
		return "certificate: one X.509 certificate in PEM is needed";
	if (count < 1 || count > SETTINGS_MAX_CERTIFICATES)
		return "server_certificates: 1 to 8 certificates are needed";
	for (size_t i = 0; i < count; i++)
		if (strlen(settings->server_certificates[i]) > SETTINGS_MAX_PEM ||
		    certificate_digests(&settings->server_digests[i],
					settings->server_certificates[i]) < 0)
			return "server_certificates: each must be one X.509 certificate in PEM";
	settings->server_certificate_count = count;
	if (!settings->private_key || strlen(settings->private_key) > SETTINGS_MAX_PEM)
		return "private_key: a key in PEM is needed";
	switch (certificate_check_key(settings->certificate, settings->private_key)) {
	case CERTIFICATE_KEY_FITS:
		return NULL;
	case CERTIFICATE_KEY_UNREADABLE:
		return "private_key: it is not an unencrypted key in PEM";
	case CERTIFICATE_KEY_UNSUPPORTED:
		return "private_key: SoftEther takes RSA of 1024, 1536, 2048, 3072 or 4096 bits "
		       "only";
	case CERTIFICATE_KEY_DIFFERS:
		return "private_key: it does not belong to the certificate";
	}
	return "private_key: it cannot be used";
}

/* Stable, so that the order among equal priorities is the one that was given. */
static void sort_servers(struct settings *settings)
{
	for (size_t i = 1; i < settings->server_count; i++) {
		struct server moved = settings->servers[i];
		size_t place = i;

		for (; place > 0 && settings->servers[place - 1].priority > moved.priority; place--)
			settings->servers[place] = settings->servers[place - 1];
		settings->servers[place] = moved;
	}
}

int settings_check(struct settings *settings, char **ret_error)
{
	const char *error = check_words(settings);

	if (!error)
		error = check_certificates(settings);
	if (error) {
		*ret_error = xstrdup(error);
		return -EINVAL;
	}
	sort_servers(settings);
	return 0;
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
	_cleanup_secret_ char *left = settings_to_json(a), *right = settings_to_json(b);

	return strcmp(left, right) == 0;
}

char *settings_to_json(const struct settings *settings)
{
	_cleanup_json_ cJSON *json = json_new_object();
	cJSON *servers = json_new_array(), *certificates = json_new_array();
	char mac[MAC_TEXT_SIZE], prefix[NETPREFIX_TEXT_SIZE];

	for (size_t i = 0; i < settings->server_count; i++) {
		cJSON *server = json_new_object();

		json_add_string(server, "host", settings->servers[i].host);
		json_add_number(server, "port", settings->servers[i].port);
		json_add_number(server, "priority", settings->servers[i].priority);
		json_append(servers, server);
	}
	json_add(json, "servers", servers);
	json_add_string(json, "hub", settings->hub);
	json_add_string(json, "username", settings->username);
	json_add_string(json, "hostname", settings->hostname);
	json_add_string(json, "mac_address", mac_format(&settings->mac, mac));
	if (settings->address.length != 0)
		json_add_string(json, "address", netprefix_format(&settings->address, prefix));
	for (size_t i = 0; i < strv_length(settings->server_certificates); i++) {
		cJSON *item = json_new_object();

		json_add_string(item, "pem", settings->server_certificates[i]);
		json_append(certificates, item);
	}
	json_add(json, "server_certificates", certificates);
	json_add_string(json, "certificate", settings->certificate);
	json_add_string(json, "private_key", settings->private_key);
	return json_print(json);
}

static int read_servers(struct settings *settings, const cJSON *json, char **ret_error)
{
	const cJSON *array, *item;
	int r;

	r = json_get_array(json, "servers", SETTINGS_MAX_SERVERS, &array);
	if (r < 0)
		return r;
	json_for_each (item, array) {
		const char *host;
		double priority;
		uint64_t port;

		if (json_get_string(item, "host", 253, &host) < 0 ||
		    json_get_number(item, "port", 1, 65535, &port) < 0 ||
		    json_get_real(item, "priority", INT32_MIN, INT32_MAX, &priority) < 0)
			return -EINVAL;
		r = settings_add_server(settings, host, (int64_t)port, (int32_t)priority,
					ret_error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_certificates(struct settings *settings, const cJSON *json)
{
	const cJSON *array, *item;
	const char *pem;

	if (json_get_array(json, "server_certificates", SETTINGS_MAX_CERTIFICATES, &array) < 0)
		return -EINVAL;
	json_for_each (item, array) {
		if (json_get_string(item, "pem", SETTINGS_MAX_PEM, &pem) < 0)
			return -EINVAL;
		settings->server_certificates = strv_append(settings->server_certificates, pem);
	}
	return 0;
}

static int read_texts(struct settings *settings, const cJSON *json)
{
	const struct {
		const char *name;
		size_t max_length;
		char **value;
	} texts[] = {
		{ "hub", 63, &settings->hub },
		{ "username", 63, &settings->username },
		{ "hostname", 63, &settings->hostname },
		{ "certificate", SETTINGS_MAX_PEM, &settings->certificate },
		{ "private_key", SETTINGS_MAX_PEM, &settings->private_key },
	};
	const char *value;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (json_get_string(json, texts[i].name, texts[i].max_length, &value) < 0)
			return -EINVAL;
		*texts[i].value = xstrdup(value);
	}
	if (json_get_string(json, "mac_address", MAC_TEXT_SIZE, &value) < 0 ||
	    mac_parse(&settings->mac, value) < 0)
		return -EINVAL;
	settings->has_mac = true;
	if (json_get_string(json, "address", NETPREFIX_TEXT_SIZE, &value) == 0 &&
	    netprefix_parse(&settings->address, value) < 0)
		return -EINVAL;
	return 0;
}

int settings_from_json(struct settings **ret_settings, const char *text, size_t size,
		       char **ret_error)
{
	_cleanup_(settings_freep) struct settings *settings = settings_new();
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_free_ char *error = NULL;

	if (json_parse(&json, text, size) < 0 || read_servers(settings, json, &error) < 0 ||
	    read_texts(settings, json) < 0 || read_certificates(settings, json) < 0) {
		*ret_error = error ? steal_ptr(error) : xstrdup("not the JSON of vpnd's settings");
		return -EINVAL;
	}
	if (settings_check(settings, ret_error) < 0)
		return -EINVAL;
	*ret_settings = steal_ptr(settings);
	return 0;
}
