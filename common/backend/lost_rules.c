#include "backend/lost_rules.h"

#include <stdlib.h>
#include <string.h>

#include "model/tag.h"

int nm_lost_rules_init(struct nm_lost_rules *l, const struct nm_records *live, struct nm_err *err)
{
	size_t n = live->n + 1; /* calloc() of nothing may be NULL */

	*l = (struct nm_lost_rules){
		.live = live, .v = calloc(n, sizeof(*l->v)), .owners = calloc(n, sizeof(*l->owners))};
	if (!l->v || !l->owners)
		return nm_fail_memory(err, "counting the rules that are missing");
	for (size_t i = 0; i < live->n; i++)
		l->owners[i] = live->v[i].id;
	return nm_tag_index_owners(l->owners, live->n, &l->index, err);
}

void nm_lost_rules_reset(struct nm_lost_rules *l)
{
	for (size_t i = 0; l->v && i < l->live->n; i++) {
		free(l->v[i].first);
		l->v[i] = (struct nm_lost){0};
	}
}

void nm_lost_rules_done(struct nm_lost_rules *l)
{
	nm_lost_rules_reset(l);
	free(l->v);
	free(l->owners);
	nm_hash_index_done(&l->index);
	*l = (struct nm_lost_rules){0};
}

bool nm_lost_rules_count(struct nm_lost_rules *l, const char *tag, size_t len, const char *text)
{
	ssize_t i = nm_tag_find_owner(&l->index, l->owners, tag, len);

	if (i < 0)
		return false;
	if (!l->v[i].first)
		l->v[i].first = strdup(text);
	if (!l->v[i].first)
		return false; /* it is told by itself */
	l->v[i].n++;
	return true;
}
