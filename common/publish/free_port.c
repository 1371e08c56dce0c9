/*
 * Of dynamic_ports a search starts at a random one, so that a port that has just been freed is not given out
 * next; of a pool at the first, so that who made the pool small knows where to look.
 * Searches the state for a few ports first, and for four times as many each time that all are taken: most
 * choices take one small search. A request may have a thousand pools of ports that are nearly all taken, and
 * others wait for the lock meanwhile: after some searches all records are read, once.
 */
#include "publish/free_port.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "publish/hidden.h"
#include "state/search.h"

enum { FIRST_LOOK = 64, SMALL_SEARCHES = 16 };

/* What a choice depends on. */
struct choice {
	const struct nm_claim *claim;
	const struct nm_config *config;
	struct nm_state *state; /* NULL: nothing is recorded */
	const struct nm_port_set *passed;
	struct nm_hidden hidden;
	unsigned searches;         /* of the state */
	struct nm_records records; /* all, after SMALL_SEARCHES */
	struct nm_mapping range;   /* that is looked at; its container port does not count */
	struct nm_port_set taken;  /* of it, by records and by the container itself */
};

static bool overlaps_any(const struct nm_mapping *m, const struct nm_mappings *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (&list->v[i] != m && nm_mapping_overlaps(m, &list->v[i]))
			return true;
	return false;
}

static bool is_free(const struct choice *choice, const struct nm_mapping *m)
{
	const struct nm_config *c = choice->config;

	if (!nm_port_set_has(&c->policy.host_ports, m->host_port) ||
		nm_port_set_has(choice->passed, m->host_port) ||
		nm_port_set_has(&choice->taken, m->host_port))
		return false;
	for (size_t i = 0; i < c->statics.n; i++)
		if (nm_static_nat_overlaps(&c->statics.v[i], m))
			return false;
	return true;
}

/* Adds the ports that the list, but for its mapping m, takes from the range. */
static void add_taken(struct nm_port_set *taken, const struct nm_mapping *range,
	const struct nm_mappings *list, const struct nm_mapping *m)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct nm_mapping *other = &list->v[i];

		if (other == m || !nm_mapping_overlaps(range, other))
			continue;
		for (unsigned k = 0; k < other->count; k++)
			nm_port_set_add(taken, (uint16_t)(other->host_port + k));
	}
}

/* Sets *ret to records of which some may overlap the range: *few, which it fills, or all. */
static int search(struct choice *choice, const struct nm_mapping *range, struct nm_records *few,
	const struct nm_records **ret, struct nm_err *err)
{
	bool all = choice->searches >= SMALL_SEARCHES;
	const struct nm_state_query query = {
		.all = all, .mappings = range, .n_mappings = 1, .except = &choice->claim->replaced};

	*ret = all ? &choice->records : few;
	if (!choice->state || choice->searches > SMALL_SEARCHES)
		return 0;
	choice->searches++;
	return nm_state_search(choice->state, &query, all ? &choice->records : few, err);
}

static int find_taken(
	struct choice *choice, const struct nm_mapping *m, const struct nm_mapping *range, struct nm_err *err)
{
	nm_autorecords struct nm_records few = {0};
	const struct nm_records *recorded;
	struct nm_mapping wanted = *range;

	if (search(choice, range, &few, &recorded, err) < 0)
		return -1;
	wanted.container_port = 0;
	if (recorded == &few || !nm_mapping_equal(&choice->range, &wanted)) {
		memset(&choice->taken, 0, sizeof(choice->taken));
		for (size_t i = 0; i < recorded->n; i++)
			add_taken(&choice->taken, range, &recorded->v[i].mappings, NULL);
		choice->range = wanted;
	}
	add_taken(&choice->taken, range, &choice->claim->new->mappings, m);
	return 0;
}

/* The port that the record has for the mapping, 0 if it has none. */
static uint16_t port_in(const struct choice *choice, const struct nm_record *old, const struct nm_mapping *m)
{
	for (size_t i = 0; i < old->mappings.n; i++) {
		struct nm_mapping candidate = *m;

		candidate.host_port = old->mappings.v[i].host_port;
		if (nm_mapping_equal(&candidate, &old->mappings.v[i]) &&
			(!m->pool.first ||
				(candidate.host_port >= m->pool.first &&
					candidate.host_port <= m->pool.last)) &&
			!overlaps_any(&candidate, &choice->claim->new->mappings) &&
			!nm_port_set_has(choice->passed, candidate.host_port))
			return candidate.host_port;
	}
	return 0;
}

/* Finds the port that the container was given for the same mapping: the same process, or one of this id that
 * is gone. */
static uint16_t find_former(const struct choice *choice, const struct nm_mapping *m, bool same_process)
{
	const struct nm_claim *claim = choice->claim;
	const struct nm_record *r = claim->new;

	for (size_t i = 0; i < claim->replaced.n; i++) {
		const struct nm_record *old = &claim->replaced.v[i];
		uint16_t port = 0;

		if (!strcmp(old->id, r->id) && (old->pid == r->pid && old->start == r->start) == same_process)
			port = port_in(choice, old, m);
		if (port)
			return port;
	}
	return 0;
}

/* Sets m's host port to the first free one of the range, if there is one. */
static int find_among(
	struct choice *choice, struct nm_mapping *m, const struct nm_mapping *range, struct nm_err *err)
{
	struct nm_mapping candidate = *m;

	if (find_taken(choice, m, range, err) < 0)
		return -1;
	for (unsigned i = 0; i < range->count && !m->host_port; i++) {
		struct nm_listener listener;

		candidate.host_port = (uint16_t)(range->host_port + i);
		if (!is_free(choice, &candidate))
			continue;
		if (nm_hidden_find(&choice->hidden, &candidate, NM_BOTH_FAMILIES, &listener, err) < 0)
			return -1;
		if (!listener.port)
			m->host_port = candidate.host_port;
	}
	return 0;
}

static unsigned random_number(const struct nm_record *r)
{
	unsigned number;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
		number = (unsigned)r->pid; /* any start will do */
	return number;
}

/* Searches the pool from this number of a port on, and from its begin. */
static int find_free(struct choice *choice, struct nm_mapping *m, unsigned start, struct nm_err *err)
{
	unsigned size = m->pool.last - m->pool.first + 1u;
	unsigned n = choice->searches > SMALL_SEARCHES ? size : FIRST_LOOK;

	start %= size;
	for (unsigned done = 0; done < size; done += n, n *= 4) {
		unsigned offset = (start + done) % size;
		struct nm_mapping range = *m;

		n = n < size - done ? n : size - done;
		n = n < size - offset ? n : size - offset; /* no search wraps around the end */
		range.host_port = (uint16_t)(m->pool.first + offset);
		range.count = (uint16_t)n;
		if (find_among(choice, m, &range, err) < 0)
			return -1;
		if (m->host_port)
			return 0;
	}
	return nm_fail(err, NM_ERR_TAKEN, "choosing a host port for container port %u: none of %u-%u is free",
		m->container_port, m->pool.first, m->pool.last);
}

/* Finds the port that another container of the same pod was given for the same mapping. */
static uint16_t find_shared(const struct choice *choice, const struct nm_mapping *m)
{
	const struct nm_claim *claim = choice->claim;
	struct nm_mapping candidate = *m;

	for (size_t i = 0; i < claim->peers.n; i++) {
		candidate.host_port = port_in(choice, &claim->peers.v[i], m);
		if (candidate.host_port && nm_claim_shares(claim->new, &candidate, &claim->peers.v[i]))
			return candidate.host_port;
	}
	return 0;
}

/* Sets m's host port to that which a former process of the container had, if it is free. */
static int find_kept(struct choice *choice, struct nm_mapping *m, struct nm_err *err)
{
	struct nm_mapping range = *m;

	range.host_port = find_former(choice, m, false);
	return range.host_port ? find_among(choice, m, &range, err) : 0;
}

/* Chooses m's host port, if it is to be chosen, or has been chosen and passed over. */
static int choose(struct choice *choice, struct nm_mapping *m, struct nm_err *err)
{
	const struct nm_config *c = choice->config;
	bool is_pool = m->pool.first;
	unsigned start = 0;

	if (is_pool && nm_port_set_has(choice->passed, m->host_port))
		m->host_port = 0;
	if (m->host_port)
		return 0;
	m->host_port = find_former(choice, m, true);
	if (!m->host_port && is_pool)
		m->host_port = find_shared(choice, m);
	if (!is_pool) {
		m->pool = (struct nm_ports){c->dynamic_first, c->dynamic_last};
		start = random_number(choice->claim->new);
	} else if (!m->host_port && find_kept(choice, m, err) < 0) {
		return -1;
	}
	return m->host_port ? 0 : find_free(choice, m, start, err);
}

static void choice_done(struct choice *choice)
{
	nm_hidden_done(&choice->hidden);
	nm_records_done(&choice->records);
}

int nm_free_port_choose(const struct nm_claim *claim, const struct nm_config *c, struct nm_state *state,
	const struct nm_port_set *passed, struct nm_err *err)
{
	NM_CLEANUP(choice_done)
	struct choice choice = {.claim = claim,
		.config = c,
		.state = state,
		.passed = passed,
		.hidden = NM_HIDDEN_INIT(false, c->layout.localhost)};
	struct nm_mappings *mappings = &claim->new->mappings;

	for (size_t i = 0; i < mappings->n; i++)
		if (choose(&choice, &mappings->v[i], err) < 0)
			return -1;
	return 0;
}

static int check_statics(const struct nm_claim *claim, const struct nm_config *c, struct nm_err *err)
{
	const struct nm_record *r = claim->new;

	for (size_t i = 0; i < r->mappings.n; i++) {
		const struct nm_mappings one = {.v = &r->mappings.v[i], .n = 1};

		if (!nm_claim_has_already(claim, one.v) &&
			nm_static_nats_check_conflict(&c->statics, &one, err) < 0)
			return -1;
	}
	return 0;
}

static int check_listener(const struct nm_record *r, const struct nm_mapping *m, struct nm_hidden *hidden,
	bool only_warn, struct nm_err *err)
{
	char text[NM_HIDDEN_STRLEN];
	struct nm_listener listener;

	if (nm_hidden_find(hidden, m, r->families, &listener, err) < 0)
		return -1;
	if (!listener.port)
		return 0;
	if (!only_warn)
		return nm_fail(err, NM_ERR_TAKEN, "%s", nm_hidden_print(m, &listener, text));
	nm_log_notice("container '%s': %s and is hidden, ignored: listener_check is warn", r->id,
		nm_hidden_print(m, &listener, text));
	return 0;
}

static int check_listeners(const struct nm_claim *claim, const struct nm_config *c, struct nm_err *err)
{
	nm_autohidden struct nm_hidden hidden =
		NM_HIDDEN_INIT(c->listener_check == NM_LISTENER_EXACT, c->layout.localhost);
	bool only_warn = c->listener_check == NM_LISTENER_WARN;
	const struct nm_record *r = claim->new;
	size_t n = c->listener_check == NM_LISTENER_OFF ? 0 : r->mappings.n;

	for (size_t i = 0; i < n; i++)
		if (!nm_claim_has_already(claim, &r->mappings.v[i]) &&
			check_listener(r, &r->mappings.v[i], &hidden, only_warn, err) < 0)
			return -1;
	return 0;
}

int nm_free_port_check(const struct nm_claim *claim, const struct nm_config *c, struct nm_err *err)
{
	return check_statics(claim, c, err) < 0 ? -1 : check_listeners(claim, c, err);
}
