#include "model/publication.h"

#include "tap.h"

#define N(a) (sizeof(a) / sizeof(*(a)))

static const struct nm_layout_options localhost = {.localhost = true};
static const struct nm_layout_options no_localhost = {.hairpin = true, .masquerade_all = true};

static void test_localnet(void)
{
	static const struct {
		const char *ports;
		bool expected;
	} rows[] = {
		{"80", true},
		{"0.0.0.0:80", true},
		{"127.0.0.1:80", true},
		{"127.9.9.9:80", true},
		{"[::]:80", false},
		{"192.0.2.1:80", false},
		{"[2001:db8::1]:80", false},
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct nm_mappings m = {0};
		struct nm_err err;

		if (nm_mappings_parse(rows[i].ports, &m, &err) < 0) {
			tap_ok(false, "%s", err.msg);
			continue;
		}
		tap_ok(nm_publication_needs_localnet(m.v, &localhost) == rows[i].expected,
			"%s %s route_localnet", rows[i].ports, rows[i].expected ? "needs" : "does not need");
		tap_ok(!nm_publication_needs_localnet(m.v, &no_localhost), "and never with localhost off");
		nm_mappings_done(&m);
	}
}

static void test_guard_owner(void)
{
	char owner[NM_PUBLICATION_GUARD_SIZE];

	tap_is(nm_publication_guard_owner("br0", owner), "@localnet/br0", "the guard of a bridge");
	tap_is(nm_publication_guard_owner("a23456789012345", owner), "@localnet/a23456789012345",
		"and of the longest name");
	tap_is(nm_publication_forward_owner("br0", owner), "@forward/br0",
		"what keeps its forwarding closed");
	tap_is(nm_publication_forward_owner("a23456789012345", owner), "@forward/a23456789012345",
		"and of the longest name");
}

int main(void)
{
	test_localnet();
	test_guard_owner();
	return tap_done();
}
