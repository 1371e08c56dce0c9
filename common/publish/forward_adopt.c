#include "publish/forward_adopt.h"

#include <string.h>

#include "backend/backend.h"
#include "backend/localnet_guard.h"

struct adoption {
	struct nm_localnet_guards guards[NM_BACKEND_MAX][NM_FAMILY_MAX];
};

static void adoption_done(struct adoption *a)
{
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		nm_each_family(f, NM_BOTH_FAMILIES)
			nm_localnet_guards_done(&a->guards[b][f]);
}

static int read_guards(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	struct adoption *a = ctx;

	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		nm_each_family(f, NM_BOTH_FAMILIES) {
			a->guards[b][f].n = 0;
			if (nm_backend_ops(b)->read_forward_guards(nl, f, &a->guards[b][f], err) < 0)
				return -1;
		}
	return 0;
}

static int adopt(struct nm_forward_switch *s, enum nm_backend backend, enum nm_family family,
	const char *name, struct nm_err *err)
{
	struct nm_forwarded_interface i = {.family = family};

	memcpy(i.name, name, sizeof(i.name));
	if (nm_forwarded_find(&s->old, &i))
		return 0;
	if (s->old.n == 0)
		s->old.backend = backend;
	return nm_forwarded_add(&s->old, &i, err);
}

int nm_forward_adopt(
	struct nm_forward_switch *s, const struct nm_state *st, struct nm_netlink *nl, struct nm_err *err)
{
	NM_CLEANUP(adoption_done) struct adoption a = {0};

	if (nm_forward_switch_load(s, st, err) < 0 || nm_nft_transaction_read(nl, read_guards, &a, err) < 0)
		return -1;
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		nm_each_family(f, NM_BOTH_FAMILIES)
			for (size_t i = 0; i < a.guards[b][f].n; i++)
				if (adopt(s, b, f, a.guards[b][f].v[i], err) < 0)
					return -1;
	return 0;
}
