/* The rules of ownership. They read /proc to tell who is gone, and look for an address that two live
 * containers would have; nothing else. */
#include "publish/claim.h"

#include <string.h>

#include "base/log.h"
#include "host/process.h"
#include "publish/lost_address.h"
#include "publish/policy.h"

void nm_claim_done(struct nm_claim *claim)
{
	nm_records_done(&claim->replaced);
	nm_records_done(&claim->peers);
	nm_records_done(&claim->held);
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

/* The families in which both have one address. */
static unsigned same_targets(const struct nm_record *a, const struct nm_record *b)
{
	unsigned same = 0;

	nm_each_family(f, a->families & b->families)
		if (nm_addr_equal(&a->address[f].addr, &b->address[f].addr))
			same |= 1u << f;
	return same;
}

/* The containers of a pod may all carry its annotation. */
static bool is_of_one_pod(const struct nm_record *a, const struct nm_record *b)
{
	return nm_record_same_netns(a, b) && same_targets(a, b);
}

unsigned nm_claim_shares(const struct nm_record *a, const struct nm_mapping *m, const struct nm_record *b)
{
	for (size_t i = 0; i < b->mappings.n; i++)
		if (nm_mapping_equal(m, &b->mappings.v[i]))
			return nm_record_same_netns(a, b) ? m->families & same_targets(a, b) : 0;
	return 0;
}

/* may_share: equal mappings are no conflict. */
static const struct nm_mapping *find_conflict(
	const struct nm_record *new, const struct nm_record *r, bool may_share)
{
	for (size_t i = 0; i < new->mappings.n; i++)
		for (size_t j = 0; j < r->mappings.n; j++) {
			const struct nm_mapping *m = &new->mappings.v[i], *n = &r->mappings.v[j];

			if (nm_mapping_overlaps(m, n) && !(may_share && nm_mapping_equal(m, n)))
				return m;
		}
	return NULL;
}

/* By what claims are judged. */
struct judge {
	struct nm_claim *claim;
	const struct nm_policy *policy;
	bool can_judge;
};

static bool has_address_already(const struct nm_claim *claim, enum nm_family f)
{
	for (size_t i = 0; i < claim->replaced.n; i++) {
		const struct nm_record *old = &claim->replaced.v[i];

		if (!strcmp(old->id, claim->new->id) && old->families & 1u << f &&
			nm_addr_equal(&old->address[f].addr, &claim->new->address[f].addr))
			return true;
	}
	return false;
}

/* The families in which the new record claims an address that r, of another network namespace, has on record.
 * An address that was given without a process, or that policy.address has, is the administrator's. */
static unsigned claimed_addresses(const struct judge *j, const struct nm_record *r)
{
	const struct nm_record *new = j->claim->new;
	unsigned claimed = 0;

	if (!j->can_judge || !new->netns.ino || !r->netns.ino || nm_record_same_netns(new, r))
		return 0;
	nm_each_family(f, new->families & r->families)
		if (nm_addr_equal(&new->address[f].addr, &r->address[f].addr) &&
			!nm_policy_allows_address(j->policy, &new->address[f].addr) &&
			!has_address_already(j->claim, f))
			claimed |= 1u << f;
	return claimed;
}

/* Sets *ret to the families in which the container of r has lost its address since it was recorded. */
static int find_lost(const struct judge *j, const struct nm_record *r, unsigned *ret, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err why;

	*ret = 0;
	if (!j->can_judge || !r->families)
		return 0;
	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0)
		return -1;
	if (nm_lost_address_find(&rtnl, r, j->policy, ret, &why) < 0)
		nm_log_notice("container '%s': %s, ignored: it may have its address still", r->id, why.msg);
	return 0;
}

/* Whether the new container, of the same mapping as r, is one of its pod, which has no address left there. */
static bool is_next_of_pod(const struct judge *j, const struct nm_record *r, unsigned lost)
{
	const struct nm_record *new = j->claim->new;

	return r->families == lost && j->can_judge &&
		(nm_record_same_netns(new, r) ||
			(new->pid > 0 && r->pid > 0 &&
				nm_process_same_pod(new->pid, new->id, r->pid, r->id)));
}

/* What is left of a container that is replaced since it lost addresses. */
static int hold(const struct judge *j, const struct nm_record *r, unsigned lost, struct nm_err *err)
{
	nm_autorecord struct nm_record left = {0};

	if (nm_record_copy(r, &left, err) < 0)
		return -1;
	nm_record_hold(&left, lost);
	nm_log_notice("container '%s' no longer has its address: its ports lead nowhere until it has one; "
		      "container '%s' is published",
		r->id, j->claim->new->id);
	return nm_records_add(&j->claim->held, &left, err);
}

static int refuse_address(
	const struct nm_record *new, const struct nm_record *r, unsigned families, struct nm_err *err)
{
	enum nm_family f = families & NM_IPV4_BIT ? NM_IPV4 : NM_IPV6;
	char text[NM_PREFIX_STRLEN];

	return nm_fail(err, NM_ERR_REFUSED,
		"container address '%s': it is that of container '%s', which is published with it",
		nm_prefix_print(&new->address[f], text), r->id);
}

/* Judges a live container of another id. */
static int judge_live(
	const struct judge *j, const struct nm_record *r, bool *ret_replaced, struct nm_err *err)
{
	const struct nm_record *new = j->claim->new;
	unsigned claimed = claimed_addresses(j, r), lost;
	const struct nm_mapping *m = find_conflict(new, r, is_of_one_pod(new, r));
	char text[NM_MAPPING_STRLEN];

	if (!claimed && !m)
		return 0;
	if (find_lost(j, r, &lost, err) < 0)
		return -1;
	if (m && is_next_of_pod(j, r, lost))
		m = find_conflict(new, r, true);
	if (m)
		return nm_fail(err, NM_ERR_TAKEN,
			"port mapping '%s': the host port is taken by container '%s'",
			nm_mapping_print(m, text), r->id);
	if (claimed & ~lost)
		return refuse_address(new, r, claimed & ~lost, err);
	*ret_replaced = lost;
	return lost ? hold(j, r, lost, err) : 0;
}

static int judge(const struct judge *j, const struct nm_record *r, bool *ret_replaced, struct nm_err *err)
{
	const struct nm_record *new = j->claim->new;
	bool same_id = !strcmp(new->id, r->id), gone = false;

	*ret_replaced = false;
	if (r->in_part || (!same_id && !find_conflict(new, r, false) && !same_targets(new, r)))
		return 0;
	if (j->can_judge && nm_record_gone(r, &gone, err) < 0)
		return -1;
	*ret_replaced = same_id || gone;
	if (same_id)
		return judge_same_id(new, r, gone, err);
	if (!gone)
		return judge_live(j, r, ret_replaced, err);
	nm_log_notice("container '%s' is gone, its ports are withdrawn: container '%s' takes its place",
		r->id, new->id);
	return 0;
}

int nm_claim_settle(struct nm_claim *claim, struct nm_records *recorded, bool can_judge,
	const struct nm_policy *policy, struct nm_err *err)
{
	const struct judge j = {claim, policy, can_judge};

	for (size_t i = 0; i < recorded->n; i++) {
		struct nm_record *r = &recorded->v[i];
		bool is_replaced;

		if (judge(&j, r, &is_replaced, err) < 0 ||
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

bool nm_claim_is_withdrawal(const struct nm_claim *claim)
{
	enum { FEW = 16 };
	const struct nm_records *replaced = &claim->replaced;

	for (size_t i = 0; i < replaced->n && replaced->n <= FEW; i++) {
		if (claim->new && !strcmp(replaced->v[i].id, claim->new->id))
			return false;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(replaced->v[i].id, replaced->v[k].id))
				return false;
	}
	return replaced->n > 0 && replaced->n <= FEW && claim->held.n == 0;
}

enum { PORTS_TEXT_SIZE = 512 /* of a line of the audit trail */ };

static void audit(const char *verb, const struct nm_record *r)
{
	char ports[PORTS_TEXT_SIZE], ipv4[NM_ADDR_STRLEN] = "", ipv6[NM_ADDR_STRLEN] = "";

	if (r->families & NM_IPV4_BIT)
		nm_addr_print(&r->address[NM_IPV4].addr, ipv4);
	if (r->families & NM_IPV6_BIT)
		nm_addr_print(&r->address[NM_IPV6].addr, ipv6);
	nm_log_audit("%s container '%s': %s to %s%s%s", verb, r->id,
		r->mappings.n ? nm_mappings_print(&r->mappings, ports, sizeof(ports))
			      : "a network without ports",
		ipv4, ipv4[0] && ipv6[0] ? " " : "", r->families ? ipv6 : "no address");
}

void nm_claim_audit(struct nm_claim *claim)
{
	struct nm_records *replaced = &claim->replaced;

	nm_records_keep_newest(replaced);
	for (size_t i = 0; i < replaced->n; i++) {
		const struct nm_record *held = nm_records_newest(&claim->held, replaced->v[i].id);

		if (!claim->new || strcmp(replaced->v[i].id, claim->new->id) != 0)
			audit(held ? "moved" : "withdrew", held ? held : &replaced->v[i]);
	}
	if (claim->new)
		audit("published", claim->new);
}
