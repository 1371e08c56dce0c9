/*
 * A guard may be there that nobody wants, because the state that knew about it is lost or a withdraw could
 * not switch route_localnet off. It must not go before that is off: else containers would reach the host's
 * own services.
 */
#include "backend/localnet_guard.h"

#include <string.h>

#include "base/log.h"
#include "host/sysctl.h"
#include "nft/elements.h"
#include "nft/objects.h"
#include "nftables/chains.h"

/* Interfaces that have a guard. */
struct guarded {
	char (*v)[IF_NAMESIZE]; /* owned */
	size_t n;
};

static int note_tag(struct guarded *g, const char *tag, size_t len, struct nm_err *err)
{
	static const char prefix[] = "natmap:" NM_PUBLICATION_GUARD;
	size_t prefix_len = sizeof(prefix) - 1;
	char(*grown)[IF_NAMESIZE];

	if (len <= prefix_len || memcmp(tag, prefix, prefix_len) != 0 || len - prefix_len >= IF_NAMESIZE)
		return 0;
	grown = reallocarray(g->v, g->n + 1, sizeof(*grown));
	if (!grown)
		return nm_fail(err, NM_ERR_FAILED, "reading the guards of interfaces: out of memory");
	g->v = grown;
	memset(g->v[g->n], 0, IF_NAMESIZE);
	memcpy(g->v[g->n++], tag + prefix_len, len - prefix_len);
	return 0;
}

static int note_rule(void *guarded, const struct nm_nft_rule *rule, struct nm_err *err)
{
	return note_tag(guarded, rule->tag, rule->tag_len, err);
}

static int note_element(void *guarded, const struct nm_nft_element *element, struct nm_err *err)
{
	return note_tag(guarded, element->tag, element->tag_len, err);
}

/* True when it was on already for all who are known to have needed it. */
static bool is_admins(const struct nm_records *const *lists, const char *interface)
{
	bool known = false;

	for (; *lists; lists++)
		for (size_t i = 0; i < (*lists)->n; i++) {
			const struct nm_record *r = &(*lists)->v[i];

			if (strcmp(r->localnet, interface) != 0)
				continue;
			if (r->localnet_set)
				return false;
			known = true;
		}
	return known;
}

/* An interface that is gone needs no guard. */
static bool is_off(const char *interface, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];
	int value;

	if (nm_sysctl_get(nm_sysctl_route_localnet(interface, name), &value, err) < 0 || value == 0)
		return true;
	return nm_sysctl_set(name, 0, err) == 0;
}

static int release(const struct guarded *g, const struct nm_records *const *lists, enum nm_backend backend,
	struct nm_desired *w, size_t *ret_kept, struct nm_err *err)
{
	struct nm_err why;

	for (size_t i = 0; i < g->n; i++) {
		if (nm_desired_has_guard(w, g->v[i]) || is_admins(lists, g->v[i]) || is_off(g->v[i], &why))
			continue;
		nm_log_notice("%s, ignored: what guards 127.0.0.0/8 on it stays, too", why.msg);
		if (nm_desired_add_guard(w, g->v[i], backend, err) < 0)
			return -1;
		++*ret_kept;
	}
	return 0;
}

int nm_localnet_guard_release(struct nm_netlink *nl, const struct nm_records *const *lists,
	enum nm_backend backend, struct nm_desired *w, size_t *ret_kept, struct nm_err *err)
{
	struct guarded g = {0};
	bool interrupted = false; /* by others, who have no guards of ours */
	int rc = nm_nft_rules_each(
		nl, NM_IPV4, NM_TABLE_RAW, NM_CHAIN_PREROUTING, note_rule, &g, &interrupted, err);

	*ret_kept = 0;
	if (rc == 0)
		rc = nm_nft_elements_each(nl, nm_nft_family(NM_IPV4), NM_NFTABLES_TABLE,
			nm_nftables_set_name(NM_SET_LOCALNET), note_element, &g, &interrupted, err);
	if (rc == 0)
		rc = release(&g, lists, backend, w, ret_kept, err);
	free(g.v);
	return rc;
}
