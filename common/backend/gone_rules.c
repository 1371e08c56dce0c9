/* A guard belongs to an interface: it is counted for one container of those that need it. Of an entry of
 * static NAT that has changed, each rule is told by itself. */
#include "backend/gone_rules.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"

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

int nm_gone_rules_init(struct nm_gone_rules *g, const struct nm_records *dead,
	const struct nm_static_nats *statics, unsigned forwards, struct nm_err *err)
{
	size_t n = dead->n + 1; /* calloc() of nothing may be NULL */

	*g = (struct nm_gone_rules){
		.dead = dead,
		.statics = statics,
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
	free(g->left.v);
	*g = (struct nm_gone_rules){0};
}

void nm_gone_rules_reset(struct nm_gone_rules *g)
{
	memset(g->n, 0, g->dead->n * sizeof(*g->n));
	g->left.n = 0;
}

/* Every container that needed forwarding is dead: the guards are there for the first of them. */
static bool count_forward_guard(struct nm_gone_rules *g, enum nm_family family)
{
	for (size_t i = 0; g->forwards & 1u << family && i < g->dead->n; i++)
		if (nm_record_forwards(&g->dead->v[i]) & 1u << family)
			return ++g->n[i];
	return false;
}

static bool is_configured(const struct nm_static_nats *statics, const char *tag, size_t len)
{
	for (size_t i = 0; i < statics->n; i++)
		if (nm_tag_is_of(tag, len, statics->v[i].owner))
			return true;
	return false;
}

static bool is_static(const char *tag, size_t len)
{
	char begin[32];

	for (enum nm_static_kind k = 0; k < NM_STATIC_KIND_MAX; k++) {
		int n = snprintf(begin, sizeof(begin), "natmap:@%s/", nm_static_nat_kind_name(k));

		if (len > (size_t)n && !memcmp(tag, begin, (size_t)n))
			return true;
	}
	return false;
}

/* There are few entries, and their rules mostly come one after the other. */
static bool count_static(struct nm_gone_rules *g, const char *tag, size_t len)
{
	struct nm_gone_static *s;
	struct nm_err err;

	for (size_t i = g->left.n; i > 0; i--) {
		s = &g->left.v[i - 1];
		if (strlen(s->tag) == len && !memcmp(s->tag, tag, len))
			return ++s->n;
	}
	if (len >= sizeof(s->tag) || is_configured(g->statics, tag, len) ||
		nm_grow(&g->left, "counting stale rules", &err) < 0)
		return false; /* it is told by itself */
	s = &g->left.v[g->left.n++];
	*s = (struct nm_gone_static){.n = 1};
	memcpy(s->tag, tag, len);
	return true;
}

bool nm_gone_rules_count(struct nm_gone_rules *g, enum nm_family family, const char *tag, size_t len)
{
	static const char forward[] = "natmap:" NM_PUBLICATION_FORWARD;
	ssize_t i;

	if (len >= sizeof(forward) && !memcmp(tag, forward, sizeof(forward) - 1))
		return count_forward_guard(g, family);
	if (is_static(tag, len))
		return count_static(g, tag, len);
	i = nm_tag_find_owner(&g->index, g->owners, tag, len);
	if (i >= 0)
		g->n[g->records[i]]++;
	return i >= 0;
}
