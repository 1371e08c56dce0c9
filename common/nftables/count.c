/* A few elements are queried one by one, many by reading their sets. */
#include "nftables/count.h"

#include <string.h>

#include "nftables/compare_elements.h"

enum { FEW = 256 };

static int mark(struct nm_netlink *nl, struct nm_nftables_claims *claims, struct nm_err *err)
{
	static const struct nm_nftables_diff_output no_output;

	if (claims->n <= FEW)
		return nm_nftables_compare_elements_get(nl, claims, true, err);
	nm_each_family(f, NM_BOTH_FAMILIES)
		if (nm_nftables_compare_elements_read(nl, f, claims, &no_output, err) < 0)
			return -1;
	return 0;
}

int nm_nftables_count(struct nm_netlink *nl, const struct nm_nftables_elements *elements,
	struct nm_counters *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims claims = {0};

	if (nm_nftables_claims_of(elements, &claims, err) < 0 || mark(nl, &claims, err) < 0)
		return -1;
	for (size_t i = 0; i < elements->n; i++) {
		const struct nm_nftables_claim *claim = nm_nftables_claims_find(&claims, &elements->v[i]);

		ret[i] = claim ? claim->counters : (struct nm_counters){0};
	}
	return 0;
}

struct sums {
	const struct nm_static_nats *statics;
	struct nm_counters *counters;
};

/* One packet counts once, though it passes several rules: a hairpin's connections all end with the
 * MASQUERADE. */
static bool counts(enum nm_static_kind kind, const char *chain)
{
	bool is_postrouting = !strcmp(chain, "static_postrouting");

	return kind == NM_STATIC_DNAT ? !is_postrouting && strcmp(chain, "static_forward") != 0
				      : is_postrouting;
}

static int add_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct nm_counters c = nm_nft_rule_counters(rule);
	struct sums *sums = ctx;

	(void)err;
	for (size_t i = 0; rule->tag && i < sums->statics->n; i++) {
		const struct nm_static_nat *s = &sums->statics->v[i];

		if (!nm_tag_is_of(rule->tag, rule->tag_len, s->owner) || !counts(s->kind, rule->chain))
			continue;
		sums->counters[i].packets += c.packets;
		sums->counters[i].bytes += c.bytes;
	}
	return 0;
}

int nm_nftables_count_statics(struct nm_netlink *nl, const struct nm_static_nats *statics,
	struct nm_counters *ret, struct nm_err *err)
{
	struct sums sums = {.statics = statics, .counters = ret};

	nm_each_family(f, NM_BOTH_FAMILIES)
		if (nm_nft_rules_each(nl, nm_nftables_schema_place(f, NULL), add_rule, &sums, err) < 0)
			return -1;
	return 0;
}
