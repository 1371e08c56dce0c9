/* iptables/layout.c: all rules of static entries, exactly, as "FAMILY TABLE RULE" a line.
 */
#include <stdlib.h>

#include "input/config.h"
#include "iptables/layout_static.h"
#include "iptables/print.h"
#include "tap.h"

enum { TEXT_MAX = 16384 };

static const char *print(const struct nm_rules *rules, char out[static TEXT_MAX])
{
	char rule[NM_RULE_STRLEN];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < rules->n && used < TEXT_MAX; i++)
		used += (size_t)snprintf(out + used, TEXT_MAX - used, "%c %s %s\n",
			rules->v[i].family == NM_IPV4 ? '4' : '6', nm_rule_table_name(rules->v[i].table),
			nm_iptables_print_rule(&rules->v[i], rule));
	return out;
}

#define STATIC(kind, text) "{\"static\":{\"" kind "\":[{\"name\":\"mail\"," text "}]}}"
#define EXT                "\"external_address\":\"203.0.113.43\","
#define INT                "\"internal_address\":\"10.10.10.101\""
#define EXT6               "\"external_address\":\"2001:db8::43\","
#define INT6               "\"internal_address\":\"fd00::101\""
#define PORTS(p)           ",\"ports\":\"" p "\""
#define PROTO(p)           ",\"protocol\":\"" p "\""
#define ON                 "\"external_interface\":\"eth0\","
#define LAN(p)             ",\"lan\":\"" p "\""

#define BY(kind)      " -m comment --comment \"natmap:@" kind "/mail\" -j "
#define TO            BY("dnat") "DNAT --to-destination 10.10.10.101\n"
#define TO6           BY("dnat") "DNAT --to-destination fd00::101\n"
#define HAIRPIN_TO    BY("hairpin") "DNAT --to-destination 10.10.10.101\n"
#define HAIRPIN_TO6   BY("hairpin") "DNAT --to-destination fd00::101\n"
#define TCP(p)        " -p tcp -m tcp --dport " p
#define UDP           " -p udp -m udp --dport 25"
#define MULTI(p)      " -p tcp -m multiport --dports " p
#define CT            " -m conntrack --ctstate DNAT"
#define CT_AT         CT " --ctorigdst 203.0.113.43"
#define CT_AT6        CT " --ctorigdst 2001:db8::43"
#define ORIG(p)       " --ctorigdstport " p
#define ACCEPT(p)     "4 filter -A NATMAP -d 10.10.10.101/32" TCP(p) CT ORIG(p) BY("dnat") "ACCEPT\n"
#define ACCEPT_AT(p)  "4 filter -A NATMAP -d 10.10.10.101/32" TCP(p) CT_AT ORIG(p) BY("dnat") "ACCEPT\n"
#define PREROUTING    "4 nat -A PREROUTING -d 203.0.113.43/32"
#define OUTPUT        "4 nat -A OUTPUT -d 203.0.113.43/32"
#define POSTROUTING   "4 nat -I POSTROUTING -s "
#define MASQUERADE(p) " -d 10.10.10.101/32" TCP(p) CT_AT ORIG(p) BY("hairpin") "MASQUERADE\n"
#define NOT_LOCAL     " ! -s fe80::/10 -d 2001:db8::43/128"
#define SCTP6         " -p sctp -m sctp --dport 25"
#define OWN6          " -d fd00::101/128" SCTP6 CT_AT6 ORIG("25") BY("hairpin")

static const struct {
	const char *name, *text, *expected;
} rows[] = {
	{"dnat, one port", STATIC("dnat", EXT INT PORTS("25")),
		PREROUTING TCP("25") TO OUTPUT TCP("25") TO ACCEPT_AT("25")},
	{"dnat, a range, on an interface", STATIC("dnat", EXT ON INT PORTS("8000-8010")),
		PREROUTING " -i eth0" TCP("8000:8010") TO OUTPUT TCP("8000:8010") TO ACCEPT_AT("8000:8010")},
	{"dnat, ports and ranges", STATIC("dnat", EXT INT PORTS("25,465,8000-8010")),
		PREROUTING MULTI("25,465,8000:8010") TO OUTPUT MULTI("25,465,8000:8010") TO ACCEPT_AT("25")
			ACCEPT_AT("465") ACCEPT_AT("8000:8010")},
	{"dnat, 15 ports are one rule", STATIC("dnat", INT PORTS("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15")),
		"4 nat -A NATMAP" MULTI("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15") TO ACCEPT("1") ACCEPT("2")
			ACCEPT("3") ACCEPT("4") ACCEPT("5") ACCEPT("6") ACCEPT("7") ACCEPT("8") ACCEPT("9")
				ACCEPT("10") ACCEPT("11") ACCEPT("12") ACCEPT("13") ACCEPT("14")
					ACCEPT("15")},
	{"dnat, the range that does not fit begins the next rule",
		STATIC("dnat", INT PORTS("1-2,3-4,5-6,7-8,9-10,11-12,13-14,15-16,17")),
		"4 nat -A NATMAP" MULTI("1:2,3:4,5:6,7:8,9:10,11:12,13:14") TO
		"4 nat -A NATMAP" MULTI("15:16,17") TO ACCEPT("1:2") ACCEPT("3:4") ACCEPT("5:6") ACCEPT("7:8")
			ACCEPT("9:10") ACCEPT("11:12") ACCEPT("13:14") ACCEPT("15:16") ACCEPT("17")},
	{"dnat, one port is left over", STATIC("dnat", INT PORTS("1-2,3-4,5-6,7-8,9-10,11-12,13-14,15,16")),
		"4 nat -A NATMAP" MULTI("1:2,3:4,5:6,7:8,9:10,11:12,13:14,15") TO "4 nat -A NATMAP" TCP("16")
			TO ACCEPT("1:2") ACCEPT("3:4") ACCEPT("5:6") ACCEPT("7:8") ACCEPT("9:10")
				ACCEPT("11:12") ACCEPT("13:14") ACCEPT("15") ACCEPT("16")},
	{"dnat, any address of the host, on an interface", STATIC("dnat", ON INT PORTS("25") PROTO("udp")),
		"4 nat -A NATMAP -i eth0" UDP TO "4 filter -A NATMAP -d 10.10.10.101/32" UDP CT ORIG("25")
			BY("dnat") "ACCEPT\n"},
	{"dnat, IPv6", STATIC("dnat", EXT6 ON INT6 PORTS("25") PROTO("sctp")),
		"6 nat -A PREROUTING" NOT_LOCAL " -i eth0" SCTP6 TO6 "6 nat -A OUTPUT" NOT_LOCAL SCTP6 TO6
		"6 filter -A NATMAP -d fd00::101/128" SCTP6 CT_AT6 ORIG("25") BY("dnat") "ACCEPT\n"},
	{"dnat, IPv6, any address of the host", STATIC("dnat", INT6 PORTS("25,26")),
		"6 nat -A NATMAP ! -s fe80::/10" MULTI("25,26") TO6 "6 filter -A NATMAP -d fd00::101/128" TCP(
			"25") CT ORIG("25") BY("dnat") "ACCEPT\n"
						       "6 filter -A NATMAP -d fd00::101/128" TCP("26")
							       CT ORIG("26") BY("dnat") "ACCEPT\n"},
	{"snat", STATIC("snat", EXT INT),
		POSTROUTING "10.10.10.101/32" BY("snat") "SNAT --to-source 203.0.113.43\n"},
	{"snat of a network, on an interface",
		STATIC("snat", EXT ON "\"internal_address\":\"10.10.10.7/24\""),
		POSTROUTING "10.10.10.0/24 -o eth0" BY("snat") "SNAT --to-source 203.0.113.43\n"},
	{"snat, IPv6", STATIC("snat", EXT6 ON INT6),
		"6 nat -I POSTROUTING -s fd00::101/128 -o eth0" BY("snat") "SNAT --to-source 2001:db8::43\n"},
	{"hairpin of a network", STATIC("hairpin", EXT INT PORTS("25,465") LAN("10.10.10.0/24")),
		POSTROUTING "10.10.10.0/24" MASQUERADE("25") POSTROUTING "10.10.10.0/24" MASQUERADE("465")},
	{"hairpin of the host itself", STATIC("hairpin", EXT INT PORTS("25,465-466")),
		"4 nat -A PREROUTING -s 10.10.10.101/32 -d 203.0.113.43/32" MULTI("25,465:466")
			HAIRPIN_TO POSTROUTING "10.10.10.101/32" MASQUERADE("25") POSTROUTING
		"10.10.10.101/32" MASQUERADE(
			"465:466") "4 filter -A NATMAP -s 10.10.10.101/32 -d 10.10.10.101/32" TCP("25")
			CT_AT ORIG("25") BY(
				"hairpin") "ACCEPT\n"
					   "4 filter -A NATMAP -s 10.10.10.101/32 -d 10.10.10.101/32" TCP(
						   "465:466") CT_AT ORIG("465:466") BY("hairpin") "ACCEPT\n"},
	{"hairpin, IPv6", STATIC("hairpin", EXT6 INT6 PORTS("25") PROTO("sctp")),
		"6 nat -A PREROUTING -s fd00::101/128 -d 2001:db8::43/128" SCTP6 HAIRPIN_TO6
		"6 nat -I POSTROUTING -s fd00::101/128" OWN6 "MASQUERADE\n"
		"6 filter -A NATMAP -s fd00::101/128" OWN6 "ACCEPT\n"},
	{"none", "{\"static\":{}}", ""},
};

/* Order of kinds and entries: that of the document. */
static void test_order(void)
{
	static const char text[] =
		"{\"static\":{\"snat\":[{\"name\":\"b\"," EXT "\"internal_address\":\"10.0.0.2\"},{\"name\":"
		"\"a\"," EXT "\"internal_address\":\"10.0.0.1\"}],\"dnat\":[]}}";
	struct nm_rules rules = {0};
	struct nm_config c;
	struct nm_err err;

	nm_config_init(&c);
	if (nm_config_parse(&c, text, strlen(text), "f", &err) < 0 ||
		nm_config_require_statics(&c, &err) < 0 ||
		nm_iptables_layout_static(&c.statics, &rules, &err) < 0)
		tap_ok(false, "%s", err.msg);
	tap_ok(rules.n == 2 && rules.v[0].place == NM_PLACE_AFTER_HEAD &&
			!strcmp(rules.v[0].owner, "@snat/b") && !strcmp(rules.v[1].owner, "@snat/a"),
		"entries keep their order, and SNAT stands behind what belongs to the head");
	nm_rules_done(&rules);
	nm_config_done(&c);
}

static void test_rows(void)
{
	static char got[TEXT_MAX];

	nm_each(row, rows) {
		struct nm_rules rules = {0};
		struct nm_config c;
		struct nm_err err;

		nm_config_init(&c);
		if (nm_config_parse(&c, row->text, strlen(row->text), "f", &err) < 0 ||
			nm_config_require_statics(&c, &err) < 0 ||
			nm_iptables_layout_static(&c.statics, &rules, &err) < 0)
			tap_ok(false, "%s", err.msg);
		tap_is(print(&rules, got), row->expected, "%s", row->name);
		nm_rules_done(&rules);
		nm_config_done(&c);
	}
}

int main(void)
{
	test_rows();
	test_order();
	return tap_done();
}
