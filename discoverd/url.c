/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 3986, section 3, as far as devices write it. */
#include "discoverd/url.h"

#include <string.h>
#include <strings.h>

#include "common/macros.h"

static const struct {
	const char *start;
	bool rtsp, secure;
	uint16_t port;
} schemes[] = {
	{ "http://", false, false, 80 },
	{ "https://", false, true, 443 },
	{ "rtsp://", true, false, 554 },
	{ "rtsps://", true, true, 322 },
};

static bool copy(char *buffer, size_t size, const char *text, size_t length)
{
	if (length >= size)
		return false;
	memcpy(buffer, text, length);
	buffer[length] = '\0';
	return true;
}

/* Not what begins a fragment, and nothing that would end a line or a word of a request. */
static bool read_path(char path[static TEXT_SIZE], const char *text, size_t length)
{
	const char *fragment = memchr(text, '#', length);

	if (fragment)
		length = (size_t)(fragment - text);
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f || strchr("\"<>\\^`{|}", text[i]))
			return false;
	if (length && text[0] == '?')
		return false;
	return length ? copy(path, TEXT_SIZE, text, length) : copy(path, TEXT_SIZE, "/", 1);
}

/* "10.0.0.7:8080", "[fe80::1%eth0]:80", "camera.local". A zone of theirs means nothing here. */
static bool read_authority(struct url *url, const char *text, size_t length)
{
	char host[NETADDR_TEXT_SIZE], port[8];
	const char *end = text + length, *at, *start = text;

	if (length && *text == '[') {
		start = text + 1;
		at = memchr(text, ']', length);
		if (!at)
			return false;
		length = (size_t)(at - start);
		for (size_t i = 0; i < length; i++)
			if (start[i] == '%')
				length = i;
		at++;
	} else {
		at = memchr(text, ':', length);
		at = at ? at : end;
		length = (size_t)(at - text);
	}
	if (!length || (at < end && *at != ':'))
		return false;
	if (!copy(host, sizeof(host), start, length) || netaddr_parse(&url->host, host) < 0)
		url->host = (struct netaddr){ .family = AF_UNSPEC };
	if (at == end)
		return true;
	return copy(port, sizeof(port), at + 1, (size_t)(end - at - 1)) &&
	       port_parse(&url->port, port) == 0;
}

bool url_read(struct url *ret_url, const char *text, size_t length)
{
	struct url url = { 0 };
	const char *at = NULL, *end = text + length, *user;

	for (size_t i = 0; i < ARRAY_SIZE(schemes) && !at; i++) {
		size_t width = strlen(schemes[i].start);

		if (length < width || strncasecmp(text, schemes[i].start, width) != 0)
			continue;
		at = text + width;
		url.rtsp = schemes[i].rtsp;
		url.secure = schemes[i].secure;
		url.port = schemes[i].port;
	}
	if (!at)
		return false;
	for (length = 0; at + length < end && !strchr("/?#", at[length]);)
		length++;
	user = memrchr(at, '@', length);
	if (user) {
		url.has_user = true;
		length -= (size_t)(user + 1 - at);
		at = user + 1;
	}
	if (!read_authority(&url, at, length) ||
	    !read_path(url.path, at + length, (size_t)(end - at) - length))
		return false;
	/* A password with a slash in it that was not escaped: its end is in the path. */
	if (url.has_user && strchr(url.path, '@'))
		return false;
	*ret_url = url;
	return true;
}

bool url_read_relative(struct url *ret_url, const struct url *base, const char *text)
{
	struct url url = *base;

	if (text[0] != '/' || text[1] == '/')
		return url_read(ret_url, text, strlen(text));
	if (!read_path(url.path, text, strlen(text)))
		return false;
	*ret_url = url;
	return true;
}
