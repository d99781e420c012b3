/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routed/nft_expr.h"

#include <libnftnl/expr.h>
#include <linux/netfilter/nf_nat.h>
#include <stdlib.h>

/* libnftnl fails to allocate only when memory is out. */
static struct nftnl_expr *expr_new(const char *name)
{
	struct nftnl_expr *expr = nftnl_expr_alloc(name);

	if (!expr)
		abort();
	return expr;
}

void nft_expr_meta(struct nftnl_rule *rule, enum nft_meta_keys key, uint32_t reg)
{
	struct nftnl_expr *expr = expr_new("meta");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, reg);
	nftnl_rule_add_expr(rule, expr);
}

void nft_expr_payload(struct nftnl_rule *rule, enum nft_payload_bases base, uint32_t offset,
		      uint32_t length, uint32_t reg)
{
	struct nftnl_expr *expr = expr_new("payload");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, length);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, reg);
	nftnl_rule_add_expr(rule, expr);
}

void nft_expr_ct(struct nftnl_rule *rule, enum nft_ct_keys key, uint32_t reg)
{
	struct nftnl_expr *expr = expr_new("ct");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, reg);
	nftnl_rule_add_expr(rule, expr);
}

void nft_expr_ct_original(struct nftnl_rule *rule, enum nft_ct_keys key, uint32_t reg)
{
	struct nftnl_expr *expr = expr_new("ct");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_CT_DIR, 0 /* IP_CT_DIR_ORIGINAL */);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, reg);
	nftnl_rule_add_expr(rule, expr);
}

void nft_expr_fib_destination_type(struct nftnl_rule *rule, uint32_t reg)
{
	struct nftnl_expr *expr = expr_new("fib");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_DREG, reg);
	nftnl_rule_add_expr(rule, expr);
}

void nft_expr_compare(struct nftnl_rule *rule, enum nft_cmp_ops operation, uint32_t reg,
		      const void *value, uint32_t size)
{
	struct nftnl_expr *expr = expr_new("cmp");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, operation);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, reg);
	nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, value, size);
	nftnl_rule_add_expr(rule, expr);
}

void nft_expr_equals_u8(struct nftnl_rule *rule, uint32_t reg, uint8_t value)
{
	nft_expr_compare(rule, NFT_CMP_EQ, reg, &value, sizeof(value));
}

void nft_expr_equals_u32(struct nftnl_rule *rule, uint32_t reg, uint32_t value)
{
	nft_expr_compare(rule, NFT_CMP_EQ, reg, &value, sizeof(value));
}

void nft_expr_mask(struct nftnl_rule *rule, uint32_t reg, const void *mask, uint32_t size)
{
	struct nftnl_expr *expr = expr_new("bitwise");
	const uint8_t zeros[16] = { 0 };

	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, size);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, mask, size);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, zeros, size);
	nftnl_rule_add_expr(rule, expr);
}

void nft_expr_any_bit(struct nftnl_rule *rule, uint32_t reg, uint32_t mask)
{
	struct nftnl_expr *expr = expr_new("bitwise");
	const uint32_t zero = 0;

	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask));
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof(zero));
	nftnl_rule_add_expr(rule, expr);
	nft_expr_compare(rule, NFT_CMP_NEQ, reg, &zero, sizeof(zero));
}

void nft_expr_lookup(struct nftnl_rule *rule, const char *set, uint32_t sreg, uint32_t dreg)
{
	struct nftnl_expr *expr = expr_new("lookup");

	nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, set);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, sreg);
	if (dreg)
		nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_DREG, dreg);
	nftnl_rule_add_expr(rule, expr);
}

void nft_expr_counter(struct nftnl_rule *rule)
{
	nftnl_rule_add_expr(rule, expr_new("counter"));
}

void nft_expr_dnat(struct nftnl_rule *rule, uint32_t family, uint32_t address_reg,
		   uint32_t port_reg)
{
	struct nftnl_expr *expr = expr_new("nat");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_FAMILY, family);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_ADDR_MIN, address_reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_PROTO_MIN, port_reg);
	nftnl_rule_add_expr(rule, expr);
}

void nft_expr_masquerade(struct nftnl_rule *rule)
{
	nftnl_rule_add_expr(rule, expr_new("masq"));
}

void nft_expr_verdict(struct nftnl_rule *rule, int verdict, const char *chain)
{
	struct nftnl_expr *expr = expr_new("immediate");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, chain);
	nftnl_rule_add_expr(rule, expr);
}
