#include "iptables/print.h"

#include "base/text.h"
#include "model/mapping.h"

static void put_prefix(struct nm_text *t, const char *option, const struct nm_prefix *p, bool negate)
{
	struct nm_prefix network = nm_prefix_network(p);
	char buf[NM_PREFIX_STRLEN];

	if (p->len)
		nm_text_put(t, "%s %s %s", negate ? " !" : "", option, nm_prefix_print(&network, buf));
}

static void put_ports(struct nm_text *t, const char *before, struct nm_ports ports)
{
	if (ports.first)
		nm_text_put(
			t, ports.first == ports.last ? "%s%u" : "%s%u:%u", before, ports.first, ports.last);
}

static void put_multiport(struct nm_text *t, const struct nm_rule *r)
{
	for (size_t i = 0; i < r->n_multiport; i++)
		put_ports(t, i ? "," : " -m multiport --dports ", r->multiport[i]);
}

static void put_conntrack(struct nm_text *t, const struct nm_rule *r)
{
	char buf[NM_ADDR_STRLEN];

	if (r->ct_established)
		nm_text_put(t, " -m conntrack --ctstate RELATED,ESTABLISHED");
	if (r->ct_foreign)
		nm_text_put(t, " -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT");
	if (r->ct_untranslated)
		nm_text_put(t, " -m conntrack ! --ctstate DNAT");
	if (!r->ct_dnat)
		return;
	nm_text_put(t, " -m conntrack --ctstate DNAT");
	if (r->ct_orig_dst.len)
		nm_text_put(t, " --ctorigdst %s", nm_addr_print(&r->ct_orig_dst.addr, buf));
	put_ports(t, " --ctorigdstport ", r->ct_orig_dports);
}

static void put_destination(struct nm_text *t, const struct nm_rule *r)
{
	bool brackets = r->to.family == NM_IPV6 && r->to_ports.first;
	char buf[NM_ADDR_STRLEN];

	nm_text_put(
		t, brackets ? " --to-destination [%s]" : " --to-destination %s", nm_addr_print(&r->to, buf));
	if (r->to_ports.first)
		nm_text_put(t, ":%u", r->to_ports.first);
	if (r->to_ports.first != r->to_ports.last)
		nm_text_put(t, "-%u/%u", r->to_ports.last, r->dports.first);
}

static void put_verdict(struct nm_text *t, const struct nm_rule *r)
{
	static const char *const names[] = {
		[NM_VERDICT_ACCEPT] = "ACCEPT",
		[NM_VERDICT_DROP] = "DROP",
		[NM_VERDICT_RETURN] = "RETURN",
		[NM_VERDICT_DNAT] = "DNAT",
		[NM_VERDICT_SNAT] = "SNAT",
		[NM_VERDICT_MASQUERADE] = "MASQUERADE",
	};
	char buf[NM_ADDR_STRLEN];

	nm_text_put(t, " -j %s",
		r->verdict == NM_VERDICT_JUMP ? nm_rule_chain_name(r->target) : names[r->verdict]);
	if (r->verdict == NM_VERDICT_DNAT)
		put_destination(t, r);
	if (r->verdict == NM_VERDICT_SNAT)
		nm_text_put(t, " --to-source %s", nm_addr_print(&r->to, buf));
}

const char *nm_iptables_print_rule(const struct nm_rule *r, char buf[static NM_RULE_STRLEN])
{
	struct nm_text t = {.buf = buf, .size = NM_RULE_STRLEN};
	char tag[NM_TAG_SIZE];

	nm_text_put(&t, "-%c %s", r->place == NM_PLACE_END ? 'A' : 'I', nm_rule_chain_name(r->chain));
	put_prefix(&t, "-s", &r->src, r->not_src);
	put_prefix(&t, "-d", &r->dst, r->not_dst);
	if (r->in_if)
		nm_text_put(&t, "%s -i %s", r->not_in_if ? " !" : "", r->in_if);
	if (r->out_if)
		nm_text_put(&t, "%s -o %s", r->not_out_if ? " !" : "", r->out_if);
	if (r->protocol)
		nm_text_put(&t, " -p %s", nm_mapping_protocol_name(r->protocol));
	if (r->dports.first)
		nm_text_put(&t, " -m %s", nm_mapping_protocol_name(r->protocol));
	put_ports(&t, " --dport ", r->dports);
	put_multiport(&t, r);
	if (r->dst_local)
		nm_text_put(&t, " -m addrtype --dst-type LOCAL");
	if (r->mark)
		nm_text_put(&t, " -m mark --mark 0x%x/0x%x", r->mark, r->mark);
	put_conntrack(&t, r);
	if (r->owner)
		nm_text_put(&t, " -m comment --comment \"%s\"", nm_tag_print(r->owner, r->owner_ports, tag));
	put_verdict(&t, r);
	return buf;
}

static bool uses_chain(const struct nm_rules *rules, enum nm_table table, enum nm_chain chain)
{
	for (size_t i = 0; i < rules->n; i++)
		if (rules->v[i].table == table && rules->v[i].chain == chain)
			return true;
	return false;
}

static void print_table(const struct nm_rules *rules, enum nm_table table, FILE *out)
{
	static const enum nm_chain own[] = {NM_CHAIN_DOCKER_USER, NM_CHAIN_NATMAP};
	char text[NM_RULE_STRLEN];
	bool begun = false;

	for (size_t i = 0; i < rules->n; i++) {
		if (rules->v[i].table != table)
			continue;
		if (!begun) {
			fprintf(out, "*%s\n", nm_rule_table_name(table));
			for (size_t j = 0; j < sizeof(own) / sizeof(*own); j++)
				if (uses_chain(rules, table, own[j]))
					fprintf(out, ":%s - [0:0]\n", nm_rule_chain_name(own[j]));
		}
		begun = true;
		fprintf(out, "-%c %s\n", rules->v[i].family == NM_IPV4 ? '4' : '6',
			nm_iptables_print_rule(&rules->v[i], text));
	}
	if (begun)
		fputs("COMMIT\n", out);
}

void nm_iptables_print(const struct nm_rules *rules, FILE *out)
{
	for (enum nm_table table = 0; table < NM_TABLE_MAX; table++)
		print_table(rules, table, out);
}
