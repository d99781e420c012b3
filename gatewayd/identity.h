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

/*
 * Loads it, or makes what is missing: key generation takes seconds on small hardware and blocks.
 * -ENODEV: there is no network interface to take the label from. The directory is borrowed.
 */
int identity_open(struct identity **ret_identity, const struct state_dir *directory);
struct identity *identity_free(struct identity *identity);
DEFINE_CLEANUP(struct identity *, identity_free);

const char *identity_secret(const struct identity *identity);
const char *identity_claim_code(const struct identity *identity);
const struct mac_address *identity_mac(const struct identity *identity);

/* Certificate request (PKCS#10, PEM) of the current key, or of the next one while one is rotated
 * in. */
const char *identity_csr(const struct identity *identity);
bool identity_is_rotating(const struct identity *identity);

/* Makes the next key, beside the current one. Blocks as above. */
int identity_rotate(struct identity *identity);

/*
 * Finds the key that a certificate (PEM) was made for, makes it the current one, and returns a
 * descriptor to read it by (owned). -EBADMSG: not a certificate; -EKEYREJECTED: of another key.
 */
int identity_key_for(struct identity *identity, const char *certificate);

/* Everything new: a new gateway in the API's eyes. Blocks as above. */
int identity_renew(struct identity *identity);
