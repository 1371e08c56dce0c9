#include "obstacle/text.h"

#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/text.h"
#include "model/rule.h"

/* Sentences */

static void put_who(struct nm_text *t, const struct nm_obstacle *o)
{
	char mapping[NM_MAPPING_STRLEN];

	if (!o->record) {
		nm_text_put(t, "packets to published ports");
		return;
	}
	if (!o->mapping) {
		nm_text_put(t,
			o->packet.is_answer ? "answers from outside to container '%s'"
					    : "what container '%s' sends to the outside",
			o->record->id);
		return;
	}
	nm_text_put(t, "%s '%s' of container '%s'", o->packet.is_answer ? "answers from" : "packets to",
		nm_mapping_print(o->mapping, mapping), o->record->id);
	if (o->client)
		nm_text_put(t, o->packet.is_answer ? " to container '%s'" : " from container '%s'",
			o->client->id);
	else if (o->packet.has_source)
		nm_text_put(t, " from the host itself");
}

static void put_rule(struct nm_text *t, const struct nm_follow_place *p)
{
	const char *tag = p->element && p->element->tag ? p->element->tag : p->rule ? p->rule->tag : NULL;

	if (!p->rule) {
		nm_text_put(t, ", by its policy");
		return;
	}
	nm_text_put(t,
		p->element ? ", by an element for the rule with handle %llu"
			   : ", by the rule with handle %llu",
		(unsigned long long)p->rule->handle);
	if (tag)
		nm_text_put(t, " (\"%s\")", tag);
}

static void put_chain(struct nm_text *t, const struct nm_follow_place *p)
{
	nm_text_put(t, "chain '%s' of the nf_tables table '%s %s'", p->chain->name,
		nm_ruleset_family_name(p->chain->nfproto), p->chain->table);
}

static void put_destination(struct nm_text *t, const struct nm_follow_result *r)
{
	char address[NM_ADDR_STRLEN];

	if (r->to_host)
		nm_text_put(t, " to the host itself");
	else if (r->to_address)
		nm_text_put(t, " to %s", nm_addr_print(&r->address, address));
	if (r->to_port)
		nm_text_put(t, r->to_address ? ", port %u" : " to port %u", r->port);
}

const char *nm_obstacle_text_print(const struct nm_obstacle *o, char buf[static NM_OBSTACLE_STRLEN])
{
	struct nm_text t = {.buf = buf, .size = NM_OBSTACLE_STRLEN};
	const struct nm_follow_result *r = &o->result;
	const struct nm_follow_place *p = o->kind == NM_OBSTACLE_ACCEPTS ? &r->accepted : &r->place;

	if (o->kind == NM_OBSTACLE_UNREACHED) {
		nm_text_put(&t, "no rule of natmap's is reached by ");
		put_who(&t, o);
		return buf;
	}
	put_chain(&t, p);
	if (o->kind == NM_OBSTACLE_DROP)
		nm_text_put(&t, r->is_sure ? " drops " : " may drop ");
	else if (o->kind == NM_OBSTACLE_ACCEPTS)
		nm_text_put(&t, r->is_sure ? " accepts " : " may accept ");
	else if (o->is_planned)
		nm_text_put(&t, " already translates ");
	else
		nm_text_put(&t, r->is_sure ? " translates " : " may translate ");
	put_who(&t, o);
	if (o->kind == NM_OBSTACLE_TRANSLATES)
		put_destination(&t, r);
	if (o->kind == NM_OBSTACLE_ACCEPTS || (o->kind == NM_OBSTACLE_TRANSLATES && !o->is_planned))
		nm_text_put(&t, " before natmap does");
	put_rule(&t, p);
	return buf;
}

/* Commands */

const char *nm_obstacle_text_iptables(void)
{
	static const char *const places[] = {"/usr/sbin/iptables-nft", "/sbin/iptables-nft",
		"/usr/local/sbin/iptables-nft", "/usr/bin/iptables-nft"};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		nm_autoclose int fd = open(places[i], O_PATH | O_CLOEXEC);

		if (fd >= 0)
			return "-nft";
	}
	return "";
}

static bool is_of_iptables(const struct nm_ruleset_chain *chain)
{
	static const char *const tables[] = {"raw", "mangle", "nat", "filter", "security"};

	for (size_t i = 0; chain->nfproto != NFPROTO_INET && i < sizeof(tables) / sizeof(*tables); i++)
		if (!strcmp(chain->table, tables[i]))
			return true;
	return false;
}

/* Where the status of the connection tells. */
static bool is_translated(const struct nm_obstacle *o)
{
	return (o->hook != NF_INET_PRE_ROUTING && o->hook != NF_INET_LOCAL_OUT) ||
		o->result.base->priority > NF_IP_PRI_NAT_DST;
}

static bool is_outbound(const struct nm_obstacle *o)
{
	return o->record && !o->mapping;
}

/* What the containers of a bridge begin, or answers to that. */
static void put_bridge(struct nm_text *t, const struct nm_obstacle *o)
{
	const char *bridge = o->record->network.bridge;

	if (o->packet.is_answer)
		nm_text_put(t, "-o %s -m conntrack --ctstate RELATED,ESTABLISHED", bridge);
	else
		nm_text_put(t, "-i %s ! -o %s", bridge, bridge);
}

/* What leads to natmap's ACCEPT. */
static void put_to_accept(struct nm_text *t, const struct nm_obstacle *o)
{
	if (is_outbound(o))
		put_bridge(t, o);
	else
		nm_text_put(t, "-m conntrack --ctstate DNAT");
}

/* Where natmap's ACCEPT is, what stands before it must lead there: it knows allow lists. */
static void put_filter_forward(struct nm_text *t, const struct nm_obstacle *o)
{
	const struct nm_ruleset_chain *branch = o->result.branch;
	const char *user = nm_rule_chain_name(NM_CHAIN_DOCKER_USER);
	uint32_t mark = o->record ? nm_backend_ops(o->record->backend)->accept_mark : 0;

	bool in_user = branch && !strcmp(branch->name, user);

	nm_text_put(t, " -I %s ", in_user ? user : o->result.base->name);
	if (in_user && mark)
		nm_text_put(t, "-m mark --mark 0x%x/0x%x ", mark, mark);
	put_to_accept(t, o);
	nm_text_put(t, " -j %s", !in_user ? user : mark ? "ACCEPT" : nm_rule_chain_name(NM_CHAIN_NATMAP));
}

static void put_iptables(struct nm_text *t, const struct nm_obstacle *o, const char *iptables)
{
	const struct nm_ruleset_chain *base = o->result.base;

	nm_text_put(t, "%s%s", o->packet.family == NM_IPV4 ? "iptables" : "ip6tables", iptables);
	if (nm_obstacles_is_filter_forward(base)) {
		put_filter_forward(t, o);
		return;
	}
	nm_text_put(t, " -t %s -I %s ", base->table, base->name);
	if (is_outbound(o) || is_translated(o)) {
		put_to_accept(t, o);
		nm_text_put(t, " -j ACCEPT");
		return;
	}
	nm_text_put(t, "-p %s --dport %u -m addrtype --dst-type LOCAL -j ACCEPT",
		nm_mapping_protocol_name(o->packet.protocol), o->packet.first.port);
}

static void put_bridge_nft(struct nm_text *t, const struct nm_obstacle *o)
{
	const char *bridge = o->record->network.bridge;

	if (o->packet.is_answer)
		nm_text_put(t, "oifname \"%s\" ct state established,related accept", bridge);
	else
		nm_text_put(t, "iifname \"%s\" oifname != \"%s\" accept", bridge, bridge);
}

static void put_nft(struct nm_text *t, const struct nm_obstacle *o)
{
	const struct nm_ruleset_chain *base = o->result.base;

	nm_text_put(t, "nft insert rule %s %s %s ", nm_ruleset_family_name(base->nfproto), base->table,
		base->name);
	if (is_outbound(o))
		put_bridge_nft(t, o);
	else if (is_translated(o))
		nm_text_put(t, "ct status dnat accept");
	else
		nm_text_put(t, "fib daddr type local %s dport %u accept",
			nm_mapping_protocol_name(o->packet.protocol), o->packet.first.port);
}

/* firewalld owns its table, and forwards from zone to zone what a policy says. The zone of the bridge opens
 * nothing of the host's. */
static const char *put_firewalld(struct nm_text *t, const struct nm_obstacle *o)
{
	static const char policy[] = "firewall-cmd --permanent --policy=natmap-out";

	if (!is_outbound(o) || o->packet.is_answer)
		return NULL;
	nm_text_put(t,
		"firewall-cmd --permanent --new-zone=natmap && "
		"firewall-cmd --permanent --zone=natmap --add-interface=%s && "
		"firewall-cmd --permanent --new-policy=natmap-out && ",
		o->record->network.bridge);
	nm_text_put(t,
		"%s --add-ingress-zone=natmap && %s --add-egress-zone=ANY && %s --set-target=ACCEPT && "
		"firewall-cmd --reload",
		policy, policy, policy);
	return t->buf;
}

const char *nm_obstacle_text_command(
	const struct nm_obstacle *o, const char *iptables, char buf[static NM_OBSTACLE_STRLEN])
{
	struct nm_text t = {.buf = buf, .size = NM_OBSTACLE_STRLEN};
	const struct nm_ruleset_chain *base = o->result.base;

	if (o->kind != NM_OBSTACLE_DROP)
		return NULL; /* who has the port is for people to decide */
	if (!strcmp(base->table, "firewalld"))
		return put_firewalld(&t, o);
	if (!strcmp(base->table, "firewalld_policy_drop"))
		nm_text_put(&t, "firewall-cmd --panic-off");
	else if (is_of_iptables(base))
		put_iptables(&t, o, iptables);
	else
		put_nft(&t, o);
	return buf;
}
