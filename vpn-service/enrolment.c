/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A gateway is recognised by the key of its request: with the same key it gets what it had, unless
 * that was being removed or its certificate is about to end.
 */
#include "vpn-service/enrolment.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/memory.h"
#include "vpn-service/host_files.h"

#define SECONDS_PER_DAY 86400

static int certify(const struct enrolment_settings *settings, struct account *account,
		   const char *csr)
{
	char name[GATEWAY_NAME_SIZE];
	char *certificate;
	int r = certificate_sign_request(&certificate, account->serial, csr,
					 gateway_name_format(account->gateway_id, name),
					 settings->certificate_days, settings->issuer);

	if (r < 0)
		return -EIO;
	free(account->certificate);
	account->certificate = certificate;
	return 0;
}

static int record_new(const struct enrolment_settings *settings, struct account **ret_account,
		      uint32_t gateway_id, const char *csr, const char *fingerprint)
{
	_cleanup_(account_freep) struct account *account = xnew(struct account);
	int r;

	account->gateway_id = gateway_id;
	account->mac = pool_mac(gateway_id);
	account->state = ACCOUNT_CREATING;
	memcpy(account->key_fingerprint, fingerprint, SHA256_HEX_SIZE);
	r = certify(settings, account, csr);
	if (r < 0)
		return r;
	r = account_store_insert(settings->store, account, settings->pool, (int64_t)time(NULL));
	if (r < 0)
		return r;
	*ret_account = steal_ptr(account);
	return 0;
}

/* Less than a third of its life left: the next answer carries a new one. */
static bool certificate_is_old(const struct enrolment_settings *settings,
			       const struct account *account)
{
	int64_t lifetime = (int64_t)settings->certificate_days * SECONDS_PER_DAY;
	int64_t expiry;

	return certificate_expiry(&expiry, account->certificate) < 0 ||
	       expiry - (int64_t)time(NULL) < lifetime / 3;
}

static int record_again(const struct enrolment_settings *settings, struct account *account,
			const char *csr, const char *fingerprint)
{
	int r;

	if (account->state != ACCOUNT_REMOVING && !strcmp(account->key_fingerprint, fingerprint) &&
	    !certificate_is_old(settings, account))
		return 0;
	memcpy(account->key_fingerprint, fingerprint, SHA256_HEX_SIZE);
	account->state = ACCOUNT_CREATING;
	r = certify(settings, account, csr);
	return r < 0 ? r : account_store_update(settings->store, account);
}

int enrolment_record(const struct enrolment_settings *settings, struct account **account,
		     uint32_t gateway_id, const char *csr, const char **ret_problem)
{
	char fingerprint[SHA256_HEX_SIZE];
	int r = certificate_check_request(fingerprint, csr, ret_problem);

	if (r < 0)
		return r;
	if (*account)
		r = record_again(settings, *account, csr, fingerprint);
	else
		r = record_new(settings, account, gateway_id, csr, fingerprint);
	if (r < 0)
		*ret_problem = r == -ENOSPC ? "no address is left in the pool"
					    : "the account cannot be recorded";
	return r;
}
