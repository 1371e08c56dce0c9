/* A guard belongs to an interface, not to a container: it is there once, however many containers are behind
 * it. */
#include "backend/desired.h"

#include <netinet/in.h>
#include <search.h>
#include <string.h>

#include "backend/backend.h"
#include "base/array.h"
#include "iptables/accept.h"

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool nm_desired_has_guard(const struct nm_desired *d, const char *interface, enum nm_backend backend)
{
	char owner[NM_PUBLICATION_GUARD_SIZE];

	return tfind(nm_publication_guard_owner(interface, owner), &d->guards[backend], compare) != NULL;
}

int nm_desired_add_guard(
	struct nm_desired *d, const char *interface, enum nm_backend backend, struct nm_err *err)
{
	char buf[NM_PUBLICATION_GUARD_SIZE], *owner;

	if (nm_desired_has_guard(d, interface, backend))
		return 0;
	owner = strdup(nm_publication_guard_owner(interface, buf));
	if (!owner || !tsearch(owner, &d->guards[backend], compare)) {
		free(owner);
		return nm_fail_memory(err, "preparing the rules");
	}
	return nm_backend_ops(backend)->layout_guard(owner, d, err);
}

int nm_desired_add_owner(struct nm_desired *d, const char *owner, struct nm_err *err)
{
	if (nm_grow(&d->owners, "preparing the rules", err) < 0)
		return -1;
	d->owners.v[d->owners.n++] = owner;
	return 0;
}

static bool has_part(const struct nm_desired *d, const struct nm_network_part *part, enum nm_backend backend)
{
	for (size_t i = 0; i < d->networks[backend].n; i++)
		if (nm_network_part_equal(d->networks[backend].v[i], part))
			return true;
	return false;
}

/* Keeps a copy, which the caller may borrow. NULL with *err (memory). */
static const struct nm_network_part *keep_part(
	struct nm_desired *d, const struct nm_network_part *part, enum nm_backend backend, struct nm_err *err)
{
	struct nm_network_part *kept;

	if (nm_grow(&d->networks[backend], "preparing the rules", err) < 0)
		return NULL;
	kept = malloc(sizeof(*kept));
	if (!kept) {
		(void)nm_fail_memory(err, "preparing the rules");
		return NULL;
	}
	*kept = *part;
	return d->networks[backend].v[d->networks[backend].n++] = kept;
}

static int add_part(struct nm_desired *d, const struct nm_network_part *part, enum nm_backend backend,
	bool laid_out, struct nm_err *err)
{
	const struct nm_network_part *kept;

	if (has_part(d, part, backend))
		return 0;
	kept = keep_part(d, part, backend, err);
	if (!kept)
		return -1;
	return laid_out ? nm_backend_ops(backend)->layout_network(kept, d, err) : 0;
}

static int add_network(struct nm_desired *d, const struct nm_record *r, bool laid_out, struct nm_err *err)
{
	struct nm_network_part parts[NM_NETWORK_PARTS_MAX];
	size_t n = nm_network_parts(&r->network, parts);

	for (size_t i = 0; i < n; i++)
		if (add_part(d, &parts[i], r->backend, laid_out, err) < 0)
			return -1;
	return 0;
}

int nm_desired_keep_network(struct nm_desired *d, const struct nm_record *r, struct nm_err *err)
{
	return add_network(d, r, false, err);
}

int nm_desired_know_network(struct nm_desired *d, const struct nm_record *r, struct nm_err *err)
{
	size_t from = d->rules.n;

	if (add_network(d, r, true, err) < 0)
		return -1;
	for (; from < d->rules.n; from++)
		d->rules.v[from].known = d->rules.v[from].place != NM_PLACE_HEAD;
	return 0;
}

/* Both families and both backends may share an owner. */
int nm_desired_add_forward(struct nm_desired *d, enum nm_family family, const char *interface, bool bridged,
	enum nm_backend backend, struct nm_err *err)
{
	char buf[NM_PUBLICATION_GUARD_SIZE], *owner = strdup(nm_publication_forward_owner(interface, buf));
	char **found = owner ? tsearch(owner, &d->forwards, compare) : NULL;

	if (!found || *found != owner)
		free(owner);
	if (!found)
		return nm_fail_memory(err, "preparing the rules");
	return nm_backend_ops(backend)->layout_forward(family, *found, bridged, d, err);
}

int nm_desired_add_record(struct nm_desired *d, const struct nm_record *r,
	const struct nm_layout_options *options, struct nm_err *err)
{
	struct nm_publication pub = {
		.id = r->id,
		.families = r->families,
		.networks = r->networks.v,
		.n_networks = r->networks.n,
		.mappings = r->mappings.v,
		.n_mappings = r->mappings.n,
		.restricted = r->restricted,
		.allow = r->allow.v,
		.n_allow = r->allow.n,
	};

	memcpy(pub.address, r->address, sizeof(pub.address));
	if (nm_backend_ops(r->backend)->layout(&pub, options, d, err) < 0 || add_network(d, r, true, err) < 0)
		return -1;
	return r->localnet[0] ? nm_desired_add_guard(d, r->localnet, r->backend, err) : 0;
}

static struct nm_port_set *ports_of(struct nm_desired_ports *ports, uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? &ports->tcp : protocol == IPPROTO_UDP ? &ports->udp : &ports->sctp;
}

static struct nm_ports host_ports(const struct nm_mapping *m)
{
	return (struct nm_ports){m->host_port, (uint16_t)(m->host_port + m->count - 1)};
}

void nm_desired_note_ports(struct nm_desired_ports *ports, const struct nm_record *r)
{
	for (const struct nm_mapping *m = r->mappings.v; m < r->mappings.v + r->mappings.n; m++)
		for (unsigned i = 0; i < m->count; i++)
			nm_port_set_add(ports_of(ports, m->protocol), (uint16_t)(m->host_port + i));
}

int nm_desired_add_sharing(
	struct nm_desired *d, const struct nm_record *r, struct nm_desired_ports *ports, struct nm_err *err)
{
	nm_automappings struct nm_mappings shared = {0};
	struct nm_record part = *r; /* borrows all of it */

	for (const struct nm_mapping *m = r->mappings.v; m < r->mappings.v + r->mappings.n; m++) {
		if (!nm_port_set_meets(ports_of(ports, m->protocol), host_ports(m)))
			continue;
		if (nm_grow(&shared, "preparing the rules", err) < 0)
			return -1;
		shared.v[shared.n++] = *m;
	}
	part.mappings = shared;
	return nm_desired_add_record(d, &part, NULL, err);
}

int nm_desired_read_accept(struct nm_desired *d, enum nm_backend backend, struct nm_netlink *nl,
	unsigned families, struct nm_err *err)
{
	const struct nm_iptables_accept accept = {nm_backend_ops(backend)->accept_mark, d->accept_natively,
		d->networks[backend].v, d->networks[backend].n};
	size_t n;
	int rc;

	if (!accept.mark)
		return 0;
	d->rules.n -= d->n_accept;
	n = d->rules.n;
	rc = nm_iptables_accept(nl, families, accept, &d->rules, err);
	d->n_accept = d->rules.n - n;
	return rc;
}

bool nm_desired_needs_localnet(const struct nm_record *r, const struct nm_layout_options *options)
{
	for (size_t i = 0; i < r->mappings.n; i++)
		if (nm_publication_needs_localnet(&r->mappings.v[i], options))
			return r->families & NM_IPV4_BIT;
	return false;
}

void nm_desired_done(struct nm_desired *d)
{
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++) {
		tdestroy(d->guards[b], free);
		for (size_t i = 0; i < d->networks[b].n; i++)
			free(d->networks[b].v[i]);
		free(d->networks[b].v);
	}
	tdestroy(d->forwards, free);
	free(d->owners.v);
	nm_rules_done(&d->rules);
	nm_rules_done(&d->statics);
	nm_nftables_layout_done(&d->elements);
	*d = (struct nm_desired){0};
}
