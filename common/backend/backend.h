/* What a backend does: it lays mappings out as rules, and compares, counts and removes these in the kernel.
 */
#ifndef NM_BACKEND_BACKEND_H
#define NM_BACKEND_BACKEND_H

#include <stdio.h>

#include "backend/desired.h"
#include "backend/gone_rules.h"
#include "backend/lost_rules.h"
#include "backend/localnet_guard.h"
#include "iptables/table.h"
#include "model/static_nat.h"
#include "nft/dump.h"
#include "nft/rules.h"
#include "nft/transaction.h"
#include "state/chain_notes.h"
#include "state/state.h"

/* What the records of one change need in the kernel. */
struct nm_backend_change {
	unsigned families; /* of the new record */
	struct nm_desired new, replaced, peers;
	/* The handles of new.rules, by their number, once it is committed, 0 if one is not known; NULL: not
	 * asked for. */
	uint64_t *handles;
	/* What is known of iptables' chains before, and once it is committed. */
	const struct nm_chain_notes *before;
	struct nm_chain_notes *after;
	/* The records of the replaced, if each has its id alone, and none goes on in the new one; NULL: there
	 * is none such. */
	const struct nm_records *withdrawn;
	/* Added: the families in which something of the replaced has counted a packet, and those in which
	 * that is not known. */
	unsigned *used;
};

/* One comparison of the kernel with what is desired. */
struct nm_backend_comparison {
	struct nm_netlink *nl;
	unsigned families; /* in which something is published or configured */
	const struct nm_desired *desired;
	bool in_use; /* false: everything of this backend is stale but desired->rules */
	/* Called with the kind of a difference, "missing-rule" and the like, and a sentence that tells it. */
	int (*on_difference)(void *ctx, const char *kind, const char *text, struct nm_err *err);
	void *ctx;
	struct nm_gone_rules *gone; /* counts what is stale for these, which then is no difference */
	struct nm_lost_rules *lost; /* the same for what is missing */
};

/* Words for a difference: "missing-rule", "is missing". One for each enum nm_edit_kind. */
struct nm_backend_words {
	const char *kind, *text;
};
extern const struct nm_backend_words nm_backend_words[];

/* Functions return 0, or -1 with *err. Those that read are interrupted as nm_nft_dump(). */
struct nm_backend_ops {
	/* Mark of translated packets that iptables' tables must accept, too, since the rules are in tables of
	 * natmap's own: iptables/accept.h; 0: none. */
	uint32_t accept_mark;

	/* Append to *ret what the publication needs (options NULL: what identifies all rules it may have,
	 * whatever the options were), what guards an interface, and what all publications of the families
	 * share with static NAT (NULL: without). The additions borrow from the arguments. */
	int (*layout)(const struct nm_publication *pub, const struct nm_layout_options *options,
		struct nm_desired *ret, struct nm_err *err);
	int (*layout_guard)(const char *owner, struct nm_desired *ret, struct nm_err *err);
	/* What a part of a bridge of natmap's needs. */
	int (*layout_network)(const struct nm_network_part *part, struct nm_desired *ret, struct nm_err *err);
	/* What keeps packets from an interface from being forwarded, and in each family where that is needed,
	 * what leads there; static SNAT is excepted. */
	int (*layout_forward)(enum nm_family family, const char *owner, bool bridged, struct nm_desired *ret,
		struct nm_err *err);
	int (*layout_forward_base)(unsigned families, const struct nm_static_nats *statics,
		struct nm_desired *ret, struct nm_err *err);
	int (*layout_base)(unsigned families, const struct nm_static_nats *statics, struct nm_desired *ret,
		struct nm_err *err);

	/* Add to the attempt's transaction: one change; all that turns the kernel's rules into the desired
	 * ones; the removal of everything but desired->rules, where *ret_left tells what others use. */
	int (*prepare)(
		const struct nm_backend_change *change, struct nm_nft_attempt *attempt, struct nm_err *err);
	int (*rewrite)(const struct nm_desired *desired, struct nm_nft_attempt *attempt, struct nm_err *err);
	int (*flush)(const struct nm_desired *desired, struct nm_nft_attempt *attempt,
		struct nm_iptables_left *ret_left, struct nm_err *err);

	int (*compare)(struct nm_backend_comparison *c, struct nm_err *err);
	int (*read_guards)(struct nm_netlink *nl, struct nm_localnet_guards *ret, struct nm_err *err);
	/* The same for interfaces from which packets are not forwarded. */
	int (*read_forward_guards)(struct nm_netlink *nl, enum nm_family family,
		struct nm_localnet_guards *ret, struct nm_err *err);
	/* Fails when the kernel has rules of a container that no restored ruleset has brought. */
	int (*check_empty)(struct nm_netlink *nl, struct nm_err *err);

	/* Of what was laid out for one mapping, from number `from` on, keeps what counts its connections.
	 * Returns how many there are then. count() reads ret[i] of the i-th; count_static() adds to ret[i]
	 * of the i-th entry. */
	size_t (*keep_counted)(struct nm_desired *d, size_t from);
	int (*count)(struct nm_netlink *nl, const struct nm_desired *d, struct nm_counters *ret,
		struct nm_err *err);
	int (*count_static)(struct nm_netlink *nl, const struct nm_static_nats *statics,
		struct nm_counters *ret, struct nm_err *err);

	/* Prints what has been laid out for the families, as input of the backend's own tools. */
	int (*print)(const struct nm_desired *d, unsigned families, FILE *out, struct nm_err *err);

	/* Calls handler for each part of the kernel that the rules need and that is missing. -1 with *err:
	 * what is missing is not known. */
	int (*probe)(struct nm_netlink *nl, bool ipv6, nm_nft_probe_handler *handler, void *ctx,
		struct nm_err *err);
};

/* The operations of a backend that is settled: not NM_BACKEND_AUTO. */
const struct nm_backend_ops *nm_backend_ops(enum nm_backend backend);

/* Whether natmap has a table, or a chain of iptables', in the kernel. Interrupted as nm_nft_dump(). */
int nm_backend_is_there(struct nm_netlink *nl, bool *ret, struct nm_err *err) NM_MUST_USE;

/*
 * Settles NM_BACKEND_AUTO by nl's network namespace: the backend of which natmap has something in the kernel
 * already, or else in the state (NULL: none); else iptables if the kernel has every extension that it needs;
 * else nftables. Leaves any other *backend. Under the lock of the state two hooks choose the same. 0, or -1
 * with *err.
 */
int nm_backend_choose(
	struct nm_netlink *nl, struct nm_state *st, enum nm_backend *backend, struct nm_err *err) NM_MUST_USE;

/* Tells whether there are records, and of which backend: nftables if one of them is. */
bool nm_backend_recorded(const struct nm_records *records, enum nm_backend *ret);

struct nm_backend_missing {
	char what[128], module[32];
};

/* Calls handler for each part of the kernel that the backend needs and that is missing. 0, or -1 with *err:
 * what is missing is not known. */
int nm_backend_probe(struct nm_netlink *nl, enum nm_backend backend, nm_nft_probe_handler *handler, void *ctx,
	struct nm_err *err) NM_MUST_USE;

/* The first of these. what[0] is 0: nothing is missing. */
int nm_backend_find_missing(struct nm_netlink *nl, enum nm_backend backend, struct nm_backend_missing *ret,
	struct nm_err *err) NM_MUST_USE;

#define NM_BACKEND_ALTERNATIVE_STRLEN 64
/* Prints into buf, behind what the kernel lacks for this backend: ", but all that "backend": "nftables"
 * needs"; or nothing, unless that is known. Returns buf. */
const char *nm_backend_print_alternative(
	struct nm_netlink *nl, enum nm_backend backend, char buf[static NM_BACKEND_ALTERNATIVE_STRLEN]);

/* One transaction that makes the kernel what is desired; prepare() calls nm_desired_read_accept(). */
struct nm_backend_commit {
	enum nm_backend backend;
	struct nm_desired *desired;
	unsigned families;
	bool ipv6_optional;
	nm_nft_prepare *prepare;
	void *ctx;
	struct nm_nft_generations *ret; /* NULL: they are not asked for */
};

/* Runs it: nm_nft_transaction_run(), a second time without extensions of iptables in the rule of
 * iptables/accept.h where the kernel lacks them. If it lacks something else, the message says so, and whether
 * it has all for the other backend. */
int nm_backend_commit(
	struct nm_netlink *nl, const struct nm_backend_commit *c, struct nm_err *err) NM_MUST_USE;

#endif
