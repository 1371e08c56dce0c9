/* What the ruleset's lists point to is in blocks, which never move. */
#include "follow/ruleset.h"

#include <linux/netfilter.h>
#include <string.h>

enum { BLOCK_SIZE = 64 * 1024, ALIGNMENT = 8 };

struct nm_ruleset_block {
	struct nm_ruleset_block *next;
	size_t used, size;
	uint64_t bytes[];
};

static void *take(struct nm_ruleset *r, size_t len, struct nm_err *err)
{
	struct nm_ruleset_block *b = r->blocks;
	size_t size = len > BLOCK_SIZE ? len : BLOCK_SIZE;
	void *place;

	len = (len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!b || b->size - b->used < len) {
		b = malloc(sizeof(*b) + size + ALIGNMENT);
		if (!b) {
			(void)nm_fail_memory(err, "reading the ruleset");
			return NULL;
		}
		*b = (struct nm_ruleset_block){.next = r->blocks, .size = size + ALIGNMENT};
		r->blocks = b;
	}
	place = (char *)b->bytes + b->used;
	b->used += len;
	return place;
}

const void *nm_ruleset_keep(struct nm_ruleset *r, const void *bytes, size_t len, struct nm_err *err)
{
	char *copy = take(r, len + 1, err);

	if (!copy)
		return NULL;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}

void nm_ruleset_done(struct nm_ruleset *r)
{
	struct nm_ruleset_block *next;

	for (size_t i = 0; i < r->chains.n; i++)
		free(r->chains.v[i].v);
	for (size_t i = 0; i < r->sets.n; i++)
		free(r->sets.v[i].v);
	free(r->chains.v);
	free(r->sets.v);
	nm_hash_index_done(&r->chain_index);
	nm_hash_index_done(&r->set_index);
	for (struct nm_ruleset_block *b = r->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	*r = (struct nm_ruleset){0};
}

/* Found again by table and name */

static uint64_t hash_of(uint8_t nfproto, const char *table, const char *name)
{
	uint64_t h = nm_hash(NM_HASH_BEGIN, &nfproto, sizeof(nfproto));

	h = nm_hash(h, table, strlen(table) + 1);
	return nm_hash(h, name, strlen(name));
}

static uint64_t hash_chain(const void *list, size_t number)
{
	const struct nm_ruleset_chain *c = (const struct nm_ruleset_chain *)list + number;

	return hash_of(c->nfproto, c->table, c->name);
}

static uint64_t hash_set(const void *list, size_t number)
{
	const struct nm_ruleset_set *s = (const struct nm_ruleset_set *)list + number;

	return hash_of(s->nfproto, s->table, s->name);
}

int nm_ruleset_index_chains(struct nm_ruleset *r, struct nm_err *err)
{
	return nm_hash_index_make(r->chains.v, r->chains.n, hash_chain, &r->chain_index, err);
}

int nm_ruleset_index_sets(struct nm_ruleset *r, struct nm_err *err)
{
	return nm_hash_index_make(r->sets.v, r->sets.n, hash_set, &r->set_index, err);
}

struct nm_ruleset_chain *nm_ruleset_get_chain(const struct nm_ruleset *r, const struct nm_nft_place *place)
{
	uint64_t hash = hash_of(place->nfproto, place->table, place->chain);
	size_t position = 0;
	ssize_t i;

	while ((i = nm_hash_index_next(&r->chain_index, hash, &position)) >= 0) {
		struct nm_ruleset_chain *c = &r->chains.v[i];

		if (c->nfproto == place->nfproto && !strcmp(c->table, place->table) &&
			!strcmp(c->name, place->chain))
			return c;
	}
	return NULL;
}

struct nm_ruleset_set *nm_ruleset_get_set(
	const struct nm_ruleset *r, const struct nm_nft_place *table, const char *name)
{
	uint64_t hash = hash_of(table->nfproto, table->table, name);
	size_t position = 0;
	ssize_t i;

	while ((i = nm_hash_index_next(&r->set_index, hash, &position)) >= 0) {
		struct nm_ruleset_set *s = &r->sets.v[i];

		if (s->nfproto == table->nfproto && !strcmp(s->table, table->table) && !strcmp(s->name, name))
			return s;
	}
	return NULL;
}

const struct nm_ruleset_chain *nm_ruleset_find_chain(
	const struct nm_ruleset *r, const struct nm_ruleset_chain *chain, const char *name)
{
	return nm_ruleset_get_chain(r, &(struct nm_nft_place){chain->nfproto, chain->table, name});
}

const struct nm_ruleset_set *nm_ruleset_find_set(
	const struct nm_ruleset *r, const struct nm_ruleset_chain *chain, const char *name)
{
	return nm_ruleset_get_set(r, &(struct nm_nft_place){chain->nfproto, chain->table, NULL}, name);
}

const char *nm_ruleset_family_name(uint8_t nfproto)
{
	return nfproto == NFPROTO_INET ? "inet" : nfproto == NFPROTO_IPV4 ? "ip" : "ip6";
}
