#include "inventory/surroundings.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>

#include "base/hash.h"
#include "host/listener.h"
#include "host/route.h"
#include "inventory/unchanged.h"
#include "nft/transaction.h"

static uint64_t hash_addresses(uint64_t h, const struct nm_rtnl_addresses *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct nm_rtnl_address *a = &all->v[i];
		const uint32_t what[] = {a->ifindex, a->global, a->prefix.len, a->prefix.addr.family};

		h = nm_hash(nm_hash(h, what, sizeof(what)), a->prefix.addr.bytes,
			nm_addr_size(a->prefix.addr.family));
	}
	return h;
}

/* A namespace that cannot be asked counts as one without addresses, as check goes on without it. */
static uint64_t hash_container(struct nm_netlink *rtnl, uint64_t h, pid_t pid)
{
	NM_CLEANUP(nm_rtnl_addresses_done) struct nm_rtnl_addresses all = {0};
	struct nm_err unknown;

	h = nm_hash(h, &pid, sizeof(pid));
	return nm_rtnl_get_addresses_of(rtnl, pid, &all, &unknown) < 0 ? h : hash_addresses(h, &all);
}

/* The interfaces that lead to a container whose record names none. */
static int hash_routes(struct nm_netlink *rtnl, const struct nm_record *r, uint64_t *h, struct nm_err *err)
{
	struct nm_route route;

	nm_each_family(f, r->localnet[0] ? 0 : r->families) {
		if (nm_route_lookup(rtnl, &r->address[f].addr, &route, err) < 0)
			return -1;
		*h = nm_hash(*h, &route.ifindex, sizeof(route.ifindex));
	}
	return 0;
}

static int hash_containers(
	struct nm_netlink *rtnl, const struct nm_records *live, uint64_t *h, struct nm_err *err)
{
	nm_autorecords struct nm_records list = {0};
	pid_t last = 0;

	if (nm_unchanged_choose_stand_ins(live, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		if (list.v[i].pid && list.v[i].pid != last)
			*h = hash_container(rtnl, *h, list.v[i].pid);
		last = list.v[i].pid;
		if (hash_routes(rtnl, &list.v[i], h, err) < 0)
			return -1;
	}
	return 0;
}

/* Which interfaces there are, how they hang together, and which the default routes take. */
static int hash_links(struct nm_netlink *rtnl, uint64_t *h, struct nm_err *err)
{
	NM_CLEANUP(nm_rtnl_links_done) struct nm_rtnl_links all = {0};
	unsigned index;

	if (nm_rtnl_get_links(rtnl, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct nm_rtnl_link *l = &all.v[i];
		const uint32_t what[] = {l->ifindex, l->flags, l->lower, (uint32_t)l->lower_netns, l->master,
			l->is_child, l->is_isolated, l->ovs_port};

		*h = nm_hash(nm_hash(*h, what, sizeof(what)), l->name, strlen(l->name) + 1);
		*h = nm_hash(*h, l->kind, strlen(l->kind) + 1);
	}
	nm_each_family(f, NM_BOTH_FAMILIES) {
		if (nm_route_default(rtnl, f, &index, err) < 0)
			return -1;
		*h = nm_hash(*h, &index, sizeof(index));
	}
	return 0;
}

static int read_hash(const struct nm_inventory *s, uint64_t *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_rtnl_addresses_done) struct nm_rtnl_addresses all = {0};
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1}, diag = {.fd = -1};
	uint64_t h;

	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 || nm_rtnl_get_addresses(&rtnl, &all, err) < 0)
		return -1;
	h = hash_addresses(NM_HASH_BEGIN, &all);
	if (s->config->listener_check != NM_LISTENER_OFF &&
		(nm_netlink_open(NETLINK_SOCK_DIAG, &diag, err) < 0 ||
			nm_listener_fingerprint(&diag, &h, err) < 0))
		return -1;
	if (hash_links(&rtnl, &h, err) < 0 || hash_containers(&rtnl, &s->live, &h, err) < 0)
		return -1;
	*ret = h;
	return 0;
}

void nm_surroundings_begin(struct nm_inventory *s, struct nm_surroundings *ret)
{
	struct nm_err unknown;

	ret->knows_generation = nm_nft_transaction_generation(&s->change.nl, &ret->generation, &unknown) == 0;
}

void nm_surroundings_read(const struct nm_inventory *s, struct nm_surroundings *ret)
{
	struct nm_err unknown;

	ret->knows_hash = read_hash(s, &ret->hash, &unknown) == 0;
}

int nm_surroundings_recall(
	struct nm_inventory *s, struct nm_surroundings *surroundings, bool *ret, struct nm_err *err)
{
	if (nm_unchanged_recall(s, ret, err) < 0)
		return -1;
	if (!*ret)
		return 0;
	nm_surroundings_read(s, surroundings);
	*ret = s->verified.head.checked && surroundings->knows_hash &&
		surroundings->hash == s->verified.surroundings;
	if (!*ret)
		nm_unchanged_forget_stand_ins(s);
	return 0;
}

/* Another check may do the same. */
void nm_surroundings_remember(struct nm_inventory *s, const struct nm_surroundings *surroundings)
{
	struct nm_surroundings now = {.hash = 0};

	nm_surroundings_begin(s, &now);
	if (!s->change.state || s->has_other_rules || !surroundings->knows_generation ||
		!surroundings->knows_hash || !now.knows_generation ||
		now.generation != surroundings->generation)
		return;
	if (nm_state_lock_again(s->change.state))
		nm_unchanged_remember(s, now.generation, true, surroundings->hash);
	nm_state_unlock(s->change.state);
}
