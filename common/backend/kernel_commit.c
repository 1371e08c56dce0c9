/* Each record is changed in its own backend: where the configuration has changed, the new one and those that
 * it replaces are in different ones. */
#include "backend/kernel_commit.h"

#include "backend/backend.h"

struct commit {
	enum nm_backend backend; /* of the new record */
	unsigned families;       /* of the new record */
	struct nm_desired new, replaced, peers;
};

static void commit_done(struct commit *c)
{
	nm_desired_done(&c->new);
	nm_desired_done(&c->replaced);
	nm_desired_done(&c->peers);
}

static int collect_new(struct commit *c, const struct nm_record *r, const struct nm_layout_options *options,
	struct nm_err *err)
{
	if (!r)
		return 0;
	c->backend = r->backend;
	c->families = r->families;
	if (nm_backend_ops(r->backend)->layout_base(r->families, &c->new, err) < 0)
		return -1;
	return nm_desired_add_record(&c->new, r, options, err);
}

static int collect(struct nm_desired *d, const struct nm_records *records, struct nm_err *err)
{
	for (size_t i = 0; i < records->n; i++)
		if (nm_desired_add_record(d, &records->v[i], NULL, err) < 0)
			return -1;
	return 0;
}

static int prepare(void *ctx, struct nm_nft_attempt *a, struct nm_err *err)
{
	struct commit *c = ctx;
	const struct nm_backend_change change = {
		.families = c->families, .new = &c->new, .replaced = &c->replaced, .peers = &c->peers};

	if (nm_desired_read_accept(&c->new, c->backend, a->nl, c->families & a->families, err) < 0)
		return -1;
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		if (nm_backend_ops(b)->prepare(&change, a, err) < 0)
			return -1;
	return 0;
}

int nm_kernel_commit(struct nm_netlink *nl, const struct nm_record *new,
	const struct nm_layout_options *options, const struct nm_records *replaced,
	const struct nm_records *peers, struct nm_err *err)
{
	NM_CLEANUP(commit_done) struct commit c = {0};
	bool ipv6_optional = new &&new->families &NM_IPV4_BIT && !nm_record_names_family(new, NM_IPV6);
	unsigned families = new ? new->families : 0;

	for (size_t i = 0; i < replaced->n; i++)
		families |= replaced->v[i].families;
	if (collect_new(&c, new, options, err) < 0 || collect(&c.replaced, replaced, err) < 0 ||
		collect(&c.peers, peers, err) < 0)
		return -1;
	return nm_nft_transaction_run(nl, families, ipv6_optional, prepare, &c, err);
}
