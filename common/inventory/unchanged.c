/*
 * What reload and check need to look at while neither rules, configuration nor state have changed: that the
 * processes live, that interfaces have their names, and the settings. Thousands of containers may share a
 * bridge, a pod's many a process: one record stands in for all with the same facts.
 */
#include "inventory/unchanged.h"

#include <string.h>

#include "backend/withdrawal.h"
#include "nft/transaction.h"
#include "publish/host_settings.h"

bool nm_unchanged_is_settled(const struct nm_inventory *s)
{
	if (s->dead.n > 0 || s->superseded.n > 0)
		return false;
	for (size_t i = 0; i < s->live.n; i++)
		if (s->changed[i] || s->needs_enable[i])
			return false;
	return nm_host_settings_forwards(s->config, nm_inventory_forwards(s)) &&
		nm_forward_switch_is_settled(&s->forward) &&
		nm_forwarded_fingerprint(&s->forward.old) == s->verified.head.forwarding;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Those that a process must still have; and without an interface that is known, the route to the address
 * tells it. */
static int compare_addresses(const struct nm_record *x, const struct nm_record *y)
{
	int c = 0;

	nm_each_family(f, x->families | x->held)
		c = c ? c
		      : memcmp(x->address[f].addr.bytes, y->address[f].addr.bytes,
				sizeof(x->address[f].addr.bytes));
	return c;
}

static int compare(const void *a, const void *b)
{
	const struct nm_record *x = *(const struct nm_record *const *)a;
	const struct nm_record *y = *(const struct nm_record *const *)b;
	int c = compare_numbers((uint64_t)x->pid, (uint64_t)y->pid);

	c = c ? c : compare_numbers(x->start, y->start);
	c = c ? c : strcmp(x->localnet, y->localnet);
	c = c ? c : compare_numbers(x->localnet_index, y->localnet_index);
	c = c ? c : strcmp(x->bridge_port, y->bridge_port);
	c = c ? c : compare_numbers(x->bridge_port_index, y->bridge_port_index);
	c = c ? c : compare_numbers(x->families, y->families);
	c = c ? c : compare_numbers(x->held, y->held);
	c = c ? c : compare_numbers(x->fixed, y->fixed);
	c = c ? c : strcmp(x->network.port, y->network.port);
	c = c || (x->localnet[0] && !x->pid) ? c : compare_addresses(x, y);
	return c ? c : compare_numbers(nm_record_forwards(x), nm_record_forwards(y));
}

int nm_unchanged_choose_stand_ins(const struct nm_records *live, struct nm_records *ret, struct nm_err *err)
{
	nm_autofree const struct nm_record **sorted = calloc(live->n + 1, sizeof(*sorted));

	if (!sorted)
		return nm_fail_memory(err, "sorting the records");
	for (size_t i = 0; i < live->n; i++)
		sorted[i] = &live->v[i];
	qsort(sorted, live->n, sizeof(*sorted), compare);
	for (size_t i = 0; i < live->n; i++) {
		nm_autorecord struct nm_record copy = {0};

		if (i > 0 && compare(&sorted[i - 1], &sorted[i]) == 0)
			continue;
		if (nm_record_copy(sorted[i], &copy, err) < 0 || nm_records_add(ret, &copy, err) < 0)
			return -1;
	}
	return 0;
}

/* Whether the stand-ins show that there is nothing to do. */
static int try_stand_ins(struct nm_inventory *s, bool *ret, struct nm_err *err)
{
	if (nm_inventory_add(s, &s->verified.stand_ins, err) < 0 || nm_inventory_plan(s, err) < 0)
		return -1;
	*ret = nm_unchanged_is_settled(s);
	return 0;
}

void nm_unchanged_forget_stand_ins(struct nm_inventory *s)
{
	const struct nm_verified_head head = s->verified.head;

	nm_inventory_clear(s);
	s->agrees = true;
	s->verified.head = head;
}

int nm_unchanged_recall(struct nm_inventory *s, bool *ret, struct nm_err *err)
{
	const struct nm_verified_head *head = &s->verified.head;
	struct nm_err unknown;
	uint32_t generation;

	*ret = false;
	if (!s->change.state ||
		!nm_verified_read(s->change.state, s->change.nl.fd, s->config->fingerprint, &s->verified))
		return 0;
	s->agrees = nm_nft_transaction_generation(&s->change.nl, &generation, &unknown) == 0 &&
		generation == head->generation;
	if (!s->agrees)
		return 0;
	s->config->backend = head->backend;
	if (!s->verified.has_stand_ins || s->moved.n > 0)
		return 0;
	if (try_stand_ins(s, ret, err) < 0)
		return -1;
	if (*ret)
		return 0;
	nm_unchanged_forget_stand_ins(s);
	return 0;
}

/* No chain has a rule of a container that is not desired. */
static void note_chains(struct nm_inventory *s, uint32_t generation)
{
	struct nm_netlink *nl = &s->change.nl;
	struct nm_chain_notes notes = {.generation = 0};
	struct nm_err unknown;
	uint32_t now;

	if (nm_withdrawal_look(nl, generation, &notes, &unknown) < 0 ||
		nm_nft_transaction_generation(nl, &now, &unknown) < 0 || now != generation)
		return;
	nm_each_family(f, NM_BOTH_FAMILIES)
		for (size_t i = 0; i < NM_HANDLES_CHAINS; i++)
			notes.v[f][i].known = true;
	nm_chain_notes_write(s->change.state, nl->fd, &notes);
}

void nm_unchanged_remember(struct nm_inventory *s, uint32_t generation, bool checked, uint64_t surroundings)
{
	nm_autoverified struct nm_verified v = {
		.head = {.generation = generation,
			.config = s->config->fingerprint,
			.forwarding = nm_forwarded_fingerprint(&s->forward.desired),
			.backend = s->config->backend,
			.checked = checked},
		.surroundings = surroundings,
	};
	struct nm_err memory;

	/* what could not be retired would be missing among them */
	v.has_stand_ins = !s->dead.n && !s->superseded.n &&
		nm_unchanged_choose_stand_ins(&s->live, &v.stand_ins, &memory) == 0;
	nm_verified_write(s->change.state, s->change.nl.fd, &v);
	if (!s->agrees)
		note_chains(s, generation);
}
