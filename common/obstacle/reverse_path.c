#include "obstacle/reverse_path.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "host/forwarding.h"
#include "host/process.h"
#include "host/route.h"
#include "host/sysctl.h"

/* An interface with a strict filter. */
struct strict {
	char name[IF_NAMESIZE];
	unsigned index;
	bool is_told; /* of ANSWERS */
};

struct search {
	struct nm_netlink rtnl;
	struct {
		struct strict *v;
		size_t n, capacity;
	} strict;
	struct nm_rtnl_addresses addresses;
	struct nm_addr client; /* to which only the default route leads */
	const struct nm_records *records;
	nm_reverse_path_handler *handler;
	void *ctx;
};

static void search_done(struct search *s)
{
	nm_netlink_close(&s->rtnl);
	nm_rtnl_addresses_done(&s->addresses);
	free(s->strict.v);
}

static int read_filter(const char *interface)
{
	char name[NM_SYSCTL_NAME_MAX];
	struct nm_err missing;
	int value;

	return nm_sysctl_get(nm_sysctl_rp_filter(interface, name), &value, &missing) < 0 ? 0 : value;
}

/* The larger of the setting for all and the interface's own counts. */
static int find_strict(struct search *s, struct nm_err *err)
{
	NM_CLEANUP(nm_forwarding_interfaces_done) struct nm_forwarding_interfaces list = {0};
	int all = read_filter("all");

	if (all > 1)
		return 0;
	if (nm_forwarding_list(&s->rtnl, NM_IPV4, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		int own = read_filter(list.v[i].name);

		if (own > 1 || !(own | all))
			continue;
		if (nm_grow(&s->strict, "reading rp_filter", err) < 0)
			return -1;
		s->strict.v[s->strict.n] = (struct strict){.index = list.v[i].index};
		memcpy(s->strict.v[s->strict.n++].name, list.v[i].name, sizeof(list.v[i].name));
	}
	return 0;
}

static struct strict *find(struct search *s, unsigned index)
{
	for (size_t i = 0; i < s->strict.n; i++)
		if (s->strict.v[i].index == index)
			return &s->strict.v[i];
	return NULL;
}

static int tell(struct search *s, enum nm_reverse_path_kind kind, const struct strict *where,
	const struct nm_record *r, struct nm_err *err)
{
	struct nm_reverse_path p = {.kind = kind, .record = r};

	memcpy(p.interface, where->name, sizeof(p.interface));
	return s->handler(s->ctx, &p, err);
}

/* Of the blocks for documentation and benchmarks (RFC 5737, 2544), in which nobody is. */
static int choose_client(struct search *s, bool *ret, struct nm_err *err)
{
	static const uint8_t candidates[][4] = {
		{198, 51, 100, 1}, {203, 0, 113, 1}, {192, 0, 2, 1}, {198, 18, 0, 1}};
	struct nm_route route;

	*ret = false;
	for (size_t i = 0; i < sizeof(candidates) / sizeof(*candidates) && !*ret; i++) {
		s->client = (struct nm_addr){.family = NM_IPV4};
		memcpy(s->client.bytes, candidates[i], sizeof(candidates[i]));
		if (nm_route_lookup(&s->rtnl, &s->client, &route, err) < 0)
			return -1;
		*ret = route.found && !route.prefix_len;
	}
	return 0;
}

/* Through one interface the clients of all containers come, most often: the first that is refused will do. */
static int on_uplink(void *ctx, unsigned ifindex, struct nm_err *err)
{
	struct search *s = ctx;
	const struct strict *in = find(s, ifindex);

	for (size_t i = 0; in && i < s->records->n; i++) {
		const struct nm_record *r = &s->records->v[i];

		if (!(nm_record_forwards(r) & r->families & NM_IPV4_BIT))
			continue;
		if (nm_route_is_refused(&s->rtnl, &s->client, &r->address[NM_IPV4].addr, ifindex))
			return tell(s, NM_REVERSE_PATH_CLIENTS, in, r, err);
	}
	return 0;
}

static int judge_clients(struct search *s, struct nm_err *err)
{
	bool chosen;

	if (choose_client(s, &chosen, err) < 0)
		return -1;
	return chosen ? nm_route_each_default(&s->rtnl, NM_IPV4, on_uplink, s, err) : 0;
}

static int judge_answers_of(struct search *s, const struct nm_record *r, struct nm_err *err)
{
	const struct nm_rtnl_address *own;
	struct nm_addr gateway;
	struct strict *in;

	own = nm_process_gateway(r->pid, &gateway) ? nm_rtnl_find_address(&s->addresses, &gateway) : NULL;
	in = own ? find(s, own->ifindex) : NULL;
	if (!in || in->is_told ||
		!nm_route_is_refused(&s->rtnl, &r->address[NM_IPV4].addr, &gateway, in->index))
		return 0;
	in->is_told = true;
	return tell(s, NM_REVERSE_PATH_ANSWERS, in, r, err);
}

static int judge_answers(struct search *s, struct nm_err *err)
{
	if (nm_rtnl_get_addresses(&s->rtnl, &s->addresses, err) < 0)
		return -1;
	for (const struct nm_record *r = s->records->v; r < s->records->v + s->records->n; r++)
		if (r->pid && nm_record_forwards(r) & r->families & NM_IPV4_BIT &&
			judge_answers_of(s, r, err) < 0)
			return -1;
	return 0;
}

int nm_reverse_path_each(const struct nm_records *records, bool can_judge, nm_reverse_path_handler *handler,
	void *ctx, struct nm_err *err)
{
	NM_CLEANUP(search_done)
	struct search s = {.rtnl.fd = -1, .records = records, .handler = handler, .ctx = ctx};

	if (records->n == 0)
		return 0;
	if (nm_netlink_open(NETLINK_ROUTE, &s.rtnl, err) < 0 || find_strict(&s, err) < 0)
		return -1;
	if (s.strict.n == 0)
		return 0;
	if (judge_clients(&s, err) < 0)
		return -1;
	return can_judge ? judge_answers(&s, err) : 0;
}

const char *nm_reverse_path_print(const struct nm_reverse_path *p, char buf[static NM_REVERSE_PATH_STRLEN])
{
	if (p->kind == NM_REVERSE_PATH_CLIENTS)
		(void)snprintf(buf, NM_REVERSE_PATH_STRLEN,
			"rp_filter is 1 on '%s', and the way back to clients beyond its router leads by "
			"another "
			"interface: they do not reach container '%s'",
			p->interface, p->record->id);
	else
		(void)snprintf(buf, NM_REVERSE_PATH_STRLEN,
			"rp_filter is 1 on '%s', by which container '%s' answers, and the way to its address "
			"leads "
			"by another interface: answers are dropped",
			p->interface, p->record->id);
	return buf;
}
