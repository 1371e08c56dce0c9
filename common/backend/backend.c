/* natmap.json(5) describes how the backend is chosen: keep both alike. */
#include "backend/backend.h"

#include <netinet/in.h>
#include <stdio.h>

#include "backend/iptables.h"
#include "backend/nftables.h"
#include "base/log.h"
#include "host/forwarding.h"
#include "host/sysctl.h"
#include "iptables/probe.h"
#include "model/rule.h"
#include "nft/objects.h"
#include "nftables/schema.h"
#include "state/search.h"

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

/* Finds natmap's chain in one of iptables' filter and nat tables. */
static int find_chain(struct nm_netlink *nl, bool *ret, struct nm_err *err)
{
	static const enum nm_table tables[] = {NM_TABLE_FILTER, NM_TABLE_NAT};

	*ret = false;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		nm_each_family(f, NM_BOTH_FAMILIES) {
			const struct nm_nft_place place = {nm_addr_family_to_af(f),
				nm_rule_table_name(tables[i]), nm_rule_chain_name(NM_CHAIN_NATMAP)};
			int rc = nm_nft_objects_has(nl, place, ret, err);

			if (rc < 0 || *ret)
				return rc;
		}
	return 0;
}

int nm_backend_is_there(struct nm_netlink *nl, bool *ret, struct nm_err *err)
{
	bool foreign;

	if (find_own(nl, ret, &foreign, err) < 0)
		return -1;
	return *ret ? 0 : find_chain(nl, ret, err);
}

static void on_missing(void *ctx, const char *what, const char *module)
{
	struct nm_backend_missing *missing = ctx;

	if (missing->what[0])
		return;
	(void)snprintf(missing->what, sizeof(missing->what), "%s", what);
	(void)snprintf(missing->module, sizeof(missing->module), "%s", module);
}

int nm_backend_probe(struct nm_netlink *nl, enum nm_backend backend, nm_nft_probe_handler *handler, void *ctx,
	struct nm_err *err)
{
	bool forwarding, ipv6 = nm_forwarding_read_global(NM_IPV6, &forwarding, err) == 0;

	if (!ipv6 && err->kind != NM_ERR_MISSING)
		return -1;
	return nm_backend_ops(backend)->probe(nl, ipv6, handler, ctx, err);
}

int nm_backend_find_missing(
	struct nm_netlink *nl, enum nm_backend backend, struct nm_backend_missing *ret, struct nm_err *err)
{
	*ret = (struct nm_backend_missing){0};
	return nm_backend_probe(nl, backend, on_missing, ret, err);
}

bool nm_backend_recorded(const struct nm_records *records, enum nm_backend *ret)
{
	if (!records->n)
		return false;
	*ret = NM_BACKEND_IPTABLES;
	for (size_t i = 0; i < records->n; i++)
		if (records->v[i].backend == NM_BACKEND_NFTABLES)
			*ret = NM_BACKEND_NFTABLES;
	return true;
}

struct choice {
	struct nm_state *st;
	enum nm_backend backend;
};

/* Where nothing of natmap is in the kernel. */
static int choose_anew(struct choice *c, struct nm_netlink *nl, struct nm_err *err)
{
	const struct nm_state_query all = {.all = true};
	nm_autorecords struct nm_records records = {0};
	struct nm_backend_missing missing;

	if (c->st && nm_state_search(c->st, &all, &records, err) < 0)
		return -1;
	if (nm_backend_recorded(&records, &c->backend))
		return 0;
	if (nm_backend_find_missing(nl, NM_BACKEND_IPTABLES, &missing, err) < 0)
		return -1;
	c->backend = NM_BACKEND_IPTABLES;
	if (missing.what[0]) {
		nm_log_debug("the kernel has no %s, which iptables needs", missing.what);
		c->backend = NM_BACKEND_NFTABLES;
	}
	return 0;
}

static int choose(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	struct choice *c = ctx;
	bool own, iptables; /* a foreign table of natmap's name leaves iptables */

	if (find_own(nl, &own, &iptables, err) < 0 ||
		(!own && !iptables && find_chain(nl, &iptables, err) < 0))
		return -1;
	c->backend = own ? NM_BACKEND_NFTABLES : NM_BACKEND_IPTABLES;
	return own || iptables ? 0 : choose_anew(c, nl, err);
}

int nm_backend_choose(
	struct nm_netlink *nl, struct nm_state *st, enum nm_backend *backend, struct nm_err *err)
{
	struct choice c = {.st = st};

	if (*backend != NM_BACKEND_AUTO)
		return 0;
	if (nm_nft_transaction_read(nl, choose, &c, err) < 0)
		return nm_wrap(err, "choosing the backend");
	*backend = c.backend;
	return 0;
}

const char *nm_backend_print_alternative(
	struct nm_netlink *nl, enum nm_backend backend, char buf[static NM_BACKEND_ALTERNATIVE_STRLEN])
{
	enum nm_backend other = nm_backend_other(backend);
	struct nm_backend_missing missing;
	struct nm_err unknown;

	buf[0] = '\0';
	if (nm_backend_find_missing(nl, other, &missing, &unknown) == 0 && !missing.what[0])
		(void)snprintf(buf, NM_BACKEND_ALTERNATIVE_STRLEN, ", but all that \"backend\": \"%s\" needs",
			nm_backend_name(other));
	return buf;
}

static bool has_sctp(const struct nm_rules *rules)
{
	bool found = false;

	for (size_t i = 0; i < rules->n; i++)
		found |= rules->v[i].protocol == IPPROTO_SCTP;
	return found;
}

static bool commit_lacks(
	struct nm_netlink *nl, const struct nm_backend_commit *c, struct nm_backend_missing *ret)
{
	bool needs_sctp = c->backend == NM_BACKEND_IPTABLES && has_sctp(&c->desired->rules);
	struct nm_err unknown;

	if (nm_backend_find_missing(nl, c->backend, ret, &unknown) < 0 ||
		(needs_sctp &&
			nm_iptables_probe_sctp(nl, c->families & NM_IPV6_BIT, on_missing, ret, &unknown) < 0))
		return false;
	return ret->what[0];
}

static int explain(struct nm_netlink *nl, const struct nm_backend_commit *c, struct nm_err *err)
{
	char alternative[NM_BACKEND_ALTERNATIVE_STRLEN];
	const struct nm_err refusal = *err;
	struct nm_backend_missing missing;

	if (!commit_lacks(nl, c, &missing))
		return -1;
	return nm_fail(err, refusal.kind, "%s: the kernel has no %s (module %s)%s", refusal.msg, missing.what,
		missing.module, nm_backend_print_alternative(nl, c->backend, alternative));
}

static bool lacks_accept(struct nm_netlink *nl, const struct nm_backend_commit *c)
{
	struct nm_err unknown;
	bool lacks;

	return nm_backend_ops(c->backend)->accept_mark &&
		nm_iptables_probe_lacks_accept(nl, c->families, &lacks, &unknown) == 0 && lacks;
}

static int run(struct nm_netlink *nl, const struct nm_backend_commit *c, struct nm_err *err)
{
	return nm_nft_transaction_run(nl, c->families, c->ipv6_optional, c->prepare, c->ctx, c->ret, err);
}

int nm_backend_commit(struct nm_netlink *nl, const struct nm_backend_commit *c, struct nm_err *err)
{
	int rc = run(nl, c, err);

	if (rc < 0 && err->kind == NM_ERR_UNCERTAIN) /* the kernel has not said why */
		return -1;
	if (rc < 0 && lacks_accept(nl, c)) {
		c->desired->accept_natively = true;
		rc = run(nl, c, err);
	}
	return rc < 0 ? explain(nl, c, err) : 0;
}
