/* natmap.json(5) describes how the backend is chosen: keep both alike. */
#include "backend/backend.h"

#include "backend/iptables.h"
#include "backend/nftables.h"
#include "base/log.h"
#include "model/rule.h"
#include "nft/objects.h"
#include "nftables/probe.h"
#include "nftables/schema.h"

const struct nm_backend_ops *nm_backend_ops(enum nm_backend backend)
{
	static const struct nm_backend_ops *const all[NM_BACKEND_MAX] = {
		[NM_BACKEND_IPTABLES] = &nm_backend_iptables,
		[NM_BACKEND_NFTABLES] = &nm_backend_nftables,
	};

	return all[backend];
}

const struct nm_backend_words nm_backend_words[] = {
	[NM_EDIT_MISSING] = {"missing-rule", "is missing"},
	[NM_EDIT_STALE] = {"stale-rule", "is stale"},
	[NM_EDIT_CHANGED] = {"changed-rule", "has been changed"},
	[NM_EDIT_MISPLACED] = {"misplaced-rule", "stands where it does not work"},
};

static void on_missing(void *ctx, const char *what, const char *module)
{
	(void)module;
	nm_log_debug("the kernel has no %s, which nftables needs", what);
	*(bool *)ctx = true;
}

/* Finds natmap's own tables, or foreign ones of the same name. */
static int find_own(struct nm_netlink *nl, bool *ret, bool *ret_foreign, struct nm_err *err)
{
	*ret = *ret_foreign = false;
	nm_each_family(f, NM_BOTH_FAMILIES) {
		bool found, foreign;

		if (nm_nftables_schema_find_table(nl, f, &found, &foreign, err) < 0)
			return -1;
		*ret |= found;
		*ret_foreign |= foreign;
	}
	return 0;
}

/* Finds one of iptables' filter and nat tables; with a chain, one that has it. */
static int find_iptables(struct nm_netlink *nl, const char *chain, bool *ret, struct nm_err *err)
{
	static const enum nm_table tables[] = {NM_TABLE_FILTER, NM_TABLE_NAT};

	*ret = false;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		nm_each_family(f, NM_BOTH_FAMILIES) {
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
	bool own, iptables; /* a foreign table of natmap's name leaves iptables */
	const char *chain = nm_rule_chain_name(NM_CHAIN_NATMAP);

	if (find_own(nl, &own, &iptables, err) < 0 ||
		(!own && !iptables && find_iptables(nl, chain, &iptables, err) < 0) ||
		(!own && !iptables && find_iptables(nl, NULL, &iptables, err) < 0))
		return -1;
	if (!own && !iptables)
		nm_nftables_probe(nl, true, on_missing, &iptables);
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
