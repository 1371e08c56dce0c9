/* The rules of ownership. They read /proc to tell who is gone, and nothing else. */
#include "publish/claim.h"

#include <string.h>

#include "base/log.h"

void nm_claim_done(struct nm_claim *claim)
{
	nm_records_done(&claim->replaced);
	nm_records_done(&claim->peers);
}

/* crun before 1.27 tells "/" where it does not know better. */
static bool is_known(const char *bundle)
{
	return bundle && bundle[0] == '/' && bundle[1];
}

bool nm_claim_other_bundle(const char *a, const char *b)
{
	return is_known(a) && is_known(b) && strcmp(a, b) != 0;
}

static const char *or_unknown(const char *bundle)
{
	return bundle ? bundle : "unknown";
}

static bool is_same_process(const struct nm_record *a, const struct nm_record *b)
{
	return a->pid == b->pid && a->start == b->start;
}

static int judge_same_id(
	const struct nm_record *new, const struct nm_record *r, bool gone, struct nm_err *err)
{
	bool same_bundle = is_known(r->bundle) && new->bundle && !strcmp(r->bundle, new->bundle);

	if (gone || (r->pid && is_same_process(r, new)) || same_bundle)
		return 0;
	return nm_fail(err, NM_ERR_TAKEN,
		"the id is in use by a running container of bundle '%s', this one is of '%s'",
		or_unknown(r->bundle), or_unknown(new->bundle));
}

static bool has_same_target(const struct nm_record *a, const struct nm_record *b)
{
	nm_each_family(f, a->families & b->families)
		if (nm_addr_equal(&a->address[f].addr, &b->address[f].addr))
			return true;
	return false;
}

/* The containers of a pod may all carry its annotation. */
static bool is_shared(const struct nm_record *a, const struct nm_mapping *m, const struct nm_record *b,
	const struct nm_mapping *n)
{
	return nm_mapping_equal(m, n) && nm_record_same_netns(a, b) && has_same_target(a, b);
}

bool nm_claim_shares(const struct nm_record *a, const struct nm_mapping *m, const struct nm_record *b)
{
	for (size_t i = 0; i < b->mappings.n; i++)
		if (is_shared(a, m, b, &b->mappings.v[i]))
			return true;
	return false;
}

static const struct nm_mapping *find_conflict(
	const struct nm_record *new, const struct nm_record *r, bool shareable)
{
	for (size_t i = 0; i < new->mappings.n; i++)
		for (size_t j = 0; j < r->mappings.n; j++) {
			const struct nm_mapping *m = &new->mappings.v[i], *n = &r->mappings.v[j];

			if (nm_mapping_overlaps(m, n) && !(shareable && is_shared(new, m, r, n)))
				return m;
		}
	return NULL;
}

static int judge(const struct nm_record *new, const struct nm_record *r, bool can_judge, bool *ret_replaced,
	struct nm_err *err)
{
	bool same_id = !strcmp(new->id, r->id), gone = false;
	const struct nm_mapping *m = find_conflict(new, r, false);
	char text[NM_MAPPING_STRLEN];

	*ret_replaced = false;
	if (!same_id && !m && !has_same_target(new, r))
		return 0;
	if (can_judge && nm_record_gone(r, &gone, err) < 0)
		return -1;
	*ret_replaced = same_id || gone;
	if (same_id)
		return judge_same_id(new, r, gone, err);
	if (gone) {
		nm_log_notice(
			"container '%s' is gone, its ports are withdrawn: container '%s' takes its place",
			r->id, new->id);
		return 0;
	}
	m = find_conflict(new, r, true);
	if (!m)
		return 0;
	return nm_fail(err, NM_ERR_TAKEN, "port mapping '%s': the host port is taken by container '%s'",
		nm_mapping_print(m, text), r->id);
}

int nm_claim_settle(struct nm_claim *claim, struct nm_records *recorded, bool can_judge, struct nm_err *err)
{
	for (size_t i = 0; i < recorded->n; i++) {
		struct nm_record *r = &recorded->v[i];
		bool is_replaced;

		if (judge(claim->new, r, can_judge, &is_replaced, err) < 0 ||
			nm_records_add(is_replaced ? &claim->replaced : &claim->peers, r, err) < 0)
			return -1;
	}
	return 0;
}

bool nm_claim_has_already(const struct nm_claim *claim, const struct nm_mapping *m)
{
	for (size_t i = 0; i < claim->replaced.n; i++) {
		const struct nm_record *old = &claim->replaced.v[i];

		if (strcmp(old->id, claim->new->id) != 0 || !is_same_process(old, claim->new))
			continue;
		for (size_t j = 0; j < old->mappings.n; j++)
			if (nm_mapping_equal(&old->mappings.v[j], m))
				return true;
	}
	return false;
}
