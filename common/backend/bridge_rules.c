/* Each backend has its own rules for a bridge. */
#include "backend/bridge_rules.h"

#include <string.h>

static bool is_beside(const struct nm_record *r, const struct nm_record *peer)
{
	return r->network.bridge[0] && peer->backend == r->backend &&
		!strcmp(peer->network.bridge, r->network.bridge);
}

/* In iptables' chains some stand among those of each port: looking for them would cost the more the more
 * ports there are. An element of a set is asked for by its key. */
int nm_bridge_rules_know(
	const struct nm_records *peers, const struct nm_record *r, struct nm_desired *new, struct nm_err *err)
{
	for (size_t i = 0; r->backend == NM_BACKEND_IPTABLES && i < peers->n; i++)
		if (is_beside(r, &peers->v[i]) && nm_desired_know_network(new, &peers->v[i], err) < 0)
			return -1;
	return 0;
}

static bool is_shared(const struct nm_record *r, const struct nm_records *peers)
{
	for (size_t i = 0; i < peers->n; i++)
		if (is_beside(r, &peers->v[i]))
			return true;
	return false;
}

int nm_bridge_rules_keep(const struct nm_records *peers, const struct nm_records *replaced,
	struct nm_desired *ret, struct nm_err *err)
{
	for (size_t i = 0; i < replaced->n; i++)
		if (is_shared(&replaced->v[i], peers) &&
			nm_desired_keep_network(ret, &replaced->v[i], err) < 0)
			return -1;
	return 0;
}
