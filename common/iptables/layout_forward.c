/*
 * mangle FORWARD precedes every filter: what is dropped there no ACCEPT of others lets through. A chain of
 * natmap's own has the rules, so that those who pass go on to what others have in FORWARD.
 *
 * Multicast is routed by a setting of its own, whatever forwarding says.
 */
#include "iptables/layout_forward.h"

#include "model/publication.h"

int nm_iptables_layout_forward(
	enum nm_family family, const char *owner, bool bridged, struct nm_rules *rules, struct nm_err *err)
{
	const char *interface = owner + sizeof(NM_PUBLICATION_FORWARD) - 1;
	const struct nm_rule rule = {.family = family,
		.table = NM_TABLE_MANGLE,
		.chain = NM_CHAIN_NATMAP,
		.in_if = interface,
		.out_if = bridged ? interface : NULL,
		.not_out_if = bridged,
		.dst = nm_prefix_multicast[family],
		.not_dst = true,
		.ct_foreign = true,
		.verdict = NM_VERDICT_DROP,
		.owner = owner};

	return nm_rules_add(rules, &rule, err);
}

int nm_iptables_layout_forward_static(
	const struct nm_static_nats *statics, struct nm_rules *rules, struct nm_err *err)
{
	for (size_t i = 0; i < statics->n; i++) {
		const struct nm_static_nat *s = &statics->v[i];
		const struct nm_rule rule = {.family = s->family,
			.table = NM_TABLE_MANGLE,
			.chain = NM_CHAIN_NATMAP,
			.place = NM_PLACE_HEAD,
			.src = s->internal,
			.out_if = s->interface[0] ? s->interface : NULL,
			.verdict = NM_VERDICT_RETURN,
			.owner = s->owner};

		if (s->kind == NM_STATIC_SNAT && nm_rules_add(rules, &rule, err) < 0)
			return -1;
	}
	return 0;
}

int nm_iptables_layout_forward_base(
	unsigned families, const struct nm_static_nats *statics, struct nm_rules *rules, struct nm_err *err)
{
	nm_each_family(f, families) {
		const struct nm_rule jump = {.family = f,
			.table = NM_TABLE_MANGLE,
			.chain = NM_CHAIN_FORWARD,
			.place = NM_PLACE_HEAD,
			.verdict = NM_VERDICT_JUMP,
			.target = NM_CHAIN_NATMAP};

		if (nm_rules_add(rules, &jump, err) < 0)
			return -1;
	}
	return statics ? nm_iptables_layout_forward_static(statics, rules, err) : 0;
}
