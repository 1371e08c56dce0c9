/*
 * record DIR N: the state in the directory DIR, which says that one container is published, says afterwards
 * that N others are. Each is recorded as natmap has recorded that one, but for what must differ. Nothing of
 * them is in the kernel, where the number of rules would be measured instead.
 */
#include <stdio.h>
#include <string.h>

#include "state.h"

/* Makes r, a copy of the pattern, the record of the container with the number i. */
static int alter(struct nm_record *r, unsigned i, struct nm_err *err)
{
	free(nm_steal(&r->id));
	free(nm_steal(&r->bundle));
	if (asprintf(&r->id, "other-%u", i) < 0 || asprintf(&r->bundle, "/bundle/other-%u", i) < 0)
		return nm_fail(err, NM_ERR_FAILED, "out of memory");
	if (r->netns.ino)
		r->netns.ino = i + 1;
	if (r->bridge_port[0])
		(void)snprintf(r->bridge_port, sizeof(r->bridge_port), "veth%u", i);
	r->address[NM_IPV4] = (struct nm_prefix){
		.addr = {NM_IPV4, {10, 89, (uint8_t)(i / 250), (uint8_t)(i % 250 + 2)}}, .len = 16};
	r->address[NM_IPV6] = (struct nm_prefix){
		.addr = {NM_IPV6, {0xfd, 0, 0, 8, [14] = (uint8_t)(i >> 8), (uint8_t)i}}, .len = 64};
	r->mappings.v[0].host_port = (uint16_t)(20000 + i);
	return 0;
}

static int append(struct nm_state *st, const struct nm_record *pattern, unsigned i, struct nm_err *err)
{
	struct nm_record r;
	int rc;

	if (nm_record_copy(pattern, &r, err) < 0)
		return -1;
	rc = alter(&r, i, err);
	if (rc == 0)
		rc = nm_state_append(st, &r, err);
	nm_record_done(&r);
	return rc;
}

static int record(struct nm_state *st, unsigned n, struct nm_err *err)
{
	static const struct nm_state_query all = {.all = true};
	struct nm_records found = {0};
	int rc = nm_state_find(st, &all, &found, err);

	if (rc == 0 && found.n != 1)
		rc = nm_fail(err, NM_ERR_FAILED, "%zu containers are recorded, not one", found.n);
	for (unsigned i = 0; rc == 0 && i < n; i++)
		rc = append(st, &found.v[0], i, err);
	if (rc == 0)
		rc = nm_state_retire(st, &found.v[0], err);
	if (rc == 0)
		rc = nm_state_rewrite(st, err);
	nm_records_done(&found);
	return rc;
}

int main(int argc, char **argv)
{
	nm_autostate struct nm_state *st = NULL;
	struct nm_err err = {0};
	uint64_t n;

	if (argc != 3 || nm_num_parse(argv[2], strlen(argv[2]), 40000, &n) < 0) {
		fprintf(stderr, "usage: record DIR N\n");
		return 2;
	}
	if (nm_state_open(argv[1], NM_STATE_CREATE, NM_LOCK_TIMEOUT_MS, &st, &err) < 0 ||
		record(st, (unsigned)n, &err) < 0) {
		fprintf(stderr, "record: %s\n", err.msg);
		return 1;
	}
	return 0;
}
