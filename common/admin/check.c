/* Rules and settings are read while the state is locked: no hook is in the middle of a change then. */
#include "admin/check.h"

#include <stdio.h>
#include <string.h>

#include "admin/check_settings.h"
#include "backend/backend.h"
#include "base/log.h"
#include "iptables/accept.h"
#include "inventory/surroundings.h"
#include "inventory/unchanged.h"
#include "obstacle/text.h"
#include "publish/hidden.h"
#include "publish/lost_address.h"

const char *const nm_check_kinds[] = {"missing-rule", "stale-rule", "changed-rule", "misplaced-rule", "jump",
	"setting", "gone-container", "interrupted-change", "damaged-state", "conflict", "hidden-listener",
	"lost-address", "network", "dropping-chain", "foreign-translation", "foreign-accept", NULL};

struct check {
	struct nm_inventory *inventory;
	unsigned families; /* with desired rules */
	unsigned accept;   /* families in which nm_obstacles_is_for_reload() */
	struct nm_differences *found;
	size_t n_before_rules; /* of them */
	struct nm_gone_rules gone;
	struct nm_lost_rules lost;
	const char *iptables; /* nm_obstacle_text_iptables() */
	bool clean;           /* as an earlier check has found it: only settings are to be examined */
	struct nm_surroundings surroundings;
};

static void check_done(struct check *c)
{
	nm_gone_rules_done(&c->gone);
	nm_lost_rules_done(&c->lost);
}

#define add(c, ...) nm_differences_add((c)->found, __VA_ARGS__)

static int on_difference(void *ctx, const char *kind, const char *text, struct nm_err *err)
{
	return add((struct check *)ctx, err, kind, "%s", text);
}

/* What is not decided, or is missing and told of as such, is no difference. */
static int on_obstacle(void *ctx, const struct nm_obstacle *o, struct nm_err *err)
{
	static const char *const kinds[] = {[NM_OBSTACLE_DROP] = "dropping-chain",
		[NM_OBSTACLE_TRANSLATES] = "foreign-translation",
		[NM_OBSTACLE_ACCEPTS] = "foreign-accept"};
	char text[NM_OBSTACLE_STRLEN], command[NM_OBSTACLE_STRLEN];
	struct check *c = ctx;
	bool reload;

	if (!o->result.is_sure || o->kind == NM_OBSTACLE_UNREACHED)
		return 0;
	if (nm_obstacles_is_for_reload(&c->inventory->change.nl, o, &reload, err) < 0)
		return -1;
	if (reload) {
		c->accept |= 1u << o->packet.family; /* it will be told as a missing rule */
		return 0;
	}
	if (!nm_obstacle_text_command(o, c->iptables, command))
		return add(c, err, kinds[o->kind], "%s", nm_obstacle_text_print(o, text));
	return add(c, err, kinds[o->kind], "%s; this lets them through: %s", nm_obstacle_text_print(o, text),
		command);
}

/* Where nothing drops them, natmap's ACCEPT in iptables' FORWARD may be missing. */
static int find_accepting(struct check *c, struct nm_netlink *nl, unsigned *ret, struct nm_err *err)
{
	const struct nm_iptables_accept accept = {
		.mark = nm_backend_ops(c->inventory->config->backend)->accept_mark};

	*ret = c->accept;
	nm_each_family(f, accept.mark ? c->families & ~c->accept : 0) {
		struct nm_iptables_accept_found found;

		if (nm_iptables_accept_find(nl, 1u << f, accept, &found, err) < 0)
			return -1;
		*ret |= found.absent ? 0 : 1u << f;
	}
	return 0;
}

static int compare(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	struct check *c = ctx;
	enum nm_backend used = c->inventory->config->backend;
	struct nm_backend_comparison comparison = {.nl = nl,
		.families = c->families,
		.desired = &c->inventory->desired,
		.on_difference = on_difference,
		.ctx = c,
		.gone = &c->gone,
		.lost = &c->lost};
	unsigned accepting;

	nm_differences_cut(c->found, c->n_before_rules); /* an interrupted call may have left more */
	nm_gone_rules_reset(&c->gone);
	nm_lost_rules_reset(&c->lost);
	if (find_accepting(c, nl, &accepting, err) < 0 ||
		nm_desired_read_accept(&c->inventory->desired, used, nl, accepting, err) < 0)
		return -1;
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++) {
		comparison.in_use = b == used;
		if (nm_backend_ops(b)->compare(&comparison, err) < 0)
			return -1;
	}
	return 0;
}

static int check_records(struct check *c, struct nm_err *err)
{
	const struct nm_inventory *s = c->inventory;
	size_t damaged = s->change.state ? nm_state_damaged(s->change.state) : 0;

	if (damaged &&
		add(c, err, "damaged-state", "the state file has %zu lines that are no records", damaged) < 0)
		return -1;
	for (size_t i = 0; i < s->superseded.n; i++)
		if (add(c, err, "interrupted-change",
			    "container '%s' is recorded twice: a change of it was cut short",
			    s->superseded.v[i].id) < 0)
			return -1;
	return 0;
}

/* A change of it that was cut short has left a second record. */
static bool is_second(const struct nm_records *list, size_t i)
{
	return i > 0 && !strcmp(list->v[i].id, list->v[i - 1].id);
}

enum { LEFT_SIZE = 64 };

/* ": 4 rules"; nothing where all of the backend is a difference of its own. */
static const char *print_left(const struct check *c, size_t i, char buf[static LEFT_SIZE])
{
	enum nm_backend backend = c->inventory->dead.v[i].backend;
	const char *what = backend == NM_BACKEND_IPTABLES ? "rule" : "element";
	size_t n = c->gone.n[i];

	buf[0] = '\0';
	if (n > 0 || backend == c->inventory->config->backend)
		(void)snprintf(buf, LEFT_SIZE, ": %zu %s%s", n, what, n == 1 ? "" : "s");
	return buf;
}

/* One for all that is missing of a container. */
static int check_lost(struct check *c, struct nm_err *err)
{
	for (size_t i = 0; i < c->lost.live->n; i++) {
		const struct nm_lost *lost = &c->lost.v[i];

		if (lost->n == 1 && add(c, err, "missing-rule", "%s", lost->first) < 0)
			return -1;
		if (lost->n > 1 &&
			add(c, err, "missing-rule", "%s, and %zu more of container '%s'", lost->first,
				lost->n - 1, c->lost.live->v[i].id) < 0)
			return -1;
		if (lost->n > 0)
			c->found->v[c->found->n - 1].n_rules = lost->n;
	}
	return 0;
}

static int check_gone(struct check *c, struct nm_err *err)
{
	const struct nm_records *dead = &c->inventory->dead;
	char left[LEFT_SIZE];

	for (size_t i = 0; i < dead->n; i++)
		if (!is_second(dead, i) &&
			add(c, err, "gone-container", "container '%s' is gone, but still published%s",
				dead->v[i].id, print_left(c, i, left)) < 0)
			return -1;
	return 0;
}

static int check_gone_statics(struct check *c, struct nm_err *err)
{
	const struct nm_gone_statics *left = &c->gone.left;

	for (size_t i = 0; i < left->n; i++)
		if (add(c, err, "stale-rule", "'%s' is no longer in the configuration: %zu rule%s",
			    left->v[i].tag, left->v[i].n, left->v[i].n == 1 ? "" : "s") < 0)
			return -1;
	return 0;
}

static int count_gone(struct check *c, struct nm_err *err)
{
	const struct nm_inventory *s = c->inventory;
	unsigned forwards = 0;

	for (size_t i = 0; i < s->dead.n; i++)
		forwards |= nm_record_forwards(&s->dead.v[i]);
	if (nm_lost_rules_init(&c->lost, &s->live, err) < 0)
		return -1;
	return nm_gone_rules_init(&c->gone, &s->dead, &s->config->statics,
		forwards & ~nm_inventory_forwards(s) & ~s->forward.global, err);
}

static int check_conflicts(struct check *c, struct nm_err *err)
{
	const struct nm_static_nats *statics = &c->inventory->config->statics;
	const struct nm_records *live = &c->inventory->live;
	struct nm_err conflict;

	for (size_t i = 0; i < live->n; i++)
		if (nm_static_nats_check_conflict(statics, &live->v[i].mappings, &conflict) < 0 &&
			add(c, err, "conflict", "container '%s': %s", live->v[i].id, conflict.msg) < 0)
			return -1;
	return 0;
}

static int on_hidden(void *ctx, const struct nm_record *r, const char *text, struct nm_err *err)
{
	return add(
		(struct check *)ctx, err, "hidden-listener", "container '%s': %s and is hidden", r->id, text);
}

static int check_address(struct check *c, const struct nm_record *r, unsigned lost, struct nm_err *err)
{
	char text[NM_ADDR_STRLEN];

	nm_each_family(f, lost)
		if (add(c, err, "lost-address", "container '%s' no longer has the address %s of its ports",
			    r->id, nm_addr_print(&r->address[f].addr, text)) < 0)
			return -1;
	return 0;
}

static int check_addresses(struct check *c, struct nm_err *err)
{
	const struct nm_inventory *s = c->inventory;
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err why;
	unsigned lost;

	if (!s->change.state || !nm_state_same_pidns(s->change.state) || !s->live.n)
		return 0;
	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0)
		return -1;
	for (const struct nm_record *r = s->live.v; r < s->live.v + s->live.n; r++) {
		if (nm_lost_address_find(&rtnl, r, &s->config->policy, &lost, &why) < 0)
			nm_log_notice(
				"container '%s': %s, ignored: whether it has its address still is not known",
				r->id, why.msg);
		else if (check_address(c, r, lost | r->held, err) < 0)
			return -1;
	}
	return 0;
}

static int take_inventory(struct check *c, struct nm_err *err)
{
	struct nm_inventory *s = c->inventory;

	if (nm_inventory_settle(s, err) < 0 || check_records(c, err) < 0 || nm_inventory_plan(s, err) < 0 ||
		(!nm_unchanged_is_settled(s) && nm_inventory_plan_rules(s, err) < 0))
		return -1;
	return count_gone(c, err);
}

/* Rules, others' and natmap's own, and what depends on each record. */
static int check_all(struct check *c, struct nm_err *err)
{
	struct nm_inventory *s = c->inventory;

	nm_surroundings_read(s, &c->surroundings);
	if (nm_obstacles_each(&s->change.nl, &s->live, &s->config->layout, on_obstacle, c, err) < 0)
		return -1;
	c->n_before_rules = c->found->n;
	if ((!s->agrees && nm_nft_transaction_read(&s->change.nl, compare, c, err) < 0) ||
		check_lost(c, err) < 0 || check_gone(c, err) < 0 || check_gone_statics(c, err) < 0 ||
		check_conflicts(c, err) < 0)
		return -1;
	return nm_hidden_each(&s->live, s->config, on_hidden, c, err);
}

static int run(struct check *c, const char *state_dir, struct nm_err *err)
{
	struct nm_inventory *s = c->inventory;

	if (nm_networks_find(s, state_dir, err) < 0 ||
		nm_inventory_open(s, state_dir, NM_STATE_READ, err) < 0)
		return -1;
	nm_surroundings_begin(s, &c->surroundings);
	if (nm_surroundings_recall(s, &c->surroundings, &c->clean, err) < 0 ||
		(!c->clean && take_inventory(c, err) < 0))
		return -1;
	c->families = nm_inventory_families(s);
	if ((!c->clean && check_all(c, err) < 0) || nm_check_settings(s, c->found, err) < 0)
		return -1;
	nm_state_unlock(s->change.state);
	if (c->clean)
		return 0;
	if (check_addresses(c, err) < 0)
		return -1;
	if (c->found->n == 0)
		nm_surroundings_remember(s, &c->surroundings);
	return 0;
}

static int run_once(struct nm_config *c, const char *state_dir, bool *ret_had_state,
	struct nm_differences *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_inventory_done) struct nm_inventory s = {.config = c, .change = NM_CHANGE_INIT};
	NM_CLEANUP(check_done)
	struct check check = {.inventory = &s, .found = ret, .iptables = nm_obstacle_text_iptables()};
	int rc = run(&check, state_dir, err);

	*ret_had_state = s.change.state != NULL;
	return rc;
}

int nm_check(struct nm_config *c, const char *state_dir, struct nm_differences *ret, struct nm_err *err)
{
	const enum nm_backend configured = c->backend;
	bool had_state;

	if (run_once(c, state_dir, &had_state, ret, err) < 0)
		return -1;
	if (had_state || ret->n == 0)
		return 0;
	/* without a state there was no lock: the first container may have come meanwhile */
	nm_differences_cut(ret, 0);
	c->backend = configured;
	return run_once(c, state_dir, &had_state, ret, err);
}
