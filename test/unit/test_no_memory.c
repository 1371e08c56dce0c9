/*
 * Whatever is being done, and whichever allocation is the first that fails: it is an error that says so, and
 * nothing else is lost. malloc() and its like are this program's own, and fail from a certain call on.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#include "input/config.h"
#include "input/json.h"
#include "input/oci_state.h"
#include "iptables/layout.h"
#include "iptables/layout_forward.h"
#include "iptables/layout_network.h"
#include "iptables/layout_static.h"
#include "nftables/layout_network.h"
#include "state/handles.h"
#include "state/interfaces.h"
#include "state/record_json.h"
#include "state/records.h"
#include "tap.h"

#ifndef __SANITIZE_ADDRESS__ /* which has an allocator of its own */

enum { NEVER = -1, MOST = 10000 };

static long left = NEVER; /* allocations that are still made */
static long live;         /* allocations that were not released */
static long made;

static bool is_short(void)
{
	if (left == 0)
		return true;
	left -= left > 0;
	made++;
	return false;
}

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

typedef void *realloc_fn(void *old, size_t size);
typedef void free_fn(void *p);

static void *resize(void *old, size_t size)
{
	static realloc_fn *function;
	void *p;

	if (is_short())
		return NULL;
	if (!function)
		function = (realloc_fn *)next("realloc");
	p = function(old, size);
	live += !old && p;
	return p;
}

void *malloc(size_t size)
{
	return resize(NULL, size ? size : 1);
}

void *calloc(size_t n, size_t size)
{
	size_t bytes;
	char *p = __builtin_mul_overflow(n, size, &bytes) ? NULL : resize(NULL, bytes ? bytes : 1);

	for (size_t i = 0; p && i < bytes; i++)
		((volatile char *)p)[i] = 0;
	return p;
}

void *realloc(void *old, size_t size)
{
	return resize(old, size ? size : 1);
}

void free(void *p)
{
	static free_fn *function;

	if (!function)
		function = (free_fn *)next("free");
	live -= p != NULL;
	function(p);
}

static const char config_text[] =
	"{\"backend\":\"nftables\",\"dynamic_ports\":\"61000-65535\",\"sources\":[\"natmap\",\"kubelet\"],"
	"\"network\":{\"bridge\":\"br9\",\"subnets\":[\"10.9.0.0/24\",\"fd00:9::/64\"]},"
	"\"policy\":{\"host_ports\":\"1-65535\",\"host_addresses\":[\"192.0.2.0/24\",\"::/"
	"0\"],\"address\":[\"10.0.0.0/8\"]},"
	"\"static\":{\"dnat\":[{\"name\":\"mail\",\"external_address\":\"203.0.113.43\",\"external_"
	"interface\":\"eth0\","
	"\"internal_address\":\"10.10.10.101\",\"ports\":\"25,465,8000-8010\",\"protocol\":\"tcp\"}],"
	"\"snat\":[{\"name\":\"out\",\"internal_address\":\"10.10.10.101\",\"external_address\":\"203.0.113."
	"43\"}],"
	"\"hairpin\":[{\"name\":\"in\",\"external_address\":\"203.0.113.43\",\"internal_address\":\"10.10.10."
	"101\","
	"\"ports\":\"25,465\",\"protocol\":\"tcp\",\"lan\":\"10.10.10.0/24\"}]}}";
static const char state_text[] =
	"{\"ociVersion\":\"1.0.2\",\"id\":\"w\\u0065b\",\"status\":\"creating\",\"pid\":4321,\"bundle\":\"/"
	"b\",\"annotations\":{"
	"\"io.natmap.ports\":\"8080:80,0.0.0.0:5000-5010:6000-6010/udp\",\"io.natmap.address\":\"10.0.0.2/"
	"24\","
	"\"io.natmap.interface\":\"eth0\",\"io.natmap.allow\":\"192.0.2.0/24,fd00::/8\",\"x\":\"y\"}}";
static const char kubelet_text[] =
	"{\"id\":\"web\",\"status\":\"creating\",\"pid\":4321,\"bundle\":\"/b\",\"annotations\":{"
	"\"io.kubernetes.container.ports\":\"[{\\\"hostPort\\\":8080,\\\"containerPort\\\":80}]\"}}";

/* Each of these does something once, and releases it. */

static int read_config(struct nm_err *err)
{
	nm_autoconfig struct nm_config c;

	nm_config_init(&c);
	if (nm_config_parse(&c, config_text, strlen(config_text), "f", err) < 0)
		return -1;
	*err = c.statics_err;
	return c.statics_err.kind == NM_ERR_NONE ? 0 : -1;
}

static int read_state_of(const char *text, struct nm_err *err)
{
	NM_CLEANUP(nm_oci_state_done) struct nm_oci_state st = {0};
	struct nm_sources sources = {0};

	(void)(nm_sources_add(&sources, "natmap") && nm_sources_add(&sources, "kubelet"));
	return nm_oci_state_parse(text, strlen(text), NM_OCI_STATE_PUBLISH, &sources, &st, err);
}

static int read_state(struct nm_err *err)
{
	return read_state_of(state_text, err);
}

static int read_kubelet(struct nm_err *err)
{
	return read_state_of(kubelet_text, err);
}

static int read_lists(struct nm_err *err)
{
	nm_automappings struct nm_mappings m = {0};
	nm_autoprefixes struct nm_prefixes p = {0};

	if (nm_mappings_parse("1,2,3,4,5,6,7,8,9,10", &m, err) < 0)
		return -1;
	return nm_prefixes_parse("::1,::2,::3,::4,::5,::6,::7,::8,::9", 9, "allow", NM_ERR_REFUSED, &p, err);
}

static char id[] = "web", bundle[] = "/b";

/* A record that borrows from its arguments. */
static int make_record(struct nm_record *r, struct nm_mappings *m, struct nm_prefixes *p, struct nm_err *err)
{
	if (nm_mappings_parse("8080:80,0.0.0.0:5000-5010:6000-6010/udp", m, err) < 0 ||
		nm_prefixes_parse("192.0.2.0/24,fd00::/8", 9, "allow", NM_ERR_REFUSED, p, err) < 0)
		return -1;
	*r = (struct nm_record){.id = id,
		.bundle = bundle,
		.families = NM_BOTH_FAMILIES,
		.address = {p->v[0], p->v[1]},
		.localnet = "br0",
		.bridge_port = "veth0",
		.hairpin_set = true,
		.restricted = true,
		.networks = *p,
		.allow = *p,
		.mappings = *m};
	return 0;
}

/* Copied, written, and read back. */
static int keep_record(struct nm_err *err)
{
	nm_automappings struct nm_mappings m = {0};
	nm_autoprefixes struct nm_prefixes p = {0};
	nm_autorecord struct nm_record copy = {0}, again = {0};
	nm_autorecords struct nm_records list = {0};
	nm_autojsonwriter struct nm_json_writer *w = NULL;
	struct nm_interfaces interfaces = {0};
	struct nm_record r;
	const char *line;
	size_t len;
	int rc;

	if (make_record(&r, &m, &p, err) < 0 || nm_record_copy(&r, &copy, err) < 0)
		return -1;
	rc = nm_interfaces_add(&interfaces, &r, err);
	nm_interfaces_done(&interfaces);
	if (rc < 0 || nm_records_add(&list, &copy, err) < 0)
		return -1;
	w = nm_json_writer_new();
	nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
	nm_json_write_integer(w, "live", 1);
	nm_record_json_write(&r, w);
	nm_json_write_end(w, NM_JSON_OBJECT);
	line = nm_json_writer_finish(w, &len, err);
	return line ? nm_record_json_read(line, len, &again, err) : -1;
}

static const struct nm_layout_options options = {.localhost = true, .hairpin = true};

static int make_publication(
	struct nm_publication *pub, struct nm_mappings *m, struct nm_prefixes *p, struct nm_err *err)
{
	struct nm_record r;

	if (make_record(&r, m, p, err) < 0)
		return -1;
	*pub = (struct nm_publication){.id = id,
		.families = NM_BOTH_FAMILIES,
		.address = {p->v[0], p->v[1]},
		.networks = p->v,
		.n_networks = p->n,
		.mappings = m->v,
		.n_mappings = m->n,
		.restricted = true,
		.allow = p->v,
		.n_allow = p->n};
	return 0;
}

static const struct nm_network_part part = {
	.kind = NM_NETWORK_PART_BRIDGE, .owner = "@network/br0", .accept_owner = "@nftables/br0"};

static int add_rules(struct nm_rules *rules, const struct nm_publication *pub, struct nm_err *err)
{
	if (nm_iptables_layout(pub, &options, rules, err) < 0 ||
		nm_iptables_layout_guard("@localnet/br0", rules, err) < 0 ||
		nm_iptables_layout_base(NM_BOTH_FAMILIES, rules, err) < 0 ||
		nm_iptables_layout_forward(NM_IPV4, "@forward/br0", true, rules, err) < 0)
		return -1;
	return nm_iptables_layout_network(&part, rules, err);
}

static int lay_out_rules(struct nm_err *err)
{
	nm_automappings struct nm_mappings m = {0};
	nm_autoprefixes struct nm_prefixes p = {0};
	NM_CLEANUP(nm_rules_done) struct nm_rules rules = {0};
	NM_CLEANUP(nm_hash_index_done) struct nm_hash_index index = {0};
	struct nm_publication pub;

	if (make_publication(&pub, &m, &p, err) < 0 || add_rules(&rules, &pub, err) < 0)
		return -1;
	return nm_rules_index(&rules, &index, err);
}

static int lay_out_elements(struct nm_err *err)
{
	nm_automappings struct nm_mappings m = {0};
	nm_autoprefixes struct nm_prefixes p = {0};
	NM_CLEANUP(nm_nftables_layout_done) struct nm_nftables_elements e = {0};
	struct nm_publication pub;

	if (make_publication(&pub, &m, &p, err) < 0 || nm_nftables_layout(&pub, &options, &e, err) < 0 ||
		nm_nftables_layout_guard("@localnet/br0", &e, err) < 0 ||
		nm_nftables_layout_forward(NM_IPV4, "@forward/br0", true, &e, err) < 0)
		return -1;
	return nm_nftables_layout_network(&part, &e, err);
}

static int lay_out_statics(struct nm_err *err)
{
	nm_autoconfig struct nm_config c;
	NM_CLEANUP(nm_rules_done) struct nm_rules rules = {0};

	nm_config_init(&c);
	if (nm_config_parse(&c, config_text, strlen(config_text), "f", err) < 0)
		return -1;
	*err = c.statics_err;
	if (c.statics_err.kind != NM_ERR_NONE || nm_iptables_layout_static(&c.statics, &rules, err) < 0)
		return -1;
	return nm_iptables_layout_forward_static(&c.statics, &rules, err);
}

static const struct {
	const char *name;
	int (*run)(struct nm_err *err);
	bool loses; /* what a parser of JSON had: input/json.c */
} operations[] = {
	{"reading the configuration", read_config, true},
	{"reading a container's state", read_state, true},
	{"reading kubelet's annotation", read_kubelet, true},
	{"reading lists", read_lists, false},
	{"keeping a record", keep_record, true},
	{"making iptables' rules", lay_out_rules, false},
	{"making nftables' elements", lay_out_elements, false},
	{"making static rules", lay_out_statics, true},
};

static int run_short(int (*run)(struct nm_err *err), long n, struct nm_err *err)
{
	int rc;

	left = n;
	rc = run(err);
	left = NEVER;
	return rc;
}

int main(void)
{
	nm_each(row, operations) {
		unsigned unsaid = 0, lost = 0;
		struct nm_err err = {.msg = ""};
		long before = live, all = -made, n = 0;
		int rc = row->run(&err);

		all += made;
		if (!tap_ok(rc == 0 && live == before, "%s: %s", row->name, err.msg))
			continue;
		before = live; /* of which tap_ok() may have some more */
		for (; n < MOST && run_short(row->run, n, &err) < 0; n++) {
			unsaid += err.kind != NM_ERR_FAILED || !strstr(err.msg, "memory");
			lost += live != before && !row->loses;
			before = live;
			err = (struct nm_err){.msg = ""};
		}
		tap_ok(n == all && !unsaid, "%s: %ld allocations, each of which may fail", row->name, n);
		tap_ok(!lost, "%s: and nothing is lost", row->name);
	}
	return tap_done();
}

#else

int main(void)
{
	tap_ok(true, "with the address sanitizer, memory is never short");
	return tap_done();
}

#endif
