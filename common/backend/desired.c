/* Collects rules and elements from records. A guard belongs to an interface, not to a container: it is there
 * once, however many containers are behind it. */
#include "backend/desired.h"

#include <string.h>

#include "iptables/layout.h"

bool nm_desired_has_guard(const struct nm_desired *w, const char *interface)
{
	char owner[NM_PUBLICATION_GUARD_SIZE];

	nm_publication_guard_owner(interface, owner);
	for (size_t i = 0; i < w->n_guards; i++)
		if (!strcmp(w->guards[i], owner))
			return true;
	return false;
}

/* What is appended borrows both names from the owner's text. */
int nm_desired_add_guard(
	struct nm_desired *w, const char *interface, enum nm_backend backend, struct nm_err *err)
{
	char owner[NM_PUBLICATION_GUARD_SIZE], **grown;
	const char *kept;

	if (nm_desired_has_guard(w, interface))
		return 0;
	grown = reallocarray(w->guards, w->n_guards + 1, sizeof(*grown));
	if (!grown)
		return nm_fail(err, NM_ERR_FAILED, "preparing the rules: out of memory");
	w->guards = grown;
	w->guards[w->n_guards] = strdup(nm_publication_guard_owner(interface, owner));
	if (!w->guards[w->n_guards])
		return nm_fail(err, NM_ERR_FAILED, "preparing the rules: out of memory");
	kept = w->guards[w->n_guards++];
	return backend == NM_BACKEND_IPTABLES ? nm_iptables_layout_guard(kept, &w->rules, err)
					      : nm_nftables_layout_guard(kept, &w->elements, err);
}

int nm_desired_add_record(struct nm_desired *w, const struct nm_record *r,
	const struct nm_layout_options *options, struct nm_err *err)
{
	struct nm_publication pub = {
		.id = r->id,
		.families = r->families,
		.mappings = r->mappings.v,
		.n_mappings = r->mappings.n,
		.restricted = r->restricted,
		.allow = r->allow.v,
		.n_allow = r->allow.n,
	};

	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		pub.address[f] = r->address[f];
	if (r->backend == NM_BACKEND_IPTABLES ? nm_iptables_layout(&pub, options, &w->rules, err) < 0
					      : nm_nftables_layout(&pub, options, &w->elements, err) < 0)
		return -1;
	return r->localnet[0] ? nm_desired_add_guard(w, r->localnet, r->backend, err) : 0;
}

bool nm_desired_needs_localnet(const struct nm_record *r, const struct nm_layout_options *options)
{
	for (size_t i = 0; i < r->mappings.n; i++)
		if (nm_publication_needs_localnet(&r->mappings.v[i], options))
			return r->families & NM_IPV4_BIT;
	return false;
}

void nm_desired_done(struct nm_desired *w)
{
	for (size_t i = 0; i < w->n_guards; i++)
		free(w->guards[i]);
	free(w->guards);
	nm_rules_done(&w->rules);
	nm_nftables_elements_done(&w->elements);
	*w = (struct nm_desired){0};
}
