/* The ruleset of nf_tables as it is at one moment: base chains, the rules that they lead to, and the sets
 * that these look up. For follow/follow.h. */
#ifndef NM_FOLLOW_RULESET_H
#define NM_FOLLOW_RULESET_H

#include "base/hash.h"
#include "base/port.h"
#include "nft/objects.h"

struct nm_ruleset_rule {
	uint64_t handle;
	struct nm_attrs expressions;
	struct nm_ports dports; /* nm_dports_find() */
	const char *tag;        /* its comment; NULL: none */
};

struct nm_ruleset_chain {
	uint8_t nfproto; /* NFPROTO_IPV4, NFPROTO_IPV6 or NFPROTO_INET */
	const char *table, *name;
	bool is_base, is_nat, drops; /* drops: its policy */
	uint32_t hook;               /* NF_INET_* */
	int32_t priority;
	struct nm_ruleset_rule *v; /* owned; its rules, in order */
	size_t n, capacity;
};

struct nm_ruleset_element {
	const uint8_t *key, *key_end; /* key_end NULL: the key alone; else up to that, with it */
	uint32_t flags;               /* NFT_SET_ELEM_* */
	const uint8_t *data;          /* of a map; NULL: of none, or the verdict counts */
	int32_t verdict;              /* NF_ACCEPT, NF_DROP, NFT_JUMP, ... */
	const char *chain;            /* NFT_JUMP, NFT_GOTO */
	const char *tag;              /* its comment; NULL: none */
};

struct nm_ruleset_set {
	uint8_t nfproto;
	const char *table, *name;
	uint32_t flags; /* NFT_SET_* */
	size_t key_size, data_size;
	uint8_t fields[NM_NFT_FIELDS_MAX]; /* struct nm_nft_set */
	size_t n_fields;
	bool is_used;                 /* a rule looks it up: its elements have been read */
	bool is_too_big;              /* has more than NM_RULESET_ELEMENTS_MAX, and none of them here */
	struct nm_ruleset_element *v; /* owned; sorted by key */
	size_t n, capacity;
};

enum { NM_RULESET_ELEMENTS_MAX = 1 << 17 };

struct nm_ruleset_block;

struct nm_ruleset {
	struct {
		struct nm_ruleset_chain *v;
		size_t n, capacity;
	} chains; /* in the order of the kernel's list */
	struct {
		struct nm_ruleset_set *v;
		size_t n, capacity;
	} sets;
	struct nm_hash_index chain_index, set_index;
	struct nm_ruleset_block *blocks; /* has what the others point to */
};

void nm_ruleset_done(struct nm_ruleset *r);

/* The chain or set of that name in the table that *chain is in; NULL: there is none. */
const struct nm_ruleset_chain *nm_ruleset_find_chain(
	const struct nm_ruleset *r, const struct nm_ruleset_chain *chain, const char *name);
const struct nm_ruleset_set *nm_ruleset_find_set(
	const struct nm_ruleset *r, const struct nm_ruleset_chain *chain, const char *name);

/* The same of any table, and to be changed while the ruleset is read. */
struct nm_ruleset_chain *nm_ruleset_get_chain(const struct nm_ruleset *r, const struct nm_nft_place *place);
struct nm_ruleset_set *nm_ruleset_get_set(
	const struct nm_ruleset *r, const struct nm_nft_place *table, const char *name);

/* Make chains, or sets, of the lists findable. */
int nm_ruleset_index_chains(struct nm_ruleset *r, struct nm_err *err) NM_MUST_USE;
int nm_ruleset_index_sets(struct nm_ruleset *r, struct nm_err *err) NM_MUST_USE;

/* Copies bytes into the ruleset, with a NUL behind them, aligned for any type. NULL with *err (memory). */
const void *nm_ruleset_keep(struct nm_ruleset *r, const void *bytes, size_t len, struct nm_err *err);

/* The family of a table as nft calls it: "ip", "ip6", "inet". */
const char *nm_ruleset_family_name(uint8_t nfproto);

#endif
