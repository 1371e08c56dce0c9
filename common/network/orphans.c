#include "network/orphans.h"

#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "host/rtnl.h"
#include "network/aside.h"
#include "network/names.h"

/* Bridges and ports of records, to be looked up however many these are. */
struct names {
	const char **v; /* owned, borrowed from the records */
	size_t n;
	struct nm_hash_index index;
};

static void names_done(struct names *names)
{
	free(names->v);
	nm_hash_index_done(&names->index);
}

static uint64_t hash_name(const void *list, size_t number)
{
	const char *name = ((const char *const *)list)[number];

	return nm_hash(NM_HASH_BEGIN, name, strlen(name));
}

static void collect(struct names *names, const struct nm_records *records)
{
	for (size_t i = 0; i < records->n; i++) {
		const struct nm_attachment *a = &records->v[i].network;

		if (!a->bridge[0])
			continue;
		names->v[names->n++] = a->bridge;
		names->v[names->n++] = a->port;
	}
}

static int make_names(
	struct names *names, const struct nm_records *live, const struct nm_records *dead, struct nm_err *err)
{
	names->v = calloc(2 * (live->n + dead->n) + 1, sizeof(*names->v));
	if (!names->v)
		return nm_fail_memory(err, "looking for interfaces without a container");
	collect(names, live);
	collect(names, dead);
	return nm_hash_index_make(names->v, names->n, hash_name, &names->index, err);
}

static bool has(const struct names *names, const char *name)
{
	uint64_t hash = nm_hash(NM_HASH_BEGIN, name, strlen(name));
	size_t position = 0;
	ssize_t i;

	while (names->n && (i = nm_hash_index_next(&names->index, hash, &position)) >= 0)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

static bool is_ours(const struct nm_rtnl_link *link)
{
	return nm_names_is_bridge(link) || nm_names_is_end(link);
}

static int remove_one(void *rtnl, const struct nm_rtnl_link *link, struct nm_err *err)
{
	if (nm_aside_put(rtnl, link->ifindex, err) < 0)
		return -1;
	if (!nm_names_is_aside(link->name))
		nm_log_notice("interface '%s' of '%s' is removed: no container is recorded that has it",
			link->name, link->alias);
	return 0;
}

int nm_orphans_each(struct nm_netlink *rtnl, const struct nm_records *live, const struct nm_records *dead,
	nm_orphans_on_orphan *found, void *ctx, struct nm_err *err)
{
	NM_CLEANUP(nm_rtnl_links_done) struct nm_rtnl_links links = {0};
	NM_CLEANUP(names_done) struct names names = {0};

	if (make_names(&names, live, dead, err) < 0 || nm_rtnl_get_links(rtnl, &links, err) < 0)
		return -1;
	for (size_t i = 0; i < links.n; i++)
		if (is_ours(&links.v[i]) && !has(&names, links.v[i].name) && found(ctx, &links.v[i], err) < 0)
			return -1;
	return 0;
}

int nm_orphans_remove(const struct nm_records *live, const struct nm_records *dead, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};

	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		nm_orphans_each(&rtnl, live, dead, remove_one, &rtnl, err) < 0)
		return -1;
	return nm_aside_delete_now(&rtnl, err);
}
