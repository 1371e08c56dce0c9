/* network/names.c: names and marks of interfaces. */
#include "network/names.h"
#include "tap.h"

static const char *mac(const struct nm_attachment *a, char buf[static 18])
{
	uint8_t m[NM_LINK_MAC_SIZE];

	nm_names_mac(a, m);
	(void)snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	return buf;
}

static void test_names(void)
{
	char name[IF_NAMESIZE], other[IF_NAMESIZE];

	tap_is(nm_names_port("web", name), "nme11948724051", "the port of an id");
	tap_ok(strcmp(name, nm_names_port("web2", other)) != 0, "another id has another one");
	tap_is(nm_names_aside(4294967295u, name), "nm-4294967295", "the name of one that goes");
	tap_ok(nm_names_is_aside(name) && !nm_names_is_aside(other), "is known again");
}

static void test_macs(void)
{
	const struct nm_attachment both = {.families = NM_BOTH_FAMILIES,
					   .address = {{{NM_IPV4, {10, 86, 0, 5}}, 24},
						   {{NM_IPV6, {0xfd, [15] = 5}}, 64}}},
				   ipv6 = {.families = NM_IPV6_BIT,
					   .address = {[NM_IPV6] = {{NM_IPV6, {0xfd, [15] = 5}}, 64}}},
				   other = {.families = NM_IPV6_BIT,
					   .address = {[NM_IPV6] = {{NM_IPV6, {0xfd, [15] = 6}}, 64}}};
	char text[18], second[18];

	tap_is(mac(&both, text), "02:42:0a:56:00:05", "of IPv4, the address itself");
	tap_ok(!strncmp(mac(&ipv6, text), "02:46:", 6), "of IPv6, a hash");
	tap_ok(strcmp(text, mac(&other, second)) != 0, "another one for another address");
}

static void test_marks(void)
{
	static const struct {
		const char *kind, *alias;
		bool bridge, end;
	} rows[] = {
		{"bridge", "natmap", true, false},
		{"bridge", "natmap:web", false, false},
		{"bridge", "", false, false},
		{"veth", "natmap", false, false},
		{"veth", "natmap:web", false, true},
		{"dummy", "natmap:web", false, false},
	};

	nm_each(row, rows) {
		struct nm_rtnl_link link = {.found = true};

		(void)snprintf(link.kind, sizeof(link.kind), "%s", row->kind);
		(void)snprintf(link.alias, sizeof(link.alias), "%s", row->alias);
		tap_ok(nm_names_is_bridge(&link) == row->bridge && nm_names_is_end(&link) == row->end,
			"%s with the alias '%s'", row->kind, row->alias);
	}
}

int main(void)
{
	test_names();
	test_macs();
	test_marks();
	return tap_done();
}
