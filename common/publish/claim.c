/* The rules of ownership. They read /proc to tell who is gone, and nothing else. */
#include "publish/claim.h"

#include <string.h>

#include "base/log.h"

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

static int judge_same_id(
	const struct nm_record *wanted, const struct nm_record *r, bool gone, struct nm_err *err)
{
	bool same_process = r->pid && r->pid == wanted->pid && r->start == wanted->start;
	bool same_bundle = is_known(r->bundle) && wanted->bundle && !strcmp(r->bundle, wanted->bundle);

	if (gone || same_process || same_bundle)
		return 0;
	return nm_fail(err, NM_ERR_TAKEN,
		"the id is in use by a running container of bundle '%s', this one is of '%s'",
		or_unknown(r->bundle), or_unknown(wanted->bundle));
}

static bool has_same_target(const struct nm_record *a, const struct nm_record *b)
{
	unsigned families = a->families & b->families;

	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (families & 1u << f && nm_addr_equal(&a->address[f].addr, &b->address[f].addr))
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
	const struct nm_record *wanted, const struct nm_record *r, bool shareable)
{
	for (size_t i = 0; i < wanted->mappings.n; i++)
		for (size_t j = 0; j < r->mappings.n; j++) {
			const struct nm_mapping *m = &wanted->mappings.v[i], *n = &r->mappings.v[j];

			if (nm_mapping_overlaps(m, n) && !(shareable && is_shared(wanted, m, r, n)))
				return m;
		}
	return NULL;
}

static int judge(const struct nm_record *wanted, const struct nm_record *r, bool can_judge, bool *ret_leaves,
	struct nm_err *err)
{
	bool same_id = !strcmp(wanted->id, r->id), gone = false;
	const struct nm_mapping *m = find_conflict(wanted, r, false);
	char text[NM_MAPPING_STRLEN];

	*ret_leaves = false;
	if (!same_id && !m && !has_same_target(wanted, r))
		return 0;
	if (can_judge && nm_record_gone(r, &gone, err) < 0)
		return -1;
	*ret_leaves = same_id || gone;
	if (same_id)
		return judge_same_id(wanted, r, gone, err);
	if (gone) {
		nm_log_notice(
			"container '%s' is gone, its ports are withdrawn: container '%s' takes its place",
			r->id, wanted->id);
		return 0;
	}
	m = find_conflict(wanted, r, true);
	if (!m)
		return 0;
	return nm_fail(err, NM_ERR_TAKEN, "port mapping '%s': the host port is taken by container '%s'",
		nm_mapping_print(m, text), r->id);
}

int nm_claim_settle(const struct nm_record *wanted, struct nm_records *recorded, bool can_judge,
	struct nm_records *ret_replaced, struct nm_err *err)
{
	for (size_t i = 0; i < recorded->n; i++) {
		bool leaves;

		if (judge(wanted, &recorded->v[i], can_judge, &leaves, err) < 0)
			return -1;
		if (leaves && nm_records_add(ret_replaced, &recorded->v[i], err) < 0)
			return -1;
		if (leaves)
			recorded->v[i--] = recorded->v[--recorded->n];
	}
	return 0;
}
