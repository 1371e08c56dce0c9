/* network/faults.c: what the network of a container lacks, by what its parts are. What the kernel tells of
 * them is in 620-network-recovery.bats. */
#include "network/faults.h"

#include <string.h>

#include "network/names.h"
#include "given.h"

enum { LOWER_UP = 1 << 16, BRIDGE = 7, PORT = 9 };

static const struct nm_attachment *web(void)
{
	static struct nm_attachment a = {.bridge = "nmtest0", .port = "nm1", .families = NM_BOTH_FAMILIES};

	a.address[NM_IPV4] = prefix("10.86.0.5/24");
	a.address[NM_IPV6] = prefix("fd00:86::5/64");
	return &a;
}

/* As they are to be, sorted by name. */
static void set_links(struct nm_rtnl_link v[static 2])
{
	v[0] = (struct nm_rtnl_link){.found = true,
		.ifindex = PORT,
		.name = "nm1",
		.kind = "veth",
		.alias = "natmap:web",
		.flags = IFF_UP | LOWER_UP,
		.peer_elsewhere = true,
		.master = BRIDGE,
		.bridge_port = true,
		.hairpin = true};
	v[1] = (struct nm_rtnl_link){.found = true,
		.ifindex = BRIDGE,
		.name = "nmtest0",
		.kind = "bridge",
		.alias = NM_NAMES_BRIDGE,
		.flags = IFF_UP};
}

enum part {
	PORT_DOWN,
	PEER_DOWN,
	NO_MASTER,
	NO_HAIRPIN,
	ISOLATED,
	OTHER_ALIAS,
	NO_PORT,
	NOT_MOVED,
	OTHER_BRIDGE,
	BRIDGE_DOWN,
	NO_ADDRESS,
	OTHER_LENGTH,
	ELSEWHERE,
	NOTHING
};

static void damage(enum part part, struct nm_rtnl_link v[static 2], struct nm_rtnl_address a[static 2])
{
	v[0].flags &= part == PORT_DOWN ? 0u : part == PEER_DOWN ? IFF_UP : ~0u;
	v[0].master = part == NO_MASTER ? 0 : v[0].master;
	v[0].hairpin = part != NO_HAIRPIN;
	v[0].port_isolated = part == ISOLATED;
	v[0].peer_elsewhere = part != NOT_MOVED;
	if (part == OTHER_ALIAS)
		memcpy(v[0].alias, "natmap:we", sizeof("natmap:we"));
	if (part == NO_PORT)
		memcpy(v[0].name, "nm0", sizeof("nm0"));
	if (part == OTHER_BRIDGE)
		v[1].alias[0] = '\0';
	v[1].flags = part == BRIDGE_DOWN ? 0 : v[1].flags;
	a[0].prefix = part == NO_ADDRESS ? prefix("10.86.0.2/24") : a[0].prefix;
	a[0].prefix.len = part == OTHER_LENGTH ? 25 : a[0].prefix.len;
	a[1].ifindex = part == ELSEWHERE ? 3 : a[1].ifindex;
}

static void test_host(void)
{
	static const struct {
		enum part part;
		const char *text; /* of the only fault; NULL: none */
		bool inside;
	} rows[] = {{NOTHING, NULL, false}, {PORT_DOWN, "interface 'nm1' of container 'web' is down", false},
		{PEER_DOWN, "'eth0' of container 'web' is down", true},
		{NO_MASTER, "interface 'nm1' of container 'web' is not on bridge 'nmtest0'", false},
		{NO_HAIRPIN, "hairpin mode of interface 'nm1' of container 'web' is off", false},
		{ISOLATED, "isolation of interface 'nm1' of container 'web' is on", false},
		{OTHER_ALIAS, "interface 'nm1' is not that of container 'web'", true},
		{NOT_MOVED, "interface 'nm1' is not that of container 'web'", true},
		{NO_PORT, "interface 'nm1' of container 'web' is missing", true},
		{OTHER_BRIDGE, "interface 'nmtest0' is not the bridge that natmap has made", false},
		{BRIDGE_DOWN, "bridge 'nmtest0' is down", false},
		{NO_ADDRESS, "bridge 'nmtest0' does not have its address 10.86.0.1/24", false},
		{OTHER_LENGTH, "bridge 'nmtest0' does not have its address 10.86.0.1/24", false},
		{ELSEWHERE, "bridge 'nmtest0' does not have its address fd00:86::1/64", false}};

	nm_each(row, rows) {
		struct nm_rtnl_address addresses[] = {
			{.ifindex = BRIDGE, .prefix = prefix("10.86.0.1/24"), .global = true},
			{.ifindex = BRIDGE, .prefix = prefix("fd00:86::1/64"), .global = true}};
		struct nm_rtnl_link links[2];
		const struct nm_faults_host host = {{links, 2, 2}, {addresses, 2, 2}};
		NM_CLEANUP(nm_faults_done) struct nm_faults found = {0};
		struct nm_err err;

		set_links(links);
		damage(row->part, links, addresses);
		tap_ok(nm_faults_of_bridge(&host, web(), &found, &err) == 0 &&
				nm_faults_of_port(&host, "web", web(), true, &found, &err) == 0,
			"compared");
		tap_ok(found.n == (row->text ? 1 : 0), "%s: the only fault", row->text ? row->text : "none");
		if (found.n > 0 && row->text != NULL) {
			tap_is(found.v[0].text, row->text, "its text");
			tap_ok(found.v[0].inside == row->inside, "its place");
		}
	}
}

static void test_container(void)
{
	struct nm_rtnl_address addresses[] = {{.ifindex = 2, .prefix = prefix("10.86.0.5/24")},
		{.ifindex = 2, .prefix = prefix("fd00:86::6/64")}};
	const struct nm_rtnl_addresses all = {addresses, 2, 2};
	NM_CLEANUP(nm_faults_done) struct nm_faults found = {0};
	struct nm_err err;

	tap_ok(nm_faults_of_container(&all, NM_IPV6_BIT, "web", web(), &found, &err) == 0 && found.n == 2,
		"an address and a route");
	if (found.n == 2) {
		tap_is(found.v[0].text, "container 'web' does not have its address fd00:86::5/64",
			"the address");
		tap_is(found.v[1].text, "container 'web' has no IPv4 default route", "the route");
		tap_ok(found.v[0].inside && found.v[1].inside, "in the container");
	}
}

int main(void)
{
	test_host();
	test_container();
	return tap_done();
}
