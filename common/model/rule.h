/* A packet filter rule as data: what the layouts produce, what plan prints and the backends write. Pure. */
#ifndef NM_MODEL_RULE_H
#define NM_MODEL_RULE_H

#include "base/prefix.h"
#include "model/tag.h"

enum nm_table { NM_TABLE_RAW, NM_TABLE_MANGLE, NM_TABLE_NAT, NM_TABLE_FILTER, NM_TABLE_MAX };

enum nm_chain {
	NM_CHAIN_PREROUTING,
	NM_CHAIN_INPUT,
	NM_CHAIN_OUTPUT,
	NM_CHAIN_POSTROUTING,
	NM_CHAIN_FORWARD,
	NM_CHAIN_DOCKER_USER,
	NM_CHAIN_NATMAP,
	NM_CHAIN_MAX
};

enum nm_verdict {
	NM_VERDICT_ACCEPT,
	NM_VERDICT_DROP,
	NM_VERDICT_RETURN,
	NM_VERDICT_JUMP,
	NM_VERDICT_DNAT,
	NM_VERDICT_SNAT,
	NM_VERDICT_MASQUERADE,
};

/* Where a rule belongs in its chain. */
enum nm_place {
	NM_PLACE_END,        /* appended */
	NM_PLACE_HEAD,       /* before all others' rules */
	NM_PLACE_AFTER_HEAD, /* likewise, but behind those of ours that belong to the head */
};

#define NM_MULTIPORT_SLOTS 15 /* XT_MULTI_PORTS */

struct nm_rule {
	enum nm_family family;
	enum nm_table table;
	enum nm_chain chain;
	enum nm_place place;
	bool known;           /* counts as there where another of its owner's is, in an earlier table */
	const char *in_if;    /* -i, borrowed; NULL: any */
	bool not_in_if;       /* ! -i */
	const char *out_if;   /* -o, borrowed; NULL: any */
	bool not_out_if;      /* ! -o */
	struct nm_prefix src; /* len 0: any */
	bool not_src;
	struct nm_prefix dst;
	bool not_dst;
	uint8_t protocol;                 /* -p; 0: any, and then dports is unset */
	struct nm_ports dports;           /* --dport */
	const struct nm_ports *multiport; /* -m multiport --dports, borrowed; then dports is unset */
	size_t n_multiport;               /* at most NM_MULTIPORT_SLOTS, of which a range takes two */
	bool dst_local;                   /* -m addrtype --dst-type LOCAL */
	uint32_t mark;                    /* -m mark --mark: all of these bits; 0: any */
	bool mark_native;                 /* the mark in its native form, which iptables lists since 1.8.8 */
	bool ct_established;              /* -m conntrack --ctstate RELATED,ESTABLISHED */
	bool ct_foreign;                  /* -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT */
	bool ct_untranslated;             /* -m conntrack ! --ctstate DNAT */
	bool ct_dnat;                   /* -m conntrack --ctstate DNAT, with the next two in the same match */
	struct nm_ports ct_orig_dports; /* --ctorigdstport */
	struct nm_prefix ct_orig_dst;   /* --ctorigdst, a whole address; len 0: any */
	enum nm_verdict verdict;
	enum nm_chain target; /* NM_VERDICT_JUMP: to this chain */
	struct nm_addr to;    /* NM_VERDICT_DNAT, NM_VERDICT_SNAT: to this address */
	/* NM_VERDICT_DNAT: and to these ports, a single one or a range shifted from dports.first; unset: to
	 * the same port */
	struct nm_ports to_ports;
	const char *owner; /* borrowed: container id, "@localnet/br0", ...; NULL: no comment (jumps) */
	struct nm_ports owner_ports; /* the host ports in the comment; unset for owners that begin with '@' */
};

struct nm_rules {
	struct nm_rule *v; /* owned; what its members borrow is not */
	size_t n, capacity;
};

/* Appends a copy of *rule. 0, or -1 when memory is short. */
int nm_rules_add(struct nm_rules *rules, const struct nm_rule *rule, struct nm_err *err) NM_MUST_USE;
void nm_rules_done(struct nm_rules *rules);

/* Where a rule is looked for. */
struct nm_rule_place {
	enum nm_family family;
	enum nm_table table;
	enum nm_chain chain;
};

/* Indexes the rules by place and tag. 0 with *ret for nm_hash_index_done(), or -1 with *err (memory). */
int nm_rules_index(const struct nm_rules *rules, struct nm_hash_index *ret, struct nm_err *err) NM_MUST_USE;
/* Returns the number of the first rule at the place with the tag (len bytes; 0: a rule without, and tag may
 * be NULL), in the order of the list, and of the following one when called again with the same *position:
 * nm_hash_index_next(). */
ssize_t nm_rules_next(const struct nm_hash_index *index, const struct nm_rule_place *place, const char *tag,
	size_t len, size_t *position);

/* Why a rule, or an element of a set, is to be added or deleted. */
enum nm_edit_kind {
	NM_EDIT_MISSING,   /* desired and not there: to be added */
	NM_EDIT_STALE,     /* natmap's, and nobody desires it: to be deleted */
	NM_EDIT_CHANGED,   /* desired, and changed by somebody: to be deleted and added again */
	NM_EDIT_MISPLACED, /* desired, and without effect where it stands: likewise; rules only */
};

/* The names as iptables knows them: "nat", "POSTROUTING", "DOCKER-USER". */
const char *nm_rule_table_name(enum nm_table table);
const char *nm_rule_chain_name(enum nm_chain chain);

#endif
