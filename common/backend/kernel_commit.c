/*
 * Who leaves is found in the backend of his record; what comes goes where its record says, which is where the
 * configuration wants it now. In iptables' tables the rules of those who leave are known by their owners, in
 * natmap's own tables the elements by their keys.
 */
#include "backend/kernel_commit.h"

#include <string.h>

#include "backend/desired.h"
#include "iptables/accept.h"
#include "iptables/layout.h"
#include "iptables/write.h"
#include "nftables/backend.h"

/* Whose rules go: the containers that leave, and the guards of the interfaces that they alone needed. */
struct owners {
	const char **v;
	char (*guards)[NM_PUBLICATION_GUARD_SIZE];
	size_t n;
};

struct plan {
	struct nm_change *change;
	struct owners owners; /* in iptables' tables */
	struct nm_desired new, replaced, peers;
	struct nm_rules accept; /* what nftables needs in iptables' tables */
	bool nftables;          /* somebody comes to, or leaves, natmap's own tables */
};

static void plan_done(struct plan *p)
{
	free(p->owners.v);
	free(p->owners.guards);
	nm_desired_done(&p->new);
	nm_desired_done(&p->replaced);
	nm_desired_done(&p->peers);
	nm_rules_done(&p->accept);
}

static bool comes_to(const struct nm_change *change, enum nm_backend backend)
{
	return change->new && change->new->backend == backend;
}

static int collect_new(struct plan *p, struct nm_err *err)
{
	const struct nm_record *r = p->change->new;

	if (!r)
		return 0;
	if (r->backend == NM_BACKEND_IPTABLES && nm_iptables_layout_base(r->families, &p->new.rules, err) < 0)
		return -1;
	return nm_desired_add_record(&p->new, r, p->change->options, err);
}

static int collect_replaced(struct plan *p, struct nm_err *err)
{
	const struct nm_records *replaced = &p->change->replaced;
	struct owners *o = &p->owners;

	o->v = calloc(2 * replaced->n + 1, sizeof(*o->v));
	o->guards = calloc(replaced->n + 1, sizeof(*o->guards));
	if (!o->v || !o->guards)
		return nm_fail(err, NM_ERR_FAILED, "preparing the rules: out of memory");
	for (size_t i = 0; i < replaced->n; i++) {
		const struct nm_record *r = &replaced->v[i];

		if (r->backend == NM_BACKEND_NFTABLES) {
			p->nftables = true;
			if (nm_desired_add_record(&p->replaced, r, NULL, err) < 0)
				return -1;
			continue;
		}
		o->v[o->n++] = r->id;
		if (r->localnet[0])
			o->v[o->n++] = nm_publication_guard_owner(r->localnet, o->guards[i]);
	}
	return 0;
}

/* Keys are shared by those who publish the same for one address, and by those who need the same guard. */
static bool may_share(const struct nm_record *a, const struct nm_record *b)
{
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (a->families & b->families & 1u << f &&
			nm_addr_equal(&a->address[f].addr, &b->address[f].addr))
			return true;
	return a->localnet[0] && !strcmp(a->localnet, b->localnet);
}

static bool may_share_any(const struct nm_change *change, const struct nm_record *r)
{
	if (change->new &&may_share(change->new, r))
		return true;
	for (size_t i = 0; i < change->replaced.n; i++)
		if (may_share(&change->replaced.v[i], r))
			return true;
	return false;
}

static int collect_peers(struct plan *p, struct nm_err *err)
{
	const struct nm_records *peers = &p->change->peers;

	for (size_t i = 0; p->nftables && i < peers->n; i++)
		if (peers->v[i].backend == NM_BACKEND_NFTABLES && may_share_any(p->change, &peers->v[i]) &&
			nm_desired_add_record(&p->peers, &peers->v[i], NULL, err) < 0)
			return -1;
	return 0;
}

static int prepare_iptables(struct plan *p, struct nm_nft_attempt *a, struct nm_err *err)
{
	bool comes = comes_to(p->change, NM_BACKEND_IPTABLES);
	const struct nm_iptables_scope scope = {
		.wanted = comes ? &p->new.rules : &p->accept,
		.owners = p->owners.v,
		.n_owners = p->owners.n,
		.look_for_old = p->owners.n > 0,
	};

	return scope.wanted->n || scope.n_owners ? nm_iptables_write(&scope, a, err) : 0;
}

static int prepare(void *ctx, struct nm_nft_attempt *a, struct nm_err *err)
{
	struct plan *p = ctx;
	const struct nm_nftables_scope scope = {
		.families = comes_to(p->change, NM_BACKEND_NFTABLES) ? p->change->new->families : 0,
		.new = &p->new.elements,
		.replaced = &p->replaced.elements,
		.peers = &p->peers.elements,
	};

	nm_rules_done(&p->accept);
	if (nm_iptables_accept(a->nl, scope.families & a->families, NM_NFTABLES_MARK, &p->accept,
		    &a->interrupted, err) < 0 ||
		prepare_iptables(p, a, err) < 0)
		return -1;
	return p->nftables ? nm_nftables_backend_prepare(&scope, a, err) : 0;
}

int nm_kernel_commit(struct nm_change *change, struct nm_err *err)
{
	NM_CLEANUP(plan_done)
	struct plan p = {
		.change = change,
		.nftables = comes_to(change, NM_BACKEND_NFTABLES),
	};
	bool ipv6_optional = change->new && change->new->families &NM_IPV4_BIT &&
		!nm_record_names_family(change->new, NM_IPV6);
	unsigned families = change->new ? change->new->families : 0;

	for (size_t i = 0; i < change->replaced.n; i++)
		families |= change->replaced.v[i].families;
	if (collect_new(&p, err) < 0 || collect_replaced(&p, err) < 0 || collect_peers(&p, err) < 0)
		return -1;
	return nm_nft_transaction_run(&change->nl, families, ipv6_optional, prepare, &p, err);
}
