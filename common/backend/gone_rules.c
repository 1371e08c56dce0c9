/* A guard belongs to an interface: it is counted for one container of those that need it. */
#include "backend/gone_rules.h"

#include <string.h>

#include "model/tag.h"

static void add_owner(struct nm_gone_rules *g, const char *owner, const struct nm_record *r)
{
	g->records[g->n_owners] = (size_t)(r - g->dead->v);
	g->owners[g->n_owners++] = owner;
}

static int add_guard(void *ctx, const struct nm_record *r, struct nm_err *err)
{
	struct nm_gone_rules *g = ctx;

	(void)err;
	add_owner(g, nm_publication_guard_owner(r->localnet, g->guards[r - g->dead->v]), r);
	return 0;
}

int nm_gone_rules_init(
	struct nm_gone_rules *g, const struct nm_records *dead, unsigned forwards, struct nm_err *err)
{
	size_t n = dead->n + 1; /* calloc() of nothing may be NULL */

	*g = (struct nm_gone_rules){
		.dead = dead,
		.n = calloc(n, sizeof(*g->n)),
		.forwards = forwards,
		.records = calloc(2 * n, sizeof(*g->records)),
		.owners = calloc(2 * n, sizeof(*g->owners)),
		.guards = calloc(n, sizeof(*g->guards)),
	};
	if (!g->n || !g->records || !g->owners || !g->guards)
		return nm_fail_memory(err, "counting the rules of dead containers");
	for (size_t i = 0; i < dead->n; i++)
		add_owner(g, dead->v[i].id, &dead->v[i]);
	return nm_records_each_localnet(dead, add_guard, g, err) < 0
		? -1
		: nm_tag_index_owners(g->owners, g->n_owners, &g->index, err);
}

void nm_gone_rules_done(struct nm_gone_rules *g)
{
	free(g->n);
	free(g->records);
	free(g->owners);
	free(g->guards);
	nm_hash_index_done(&g->index);
	*g = (struct nm_gone_rules){0};
}

void nm_gone_rules_reset(struct nm_gone_rules *g)
{
	memset(g->n, 0, g->dead->n * sizeof(*g->n));
}

/* Every container that needed forwarding is dead: the guards are there for the first of them. */
static bool count_forward_guard(struct nm_gone_rules *g, enum nm_family family)
{
	for (size_t i = 0; g->forwards & 1u << family && i < g->dead->n; i++)
		if (nm_record_forwards(&g->dead->v[i]) & 1u << family)
			return ++g->n[i];
	return false;
}

bool nm_gone_rules_count(struct nm_gone_rules *g, enum nm_family family, const char *tag, size_t len)
{
	static const char forward[] = "natmap:" NM_PUBLICATION_FORWARD;
	ssize_t i;

	if (len >= sizeof(forward) && !memcmp(tag, forward, sizeof(forward) - 1))
		return count_forward_guard(g, family);
	i = nm_tag_find_owner(&g->index, g->owners, tag, len);
	if (i >= 0)
		g->n[g->records[i]]++;
	return i >= 0;
}
