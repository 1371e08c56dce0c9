/* nf_tables reaches the xt extensions through nft_compat, which says what it has. What is no answer says
 * nothing about them. */
#include "iptables/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

enum kind { MATCH, TARGET }; /* values of NFTA_COMPAT_TYPE */
enum need { FOR_LAYOUT = 1, FOR_ACCEPT = 2, FOR_SCTP = 4 };

struct extension {
	enum kind kind;
	const char *name;
	uint32_t revision;
	const char *module;
	unsigned needs; /* enum need */
};

/* What iptables/encode.c writes. */
static const struct extension extensions[] = {
	{MATCH, "tcp", 0, "xt_tcpudp", FOR_LAYOUT},
	{MATCH, "udp", 0, "xt_tcpudp", FOR_LAYOUT},
	{MATCH, "sctp", 0, "xt_sctp", FOR_SCTP}, /* which few use */
	{MATCH, "multiport", 1, "xt_multiport", FOR_LAYOUT},
	{MATCH, "addrtype", 1, "xt_addrtype", FOR_LAYOUT},
	{MATCH, "mark", 1, "xt_mark", FOR_ACCEPT},
	{MATCH, "conntrack", 3, "xt_conntrack", FOR_LAYOUT | FOR_ACCEPT},
	{TARGET, "DNAT", 2, "xt_nat", FOR_LAYOUT},
	{TARGET, "MASQUERADE", 0, "xt_MASQUERADE", FOR_LAYOUT},
};

/* tolerate: refusals that are answers, too. */
static int ask(struct nm_netlink *nl, const struct extension *x, enum nm_family family, const int *tolerate,
	struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.tolerate = tolerate};
	const uint32_t revision = htonl(x->revision), kind = htonl(x->kind);
	struct nm_netlink_request r;
	struct nfgenmsg *nfg;

	nm_netlink_request_init(&r);
	nfg = nm_netlink_request_begin(
		&r, NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET, 0, sizeof(struct nfgenmsg));
	nfg->nfgen_family = nm_addr_family_to_af(family);
	nm_netlink_request_put(&r, NFTA_COMPAT_NAME, x->name, strlen(x->name) + 1);
	nm_netlink_request_put(&r, NFTA_COMPAT_REV, &revision, sizeof(revision));
	nm_netlink_request_put(&r, NFTA_COMPAT_TYPE, &kind, sizeof(kind));
	return nm_netlink_talk(nl, &r, &handler, err);
}

enum answer { HAS, LACKS, LACKS_NFT_COMPAT }; /* the worst last */

static int ask_family(struct nm_netlink *nl, const struct extension *x, enum nm_family family,
	enum answer *ret, struct nm_err *err)
{
	/* no such name; such a name, but not of this revision */
	if (ask(nl, x, family, NM_NETLINK_ERRORS(ENOENT, EPROTONOSUPPORT), err) == 0) {
		*ret = nl->accepted ? HAS : LACKS;
		return 0;
	}
	if (ask(nl, x, family, NM_NETLINK_ERRORS(EINVAL), err) < 0) /* nobody to ask */
		return -1;
	*ret = nl->accepted ? HAS : LACKS_NFT_COMPAT;
	return 0;
}

static int ask_families(
	struct nm_netlink *nl, const struct extension *x, bool ipv6, enum answer *ret, struct nm_err *err)
{
	*ret = HAS;
	nm_each_family(f, ipv6 ? NM_BOTH_FAMILIES : NM_IPV4_BIT) {
		enum answer answer;

		if (ask_family(nl, x, f, &answer, err) < 0)
			return nm_wrap(err, "asking the kernel for extensions of iptables");
		if (answer > *ret)
			*ret = answer;
	}
	return 0;
}

static int probe_extensions(struct nm_netlink *nl, enum need need, bool ipv6, nm_nft_probe_handler *handler,
	void *ctx, struct nm_err *err)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++) {
		const struct extension *x = &extensions[i];
		enum answer answer;
		char what[64];

		if (!(x->needs & need))
			continue;
		if (ask_families(nl, x, ipv6, &answer, err) < 0)
			return -1;
		if (answer == LACKS_NFT_COMPAT) {
			handler(ctx, "nft_compat", "nft_compat");
			return 0;
		}
		(void)snprintf(what, sizeof(what), "%s '%s' of revision %u",
			x->kind == MATCH ? "match" : "target", x->name, x->revision);
		if (answer == LACKS)
			handler(ctx, what, x->module);
	}
	return 0;
}

int nm_iptables_probe(
	struct nm_netlink *nl, bool ipv6, nm_nft_probe_handler *handler, void *ctx, struct nm_err *err)
{
	return probe_extensions(nl, FOR_LAYOUT, ipv6, handler, ctx, err);
}

int nm_iptables_probe_sctp(
	struct nm_netlink *nl, bool ipv6, nm_nft_probe_handler *handler, void *ctx, struct nm_err *err)
{
	return probe_extensions(nl, FOR_SCTP, ipv6, handler, ctx, err);
}

static void on_missing(void *ctx, const char *what, const char *module)
{
	(void)what;
	(void)module;
	*(bool *)ctx = true;
}

int nm_iptables_probe_lacks_accept(struct nm_netlink *nl, unsigned families, bool *ret, struct nm_err *err)
{
	*ret = false;
	return probe_extensions(nl, FOR_ACCEPT, families & NM_IPV6_BIT, on_missing, ret, err);
}
