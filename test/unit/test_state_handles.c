/* state/handles.c: the text in records, and which rules it is about. */
#include <string.h>

#include "state/handles.h"
#include "tap.h"

static void test_text(void)
{
	static const struct {
		const char *text;
		size_t n; /* 0: it is none */
		bool known;
	} cases[] = {
		{"n0000002a", 1, true},
		{"n0000002a o0000002b p0000002c f00000001 r00000001", 5, true},
		{"N0000002a n0000002a", 2, true},
		{"n0000002a o0000002a", 2, false}, /* a handle is one rule's in its table */
		{"n0000002a f0000002a", 2, true},
		{"n0000002a o00000000", 2, false},
		{"nffffffff", 1, true},
		{"", 0, false},
		{"n0000002", 0, false},
		{"n0000002a ", 0, false},
		{"n0000002A", 0, false},
		{"x0000002a", 0, false},
		{"n-000002a", 0, false},
		{"n0000002a,o0000002b", 0, false},
		{"n0000002a o 000002b", 0, false},
	};
	char buf[NM_HANDLES_STRLEN];
	struct nm_err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct nm_handles h = {0};

		tap_ok(nm_handles_parse(cases[i].text, strlen(cases[i].text), &h, &err) == 0 &&
				h.n == cases[i].n && nm_handles_known(&h) == cases[i].known &&
				!strcmp(nm_handles_print(&h, buf), h.n > 0 ? cases[i].text : ""),
			"'%s'", cases[i].text);
		nm_handles_done(&h);
	}
}

/* More than a record has room for. */
static void test_too_long(void)
{
	char text[NM_HANDLES_STRLEN + 10], buf[NM_HANDLES_STRLEN];
	struct nm_handles h = {0};
	struct nm_err err;

	for (size_t i = 0; i <= NM_HANDLES_MAX; i++)
		memcpy(text + 10 * i, "n00000001 ", 10);
	tap_ok(nm_handles_parse(text, 10 * NM_HANDLES_MAX - 1, &h, &err) == 0 && h.n == NM_HANDLES_MAX &&
			!strncmp(nm_handles_print(&h, buf), text, 10 * NM_HANDLES_MAX - 1),
		"as many as there may be");
	tap_ok(nm_handles_parse(text, 10 * NM_HANDLES_MAX + 9, &h, &err) == 0 && h.n == 0, "one too many");
	nm_handles_done(&h);
}

static void test_rules(void)
{
	static const char web[] = "web", other[] = "other";
	struct nm_rule v[] = {
		{.table = NM_TABLE_FILTER, .chain = NM_CHAIN_FORWARD},
		{.table = NM_TABLE_NAT, .chain = NM_CHAIN_NATMAP, .owner = web},
		{.table = NM_TABLE_NAT, .chain = NM_CHAIN_OUTPUT, .owner = other},
		{.family = NM_IPV6, .table = NM_TABLE_NAT, .chain = NM_CHAIN_POSTROUTING, .owner = web},
	};
	const struct nm_rules rules = {.v = v, .n = sizeof(v) / sizeof(*v)};
	const uint64_t numbers[] = {1, 2, 3, 4}, large[] = {1, 2, 3, UINT64_C(1) << 32};
	char buf[NM_HANDLES_STRLEN];
	struct nm_handles h = {0};
	struct nm_err err;

	tap_ok(nm_handles_reserve(&h, &rules, web, &err) == 0 && h.n == 2 && !nm_handles_known(&h) &&
			!strcmp(nm_handles_print(&h, buf), "n00000000 P00000000"),
		"room for the rules of the owner");
	nm_handles_fill(&h, &rules, web, numbers);
	tap_ok(nm_handles_known(&h) && !strcmp(nm_handles_print(&h, buf), "n00000002 P00000004"),
		"their handles");
	tap_ok(nm_handles_fit(&h, &rules, 0, web) && !nm_handles_fit(&h, &rules, 2, web) &&
			!nm_handles_fit(&h, &rules, 0, other),
		"as many as there are");
	nm_handles_fill(&h, &rules, web, large);
	tap_ok(!nm_handles_known(&h), "a handle without room is unknown");
	v[1].chain = NM_CHAIN_INPUT;
	tap_ok(nm_handles_reserve(&h, &rules, web, &err) == 0 && h.n == 0, "a chain that has no letter");
	nm_handles_done(&h);
}

int main(void)
{
	test_text();
	test_too_long();
	test_rules();
	return tap_done();
}
