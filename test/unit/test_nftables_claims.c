/* nftables/claims.c: who holds a key and what is known of it, however many keys there
 * are; and what nftables/compare_elements.c makes of that. */
#include <stdlib.h>

#include "nftables/compare_elements.h"
#include "tap.h"

enum { MANY = 10000, HOLDERS_MAX = 3, TEXT_MAX = 96 };

/* A holder is "Ca1": it (C)omes, (S)tays or (L)eaves; its owner; and its data. What is in the kernel is "a1":
 * whose comment, or '?' for none; and its data, or none. Whoever is wanted is said by owner and data. */
struct row {
	const char *holders, *present; /* separated by blanks; NULL: not there */
	const char *wanted, *flags, *edit;
};

static const char *const owners[] = {"a", "b", "c"};

static struct nm_nftables_element element(const char *of)
{
	struct nm_nftables_element e = {
		.set = NM_SET_PORTS, .key = {6, 0, 0, 0, 0x1f, 0x90}, .owner_ports = {8080, 8080}};

	e.owner = owners[of[0] - 'a'];
	e.data[0] = (uint8_t)of[1];
	return e;
}

static void say_flag(char text[static TEXT_MAX], bool flag, const char *name)
{
	size_t used = strlen(text);

	if (flag)
		(void)snprintf(text + used, TEXT_MAX - used, "%s%s", used ? " " : "", name);
}

static void check_flags(const struct row *row, const struct nm_nftables_claim *entry)
{
	char text[TEXT_MAX] = "";

	say_flag(text, entry->changes, "changes");
	say_flag(text, entry->new, "new");
	say_flag(text, entry->look, "look");
	say_flag(text, entry->present, "present");
	say_flag(text, entry->right, "right");
	say_flag(text, entry->known, "known");
	tap_is(text, row->flags, "'%s' with '%s': flags", row->holders, row->present ? row->present : "");
}

static int note(void *ctx, const struct nm_nftables_edit *edit, struct nm_err *err)
{
	static const char *const kinds[] = {
		[NM_EDIT_MISSING] = "missing", [NM_EDIT_STALE] = "stale", [NM_EDIT_CHANGED] = "changed"};
	char *text = ctx;
	size_t used = strlen(text);

	(void)err;
	(void)snprintf(text + used, TEXT_MAX - used, "%s%s %s %.*s", used ? ", " : "", kinds[edit->kind],
		edit->where, (int)edit->tag_len, edit->tag);
	return 0;
}

static void check_edit(const struct row *row, const struct nm_nftables_claims *index, unsigned families,
	const char *expected)
{
	char text[TEXT_MAX] = "";
	const struct nm_nftables_diff_output output = {.note = note, .ctx = text};
	struct nm_err err;

	tap_ok(nm_nftables_compare_elements(index, families, &output, &err) == 0, "settled");
	tap_is(text, expected, "'%s' with '%s': what is to be done", row->holders,
		row->present ? row->present : "");
}

static void mark_present(
	const struct nm_nftables_claims *index, struct nm_nftables_claim *entry, const char *present)
{
	char tag[] = "natmap:?:8080";
	uint8_t data[NM_ELEMENT_DATA_MAX] = {(uint8_t)present[1]};
	const struct nm_nft_element found = {
		.data = {data, present[1] ? nm_nftables_set_data_size(NM_SET_PORTS, NM_IPV4) : 0},
		.tag = present[0] == '?' ? NULL : tag,
		.tag_len = strlen(tag),
		.counters = {7, 8},
	};

	tag[strlen("natmap:")] = present[0];
	nm_nftables_claims_found(index, entry, &found);
	tap_ok(entry->counters.packets == 7 && entry->counters.bytes == 8, "counters are kept");
}

static enum nm_role hold_of(char c)
{
	return c == 'C' ? NM_ROLE_NEW : c == 'S' ? NM_ROLE_PEER : NM_ROLE_REPLACED;
}

static int add_holders(
	const char *holders, struct nm_nftables_element v[HOLDERS_MAX], struct nm_nftables_claims *index)
{
	struct nm_err err;

	for (size_t i = 0; i < HOLDERS_MAX && *holders; i++) {
		const struct nm_nftables_elements one = {.v = &v[i], .n = 1};

		v[i] = element(holders + 1);
		if (nm_nftables_claims_add(index, &one, hold_of(*holders), &err) < 0)
			return -1;
		holders += holders[3] ? 4 : 3;
	}
	return nm_nftables_claims_make(index, &err);
}

static void run(const struct row *row)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	struct nm_nftables_element v[HOLDERS_MAX] = {0};
	const struct nm_nftables_element *wanted;
	struct nm_nftables_claim *entry;
	char text[3] = "";

	if (!tap_ok(add_holders(row->holders, v, &index) == 0, "an index is made"))
		return;
	entry = nm_nftables_claims_find(&index, &v[0]);
	if (!tap_ok(entry == index.v && entry->is_first, "'%s': the first one is found", row->holders))
		return;
	if (row->present)
		mark_present(&index, entry, row->present);
	wanted = nm_nftables_claims_desired(&index, entry);
	if (wanted) {
		text[0] = wanted->owner[0];
		text[1] = (char)wanted->data[0];
	}
	tap_is(text, row->wanted, "'%s': who is wanted", row->holders);
	check_flags(row, entry);
	check_edit(row, &index, NM_IPV4_BIT | NM_IPV6_BIT, row->edit);
	check_edit(row, &index, NM_IPV6_BIT, "");
}

#define MISSING(x) "missing ports natmap:" x ":8080"
#define STALE(x)   "stale ports natmap:" x ":8080"
#define CHANGED(x) "changed ports natmap:" x ":8080"

static const struct row rows[] = {
	/* one holder: not there, right, wrong data, no data, somebody else's comment, none */
	{"Ca1", NULL, "a1", "changes new", MISSING("a")},
	{"Ca1", "a1", "a1", "changes new present right known", ""},
	{"Ca1", "a2", "a1", "changes new present known", CHANGED("a")},
	{"Ca1", "a", "a1", "changes new present known", CHANGED("a")},
	{"Ca1", "x1", "a1", "changes new present", CHANGED("a")},
	{"Ca1", "?1", "a1", "changes new present", CHANGED("a")},
	{"Sa1", NULL, "a1", "look", ""},
	{"Sa1", "a1", "a1", "look present right known", ""},
	{"Sa1", "a2", "a1", "look present known", ""},
	{"Sa1", "x1", "a1", "look present", ""},
	{"La1", NULL, "", "changes look", ""},
	{"La1", "a1", "", "changes look present known", STALE("a")},
	{"La1", "a2", "", "changes look present known", STALE("a")},
	{"La1", "x1", "", "changes look present", ""},
	{"La1", "?1", "", "changes look present", ""},
	/* one comes, whoever has it */
	{"La1 Cb1", NULL, "b1", "changes new look", MISSING("b")},
	{"La1 Cb1", "a1", "b1", "changes new look present known", CHANGED("b")},
	{"La1 Cb1", "b1", "b1", "changes new look present right known", ""},
	{"La1 Cb1", "x1", "b1", "changes new look present", CHANGED("b")},
	{"Ca2 La1", "a1", "a2", "changes new look present known", CHANGED("a")},
	{"Ca1 La1", "a1", "a1", "changes new look present right known", ""},
	{"Ca1 Cb1", "b1", "a1", "changes new present right known", ""},
	{"Ca1 Cb1", NULL, "a1", "changes new", MISSING("a")},
	{"Cb1 Ca1", NULL, "b1", "changes new", MISSING("b")},
	{"Sa1 Cb1", NULL, "b1", "changes new look", MISSING("b")},
	{"Sa1 Cb1", "a1", "b1", "changes new look present right known", ""},
	{"Sa1 Cb1", "a2", "b1", "changes new look present known", CHANGED("b")},
	/* one leaves, and another keeps it */
	{"La1 Sb1", NULL, "b1", "changes look", ""},
	{"La1 Sb1", "a1", "b1", "changes look present known", CHANGED("b")},
	{"La1 Sb1", "b1", "b1", "changes look present right known", ""},
	{"La1 Sb1", "b2", "b1", "changes look present known", CHANGED("b")},
	{"La1 Sb1", "x1", "b1", "changes look present", ""},
	{"Sb1 Sc1 La1", "a1", "b1", "changes look present known", CHANGED("b")},
	{"Sb1 Sc1 La1", "c1", "b1", "changes look present right known", ""},
	{"Sa1 Sb1", "b1", "a1", "look present right known", ""},
	{"La1 Sa1", "a1", "a1", "changes look present right known", ""},
	{"La1 Lb1", "b1", "", "changes look present known", STALE("a")},
	{"La1 Sb1 Cc1", "a1", "c1", "changes new look present known", CHANGED("c")},
};

static void test_holders(void)
{
	nm_each(row, rows)
		run(row);
}

/* What was found last counts; a comment has to be the same as a whole. */
static void test_found_again(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	struct nm_nftables_element v[HOLDERS_MAX] = {0};
	const uint8_t *data = v[0].data;
	static const char tag[] = "natmap:a:80801";
	struct nm_nft_element found = {.data = {data, 8}, .tag = tag, .tag_len = sizeof(tag) - 2};

	if (!tap_ok(add_holders("Ca1", v, &index) == 0, "an index is made"))
		return;
	nm_nftables_claims_found(&index, index.v, &found);
	tap_ok(index.v->right && index.v->known, "it is right");
	found.tag_len++;
	nm_nftables_claims_found(&index, index.v, &found);
	tap_ok(index.v->present && !index.v->right && !index.v->known, "its comment is longer");
	found.tag_len -= 2;
	nm_nftables_claims_found(&index, index.v, &found);
	tap_ok(!index.v->right && index.v->known, "its comment names another port");
	found = (struct nm_nft_element){.data = {data, 4}, .tag = tag, .tag_len = sizeof(tag) - 2};
	nm_nftables_claims_found(&index, index.v, &found);
	tap_ok(!index.v->right && index.v->known, "its data are shorter");
}

/* An older natmap cut longer owners only: its comment is known, and replaced. */
static void test_old_comment(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	char owner[151], tag[200];
	struct nm_nftables_element e = {.set = NM_SET_PORTS, .owner = owner, .owner_ports = {80, 80}};
	const struct nm_nftables_elements elements = {.v = &e, .n = 1};
	struct nm_nft_element found = {.data = {e.data, 8}, .tag = tag};
	struct nm_err err;

	memset(owner, 'a', sizeof(owner) - 1);
	owner[sizeof(owner) - 1] = '\0';
	found.tag_len = (size_t)snprintf(tag, sizeof(tag), "natmap:%s:80", owner);
	if (!tap_ok(nm_nftables_claims_add(&index, &elements, NM_ROLE_NEW, &err) == 0 &&
			    nm_nftables_claims_make(&index, &err) == 0,
		    "an index is made"))
		return;
	nm_nftables_claims_found(&index, index.v, &found);
	tap_ok(index.v->known && !index.v->right, "an older comment is known");
}

/* An interface's guard may be there although somebody comes who needs it. */
static void test_localnet(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	struct nm_nftables_elements guard = {0};
	struct nm_err err;

	if (tap_ok(nm_nftables_layout_guard("@localnet/br0", &guard, &err) == 0 &&
			    nm_nftables_claims_add(&index, &guard, NM_ROLE_NEW, &err) == 0 &&
			    nm_nftables_claims_make(&index, &err) == 0,
		    "an index of a guard"))
		tap_ok(index.v->look && index.v->new, "a guard is looked for");
	nm_nftables_layout_done(&guard);
}

static void fill_many(struct nm_nftables_elements *all)
{
	for (size_t i = 0; i < MANY; i++) {
		struct nm_nftables_element *e = &all->v[all->n++];

		/* four of each key, which differ in family and set alone */
		*e = (struct nm_nftables_element){.owner = "web"};
		e->family = i & 1 ? NM_IPV6 : NM_IPV4;
		e->set = i & 2 ? NM_SET_OPEN : NM_SET_HOST_PORTS;
		e->key[0] = (uint8_t)(i >> 2);
		e->key[nm_nftables_set_key_size(e->set, e->family) - 1] = (uint8_t)(i >> 10);
	}
}

static void check_many(const struct nm_nftables_elements *all, const struct nm_nftables_claims *index)
{
	size_t wrong = 0, misfits = 0;

	for (size_t i = 0; i < MANY; i++) {
		struct nm_nftables_element other = all->v[i];

		wrong += nm_nftables_claims_find(index, &all->v[i]) != &index->v[i];
		wrong += !index->v[i].is_first || index->v[MANY + i].is_first;
		wrong += nm_nftables_claims_desired(index, &index->v[i]) != index->v[MANY + i].element;
		other.set = NM_SET_PORTS;
		misfits += nm_nftables_claims_find(index, &other) != NULL;
		other = all->v[i];
		other.key[1] = 0xff;
		misfits += nm_nftables_claims_find(index, &other) != NULL;
	}
	tap_ok(wrong == 0, "each of many is found, the first of its key, and its holder");
	tap_ok(misfits == 0, "but not by another key or in another set");
}

static void test_many(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	struct nm_nftables_elements all = {.v = calloc(MANY, sizeof(*all.v))}, copy = {0};
	struct nm_err err;

	if (tap_ok(all.v && (copy.v = calloc(MANY, sizeof(*all.v))), "memory")) {
		fill_many(&all);
		fill_many(&copy);
		if (tap_ok(nm_nftables_claims_add(&index, &all, NM_ROLE_REPLACED, &err) == 0 &&
				    nm_nftables_claims_add(&index, &copy, NM_ROLE_PEER, &err) == 0 &&
				    nm_nftables_claims_make(&index, &err) == 0,
			    "an index of many"))
			check_many(&all, &index);
	}
	nm_nftables_layout_done(&all);
	nm_nftables_layout_done(&copy);
}

/* Two keys of the same hash, which the first check holds to be so. */
static void test_collision(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	struct nm_nftables_element v[] = {
		{.key = {0xb8, 0x56, 0xd5, 0xd9, 0x26, 0xe6, 0x38, 0x00}, .owner = "a"},
		{.key = {0x1a, 0xec, 0xc2, 0x17, 0x12, 0x94, 0x9e, 0xef}, .owner = "b"},
	};
	const struct nm_nftables_elements both = {.v = v, .n = 2};
	struct nm_err err;

	if (!tap_ok(nm_nftables_claims_add(&index, &both, NM_ROLE_NEW, &err) == 0 &&
			    nm_nftables_claims_make(&index, &err) == 0 &&
			    index.by_key.v[0].hash == index.by_key.v[1].hash,
		    "an index of two keys that have the same hash"))
		return;
	for (size_t i = 0; i < 2; i++)
		tap_ok(nm_nftables_claims_find(&index, &v[i]) == &index.v[i] &&
				nm_nftables_claims_desired(&index, &index.v[i]) == &v[i],
			"both are found");
}

static void test_none(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	const struct nm_nftables_elements none = {0};
	struct nm_err err;

	tap_ok(nm_nftables_claims_add(&index, &none, NM_ROLE_NEW, &err) == 0 &&
			nm_nftables_claims_make(&index, &err) == 0 &&
			!nm_nftables_claims_find(&index, &(struct nm_nftables_element){.set = NM_SET_PORTS}),
		"an index of nothing finds nothing");
}

int main(void)
{
	test_holders();
	test_found_again();
	test_old_comment();
	test_localnet();
	test_many();
	test_collision();
	test_none();
	return tap_done();
}
