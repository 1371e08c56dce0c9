/* The constant part of the nftables layout as data: the rules that look elements up. */
#ifndef NM_NFTABLES_CHAINS_H
#define NM_NFTABLES_CHAINS_H

#include "nftables/layout.h"
#include "nftables/rule.h"
#include "nftables/schema.h"

/*
 * The bit of a packet's mark that says, while the packet passes the FORWARD chains, that it belongs to a
 * published port: the ACCEPT in DOCKER-USER matches it. Of the users of marks that are known only mwan3 has
 * it (0x3f00); Kubernetes has 0x4000 and 0x8000, CNI portmap 0x2000, Cilium 0x0f00 and 0xffff0000, Calico,
 * tailscale and pbr higher bits, wg-quick 0xca6c. Whoever has it: the bit of a packet that comes in is set
 * aside before the FORWARD chains, so that it opens nothing, and comes back behind them.
 */
#define NM_NFTABLES_MARK 0x1000u
/* Where it is set aside: a bit of the packet's priority, which IPv4 makes anew (0 to 7) right before the
 * FORWARD hook. As a traffic class it is 4000:0, which tc, whose own numbers begin at 8001:0, gives to
 * nobody. */
#define NM_NFTABLES_ASIDE 0x40000000u

enum nm_nftables_match {
	NM_MATCH_ANY,
	NM_MATCH_FROM_OUTSIDE, /* not from the interface lo */
	NM_MATCH_FROM_LINK_LOCAL,
	NM_MATCH_TO_LOOPBACK,
	NM_MATCH_FROM_LOOPBACK, /* IPv4 only */
	NM_MATCH_TO_HOST,       /* to an address of the host */
	NM_MATCH_TO_MULTICAST,
	NM_MATCH_UNTRANSLATED,
	NM_MATCH_TRANSLATED,  /* the connection's destination is */
	NM_MATCH_ESTABLISHED, /* or related */
	NM_MATCH_MARKED,
	NM_MATCH_PASSED,    /* marked and translated */
	NM_MATCH_SET_ASIDE, /* marked when it came in */
};

enum nm_nftables_action {
	NM_ACTION_JUMP,
	NM_ACTION_GOTO,
	NM_ACTION_RETURN,
	NM_ACTION_DROP,
	NM_ACTION_DNAT, /* to what the map has for the key */
	NM_ACTION_MASQUERADE,
	NM_ACTION_PASS,      /* set the mark and accept */
	NM_ACTION_SET_ASIDE, /* take the mark off, to be put back */
	NM_ACTION_UNMARK,
	NM_ACTION_PUT_BACK,
};

/* What a rule says in each family, for each protocol and prefix length. */
struct nm_nftables_chain_template {
	unsigned families; /* of chains.c: and whether only where there are bridges of natmap's */
	const char *chain;
	enum nm_nftables_match match;
	enum nm_nftables_set set; /* the packet must be in it; NM_SET_MAX: no lookup */
	enum nm_nftables_action action;
	const char *to;  /* chain of a jump or goto */
	const char *tag; /* the comment, or its beginning; NULL: none */
};

struct nm_nftables_chain_rule {
	const struct nm_nftables_chain_template *template;
	enum nm_family family;
	uint8_t protocol;  /* 0: any */
	int prefix_length; /* of the source address in the set's key; -1: the key has none */
	uint8_t level;     /* of the blocks of ports in the key; 0: ports */
};

typedef int nm_nftables_chain_handler(
	void *ctx, const struct nm_nftables_chain_rule *rule, struct nm_err *err);

/* Calls handler for the rules that every table of the family has, then for those of the prefix lengths, in
 * the order in which they stand in their chains. */
int nm_nftables_chains_each(enum nm_family family, const struct nm_nftables_prefix_lengths *lengths,
	nm_nftables_chain_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

/* Appends the same rules as they are sent. */
int nm_nftables_chains_build(enum nm_family family, const struct nm_nftables_prefix_lengths *lengths,
	struct nm_nftables_rules *ret, struct nm_err *err) NM_MUST_USE;

#endif
