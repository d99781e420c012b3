/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever parses must format, and parse again to the same value. */
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/memory.h"
#include "common/netaddr.h"
#include "tests/fuzz/fuzz.h"

static void check_prefix(const struct netprefix *prefix)
{
	struct netprefix again, network = netprefix_network(prefix);
	char text[NETPREFIX_TEXT_SIZE];

	if (netprefix_parse(&again, netprefix_format(prefix, text)) < 0 ||
	    !netaddr_equal(&prefix->address, &again.address) || prefix->length != again.length)
		abort();
	if (!netprefix_contains(prefix, &prefix->address) ||
	    !netprefix_contains(prefix, &network.address))
		abort();
}

static void check_address(const struct netaddr *address)
{
	char text[NETADDR_TEXT_SIZE];
	struct netaddr again;

	if (netaddr_parse(&again, netaddr_format(address, text)) < 0 ||
	    !netaddr_equal(address, &again))
		abort();
	netaddr_is_unicast_host(address);
	netaddr_is_link_local(address);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)input, size);
	char code[CLAIM_CODE_SIZE], code_again[CLAIM_CODE_SIZE], mac_text[MAC_TEXT_SIZE];
	struct mac_address mac, mac_again;
	struct netprefix prefix;
	struct netaddr address;
	uint16_t port;

	if (netaddr_parse(&address, text) == 0)
		check_address(&address);
	if (netprefix_parse(&prefix, text) == 0)
		check_prefix(&prefix);
	if (mac_parse(&mac, text) == 0 &&
	    (mac_parse(&mac_again, mac_format(&mac, mac_text)) < 0 || !mac_equal(&mac, &mac_again)))
		abort();
	if (port_parse(&port, text) == 0 && port != strtoul(text, NULL, 10))
		abort();
	if (claim_code_parse(code, text) == 0 &&
	    (claim_code_parse(code_again, code) < 0 || strcmp(code, code_again) != 0))
		abort();
	return 0;
}
