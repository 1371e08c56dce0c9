/* Records in memory: copying, comparing, and the process they belong to. */
#include "state/record.h"

#include <string.h>

#include "host/process.h"

void nm_record_done(struct nm_record *r)
{
	free(r->id);
	free(r->bundle);
	nm_prefixes_done(&r->networks);
	nm_prefixes_done(&r->allow);
	nm_mappings_done(&r->mappings);
	nm_handles_done(&r->handles);
	*r = (struct nm_record){0};
}

bool nm_record_names_family(const struct nm_record *r, enum nm_family family)
{
	for (size_t i = 0; i < r->mappings.n; i++)
		if (r->mappings.v[i].families == 1u << family)
			return true;
	return false;
}

void nm_record_hold(struct nm_record *r, unsigned families)
{
	r->held |= r->families & families;
	r->families &= ~families;
	if (!(r->families & NM_IPV4_BIT)) {
		r->localnet[0] = '\0';
		r->localnet_index = 0;
		r->localnet_set = false;
	}
	if (!r->families) {
		r->bridge_port[0] = '\0';
		r->bridge_port_index = 0;
		r->hairpin_set = false;
	}
}

void nm_record_unhold(struct nm_record *r)
{
	r->families |= r->held;
	r->held = 0;
}

unsigned nm_record_forwards(const struct nm_record *r)
{
	unsigned families = 0;

	for (size_t i = 0; i < r->mappings.n; i++)
		if (r->mappings.v[i].any_host || !nm_addr_is_loopback(&r->mappings.v[i].host))
			families |= r->mappings.v[i].families;
	return (families | r->network.families) & r->families;
}

/* A copy of the n elements at v, NULL for none. False when memory is short. */
static bool copy_array(const void *v, size_t n, size_t size, void **ret)
{
	*ret = n > 0 ? reallocarray(NULL, n, size) : NULL;
	if (*ret)
		memcpy(*ret, v, n * size);
	return *ret || n == 0;
}

static bool copy_prefixes(const struct nm_prefixes *p, struct nm_prefixes *ret)
{
	void *v;
	bool copied = copy_array(p->v, p->n, sizeof(*p->v), &v);

	*ret = (struct nm_prefixes){.v = v, .n = p->n, .capacity = p->n};
	return copied;
}

int nm_record_copy(const struct nm_record *r, struct nm_record *ret, struct nm_err *err)
{
	nm_autorecord struct nm_record copy = *r;
	void *mappings;
	bool copied = copy_prefixes(&r->networks, &copy.networks);

	copied &= copy_prefixes(&r->allow, &copy.allow);
	copied &= copy_array(r->mappings.v, r->mappings.n, sizeof(*r->mappings.v), &mappings);
	copy.id = strdup(r->id);
	copy.bundle = r->bundle ? strdup(r->bundle) : NULL;
	copy.handles = (struct nm_handles){0};
	copy.mappings = (struct nm_mappings){.v = mappings, .n = r->mappings.n, .capacity = r->mappings.n};
	if (!copied || !copy.id || (r->bundle && !copy.bundle))
		return nm_fail_memory(err, "copying a record");
	*ret = nm_steal(&copy);
	return 0;
}

static bool same_prefix(const struct nm_prefix *a, const struct nm_prefix *b)
{
	return a->len == b->len && nm_addr_equal(&a->addr, &b->addr);
}

static bool same_addresses(const struct nm_record *a, const struct nm_record *b)
{
	nm_each_family(f, a->families | a->held)
		if (!same_prefix(&a->address[f], &b->address[f]))
			return false;
	return a->families == b->families && a->held == b->held && a->fixed == b->fixed &&
		!strcmp(a->interface, b->interface);
}

static bool same_prefixes(const struct nm_prefixes *a, const struct nm_prefixes *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (!same_prefix(&a->v[i], &b->v[i]))
			return false;
	return a->n == b->n;
}

static bool same_mappings(const struct nm_mappings *a, const struct nm_mappings *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (!nm_mapping_equal(&a->v[i], &b->v[i]))
			return false;
	return a->n == b->n;
}

bool nm_record_same(const struct nm_record *a, const struct nm_record *b)
{
	return !strcmp(a->id, b->id) && a->pid == b->pid && a->start == b->start &&
		nm_nsid_equal(&a->netns, &b->netns) && !a->bundle == !b->bundle &&
		(!a->bundle || !strcmp(a->bundle, b->bundle)) && a->backend == b->backend &&
		!strcmp(a->localnet, b->localnet) && a->localnet_index == b->localnet_index &&
		a->localnet_set == b->localnet_set && !strcmp(a->bridge_port, b->bridge_port) &&
		a->bridge_port_index == b->bridge_port_index && a->hairpin_set == b->hairpin_set &&
		nm_network_attachment_same(&a->network, &b->network) && same_addresses(a, b) &&
		same_prefixes(&a->networks, &b->networks) && a->restricted == b->restricted &&
		same_prefixes(&a->allow, &b->allow) && same_mappings(&a->mappings, &b->mappings);
}

int nm_record_process(const struct nm_record *r, enum nm_record_process *ret, struct nm_err *err)
{
	uint64_t start;
	bool alive;

	*ret = NM_PROCESS_UNKNOWN;
	if (!r->pid)
		return 0;
	if (nm_process_start(r->pid, &start, &alive, err) < 0)
		return -1;
	if (!alive)
		*ret = NM_PROCESS_GONE;
	else if (start && r->start)
		/* one tick more or less may come from a time namespace: no pid is given out again so soon */
		*ret = start - r->start + 1 > 2 ? NM_PROCESS_GONE : NM_PROCESS_THERE;
	return 0;
}

int nm_record_gone(const struct nm_record *r, bool *ret, struct nm_err *err)
{
	enum nm_record_process process;

	if (nm_record_process(r, &process, err) < 0)
		return -1;
	*ret = process == NM_PROCESS_GONE;
	return 0;
}

bool nm_record_same_netns(const struct nm_record *a, const struct nm_record *b)
{
	return a->netns.ino && nm_nsid_equal(&a->netns, &b->netns);
}
