/*
 * The state is read under its lock, and so are rules and settings, so that no hook is seen half done. A
 * ruleset that others change meanwhile is read again.
 */
#include "admin/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin/foreign_drop.h"
#include "admin/inventory.h"
#include "host/sysctl.h"
#include "iptables/accept.h"
#include "iptables/compare.h"
#include "iptables/layout.h"
#include "nftables/backend.h"

enum { TRIES = 8 };

#define BOTH (NM_IPV4_BIT | NM_IPV6_BIT)

struct check {
	struct nm_config *config;
	struct nm_change change;
	struct nm_inventory inventory;
	unsigned families; /* in which rules are wanted */
	struct nm_check_differences found;
};

static void forget_from(struct nm_check_differences *d, size_t begin)
{
	while (d->n > begin)
		free(d->v[--d->n].text);
}

void nm_check_differences_done(struct nm_check_differences *d)
{
	forget_from(d, 0);
	free(d->v);
	*d = (struct nm_check_differences){0};
}

static int __attribute__((format(printf, 4, 5)))
add(struct check *c, struct nm_err *err, const char *kind, const char *fmt, ...)
{
	struct nm_check_differences *d = &c->found;
	struct nm_check_difference *grown = reallocarray(d->v, d->n + 1, sizeof(*grown));
	va_list ap;
	int n;

	if (!grown)
		return nm_fail(err, NM_ERR_FAILED, "noting a difference: out of memory");
	d->v = grown;
	va_start(ap, fmt);
	n = vasprintf(&d->v[d->n].text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return nm_fail(err, NM_ERR_FAILED, "noting a difference: out of memory");
	d->v[d->n++].kind = kind;
	return 0;
}

/* The base need not be there in a family in which nothing is published, but may. */
static bool is_needless(const struct check *c, const struct nm_edit *edit)
{
	return edit->kind == NM_EDIT_MISSING && !(c->families & 1u << edit->place.family);
}

/* A rule that is to be moved or made anew is told once, when it is to be deleted. */
static int note_edit(void *ctx, const struct nm_edit *edit, struct nm_err *err)
{
	static const char *const kinds[] = {
		[NM_EDIT_MISSING] = "missing-rule",
		[NM_EDIT_STALE] = "stale-rule",
		[NM_EDIT_CHANGED] = "changed-rule",
		[NM_EDIT_MISPLACED] = "misplaced-rule",
	};
	static const char *const what[] = {
		[NM_EDIT_MISSING] = "is missing",
		[NM_EDIT_CHANGED] = "has been changed",
		[NM_EDIT_MISPLACED] = "stands where it does not work",
	};
	const char *program = edit->place.family == NM_IPV4 ? "iptables" : "ip6tables";
	const char *table = nm_rule_table_name(edit->place.table);
	char text[NM_RULE_STRLEN];

	if ((edit->add && edit->kind != NM_EDIT_MISSING) || is_needless(ctx, edit))
		return 0;
	if (edit->kind == NM_EDIT_STALE)
		return add(ctx, err, kinds[edit->kind],
			"%s -t %s: chain %s has a rule '%s' that nobody needs", program, table,
			nm_rule_chain_name(edit->place.chain), edit->tag[0] ? edit->tag : "jump");
	return add(ctx, err, edit->wanted->owner ? kinds[edit->kind] : "jump", "%s -t %s: rule '%s' %s",
		program, table, nm_rule_print(edit->wanted, text), what[edit->kind]);
}

/* A withdraw leaves the rules for prefix lengths. */
static bool is_needless_own(const struct check *c, const struct nm_nftables_edit *edit)
{
	struct nm_nftables_prefix_lengths lengths;

	if (edit->kind == NM_EDIT_MISSING)
		return !(c->families & 1u << edit->family);
	return edit->kind == NM_EDIT_STALE &&
		nm_nftables_chains_read_prefix_length(edit->tag, edit->tag_len, &lengths);
}

/* A chain whose rules have no comments is told once, and so is a set of such elements, which are others'. */
static int note_own_place(
	struct check *c, const struct nm_nftables_edit *edit, const char *family, struct nm_err *err)
{
	bool is_missing = edit->kind == NM_EDIT_MISSING;
	struct nm_check_differences *d = &c->found;

	if (add(c, err, is_missing ? "missing-rule" : "stale-rule", "nft table %s %s: %s '%s' has %s", family,
		    NM_NFTABLES_TABLE, edit->is_element ? "set" : "chain", edit->where,
		    is_missing                 ? "lost rules"
			    : edit->is_element ? "elements that nobody needs"
					       : "rules that nobody needs") < 0)
		return -1;
	if (d->n > 1 && !strcmp(d->v[d->n - 1].text, d->v[d->n - 2].text))
		forget_from(d, d->n - 1);
	return 0;
}

/* The same for natmap's own tables. */
static int note_own(void *ctx, const struct nm_nftables_edit *edit, struct nm_err *err)
{
	static const char *const kinds[] = {
		[NM_EDIT_MISSING] = "missing-rule",
		[NM_EDIT_STALE] = "stale-rule",
		[NM_EDIT_CHANGED] = "changed-rule",
	};
	static const char *const what[] = {
		[NM_EDIT_MISSING] = "is missing",
		[NM_EDIT_STALE] = "is needed by nobody",
		[NM_EDIT_CHANGED] = "has been changed",
	};
	const char *family = edit->family == NM_IPV4 ? "ip" : "ip6";
	struct check *c = ctx;

	if (is_needless_own(c, edit))
		return 0;
	if (!edit->where[0])
		return add(c, err, kinds[edit->kind], "nft table %s %s is needed by nobody", family,
			NM_NFTABLES_TABLE);
	if (edit->kind == NM_EDIT_CHANGED && !edit->tag_len)
		return add(c, err, kinds[edit->kind], "nft table %s %s: %s is not as natmap makes it", family,
			NM_NFTABLES_TABLE, edit->where);
	if (!edit->tag_len)
		return note_own_place(c, edit, family, err);
	return add(c, err, kinds[edit->kind], "nft table %s %s, %s: '%.*s' %s", family, NM_NFTABLES_TABLE,
		edit->where, (int)edit->tag_len, edit->tag, what[edit->kind]);
}

static int compare(struct check *c, bool *ret_interrupted, struct nm_err *err)
{
	bool iptables = c->config->backend == NM_BACKEND_IPTABLES;
	const struct nm_iptables_compare_handler sink = {.edit = note_edit, .ctx = c};
	const struct nm_nftables_diff_output own = {.note = note_own, .ctx = c};
	struct nm_iptables_scope scope = {.everything = true, .look_for_old = true};
	struct nm_netlink *nl = &c->change.nl;
	struct nm_rules accept = {0};
	int rc = 0;

	if (!iptables)
		rc = nm_iptables_accept(nl, c->families, NM_NFTABLES_MARK, &accept, ret_interrupted, err);
	scope.wanted = iptables ? &c->inventory.desired.rules : &accept;
	if (rc == 0)
		rc = nm_iptables_compare(nl, &scope, BOTH, &sink, ret_interrupted, err);
	nm_rules_done(&accept);
	if (rc < 0)
		return -1;
	return iptables ? nm_nftables_backend_flush(nl, &own, err)
			: nm_nftables_backend_compare(nl, BOTH, &c->inventory.desired.elements,
				  &c->inventory.statics, &own, ret_interrupted, err);
}

static int check_rules(struct check *c, struct nm_err *err)
{
	size_t begin = c->found.n;

	for (int i = 0; i < TRIES; i++) {
		bool interrupted = false;

		if (compare(c, &interrupted, err) < 0)
			return -1;
		if (!interrupted)
			return 0;
		forget_from(&c->found, begin);
	}
	return nm_fail(
		err, NM_ERR_FAILED, "reading the rules: others changed them %d times meanwhile", TRIES);
}

static int check_records(struct check *c, struct nm_err *err)
{
	const struct nm_inventory *s = &c->inventory;
	size_t damaged = c->change.state ? nm_state_damaged(c->change.state) : 0;

	if (damaged &&
		add(c, err, "damaged-state", "the state file has %zu lines that are no records", damaged) < 0)
		return -1;
	for (size_t i = 0; i < s->dead.n; i++)
		if (add(c, err, "gone-container", "container '%s' is gone, but still published",
			    s->dead.v[i].id) < 0)
			return -1;
	for (size_t i = 0; i < s->superseded.n; i++)
		if (add(c, err, "interrupted-change",
			    "container '%s' is recorded twice: a change of it was cut short",
			    s->superseded.v[i].id) < 0)
			return -1;
	return 0;
}

static int check_conflicts(struct check *c, struct nm_err *err)
{
	struct nm_err conflict;

	for (size_t i = 0; i < c->inventory.live.n; i++) {
		const struct nm_record *r = &c->inventory.live.v[i];

		if (nm_static_nats_check_conflict(&c->config->statics, &r->mappings, &conflict) < 0 &&
			add(c, err, "conflict", "container '%s': %s", r->id, conflict.msg) < 0)
			return -1;
	}
	return 0;
}

static int check_forwarding(struct check *c, struct nm_err *err)
{
	static const char *const names[NM_FAMILY_MAX] = {NM_SYSCTL_IPV4_FORWARD, NM_SYSCTL_IPV6_FORWARD};
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
		int value = 1;

		if (c->families & 1u << f && nm_sysctl_get(names[f], &value, err) < 0)
			return -1;
		if (!value && add(c, err, "setting", "%s is 0: nothing is forwarded", names[f]) < 0)
			return -1;
	}
	return 0;
}

/* Tells each setting once, however many containers need it. */
static bool is_first_with(const struct nm_records *list, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(list->v[j].localnet, list->v[i].localnet))
			return false;
	return true;
}

static int check_settings(struct check *c, struct nm_err *err)
{
	const struct nm_records *list = &c->inventory.live;
	nm_autohostsettings struct nm_host_settings_view view = NM_HOST_SETTINGS_VIEW;
	char name[NM_SYSCTL_NAME_MAX];
	struct nm_err trouble;

	for (size_t i = 0; i < list->n; i++) {
		struct nm_record now = list->v[i]; /* borrows all of it */

		if (nm_host_settings_examine(&view, &now, &trouble) < 0) {
			if (add(c, err, "setting", "container '%s': %s", now.id, trouble.msg) < 0)
				return -1;
			continue;
		}
		if (now.localnet_set && is_first_with(list, i) &&
			add(c, err, "setting", "%s is 0: published ports do not answer on 127.0.0.1",
				nm_sysctl_route_localnet(now.localnet, name)) < 0)
			return -1;
		if (now.hairpin_set &&
			add(c, err, "setting",
				"hairpin mode of bridge port '%s' is off: container '%s' does "
				"not reach its own published ports",
				now.bridge_port, now.id) < 0)
			return -1;
	}
	return 0;
}

static int note_foreign(void *ctx, const struct nm_foreign_drop *chain, struct nm_err *err)
{
	char command[NM_FOREIGN_DROP_STRLEN];

	return add(ctx, err, "dropping-chain",
		"chain '%s' of table %s '%s' drops what is forwarded to containers; to let it through: %s",
		chain->chain, nm_foreign_drop_family(chain), chain->table,
		nm_foreign_drop_command(chain, command));
}

/* Nothing published: nothing of ours for them to drop. */
static int check_foreign(struct check *c, struct nm_err *err)
{
	if (!c->families)
		return 0;
	return nm_foreign_drop_each(&c->change.nl, note_foreign, c, err);
}

static int check(struct check *c, const char *state_dir, struct nm_err *err)
{
	if (nm_change_begin(&c->change, state_dir, NM_STATE_READ, c->config->lock_timeout_ms, err) < 0 ||
		nm_change_connect(&c->change, err) < 0 ||
		nm_change_settle_backend(&c->change, c->config, err) < 0 ||
		nm_inventory_take(c->change.state, &c->inventory, err) < 0)
		return -1;
	if (check_records(c, err) < 0 || nm_inventory_plan(&c->inventory, c->config, err) < 0)
		return -1;
	c->families = nm_inventory_families(&c->inventory, c->config);
	if (check_rules(c, err) < 0 || check_conflicts(c, err) < 0 || check_forwarding(c, err) < 0 ||
		check_settings(c, err) < 0)
		return -1;
	if (c->change.state)
		nm_state_unlock(c->change.state);
	return check_foreign(c, err);
}

int nm_check(struct nm_config *c, const char *state_dir, struct nm_check_differences *ret, struct nm_err *err)
{
	struct check run = {.config = c, .change = NM_CHANGE_INIT};
	int rc = check(&run, state_dir, err);

	if (rc == 0)
		*ret = run.found;
	else
		nm_check_differences_done(&run.found);
	nm_inventory_done(&run.inventory);
	nm_change_done(&run.change);
	return rc;
}
