/* natmap.json(5) says the same in its own words: what is asked here, and in which order. */
#include "backend/choose.h"

#include "backend/backend.h"
#include "base/log.h"
#include "model/rule.h"
#include "nft/dump.h"
#include "nft/objects.h"
#include "nft/transaction.h"
#include "nftables/probe.h"
#include "nftables/schema.h"

static void note_missing(void *ctx, const char *what, const char *module)
{
	(void)module;
	nm_log_debug("the kernel has no %s, which nftables needs", what);
	*(bool *)ctx = true;
}

/* natmap's own tables; foreign: somebody else has taken their name. */
static int find_own(struct nm_netlink *nl, bool *ret, bool *ret_foreign, struct nm_err *err)
{
	*ret = *ret_foreign = false;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
		bool found, foreign;

		if (nm_nftables_schema_find_table(nl, f, &found, &foreign, err) < 0)
			return -1;
		*ret |= found;
		*ret_foreign |= foreign;
	}
	return 0;
}

/* One of iptables' tables for filter and nat; with a chain, one of them that has it. */
static int find_iptables(struct nm_netlink *nl, const char *chain, bool *ret, struct nm_err *err)
{
	static const enum nm_table tables[] = {NM_TABLE_FILTER, NM_TABLE_NAT};

	*ret = false;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
			const struct nm_nft_place place = {
				nm_addr_family_to_af(f), nm_rule_table_name(tables[i]), chain};
			int rc = nm_nft_objects_has(nl, place, ret, err);

			if (rc < 0 || *ret)
				return rc;
		}
	return 0;
}

static int choose(void *backend, struct nm_netlink *nl, struct nm_err *err)
{
	bool own, iptables; /* that is left, if somebody else has such a table */

	if (find_own(nl, &own, &iptables, err) < 0)
		return -1;
	if (!own && !iptables && find_iptables(nl, nm_rule_chain_name(NM_CHAIN_NATMAP), &iptables, err) < 0)
		return -1;
	if (!own && !iptables && find_iptables(nl, NULL, &iptables, err) < 0)
		return -1;
	if (!own && !iptables)
		nm_nftables_probe(nl, true, note_missing, &iptables);
	*(enum nm_backend *)backend = own || !iptables ? NM_BACKEND_NFTABLES : NM_BACKEND_IPTABLES;
	return 0;
}

int nm_backend_choose(struct nm_netlink *nl, enum nm_backend *backend, struct nm_err *err)
{
	if (*backend != NM_BACKEND_AUTO)
		return 0;
	if (nm_nft_transaction_read(nl, choose, backend, err) < 0)
		return nm_wrap(err, "choosing the backend");
	return 0;
}
