/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who this gateway is: machine secret, MAC label, and the RSA-3072 key of its VPN account. All of
 * it is made here, on the first start, and the secrets never leave the state directory (the secret
 * goes to the API only, over TLS; the key to vpnd only, as a descriptor).
 */
#pragma once

#include "common/macros.h"
#include "common/netaddr.h"
#include "gatewayd/state_dir.h"

struct identity;

struct identity_options {
	struct loop *loop;
	const struct state_dir *directory; /* borrowed */
	/* The key that was being made is there (NULL), or what is in the way of it: then it is
	 * tried again by itself. */
	void (*on_key)(const char *problem, void *owner);
	void *owner;
};

/*
 * Loads it, or makes what is missing; a key is made in a child, and on_key follows.
 * -ENODEV: there is no network interface to take the label from. Options are copied.
 */
int identity_open(struct identity **ret_identity, const struct identity_options *options);
struct identity *identity_free(struct identity *identity);
DEFINE_CLEANUP(struct identity *, identity_free);

const char *identity_secret(const struct identity *identity);
const char *identity_claim_code(const struct identity *identity);
const struct mac_address *identity_mac(const struct identity *identity);

/* Certificate request (PKCS#10, PEM) of the current key, or of the next one while one is rotated
 * in. NULL while the first key is being made. */
const char *identity_csr(const struct identity *identity);
bool identity_is_rotating(const struct identity *identity);

/* Makes the next key, beside the current one; on_key follows. */
int identity_rotate(struct identity *identity);

/*
 * Finds the key that a certificate (PEM) was made for, and returns a descriptor to read it by
 * (owned). -EBADMSG: not a certificate; -EKEYREJECTED: of another key.
 */
int identity_key_for(const struct identity *identity, const char *certificate);
/*
 * A certificate has been stored: the key it was made for is the current one from now on, and the
 * one before is gone. Not earlier, so that a power cut never leaves a certificate without its key.
 */
int identity_settle(struct identity *identity, const char *certificate);

/* Everything new: a new gateway in the API's eyes; on_key follows. */
int identity_renew(struct identity *identity);
