/*
 * The kernel may have a guard that no record needs, because the state that knew about it is lost or a
 * withdraw could not switch route_localnet off. A guard must not go before route_localnet is off: else
 * containers would reach the host's own services.
 */
#include "backend/localnet_guard.h"

#include <linux/netlink.h>
#include <string.h>

#include "backend/backend.h"
#include "base/array.h"
#include "base/log.h"
#include "host/rtnl.h"
#include "host/sysctl.h"
#include "state/interfaces.h"

void nm_localnet_guards_done(struct nm_localnet_guards *g)
{
	free(g->v);
}

int nm_localnet_guards_add(
	struct nm_localnet_guards *list, const char *prefix, const char *tag, size_t len, struct nm_err *err)
{
	size_t prefix_len = strlen(prefix);

	if (!tag || len <= prefix_len || memcmp(tag, prefix, prefix_len) != 0 ||
		len - prefix_len >= IF_NAMESIZE)
		return 0;
	if (nm_grow(list, "reading the guards of interfaces", err) < 0)
		return -1;
	memset(list->v[list->n], 0, IF_NAMESIZE);
	memcpy(list->v[list->n++], tag + prefix_len, len - prefix_len);
	return 0;
}

static int find_guards(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	struct nm_localnet_guards *g = ctx;

	g->n = 0;
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		if (nm_backend_ops(b)->read_guards(nl, g, err) < 0)
			return -1;
	return 0;
}

int nm_localnet_guard_find(struct nm_netlink *nl, const char *interface, bool *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_localnet_guards_done) struct nm_localnet_guards g = {0};

	if (nm_nft_transaction_read(nl, find_guards, &g, err) < 0)
		return -1;
	*ret = false;
	for (size_t i = 0; i < g.n && !*ret; i++)
		*ret = !strcmp(g.v[i], interface);
	return 0;
}

/* Of the records in the lists, which are ended by NULL. */
static int collect_needs(const struct nm_records *const *lists, struct nm_interfaces *ret, struct nm_err *err)
{
	for (; *lists; lists++)
		for (size_t i = 0; i < (*lists)->n; i++)
			if (nm_interfaces_add(ret, &(*lists)->v[i], err) < 0)
				return -1;
	nm_interfaces_sort(ret);
	return 0;
}

/* True when it was on before any of the records that are known to have needed it, or another interface has
 * got the name since. */
static bool is_admins(struct nm_netlink *rtnl, const struct nm_interfaces *needs, const char *interface)
{
	struct nm_rtnl_link link;
	struct nm_err unknown;

	if (!nm_interfaces_has_name(needs, NM_NEEDS_LOCALNET, interface))
		return false;
	if (nm_rtnl_get_link(rtnl, 0, interface, &link, &unknown) < 0)
		link.ifindex = 0;
	return !nm_interfaces_has(needs, NM_NEEDS_LOCALNET_SET, interface, link.ifindex);
}

/* An interface that is gone needs no guard. */
static bool switch_off(const char *interface, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];

	return nm_sysctl_set(nm_sysctl_route_localnet(interface, name), 0, err) == 0 ||
		err->kind == NM_ERR_MISSING;
}

int nm_localnet_guard_release(struct nm_netlink *nl, const struct nm_records *const *lists,
	enum nm_backend backend, struct nm_desired *d, size_t *ret_kept, struct nm_err *err)
{
	NM_CLEANUP(nm_interfaces_done) struct nm_interfaces needs = {0};
	NM_CLEANUP(nm_localnet_guards_done) struct nm_localnet_guards g = {0};
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err why;

	*ret_kept = 0;
	if (nm_nft_transaction_read(nl, find_guards, &g, err) < 0 || collect_needs(lists, &needs, err) < 0 ||
		(g.n > 0 && nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0))
		return -1;
	for (size_t i = 0; i < g.n; i++) {
		if (nm_desired_has_guard(d, g.v[i], backend) || is_admins(&rtnl, &needs, g.v[i]) ||
			switch_off(g.v[i], &why))
			continue;
		nm_log_notice("%s, ignored: the guard of 127.0.0.0/8 on it stays, too", why.msg);
		if (nm_desired_add_guard(d, g.v[i], backend, err) < 0)
			return -1;
		++*ret_kept;
	}
	return 0;
}
