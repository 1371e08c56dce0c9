/*
 * One chain while it is read: what becomes of natmap's rules in it, by what stands before and behind them.
 * What nm_iptables_compare() consists of.
 */
#ifndef NM_IPTABLES_READING_H
#define NM_IPTABLES_READING_H

#include "iptables/compare.h"
#include "iptables/others.h"

/* What becomes of a desired rule: NM_FATE_KEPT, or one of enum nm_edit_kind. */
enum { NM_FATE_KEPT = NM_EDIT_MISPLACED + 1 };

/* A rule of natmap's that has to go. */
struct nm_iptables_unwanted {
	uint64_t handle;
	char tag[NM_NFT_COMMENT_SIZE];
	enum nm_iptables_form form;
	ssize_t desired; /* number of the rule that it is, misplaced, or that it was; -1: none */
	bool behind_others;
};

struct nm_iptables_diff {
	struct nm_netlink *nl;
	const struct nm_iptables_scope *scope;
	const struct nm_iptables_compare_handler *handler;
	struct nm_hash_index index;
	struct nm_hash_index owners;
	uint8_t *fate;                                          /* of each desired rule */
	bool used[NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX];   /* desired rules are in that chain */
	bool shared[NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX]; /* ... that others may have written */
	bool has_known;                                         /* some desired rule is */
	bool ended[NM_FAMILY_MAX]; /* rules of others end nat, so that natmap's come before them */
};

/* A rule that stays. */
struct nm_iptables_kept {
	size_t desired;
	uint64_t handle;
};

struct nm_iptables_kept_list {
	struct nm_iptables_kept *v; /* owned */
	size_t n, capacity;
};

/* One chain while it is read. */
struct nm_iptables_reading {
	struct nm_iptables_diff *d;
	struct nm_rule_place place;
	struct {
		struct nm_iptables_unwanted *v; /* owned */
		size_t n, capacity;
	} unwanted;
	struct nm_iptables_kept_list
		seconds; /* of the second tier, in the order of the chain, that of their numbers reversed */
	struct nm_iptables_kept_list late; /* nat PREROUTING: those behind rules of others that may end nat */
	size_t awaited;     /* desired rules that may still come, where nothing else matters behind them;
			       SIZE_MAX: all rules matter */
	size_t index;       /* of the next rule */
	bool behind_others; /* struct nm_edit, of the rule that is read */
	struct nm_iptables_others others;
	bool ours_further_down; /* a kept rule has come that belongs behind the head */
	uint64_t last_head;     /* handle of the last kept rule of the head */
	ssize_t jump;           /* DOCKER-USER: number of the desired jump that is there; -1: none yet */
	size_t jump_index;      /* its index in the chain */
	uint64_t jump_handle;
};

/* The desired rule number i, and whether a rule belongs to the place. */
const struct nm_rule *nm_iptables_reading_desired(const struct nm_iptables_diff *d, size_t i);
bool nm_iptables_reading_is_in(const struct nm_rule *rule, const struct nm_rule_place *place);

/* Takes a rule in, one after the other: as one that has to go (desired: number of the rule that it is,
 * misplaced, or -1), as the desired rule i, which stays, or as one of others. 0, or -1 with *err (memory). */
int nm_iptables_reading_add_unwanted(struct nm_iptables_reading *r, const struct nm_nft_rule *rule,
	ssize_t desired, struct nm_err *err) NM_MUST_USE;
int nm_iptables_reading_keep(struct nm_iptables_reading *r, const struct nm_nft_rule *rule, size_t i,
	struct nm_err *err) NM_MUST_USE;
int nm_iptables_reading_add_other(
	struct nm_iptables_reading *r, const struct nm_nft_rule *rule, struct nm_err *err) NM_MUST_USE;

/* True when the desired rule i, which is the next one in the chain, has no effect there. */
bool nm_iptables_reading_is_misplaced(struct nm_iptables_reading *r, size_t i);

/* After the last rule: finds those that are misplaced by what came behind them, or by chains that others
 * before them lead to, which are read. Interrupted as nm_nft_dump(). */
int nm_iptables_reading_settle(struct nm_iptables_reading *r, struct nm_err *err) NM_MUST_USE;

/* Where a rule that is missing goes: to the head of the chain, or to its end. */
bool nm_iptables_reading_goes_to_head(const struct nm_iptables_reading *r, const struct nm_rule *rule);

void nm_iptables_reading_done(struct nm_iptables_reading *r);

#endif
