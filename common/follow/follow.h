/*
 * Follows the first packet of a connection through the chains of a hook, as the kernel does. Not everything
 * is known of the packet, nor does every expression have a meaning here: a rule matches, does not match, or
 * that is not decided. Pure.
 */
#ifndef NM_FOLLOW_FOLLOW_H
#define NM_FOLLOW_FOLLOW_H

#include <net/if.h>

#include "base/addr.h"
#include "follow/ruleset.h"

/* An interface; index 0, and name "": there is none, as before the packet was sent. */
struct nm_follow_interface {
	bool known;
	uint32_t index;
	char name[IF_NAMESIZE];
};

/* Where a packet goes to. */
struct nm_follow_target {
	struct nm_addr address;
	uint16_t port;
	bool local;           /* the address is the host's */
	bool unnamed;         /* it is one that no rule names, and not in here */
	uint8_t unknown_bits; /* the last bits of the address that are not known */
	bool any_port;        /* nor is the port */
};

/*
 * A packet, the first of a connection or the first answer. No rule before has marked it. It comes from an
 * ordinary client: with has_source == false, one whose address no rule names, from an ephemeral port, that no
 * limit of rates holds back.
 */
struct nm_follow_packet {
	enum nm_family family;
	uint8_t protocol;
	struct nm_follow_interface in, out;
	bool has_source;
	struct nm_addr source;
	uint8_t unknown_bits;               /* of source, likewise */
	struct nm_follow_target first;      /* as it was sent */
	struct nm_follow_target translated; /* what natmap makes of it */
	bool is_translated;                 /* that has been done */
	bool is_answer; /* from translated to the source, and so in and out; source and targets are those of
			   the connection */
	uint32_t mark;  /* NFT_META_MARK, which rules may set */
};

/* What natmap's own chains and rules do to the packet. */
enum nm_follow_own {
	NM_FOLLOW_OTHERS,  /* it is not natmap's: its expressions count */
	NM_FOLLOW_PASSES,  /* nothing */
	NM_FOLLOW_TAKES,   /* accepts it, or translates it */
	NM_FOLLOW_MARKS,   /* sets the bits own_mark of the packet's mark */
	NM_FOLLOW_UNMARKS, /* takes them off */
	NM_FOLLOW_ENDS,    /* nothing matters that comes behind it */
};

/* Where a packet's way ends. */
struct nm_follow_place {
	const struct nm_ruleset_chain *chain;     /* NULL: nowhere */
	const struct nm_ruleset_rule *rule;       /* NULL: the policy of the chain */
	const struct nm_ruleset_element *element; /* whose verdict or value it was; NULL: no element's */
};

enum nm_follow_end {
	NM_FOLLOW_THROUGH,    /* to the next hook */
	NM_FOLLOW_TAKEN,      /* likewise, and natmap has taken it */
	NM_FOLLOW_DROPPED,    /* or refused */
	NM_FOLLOW_TRANSLATED, /* by others */
};

struct nm_follow_result {
	enum nm_follow_end end;
	bool is_sure;                 /* false: a rule that is not decided may make that of it */
	struct nm_follow_place place; /* DROPPED, TRANSLATED: by this */
	/* the base chain of place, and the chain that this one led to; NULL: place is in the base chain */
	const struct nm_ruleset_chain *base, *branch;
	struct nm_follow_place doubt; /* !is_sure: the rule that is not decided */
	/* TRANSLATED: to where, as far as it is known */
	bool to_address, to_port, to_host;
	struct nm_addr address;
	uint16_t port;
	/* THROUGH in a hook of NAT: the rule that last ended a chain of it by ACCEPT */
	struct nm_follow_place accepted;
	bool masquerades; /* or by MASQUERADE */
};

struct nm_follow {
	const struct nm_ruleset *ruleset;
	/* Tells of a chain (rule NULL), or of a rule in it. */
	enum nm_follow_own (*own)(
		const void *ctx, const struct nm_ruleset_chain *chain, const struct nm_ruleset_rule *rule);
	const void *ctx;
	uint32_t own_mark;
};

/* Follows the packet through the base chains of hook, NF_INET_*. */
void nm_follow(const struct nm_follow *f, uint32_t hook, const struct nm_follow_packet *packet,
	struct nm_follow_result *ret);

/* True when chains of others are at the hook. */
bool nm_follow_has_others(const struct nm_follow *f, uint32_t hook);

#endif
