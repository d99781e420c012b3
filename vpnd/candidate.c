/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From settings to SoftEther's accounts and back. */
#include "vpnd/candidate.h"

#include <stdio.h>
#include <string.h>

static void copy_text(char target[static VPNCMD_TEXT_SIZE], const char *text)
{
	snprintf(target, VPNCMD_TEXT_SIZE, "%s", text);
}

void candidate_describe(struct candidate candidate, const struct settings *settings,
			const char *nic, unsigned tcp_connections,
			struct vpncmd_account *ret_account)
{
	const struct server *server = &settings->servers[candidate.server];
	struct vpncmd_account account = {
		.port = server->port,
		.tcp_connections = tcp_connections,
		.verify_server = true,
		.retry_untrusted = true,
		.keep_routes = true,
		.without_udp = true,
	};

	/* "/tcp": no attempts over UDP and no look-up of SoftEther's NAT-T servers. */
	snprintf(account.host, sizeof(account.host), "%.251s/tcp", server->host);
	copy_text(account.hub, settings->hub);
	copy_text(account.username, settings->username);
	copy_text(account.nic, nic);
	memcpy(account.certificate_sha1, settings->certificate_digests.sha1,
	       sizeof(account.certificate_sha1));
	memcpy(account.server_certificate_sha1, settings->server_digests[candidate.pin].sha1,
	       sizeof(account.server_certificate_sha1));
	*ret_account = account;
}

struct candidate candidate_match(const struct vpncmd_account *account,
				 const struct settings *settings, const char *nic,
				 unsigned tcp_connections)
{
	struct candidate candidate = { .found = true };
	struct vpncmd_account wanted;

	for (candidate.server = 0; candidate.server < settings->server_count; candidate.server++)
		for (candidate.pin = 0; candidate.pin < settings->server_certificate_count;
		     candidate.pin++) {
			candidate_describe(candidate, settings, nic, tcp_connections, &wanted);
			if (vpncmd_account_equal(&wanted, account))
				return candidate;
		}
	return (struct candidate){ .found = false };
}

bool candidate_equal(struct candidate a, struct candidate b)
{
	return a.found && b.found && a.server == b.server && a.pin == b.pin;
}
