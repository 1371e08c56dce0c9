/* natmap's own tables, their chains and sets: creating them, and telling whether they are as created. */
#ifndef NM_NFTABLES_SCHEMA_H
#define NM_NFTABLES_SCHEMA_H

#include "nft/batch.h"
#include "nftables/layout.h"

#define NM_NFTABLES_TABLE "natmap"
/* natmap's table of the family, or a chain of it, borrowed. */
struct nm_nft_place nm_nftables_schema_place(enum nm_family family, const char *chain);

struct nm_nftables_schema_chain {
	const char *name;
	struct nm_nft_hook hook;
	const char *place; /* hook and priority as nft shows them */
};

/* The chains, ended by one without name. */
extern const struct nm_nftables_schema_chain nm_nftables_schema_chains[];
/* NULL: none of that name. */
const struct nm_nftables_schema_chain *nm_nftables_schema_find_chain(const char *name);
/* True for the chains of static rules. */
bool nm_nftables_schema_chain_is_static(const char *chain);

/* Appends to the transaction what creates table, chains and sets if they are missing; those for blocks only
 * if some rule looks them up. */
int nm_nftables_schema_ensure(struct nm_nft_batch *txn, enum nm_family family,
	const struct nm_nftables_prefix_lengths *lengths, struct nm_err *err) NM_MUST_USE;

/* Tells whether the family has natmap's table. Fails if it has another program's table of that name, unless
 * ret_foreign takes the answer. The comment of natmap's table is NM_TAG_MADE, and so is that of one of its
 * rules, since Linux before 5.10 keeps no comment of a table. */
int nm_nftables_schema_find_table(struct nm_netlink *nl, enum nm_family family, bool *ret_found,
	bool *ret_foreign, struct nm_err *err) NM_MUST_USE;

/* How a table of the kernel differs from what nm_nftables_schema_ensure() creates. */
struct nm_nftables_schema {
	enum nm_family family;
	char wrong[NM_TAG_SIZE]; /* "chain 'x'": what differs first; "": nothing */
	bool loaded;             /* nft has created it from a saved ruleset */
};
int nm_nftables_schema_read(struct nm_netlink *nl, enum nm_family family, struct nm_nftables_schema *ret,
	struct nm_err *err) NM_MUST_USE;

#endif
