#include "publish/conflict.h"

#include "base/log.h"
#include "obstacle/text.h"

/* Who sends packets to the same container does no harm. */
static bool is_same_target(const struct nm_obstacle *o)
{
	const struct nm_follow_target *t = &o->packet.translated;

	return o->result.to_address && nm_addr_equal(&o->result.address, &t->address) &&
		(!o->result.to_port || o->result.port == t->port);
}

struct check {
	bool only_warn, again;
	struct nm_port_set *passed;
};

static int fail_translated(const struct nm_obstacle *o, const char *text, struct nm_err *err)
{
	const struct nm_ports *pool = &o->mapping->pool;

	nm_fail(err, NM_ERR_TAKEN, "%s", text);
	return pool->first ? nm_wrap(err, "choosing one of the host ports %u-%u", pool->first, pool->last)
			   : -1;
}

static int on_obstacle(void *ctx, const struct nm_obstacle *o, struct nm_err *err)
{
	struct check *check = ctx;
	char text[NM_OBSTACLE_STRLEN];

	if (!o->result.is_sure || o->kind == NM_OBSTACLE_UNREACHED ||
		(o->kind == NM_OBSTACLE_TRANSLATES && is_same_target(o)))
		return 0;
	if (o->kind == NM_OBSTACLE_TRANSLATES && check->passed && o->mapping->pool.first) {
		nm_port_set_add(check->passed, o->mapping->host_port);
		check->again = true;
		return 0;
	}
	(void)nm_obstacle_text_print(o, text);
	if (o->kind == NM_OBSTACLE_TRANSLATES && !check->only_warn)
		return fail_translated(o, text, err);
	nm_log_notice("%s", text);
	return 0;
}

int nm_conflict_check(struct nm_change *change, const struct nm_claim *claim, const struct nm_config *c,
	struct nm_port_set *passed, bool *ret_again, struct nm_err *err)
{
	struct check check = {.only_warn = c->conflict_check == NM_CONFLICT_WARN, .passed = passed};

	*ret_again = false;
	if (c->conflict_check == NM_CONFLICT_OFF)
		return 0;
	if (nm_change_connect(change, err) < 0)
		return -1;
	if (nm_obstacles_each_before(&change->nl, claim->new, &c->layout, on_obstacle, &check, err) < 0)
		return -1;
	*ret_again = check.again;
	return 0;
}
