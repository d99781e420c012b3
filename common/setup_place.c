/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files are written whole (state_file.h) and handed to their user afterwards: until then they are
 * root's, and unreadable unless meant for everybody.
 */
#include "common/setup_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/state_file.h"

#define DAYS     3650
#define MAX_FILE 65536

void setup_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

const struct passwd *setup_find_user(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (!user)
		setup_say("there is no user %s: files are for root", name);
	return user;
}

void setup_place_close(struct setup_place *place)
{
	closep(&place->fd);
}

static int make_directories(const char *path, mode_t mode)
{
	_cleanup_free_ char *part = xstrdup(path);

	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		/* Ways that others must be able to go; the last one is what mode says. */
		if (mkdir(part, 0755) == 0)
			(void)chmod(part, 0755);
		else if (errno != EEXIST)
			return log_error_errno(-errno, "cannot make %s: %m", part);
		*slash = '/';
	}
	if (mkdir(part, mode) < 0 && errno != EEXIST)
		return log_error_errno(-errno, "cannot make %s: %m", path);
	return 0;
}

int setup_place_open(struct setup_place *ret_place, const char *path, mode_t mode,
		     const struct passwd *user)
{
	int r = make_directories(path, mode);

	*ret_place = (struct setup_place){ .path = path, .fd = -1 };
	if (r < 0)
		return r;
	if (user) {
		ret_place->user = user->pw_uid;
		ret_place->group = user->pw_gid;
	}
	/* By its descriptor, because its name may be a link by now: the directory above may be the
	 * daemon's, and must not be a way to the files of root. */
	ret_place->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret_place->fd < 0 || fchown(ret_place->fd, ret_place->user, ret_place->group) < 0 ||
	    fchmod(ret_place->fd, mode) < 0)
		return log_error_errno(-errno, "cannot use %s: %m", path);
	return 0;
}

int setup_place_write(const struct setup_place *place, const char *name, const char *content,
		      mode_t mode)
{
	int r = state_file_write(place->fd, name, content, strlen(content), mode);

	if (r == 0 && fchownat(place->fd, name, place->user, place->group, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r < 0)
		return log_error_errno(r, "cannot write %s/%s: %m", place->path, name);
	return 0;
}

int setup_place_read(const struct setup_place *place, const char *name, char **ret_content)
{
	int r = state_file_read(place->fd, name, MAX_FILE, ret_content, NULL);

	if (r < 0 && r != -ENOENT)
		log_error_errno(r, "cannot read %s/%s: %m", place->path, name);
	return r;
}

int setup_place_update(const struct setup_place *place, const char *name, const char *content,
		       mode_t mode)
{
	_cleanup_free_ char *present = NULL;
	int r = setup_place_read(place, name, &present);

	if (r == 0 && !strcmp(present, content))
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	r = setup_place_write(place, name, content, mode);
	if (r < 0)
		return r;
	setup_say("%s/%s: written", place->path, name);
	return 1;
}

int setup_ensure_secret(const struct setup_place *place, const char *name, char **ret_secret)
{
	char secret[SECRET_SIZE + 1];
	int r = setup_place_read(place, name, ret_secret);

	if (r == 0)
		(*ret_secret)[strcspn(*ret_secret, "\r\n")] = '\0';
	if (r != -ENOENT)
		return r;
	secret_generate(secret);
	*ret_secret = xstrdup(secret);
	memcpy(secret + SECRET_SIZE - 1, "\n", 2);
	r = setup_place_write(place, name, secret, 0600);
	explicit_bzero(secret, sizeof(secret));
	setup_say("%s/%s: made", place->path, name);
	return r;
}

int setup_ensure_pair(const struct setup_pair *pair, const struct certificate_issuer *issuer,
		      char **ret_certificate, char **ret_key)
{
	_cleanup_free_ char *certificate = NULL;
	_cleanup_secret_ char *key = NULL;
	int r = setup_place_read(pair->certificate_place, pair->certificate_name, &certificate);

	if (r == 0)
		r = setup_place_read(pair->key_place, pair->key_name, &key);
	if (r == 0)
		r = certificate_check_key(certificate, key);
	if (r == 0 && pair->name_matters)
		r = certificate_check_name(certificate, pair->subject);
	if (r == -ENOENT || r == -EINVAL) {
		free(certificate);
		secret_free(steal_ptr(key));
		certificate = NULL;
		r = certificate_create(&certificate, &key, pair->key, pair->purpose, pair->subject,
				       DAYS, issuer);
		if (r < 0)
			return log_error_errno(r, "cannot make a certificate for %s: %m",
					       pair->subject);
		r = setup_place_write(pair->key_place, pair->key_name, key, 0600);
		if (r == 0)
			r = setup_place_write(pair->certificate_place, pair->certificate_name,
					      certificate, 0644);
		setup_say("%s/%s: made", pair->certificate_place->path, pair->certificate_name);
	}
	if (r < 0)
		return r;
	*ret_certificate = steal_ptr(certificate);
	*ret_key = steal_ptr(key);
	return 0;
}
