/*
 * Starts at a random port of the range, so that a port that has just been freed is not the next one to be
 * given out. The state is asked for some ports at a time, four times as many each time that none of them is
 * free: a common search finds one among the first, and needs not know who has the others.
 */
#include "publish/free_port.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "host/listener.h"
#include "state/search.h"

enum { FIRST_LOOK = 64 };

static bool is_needed(const struct nm_mappings *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->v[i].host_port)
			return true;
	return false;
}

static bool overlaps_any(const struct nm_mapping *m, const struct nm_mappings *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (&list->v[i] != m && nm_mapping_overlaps(m, &list->v[i]))
			return true;
	return false;
}

static bool is_free(const struct nm_mapping *m, const struct nm_record *r, const struct nm_config *c,
	const struct nm_records *recorded)
{
	if (!nm_port_set_has(&c->policy.host_ports, m->host_port))
		return false;
	for (size_t i = 0; i < c->statics.n; i++)
		if (nm_static_nat_overlaps(&c->statics.v[i], m))
			return false;
	for (size_t i = 0; i < recorded->n; i++)
		if (overlaps_any(m, &recorded->v[i].mappings))
			return false;
	return !overlaps_any(m, &r->mappings);
}

/* Finds the port that the same process was given for the same mapping. */
static uint16_t find_former(
	const struct nm_record *r, const struct nm_mapping *m, const struct nm_records *replaced)
{
	for (size_t i = 0; i < replaced->n; i++) {
		const struct nm_record *old = &replaced->v[i];

		if (strcmp(old->id, r->id) || old->pid != r->pid || old->start != r->start)
			continue;
		for (size_t j = 0; j < old->mappings.n; j++) {
			struct nm_mapping candidate = *m;

			candidate.host_port = old->mappings.v[j].host_port;
			if (nm_mapping_equal(&candidate, &old->mappings.v[j]) &&
				!overlaps_any(&candidate, &r->mappings))
				return candidate.host_port;
		}
	}
	return 0;
}

/* Sets m's host port when one of the n from `first` on is free. */
static int find_among(struct nm_mapping *m, uint16_t first, unsigned n, const struct nm_record *r,
	const struct nm_config *c, const struct nm_records *recorded, struct nm_netlink *diag,
	struct nm_err *err)
{
	struct nm_mapping candidate = *m;

	for (unsigned i = 0; i < n && !m->host_port; i++) {
		uint16_t taken;

		candidate.host_port = (uint16_t)(first + i);
		if (!is_free(&candidate, r, c, recorded))
			continue;
		if (nm_listener_find(diag, &candidate, &taken, err) < 0)
			return -1;
		if (!taken)
			m->host_port = candidate.host_port;
	}
	return 0;
}

static int find_recorded(struct nm_state *state, const struct nm_mapping *ports,
	const struct nm_records *replaced, struct nm_records *ret, struct nm_err *err)
{
	const struct nm_state_query query = {.mappings = ports, .n_mappings = 1, .except = replaced};

	return state ? nm_state_search(state, &query, ret, err) : 0;
}

static int find_free(struct nm_mapping *m, const struct nm_record *r, const struct nm_config *c,
	struct nm_state *state, const struct nm_records *replaced, struct nm_netlink *diag,
	struct nm_err *err)
{
	unsigned size = c->dynamic_last - c->dynamic_first + 1u, start = 0, n = FIRST_LOOK;

	if (getrandom(&start, sizeof(start), GRND_NONBLOCK) < 0)
		start = (unsigned)r->pid; /* any start will do */
	start %= size;
	for (unsigned done = 0; done < size; done += n, n *= 4) {
		unsigned offset = (start + done) % size; /* the end of the range is one of a look */
		struct nm_mapping ports = *m;
		struct nm_records recorded = {0};
		int rc;

		n = n < size - done ? n : size - done;
		n = n < size - offset ? n : size - offset;
		ports.host_port = (uint16_t)(c->dynamic_first + offset);
		ports.count = (uint16_t)n;
		rc = find_recorded(state, &ports, replaced, &recorded, err);
		if (rc == 0)
			rc = find_among(m, ports.host_port, n, r, c, &recorded, diag, err);
		nm_records_done(&recorded);
		if (rc < 0 || m->host_port)
			return rc;
	}
	return nm_fail(err, NM_ERR_TAKEN, "choosing a host port for container port %u: none of %u-%u is free",
		m->container_port, c->dynamic_first, c->dynamic_last);
}

int nm_free_port_choose(struct nm_record *r, const struct nm_config *c, struct nm_state *state,
	const struct nm_records *replaced, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink diag = {.fd = -1};

	if (!is_needed(&r->mappings))
		return 0;
	if (nm_netlink_open(NETLINK_SOCK_DIAG, &diag, err) < 0)
		return -1;
	for (size_t i = 0; i < r->mappings.n; i++) {
		struct nm_mapping *m = &r->mappings.v[i];

		if (!m->host_port)
			m->host_port = find_former(r, m, replaced);
		if (!m->host_port && find_free(m, r, c, state, replaced, &diag, err) < 0)
			return -1;
	}
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

static int check_listeners(const struct nm_claim *claim, const struct nm_config *c, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink diag = {.fd = -1};
	const struct nm_record *r = claim->new;
	char text[NM_MAPPING_STRLEN];
	uint16_t port;

	if (c->listener_check == NM_LISTENER_OFF)
		return 0;
	if (nm_netlink_open(NETLINK_SOCK_DIAG, &diag, err) < 0)
		return -1;
	for (size_t i = 0; i < r->mappings.n; i++) {
		const struct nm_mapping *m = &r->mappings.v[i];

		if (nm_claim_has_already(claim, m))
			continue;
		if (nm_listener_find(&diag, m, &port, err) < 0)
			return -1;
		if (!port)
			continue;
		if (c->listener_check == NM_LISTENER_FAIL)
			return nm_fail(err, NM_ERR_TAKEN,
				"port mapping '%s': a local process listens on port %u",
				nm_mapping_print(m, text), port);
		nm_log_notice("container '%s': port mapping '%s' hides a local process that listens on port "
			      "%u, ignored: listener_check is warn",
			r->id, nm_mapping_print(m, text), port);
	}
	return 0;
}

int nm_free_port_check(const struct nm_claim *claim, const struct nm_config *c, struct nm_err *err)
{
	return check_statics(claim, c, err) < 0 ? -1 : check_listeners(claim, c, err);
}
