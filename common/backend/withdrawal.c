/* The comment of each rule is looked at first, in the ruleset for which alone the transaction is valid. */
#include "backend/withdrawal.h"

#include "iptables/encode.h"
#include "nft/objects.h"

/* What the kernel has of one chain. */
struct found {
	uint64_t table, chain;
	uint32_t use;
};

static int on_table(void *ctx, const struct nm_nft_table *table, struct nm_err *err)
{
	(void)err;
	((struct found *)ctx)->table = table->handle;
	return 0;
}

static int on_chain(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	struct found *found = ctx;

	(void)err;
	found->chain = chain->handle;
	found->use = chain->use;
	return 0;
}

/* A handle that is not known yet is that of what natmap itself has made since. */
static bool is_same(uint32_t noted, uint64_t now)
{
	return noted == 0 || noted == now;
}

static uint32_t to_note(uint64_t handle)
{
	return handle <= UINT32_MAX ? (uint32_t)handle : 0;
}

static int look_at(
	struct nm_netlink *nl, struct nm_nft_place place, struct nm_chain_note *note, struct nm_err *err)
{
	struct found found = {.use = 0};
	const struct nm_nft_objects_handler handler = {on_table, on_chain, NULL, &found};
	const struct nm_nft_place table = {place.nfproto, place.table, NULL};

	if (nm_nft_objects_get(nl, table, handler, err) < 0 ||
		(found.table && nm_nft_objects_get(nl, place, handler, err) < 0))
		return -1;
	note->known = found.use == 0 ||
		(note->known && found.use == note->use && is_same(note->table, found.table) &&
			is_same(note->chain, found.chain));
	note->table = to_note(found.table);
	note->chain = to_note(found.chain);
	note->use = found.use;
	return 0;
}

static struct nm_nft_place place_of(const struct nm_rule_place *p)
{
	return nm_iptables_encode_place(p->family, p->table, p->chain);
}

int nm_withdrawal_look(
	struct nm_netlink *nl, uint32_t generation, struct nm_chain_notes *notes, struct nm_err *err)
{
	if (notes->generation == generation)
		return 0;
	nm_each_family(f, NM_BOTH_FAMILIES)
		for (size_t i = 0; i < NM_HANDLES_CHAINS; i++) {
			const struct nm_rule_place place = nm_handles_chain(f, i);

			if (look_at(nl, place_of(&place), &notes->v[f][i], err) < 0)
				return -1;
		}
	notes->generation = generation;
	notes->based = 0;
	return 0;
}

static const struct nm_chain_note *note_of(const struct nm_chain_notes *notes, const struct nm_handle *h)
{
	return &notes->v[h->place.family][nm_handles_find_chain(&h->place)];
}

struct asking {
	const char *id;
	size_t n; /* rules that are its */
};

static int on_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct asking *asking = ctx;

	(void)err;
	asking->n += rule->tag && nm_tag_is_of(rule->tag, rule->tag_len, asking->id);
	return 0;
}

static int ask(struct nm_netlink *nl, const struct nm_record *r, const struct nm_chain_notes *notes,
	bool *ret, struct nm_err *err)
{
	struct nm_nft_rule_ask v[NM_HANDLES_MAX];
	struct asking asking = {.id = r->id};
	size_t n = 0;

	for (size_t i = 0; i < r->handles.n; i++)
		if (note_of(notes, &r->handles.v[i])->known)
			v[n++] = (struct nm_nft_rule_ask){
				place_of(&r->handles.v[i].place), r->handles.v[i].number};
	if (nm_nft_rules_get(nl, v, n, on_rule, &asking, err) < 0)
		return -1;
	*ret = asking.n == n;
	return 0;
}

int nm_withdrawal_ask(struct nm_netlink *nl, const struct nm_records *records,
	const struct nm_chain_notes *notes, bool *ret, struct nm_err *err)
{
	*ret = true;
	for (size_t i = 0; i < records->n && *ret; i++) {
		const struct nm_record *r = &records->v[i];

		if (r->backend != NM_BACKEND_IPTABLES)
			continue;
		*ret = nm_handles_known(&r->handles);
		if (*ret && ask(nl, r, notes, ret, err) < 0)
			return -1;
	}
	return 0;
}

static int delete_rule(
	struct nm_nft_batch *txn, const struct nm_handle *h, struct nm_chain_notes *notes, struct nm_err *err)
{
	struct nm_chain_note *note = &notes->v[h->place.family][nm_handles_find_chain(&h->place)];

	if (!note->known)
		return 0;
	note->use--;
	return nm_nft_batch_delete_rule(txn, place_of(&h->place), h->number, err);
}

int nm_withdrawal_delete(struct nm_nft_batch *txn, const struct nm_records *records,
	struct nm_chain_notes *notes, struct nm_err *err)
{
	for (size_t i = 0; i < records->n; i++)
		for (size_t k = 0; k < records->v[i].handles.n; k++)
			if (delete_rule(txn, &records->v[i].handles.v[k], notes, err) < 0)
				return -1;
	return 0;
}
