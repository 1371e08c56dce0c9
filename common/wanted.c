#include "wanted.h"

#include <string.h>

#include "settings.h"

/* The owner of the interface's guard rule; *ret_new when nobody needed it before. NULL: memory. */
static const char *guard_of(struct nm_wanted *w, const char *interface, bool *ret_new)
{
	char owner[NM_LOCALNET_OWNER_SIZE], **grown;

	nm_settings_localnet_owner(interface, owner);
	*ret_new = false;
	for (size_t i = 0; i < w->n_guards; i++)
		if (!strcmp(w->guards[i], owner))
			return w->guards[i];
	grown = reallocarray(w->guards, w->n_guards + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	w->guards = grown;
	w->guards[w->n_guards] = strdup(owner);
	if (!w->guards[w->n_guards])
		return NULL;
	*ret_new = true;
	return w->guards[w->n_guards++];
}

int nm_wanted_add_record(struct nm_wanted *w, const struct nm_record *r,
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
	bool new_guard = false;

	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		pub.address[f] = r->address[f];
	if (r->localnet[0]) {
		pub.localnet_owner = guard_of(w, r->localnet, &new_guard);
		if (!pub.localnet_owner)
			return nm_fail(err, NM_ERR_FAILED, "preparing the rules: out of memory");
	}
	pub.localnet = new_guard ? r->localnet : NULL;
	return r->backend == NM_BACKEND_IPTABLES ? nm_layout_container(&pub, options, &w->rules, err)
						 : nm_nftables_layout(&pub, options, &w->elements, err);
}

int nm_wanted_add_possible(struct nm_wanted *w, const struct nm_record *r, struct nm_err *err)
{
	struct nm_layout_options options = {.localhost = true, .hairpin = true};

	if (nm_wanted_add_record(w, r, &options, err) < 0)
		return -1;
	options.masquerade_all = true;
	return nm_wanted_add_record(w, r, &options, err);
}

bool nm_wanted_needs_localnet(const struct nm_record *r, const struct nm_layout_options *options)
{
	for (size_t i = 0; i < r->mappings.n; i++)
		if (nm_layout_needs_localnet(&r->mappings.v[i], options))
			return r->families & NM_IPV4_BIT;
	return false;
}

void nm_wanted_done(struct nm_wanted *w)
{
	for (size_t i = 0; i < w->n_guards; i++)
		free(w->guards[i]);
	free(w->guards);
	nm_rules_done(&w->rules);
	nm_elements_done(&w->elements);
	*w = (struct nm_wanted){0};
}
