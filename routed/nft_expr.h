/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adds one nftables expression to a rule: the words of which nft_table.c's rules are made. Pure. */
#pragma once

#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>
#include <stdint.h>

/* "meta load KEY => reg" */
void nft_expr_meta(struct nftnl_rule *rule, enum nft_meta_keys key, uint32_t reg);
/* "payload load LENGTHb @ base + OFFSET => reg" */
void nft_expr_payload(struct nftnl_rule *rule, enum nft_payload_bases base, uint32_t offset,
		      uint32_t length, uint32_t reg);
/* "ct load KEY => reg" and, for what each direction has its own of, "… , dir original" */
void nft_expr_ct(struct nftnl_rule *rule, enum nft_ct_keys key, uint32_t reg);
void nft_expr_ct_original(struct nftnl_rule *rule, enum nft_ct_keys key, uint32_t reg);
/* "fib daddr type => reg" */
void nft_expr_fib_destination_type(struct nftnl_rule *rule, uint32_t reg);

/* "cmp OP reg VALUE" */
void nft_expr_compare(struct nftnl_rule *rule, enum nft_cmp_ops operation, uint32_t reg,
		      const void *value, uint32_t size);
void nft_expr_equals_u8(struct nftnl_rule *rule, uint32_t reg, uint8_t value);
void nft_expr_equals_u32(struct nftnl_rule *rule, uint32_t reg, uint32_t value); /* host order */
/* "bitwise reg = ( reg & MASK ) ^ 0", "cmp neq reg 0" */
void nft_expr_any_bit(struct nftnl_rule *rule, uint32_t reg, uint32_t mask);
/* "bitwise reg = ( reg & MASK ) ^ 0" of an address */
void nft_expr_mask(struct nftnl_rule *rule, uint32_t reg, const void *mask, uint32_t size);
/* "lookup reg SREG set NAME [dreg DREG]"; dreg 0: membership only */
void nft_expr_lookup(struct nftnl_rule *rule, const char *set, uint32_t sreg, uint32_t dreg);

void nft_expr_counter(struct nftnl_rule *rule);
/* "nat dnat FAMILY addr_min reg A proto_min reg P" */
void nft_expr_dnat(struct nftnl_rule *rule, uint32_t family, uint32_t address_reg,
		   uint32_t port_reg);
void nft_expr_masquerade(struct nftnl_rule *rule);
/* "immediate reg 0 VERDICT [-> chain]": NF_ACCEPT, NF_DROP, NFT_JUMP */
void nft_expr_verdict(struct nftnl_rule *rule, int verdict, const char *chain);
