#include "admin/forwarding_off.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "host/forwarding.h"

struct search {
	enum nm_family family;
	struct nm_forwarding_off off;
	bool any_forwards;
};

static bool has(const struct nm_forwarding_off *off, const char *interface)
{
	for (size_t i = 0; i < off->n; i++)
		if (!strcmp(off->v[i], interface))
			return true;
	return false;
}

static int look_at(struct search *s, const char *interface, struct nm_err *err)
{
	bool forwards;

	if (nm_forwarding_get(s->family, interface, &forwards, err) < 0)
		return -1;
	s->any_forwards |= forwards;
	if (forwards || has(&s->off, interface))
		return 0;
	if (nm_grow(&s->off, "reading interfaces", err) < 0)
		return -1;
	(void)snprintf(s->off.v[s->off.n++], sizeof(*s->off.v), "%s", interface);
	return 0;
}

/* An interface that is gone is told elsewhere. */
static int on_record(void *ctx, const struct nm_record *r, struct nm_err *err)
{
	struct nm_err gone;

	(void)err;
	(void)look_at(ctx, r->localnet, &gone);
	return 0;
}

static int find(struct search *s, const struct nm_records *records, struct nm_err *err)
{
	NM_CLEANUP(nm_forwarding_interfaces_done) struct nm_forwarding_interfaces list = {0};
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	bool global;

	if (nm_forwarding_read_global(s->family, &global, err) < 0 ||
		nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		nm_forwarding_list(&rtnl, s->family, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (look_at(s, list.v[i].name, err) < 0 && !s->off.unread.kind)
			s->off.unread = *err;
	return s->family == NM_IPV4 ? nm_records_each_localnet(records, on_record, s, err) : 0;
}

int nm_forwarding_off_find(enum nm_family family, const struct nm_records *records,
	struct nm_forwarding_off *ret, struct nm_err *err)
{
	struct search s = {.family = family};
	int rc = find(&s, records, err);

	s.off.all = !s.any_forwards && !s.off.unread.kind;
	*ret = s.off;
	return rc;
}

void nm_forwarding_off_done(struct nm_forwarding_off *off)
{
	free(off->v);
	*off = (struct nm_forwarding_off){0};
}
