/*
 * fill STATE_DIR N [pod]: records N more published containers, each with one port, as if they had been
 * published one after the other: `natmap reload` then writes their rules.
 *
 * They are copies of the container that is recorded there, of the same live process, but for what must
 * differ: id, host ports (10000 and on), and network namespace and addresses (10.88.1.1 and on); or, of a
 * pod, the container ports (the same as the host's). They name no bridge port, since each would need an
 * interface of its own. To be run in the network namespace of the state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "state/search.h"
#include "state/state.h"

enum { FIRST_PORT = 10000, FILL_MAX = 50000, ADDRESSES_PER_BYTE = 250 };

static void alter(struct nm_record *r, unsigned i, bool pod)
{
	uint8_t *ipv4 = r->address[NM_IPV4].addr.bytes, *ipv6 = r->address[NM_IPV6].addr.bytes;
	struct nm_mapping *mapping = &r->mappings.v[0];

	r->bridge_port[0] = '\0';
	r->hairpin_set = false;
	mapping->host_port = (uint16_t)(FIRST_PORT + i);
	if (pod) {
		mapping->container_port = mapping->host_port;
		return;
	}
	r->netns.ino = i + 1;
	ipv4[2] = ipv6[14] = (uint8_t)(1 + i / ADDRESSES_PER_BYTE);
	ipv4[3] = ipv6[15] = (uint8_t)(1 + i % ADDRESSES_PER_BYTE);
}

static int append(
	struct nm_state *st, const struct nm_record *pattern, unsigned i, bool pod, struct nm_err *err)
{
	struct nm_record r;
	int rc = -1;

	if (nm_record_copy(pattern, &r, err) < 0)
		return -1;
	free(r.id);
	if (asprintf(&r.id, "other-%u", i) < 0)
		r.id = NULL;
	alter(&r, i, pod);
	rc = r.id ? nm_state_append(st, &r, err) : nm_fail(err, NM_ERR_FAILED, "no memory");
	nm_record_done(&r);
	return rc;
}

static int fill(const char *dir, unsigned n, bool pod, struct nm_err *err)
{
	static const struct nm_state_query all = {.all = true};
	nm_autostate struct nm_state *st = NULL;
	struct nm_records found = {0};
	int rc = 0;

	if (nm_state_open(dir, NM_STATE_WRITE, NM_LOCK_TIMEOUT_MS, &st, err) < 0)
		return -1;
	if (!st || nm_state_search(st, &all, &found, err) < 0)
		return st ? -1 : nm_fail(err, NM_ERR_FAILED, "no state in '%s'", dir);
	if (found.n != 1 || found.v[0].mappings.n != 1 || !(found.v[0].families & NM_IPV4_BIT))
		rc = nm_fail(err, NM_ERR_FAILED, "'%s' must name one container with one IPv4 mapping", dir);
	for (unsigned i = 0; i < n && !rc; i++)
		rc = append(st, &found.v[0], i, pod, err);
	nm_records_done(&found);
	return rc;
}

int main(int argc, char **argv)
{
	bool pod = argc == 4 && strcmp(argv[3], "pod") == 0;
	uint64_t n;
	struct nm_err err = {0};

	if (argc != 3 + pod || nm_text_number(argv[2], strlen(argv[2]), FILL_MAX, &n) < 0) {
		fputs("usage: fill STATE_DIR N [pod]\n", stderr);
		return 2;
	}
	if (fill(argv[1], (unsigned)n, pod, &err) < 0) {
		fprintf(stderr, "fill: %s\n", err.msg);
		return 1;
	}
	return 0;
}
