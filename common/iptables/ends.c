#include "iptables/ends.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/rule.h"

enum { MAX_CHAINS = 256 }; /* more are not followed */

bool nm_iptables_ends_may(const struct nm_iptables_ends *ends)
{
	return ends->accepts || ends->n;
}

static bool is_known(const struct nm_iptables_ends *ends, const char *chain)
{
	for (size_t i = 0; i < ends->n; i++)
		if (!strcmp(ends->v[i].name, chain))
			return true;
	return ends->n == MAX_CHAINS;
}

int nm_iptables_ends_note(struct nm_iptables_ends *ends, const struct nm_nft_rule *rule, struct nm_err *err)
{
	char chain[NFT_NAME_MAXLEN] = "";
	int verdict = nm_nft_rule_always(rule, chain);

	ends->accepts = ends->accepts || verdict == NF_ACCEPT;
	if ((verdict != NFT_JUMP && verdict != NFT_GOTO) || is_known(ends, chain))
		return 0;
	if (nm_grow(ends, "reading the rules", err) < 0)
		return -1;
	memcpy(ends->v[ends->n++].name, chain, sizeof(chain));
	return 0;
}

/* Rules behind a RETURN for every packet are reached by none. */
struct following {
	struct nm_iptables_ends *ends;
	bool returned;
};

static int on_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct following *f = ctx;
	char chain[NFT_NAME_MAXLEN];

	f->returned = f->returned || nm_nft_rule_always(rule, chain) == NFT_RETURN;
	return f->returned ? 0 : nm_iptables_ends_note(f->ends, rule, err);
}

int nm_iptables_ends_follow(struct nm_netlink *nl, enum nm_family family, struct nm_iptables_ends *ends,
	bool *ret, struct nm_err *err)
{
	for (size_t i = 0; i < ends->n && !ends->accepts; i++) {
		struct following f = {.ends = ends};
		char chain[NFT_NAME_MAXLEN];
		struct nm_nft_place place = {
			nm_addr_family_to_af(family), nm_rule_table_name(NM_TABLE_NAT), chain};

		memcpy(chain, ends->v[i].name, sizeof(chain)); /* the list may move */
		if (nm_nft_rules_each(nl, place, on_rule, &f, err) < 0)
			return -1;
	}
	*ret = ends->accepts;
	return 0;
}

void nm_iptables_ends_done(struct nm_iptables_ends *ends)
{
	free(ends->v);
}
