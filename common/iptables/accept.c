#include "iptables/accept.h"

#include <string.h>

#include "iptables/compare.h"
#include "iptables/encode.h"
#include "iptables/layout.h"
#include "nft/objects.h"
#include "nft/transaction.h"

struct forward {
	bool drops;    /* the policy of FORWARD is drop */
	bool has_rule; /* of others, in FORWARD or DOCKER-USER */
};

static int on_chain(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	struct forward *forward = ctx;

	(void)err;
	forward->drops = chain->is_base && chain->drops;
	forward->has_rule = chain->is_base && chain->use > 0; /* or ours */
	return 0;
}

static int on_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	const struct nm_rule to_docker_user = nm_iptables_layout_jump(NM_IPV4); /* or IPv6 */
	struct forward *forward = ctx;

	(void)err;
	forward->has_rule = forward->has_rule ||
		!(nm_iptables_encode_equal(&to_docker_user, rule) ||
			nm_nft_rule_leads_to(rule, nm_rule_chain_name(NM_CHAIN_NATMAP)) ||
			(rule->tag && nm_tag_is_ours(rule->tag, rule->tag_len)));
	return 0;
}

static int read_rules(
	struct nm_netlink *nl, enum nm_family family, struct forward *forward, struct nm_err *err)
{
	static const enum nm_chain chains[] = {NM_CHAIN_FORWARD, NM_CHAIN_DOCKER_USER};

	forward->has_rule = false;
	for (size_t i = 0; i < sizeof(chains) / sizeof(*chains); i++)
		if (nm_nft_rules_each(nl, nm_iptables_encode_place(family, NM_TABLE_FILTER, chains[i]),
			    on_rule, forward, err) < 0)
			return -1;
	return 0;
}

static int add_bridge(
	const struct nm_network_part *part, struct nm_rule rule, struct nm_rules *ret, struct nm_err *err)
{
	struct nm_rule out;

	rule.ct_dnat = false;
	rule.owner = part->accept_owner;
	out = rule;
	rule.in_if = out.out_if = nm_network_part_bridge(part);
	return nm_rules_add(ret, &rule, err) < 0 ? -1 : nm_rules_add(ret, &out, err);
}

static int add_rules(
	enum nm_family family, struct nm_iptables_accept accept, struct nm_rules *ret, struct nm_err *err)
{
	const struct nm_rule jump = nm_iptables_layout_jump(family);
	const struct nm_rule rule = {.family = family,
		.table = NM_TABLE_FILTER,
		.chain = NM_CHAIN_DOCKER_USER,
		.mark = accept.mark,
		.mark_native = accept.native,
		.ct_dnat = !accept.native,
		.verdict = NM_VERDICT_ACCEPT,
		.owner = "@nftables"};

	if (nm_rules_add(ret, &jump, err) < 0 || nm_rules_add(ret, &rule, err) < 0)
		return -1;
	for (size_t i = 0; i < accept.n_parts; i++)
		if (accept.parts[i]->family == family && accept.parts[i]->kind == NM_NETWORK_PART_BRIDGE &&
			add_bridge(accept.parts[i], rule, ret, err) < 0)
			return -1;
	return 0;
}

int nm_iptables_accept(struct nm_netlink *nl, unsigned families, struct nm_iptables_accept accept,
	struct nm_rules *ret, struct nm_err *err)
{
	nm_each_family(f, families) {
		struct nm_nft_place place = nm_iptables_encode_place(f, NM_TABLE_FILTER, NM_CHAIN_FORWARD);
		struct forward forward = {0};
		const struct nm_nft_objects_handler handler = {.chain = on_chain, .ctx = &forward};

		if (nm_nft_objects_get(nl, place, handler, err) < 0)
			return -1;
		if (!forward.drops && forward.has_rule && read_rules(nl, f, &forward, err) < 0)
			return -1;
		if ((forward.drops || forward.has_rule) && add_rules(f, accept, ret, err) < 0)
			return -1;
	}
	return 0;
}

static int on_edit(void *ctx, const struct nm_edit *edit, struct nm_err *err)
{
	struct nm_iptables_accept_found *found = ctx;

	(void)err;
	found->differs |= edit->add;
	found->absent |= edit->add && edit->kind == NM_EDIT_MISSING && edit->desired->owner;
	return 0;
}

struct search {
	unsigned families;
	struct nm_iptables_accept accept;
	struct nm_iptables_accept_found found;
};

static int find(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	struct search *search = ctx;
	const struct nm_iptables_compare_handler handler = {.edit = on_edit, .ctx = &search->found};
	NM_CLEANUP(nm_rules_done) struct nm_rules accept = {0};
	const struct nm_iptables_scope scope = {.desired = &accept, .look_for_old = true};

	search->found = (struct nm_iptables_accept_found){0};
	if (nm_iptables_accept(nl, search->families, search->accept, &accept, err) < 0)
		return -1;
	return nm_iptables_compare(nl, &scope, search->families, &handler, err);
}

int nm_iptables_accept_find(struct nm_netlink *nl, unsigned families, struct nm_iptables_accept accept,
	struct nm_iptables_accept_found *ret, struct nm_err *err)
{
	struct search search = {.families = families, .accept = accept};

	if (nm_nft_transaction_read(nl, find, &search, err) < 0)
		return -1;
	*ret = search.found;
	return 0;
}
